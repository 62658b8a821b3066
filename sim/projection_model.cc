#include "sim/projection_model.h"

#include <algorithm>
#include <numeric>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast::sim {

namespace {

size_t index_of(ProjectionModel::Work work) { return static_cast<size_t>(work); }

}  // namespace

ProjectionId ProjectionModel::projection(std::string_view name, std::optional<StreamId> stream) {
  if (const auto found = ids_.find(name); found != ids_.end()) {
    return found->second;
  }
  const auto id = static_cast<ProjectionId>(projections_.size());
  projections_.emplace_back().name = name;
  projections_.back().stream = stream;
  ids_.emplace(name, id);
  return id;
}

std::optional<ProjectionId> ProjectionModel::find(std::string_view name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

bool ProjectionModel::begin(ProjectionId id, Work work) {
  Projection& projection = projections_[id];
  const auto busy = [&](Work other) { return projection.works[index_of(other)] > 0; };
  bool may = !busy(Work::kDrop);
  switch (work) {
    case Work::kDrop: may = may && under_way(id) == 0; break;
    case Work::kRebuild:
      // Beside one whose answer nobody knows, no other begins.
      may = may && !busy(Work::kRebuild) && !busy(Work::kPurge) && !busy(Work::kPrune) &&
            std::ranges::count_if(projection.lineages, [](const Lineage& each) { return !each.is_retired(); }) == 1;
      break;
    case Work::kPurge: may = may && !busy(Work::kRebuild) && !busy(Work::kPurge); break;
    case Work::kPrune: may = may && !busy(Work::kRebuild); break;
    default: break;
  }
  if (may) {
    ++projection.works[index_of(work)];
    ++projection.begun;
  }
  return may;
}

void ProjectionModel::end(ProjectionId id, Work work) { --projections_[id].works[index_of(work)]; }

uint64_t ProjectionModel::under_way(ProjectionId id) const {
  return std::accumulate(projections_[id].works.begin(), projections_[id].works.end(), uint64_t{0});
}

uint64_t ProjectionModel::under_way(Work work) const {
  uint64_t count = 0;
  for (const Projection& projection : projections_) {
    count += projection.works[index_of(work)];
  }
  return count;
}

uint64_t ProjectionModel::all_begun() const {
  uint64_t count = 0;
  for (const Projection& projection : projections_) {
    count += projection.begun;
  }
  return count;
}

uint64_t ProjectionModel::all_under_way() const {
  uint64_t count = 0;
  for (ProjectionId id = 0; id < projections_.size(); ++id) {
    count += under_way(id);
  }
  return count;
}

void ProjectionModel::may_be_made(ProjectionId id) {
  Projection& projection = projections_[id];
  if (projection.made == Made::kNo) {
    projection.made = Made::kMaybe;
  }
  if (projection.lineages.empty()) {
    projection.lineages.emplace_back(moment());
  }
}

void ProjectionModel::made(ProjectionId id) {
  Projection& projection = projections_[id];
  projection.made = projection.is_drop_in_doubt ? Made::kMaybe : Made::kYes;
}

Lineage& ProjectionModel::shown_now(Projection& projection) {
  for (Lineage& lineage : projection.lineages) {
    if (!lineage.is_retired()) {
      return lineage;
    }
  }
  CHECK(false);
}

Verdict ProjectionModel::given(ProjectionId id, std::optional<uint64_t> least, uint64_t offset,
                               std::optional<uint64_t> payload_hash) {
  Projection& projection = projections_[id];
  const auto object = [&](const std::string& what) {
    return fmt::format("projection \"{}\": its reducer was given event {}, {}", projection.name, offset, what);
  };
  if (least && offset < *least) {
    return object(fmt::format("although position {} was applied when its follower began", *least));
  }
  if (offset > projection.events.size()) {
    return object(fmt::format("although nobody was given event {}", projection.events.size()));
  }
  if (offset == projection.events.size()) {
    projection.events.push_back(payload_hash);
  }
  std::optional<uint64_t>& event = projection.events[offset];
  if (event && payload_hash && *event != *payload_hash) {
    return object("which is not what it was before");
  }
  event = event ? event : payload_hash;
  const Given given = payload_hash ? Given::kWhole : Given::kRedacted;
  if (!least) {
    projection.lineages.back().given(offset + 1, given);
    return std::nullopt;
  }
  for (Lineage& lineage : projection.lineages) {
    if (!lineage.is_retired()) {
      lineage.given(offset + 1, given);
    }
  }
  return std::nullopt;
}

void ProjectionModel::applied_as_given(ProjectionId id, Feeding feeding, uint64_t from, uint64_t to) {
  Projection& projection = projections_[id];
  Lineage& lineage = feeding == Feeding::kRebuild ? projection.lineages.back() : shown_now(projection);
  lineage.applied_as_given(from, to);
}

void ProjectionModel::applied(ProjectionId id, uint64_t position) {
  projections_[id].known = std::max(projections_[id].known, position);
}

void ProjectionModel::attempted(ProjectionId id, uint64_t position) {
  projections_[id].attempted = std::max(projections_[id].attempted, position);
}

uint64_t ProjectionModel::batches_at(const Projection& projection, uint64_t csn) const {
  return static_cast<uint64_t>(std::ranges::count_if(
      projection.batches, [&](const Batch& batch) { return batch.csn > projection.first_csn && batch.csn <= csn; }));
}

Verdict ProjectionModel::apply(const TxnLog& transaction, uint64_t csn) {
  Verdict verdict;
  for (const ProjectionBatch& batch : transaction.batches) {
    Projection& projection = projections_[batch.projection];
    const uint64_t applied = batches_at(projection, csn);
    if (batch.position != applied + 1 && csn > projection.first_csn && !verdict) {
      verdict = fmt::format("commit {} ({}) applied position {} to projection \"{}\", which had applied {}", csn,
                            transaction.who, batch.position, projection.name, applied);
    }
    projection.batches.push_back({csn, batch.payload_hash, batch.chain_hash});
  }
  return verdict;
}

void ProjectionModel::undo(uint64_t csn) {
  for (Projection& projection : projections_) {
    while (!projection.batches.empty() && projection.batches.back().csn == csn) {
      projection.batches.pop_back();
    }
  }
}

void ProjectionModel::begin_rebuild(ProjectionId id) { projections_[id].lineages.emplace_back(moment()); }

void ProjectionModel::rebuilt(ProjectionId id, uint64_t position) {
  Projection& projection = projections_[id];
  const uint64_t now = moment();
  shown_now(projection).retire(now);
  projection.lineages.back().answered(now);
  projection.known = std::max(projection.known, position);
  projection.durable = std::max(projection.durable, position);
}

void ProjectionModel::rebuild_failed(ProjectionId id) { projections_[id].lineages.back().retire(moment()); }

bool ProjectionModel::rebuilds_the_same(ProjectionId id) const {
  return std::ranges::all_of(projections_[id].lineages,
                             [](const Lineage& each) { return each.is_retired() || each.is_plain(); });
}

size_t ProjectionModel::begin_prune(ProjectionId id, uint64_t before) {
  return shown_now(projections_[id]).begin_raise(before, moment());
}

Verdict ProjectionModel::pruned(ProjectionId id, size_t raise, uint64_t floor) {
  Projection& projection = projections_[id];
  shown_now(projection).raised(raise, floor, moment());
  for (const auto& [pin, positions] : projection.pins) {
    if (positions.size() == 1 && positions.front() && *positions.front() < floor) {
      return fmt::format("projection \"{}\" was pruned up to {}, although \"{}\" pins position {}", projection.name,
                         floor, pin, *positions.front());
    }
  }
  return std::nullopt;
}

void ProjectionModel::begin_purge(ProjectionId id, uint32_t table) {
  Projection& projection = projections_[id];
  shown_now(projection).begin_purge(table, projection.known, moment());
}

void ProjectionModel::purged(ProjectionId id) {
  Projection& projection = projections_[id];
  const uint64_t most = projection.stream ? projection.events.size() : projection.attempted;
  // It made a checkpoint.
  const uint64_t least = shown_now(projection).purged(most, moment());
  projection.durable = std::max(projection.durable, least);
}

void ProjectionModel::prune_refused(ProjectionId id, size_t raise) { shown_now(projections_[id]).raise_refused(raise); }

uint64_t ProjectionModel::highest_floor(ProjectionId id) { return shown_now(projections_[id]).highest_floor(); }

void ProjectionModel::purge_refused(ProjectionId id) { shown_now(projections_[id]).purge_refused(); }

void ProjectionModel::reset(Projection& projection, Made made) {
  projection.made = made;
  projection.is_drop_in_doubt = false;
  ++projection.incarnation;
  projection.events.clear();
  projection.known = projection.durable = projection.attempted = 0;
  projection.lineages.clear();
  projection.pins.clear();
}

void ProjectionModel::dropped(ProjectionId id, uint64_t csn) {
  reset(projections_[id], Made::kNo);
  projections_[id].first_csn = csn;
}

void ProjectionModel::begin_drop(ProjectionId id) {
  projections_[id].made = Made::kMaybe;
  projections_[id].is_drop_in_doubt = true;
}

void ProjectionModel::drop_refused(ProjectionId id, Made made) {
  projections_[id].is_drop_in_doubt = false;
  projections_[id].made = made;
}

void ProjectionModel::begin_pin(ProjectionId id, const std::string& pin, std::optional<uint64_t> position) {
  auto& positions = projections_[id].pins[pin];
  if (positions.empty()) {
    positions.emplace_back();  // there was none
  }
  positions.push_back(position);
}

void ProjectionModel::pin_is(ProjectionId id, const std::string& pin, std::optional<uint64_t> position) {
  projections_[id].pins[pin] = {position};
}

void ProjectionModel::pin_refused(ProjectionId id, const std::string& pin) { projections_[id].pins[pin].pop_back(); }

Verdict ProjectionModel::judge_pin(ProjectionId id, const std::string& pin, std::optional<uint64_t> position) {
  auto& positions = projections_[id].pins[pin];
  const bool fits = positions.empty() ? !position : std::ranges::find(positions, position) != positions.end();
  if (!fits) {
    return fmt::format("pin \"{}\" of projection \"{}\" is {}, expected {}", pin, projections_[id].name,
                       position ? std::to_string(*position) : "not there",
                       !positions.empty() && positions.front() ? std::to_string(*positions.front()) : "none");
  }
  positions = {position};
  return std::nullopt;
}

ProjectionModel::Mark ProjectionModel::mark() {
  Mark mark{.moment = moment(), .known = {}};
  for (const Projection& projection : projections_) {
    mark.known.push_back({projection.incarnation, projection.known});
  }
  return mark;
}

std::vector<ProjectionNeed> ProjectionModel::needs_of(StreamId stream) const {
  std::vector<ProjectionNeed> needs;
  for (ProjectionId id = 0; id < projections_.size(); ++id) {
    if (const Projection& each = projections_[id]; each.stream == stream && each.known > 0 && !each.is_drop_in_doubt) {
      needs.push_back({id, each.incarnation, each.known});
    }
  }
  return needs;
}

void ProjectionModel::durable(const Mark& mark) {
  for (size_t id = 0; id < mark.known.size(); ++id) {
    Projection& projection = projections_[id];
    if (mark.known[id].incarnation == projection.incarnation) {
      projection.durable = std::max(projection.durable, mark.known[id].position);
      projection.durable_moment = std::max(projection.durable_moment, mark.moment);
    }
  }
}

Lineage::Payloads ProjectionModel::payloads(const Projection& projection, uint64_t csn) const {
  if (projection.stream) {
    return projection.events;
  }
  Lineage::Payloads payloads;
  for (const Batch& batch : projection.batches) {
    if (batch.csn > projection.first_csn && batch.csn <= csn) {
      payloads.emplace_back(batch.payload_hash);
    }
  }
  return payloads;
}

Lineage::Window ProjectionModel::after_crash(const Projection& projection, uint64_t csn) const {
  Lineage::Window window{.asked = moment_, .asked_floor = moment_, .shown = moment_};
  if (projection.stream) {
    window.asked_floor = projection.durable_moment;
    window.least = projection.durable;
    window.most = projection.events.size();
  } else {
    window.least = window.most = batches_at(projection, csn);
  }
  return window;
}

Verdict ProjectionModel::judge_one(const Projection& projection, const ProjectionContents& contents,
                                   const Lineage::Window& window, uint64_t csn, size_t* which) const {
  const auto object = [&](const std::string& what) {
    return fmt::format("projection \"{}\" after commit {}, position {}: {}", projection.name, csn, contents.applied,
                       what);
  };
  if (!contents.is_there) {
    return projection.made == Made::kYes ? Verdict(object("it is not there")) : std::nullopt;
  }
  if (projection.made == Made::kNo || projection.lineages.empty()) {
    return object("it is there, although nobody made it, or it was dropped");
  }
  const Lineage::Payloads payloads = this->payloads(projection, csn);
  Verdict first;
  for (size_t index = 0; index < projection.lineages.size(); ++index) {
    if (!projection.lineages[index].may_be_shown(window)) {
      continue;
    }
    Verdict verdict = projection.lineages[index].judge(payloads, contents, window);
    if (!verdict) {
      if (which != nullptr) {
        *which = index;
      }
      return std::nullopt;
    }
    first = first ? first : verdict;
  }
  return object(first.value_or("no generation can be shown"));
}

Verdict ProjectionModel::judge(const ProjectionContents& contents, const Window& window, uint64_t csn) const {
  const Projection& projection = projections_[contents.projection];
  Lineage::Window bounds{.asked = window.asked, .asked_floor = window.asked, .shown = window.shown};
  if (projection.stream) {
    bounds.least = window.least;
    bounds.most = projection.events.size();
  } else {
    bounds.least = bounds.most = batches_at(projection, csn);
  }
  return judge_one(projection, contents, bounds, csn, nullptr);
}

Verdict ProjectionModel::judge_hash(const Projection& projection, const ProjectionContents& contents,
                                    const std::vector<StreamContents>& streams, const StreamModel& model,
                                    uint64_t csn) const {
  const auto object = [&](const std::string& what) {
    return fmt::format("projection \"{}\" after commit {}, position {}: {}", projection.name, csn, contents.applied,
                       what);
  };
  std::optional<Sha256> expected;
  if (contents.applied == 0) {
    expected = Sha256{};
  } else if (!projection.stream) {
    const auto is_of_it = [&](const Batch& batch) { return batch.csn > projection.first_csn; };
    for (const Batch& batch : projection.batches | std::views::filter(is_of_it) |
                                  std::views::drop(static_cast<ptrdiff_t>(contents.applied - 1)) |
                                  std::views::take(1)) {
      expected = batch.chain_hash;
    }
  } else {
    if (contents.stream != model.name(*projection.stream)) {
      return object("it is fed by stream \"" + contents.stream + "\"");
    }
    const auto stream = std::ranges::find(streams, *projection.stream, &StreamContents::stream);
    if (stream == streams.end() || contents.applied > stream->next_offset) {
      return object(fmt::format("its stream has only {} records", stream == streams.end() ? 0 : stream->next_offset));
    }
    const uint64_t at = contents.applied - stream->first_offset;
    if (contents.applied == stream->next_offset) {
      expected = stream->chain_hash;
    } else if (contents.applied >= stream->first_offset && at < stream->records.size()) {
      expected = stream->records[at].prev_hash;
    }
    for (uint64_t offset = 0; offset < std::min<uint64_t>(contents.applied, projection.events.size()); ++offset) {
      const auto& event = projection.events[offset];
      if (event && *event != model.event(*projection.stream, offset).payload.hash) {
        return object(fmt::format("its reducer was given event {} as another one", offset));
      }
    }
  }
  return expected && *expected != contents.hash
             ? Verdict(object("its hash is not the chain hash of its stream, or of its batch"))
             : std::nullopt;
}

Verdict ProjectionModel::judge_all(const std::vector<ProjectionContents>& all,
                                   const std::vector<StreamContents>& streams, const StreamModel& model, uint64_t csn,
                                   uint64_t newest_csn) const {
  for (const ProjectionContents& contents : all) {
    const Projection& projection = projections_[contents.projection];
    if (!contents.is_known || (csn < newest_csn && csn < projection.changed_csn)) {
      continue;
    }
    if (Verdict verdict = judge_one(projection, contents, after_crash(projection, csn), csn, nullptr)) {
      return verdict;
    }
    if (!contents.is_there) {
      continue;
    }
    if (Verdict verdict = judge_hash(projection, contents, streams, model, csn)) {
      return verdict;
    }
  }
  return std::nullopt;
}

Verdict ProjectionModel::fits(const TxnLog& transaction, const std::vector<ProjectionContents>& contents,
                              uint64_t csn) const {
  const auto lacks = [&](uint32_t id, uint64_t position) {
    const auto shown = std::ranges::find(contents, id, &ProjectionContents::projection);
    return csn > projections_[id].first_csn && !projections_[id].is_drop_in_doubt && shown != contents.end() &&
           shown->is_known && (!shown->is_there || shown->applied < position);
  };
  for (const ProjectionBatch& batch : transaction.batches) {
    if (lacks(batch.projection, batch.position)) {
      return fmt::format("position {} of projection \"{}\" is missing", batch.position,
                         projections_[batch.projection].name);
    }
  }
  for (const ProjectionNeed& need : transaction.needs) {
    const Projection& projection = projections_[need.projection];
    if (need.incarnation == projection.incarnation && lacks(need.projection, need.position)) {
      return fmt::format("position {} of projection \"{}\" is missing, but a trim took events that could tell it again",
                         need.position, projection.name);
    }
  }
  return std::nullopt;
}

void ProjectionModel::settle(const std::vector<ProjectionContents>& all, uint64_t csn) {
  for (const ProjectionContents& contents : all) {
    Projection& projection = projections_[contents.projection];
    projection.works = {};
    if (!contents.is_there) {
      dropped(contents.projection, csn);
      continue;
    }
    size_t which = 0;
    CHECK(!judge_one(projection, contents, after_crash(projection, csn), csn, &which));
    Lineage lineage = projection.lineages[which];
    lineage.settle(payloads(projection, csn), contents, moment());
    projection.lineages.clear();
    projection.lineages.push_back(std::move(lineage));
    projection.made = Made::kYes;
    projection.is_drop_in_doubt = false;
    projection.events.resize(std::min<size_t>(projection.events.size(), contents.applied));
    projection.known = projection.attempted = contents.applied;
    projection.durable = contents.applied;
    projection.durable_moment = moment();
  }
}

void ProjectionModel::narrow_purges(const ProjectionContents& contents, uint64_t csn) {
  Projection& projection = projections_[contents.projection];
  shown_now(projection).narrow_purges(payloads(projection, csn), contents);
}

}  // namespace holdfast::sim
