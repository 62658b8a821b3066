// See workload.h. What a client does with projections: feeds them, makes them anew, reads them while others do.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "sim/projection_work.h"
#include "sim/workload.h"

namespace holdfast::sim {

namespace {

using Kind = ProjectionWork::Kind;

constexpr uint64_t kPositionsReadMax = 6;
constexpr uint64_t kPausesMax = 20;  // for commits that are not known yet
constexpr uint64_t kFollowPausesMax = 40;

}  // namespace

ProjectionId Client::any_projection() {
  return static_cast<ProjectionId>(generator_.below(world_.config.followed_count + world_.config.fed_count));
}

void Client::learn() {
  if (world_.over()) {
    return;
  }
  const PinModel& pins = world_.oracle.model().pins();
  const uint64_t begun = projections().all_begun() + pins.begun();
  const bool is_idle = projections().all_under_way() + pins.under_way() == 0;
  const Asked asked = world_.oracle.ask();
  const uint64_t csn = watched([&] { return to_int(database_.snapshot().csn()); });
  world_.expect(world_.oracle.shown(name_, csn, asked.floor));
  // Of a hidden commit, too, the outcome may be unknown.
  if (is_idle && projections().all_begun() + pins.begun() == begun && !world_.writes_failed) {
    world_.oracle.nothing_hidden();
  }
}

bool Client::met_others(const Error& error, const ProjectionWork& work) {
  return error.code() == ErrorCode::kConflict && (!work.alone() || world_.writes_failed);
}

// It may not have been there when he asked; and one that a deferred commit made is gone once a write failed: what is
// shown then is what is durable.
bool Client::may_be_gone(bool was_there) const { return !was_there || world_.writes_failed; }

bool Client::was_trimmed(const Error& error, ProjectionId id, uint64_t offset) {
  return error.code() == ErrorCode::kNotFound &&
         trimmed(error, stream_id(static_cast<uint32_t>(id % world_.config.stream_count)), offset);
}

Reducer Client::reducer(ProjectionId id, std::optional<uint64_t> least, uint64_t& fails_at) {
  return [this, id, least, &fails_at](const StreamRecord& event, WriteBatch& batch) -> Result<void> {
    const Unwatched unwatched;
    std::optional<uint64_t> hash;
    if (!event.redacted) {
      hash = ValueMark::of(event.payload).hash;
    }
    if (!world_.over()) {
      world_.expect(projections().given(id, least, event.offset, hash));
      if (batch.position() != event.offset + 1) {
        world_.broken(fmt::format("{}: the batch of event {} has position {}", name_, event.offset, batch.position()));
      }
    }
    if (--fails_at == 0) {
      return fail(ErrorCode::kUnsupported, "gives up");
    }
    if (hash) {
      reduce(*hash, batch);
    }
    return {};
  };
}

std::function<bool(uint64_t, uint64_t)> Client::follow_progress(const ProjectionWork& work, uint64_t& applied,
                                                                uint64_t& commits_left) {
  return [&](uint64_t position, uint64_t) {
    const Unwatched unwatched;
    if (world_.over()) {
      return false;
    }
    world_.oracle.hide(1, Durability::kDeferred);
    if (work.alone()) {
      projections().applied_as_given(work.id, ProjectionModel::Feeding::kFollow, applied, position);
    }
    applied = position;
    // Made by somebody else, it may not be durable yet, and neither is what was applied to it.
    if (work.alone()) {
      projections().made(work.id);
    }
    projections().applied(work.id, position);
    learn();
    return --commits_left != 0;
  };
}

// Lets a thread of the engine's own follow for a while, as others append and feed the same projection.
Result<void> Client::follow_in_background(ProjectionId id, const std::string& stream, const Reducer& reducer,
                                          const FollowOptions& options) {
  const uint64_t pauses = generator_.below(kFollowPausesMax);
  auto follower = watched(
      [&] { return database_.projection(projections().name(id)).follow_in_background(stream, reducer, options); });
  if (!follower) {
    return fail(follower.error());
  }
  ++world_.counters.followers;
  for (uint64_t pause = 0; pause < pauses && !world_.over(); ++pause) {
    world_.pause();
  }
  return watched([&] { return follower->stop(); });
}

void Client::follow() {
  const auto number = static_cast<uint32_t>(generator_.below(world_.config.followed_count));
  const ProjectionId id = number;
  const StreamId stream = stream_id(number % world_.config.stream_count);
  const std::optional<StreamHead> head = head_of(database_.stream(stream_name(stream)));
  ProjectionWork work(projections(), id, Kind::kFollow);
  if (!head || !work.is_begun) {
    return;
  }
  const uint64_t least = projections().known(id);
  const bool was_there = projections().is_there(id);
  FollowOptions options;
  options.batch_events = std::array<uint32_t, 6>{1, 2, 5, 20, 100, 1024}[static_cast<size_t>(generator_.below(6))];
  if (generator_.one_in(3)) {
    options.until = least + generator_.below(30);
  }
  uint64_t commits_left = generator_.one_in(4) ? 1 + generator_.below(4) : UINT64_MAX;
  uint64_t fails_at = generator_.one_in(8) ? 1 + generator_.below(30) : UINT64_MAX;
  uint64_t applied = least;
  options.progress = follow_progress(work, applied, commits_left);
  const Before seen = before();
  projections().may_be_made(id);
  world_.oracle.hide(2, Durability::kDeferred);
  const Reducer reduce_event = reducer(id, least, fails_at);
  if (world_.config.background && generator_.one_in(3)) {
    const Result<void> ended = follow_in_background(id, stream_name(stream), reduce_event, options);
    if (world_.over()) {
      return;
    }
    if (!ended && !(ended.error().code() == ErrorCode::kUnsupported && fails_at == 0) &&
        !was_trimmed(ended.error(), id, least) && !met_others(ended.error(), work)) {
      excuse(ended.error(), seen, "follow_in_background");
    }
    work.end();
    learn();
    projections().changed(id, world_.oracle.floor());
    return;
  }
  const auto report = watched(
      [&] { return database_.projection(projections().name(id)).follow(stream_name(stream), reduce_event, options); });
  if (world_.over()) {
    return;
  }
  if (report) {
    if (work.alone() || report->from == report->to) {  // who has nothing to apply waits until what he saw is durable
      projections().made(id);
    }
    projections().applied(id, report->to);
    world_.counters.followed_events += report->to - report->from;
    operations_left_ -= std::min(operations_left_, (report->to - report->from) / 8);
    if (report->to < report->from || report->from < least || report->stopped != (commits_left == 0) ||
        (!report->stopped && report->to < std::min(head->next_offset, options.until))) {
      world_.broken(fmt::format(
          "{}: follow of projection \"{}\" up to {} went from {} to {}{}; before, position {} was applied of {} events",
          name_, projections().name(id), options.until, report->from, report->to, report->stopped ? " and stopped" : "",
          least, head->next_offset));
    }
  } else if (!(report.error().code() == ErrorCode::kUnsupported && fails_at == 0) &&
             !was_trimmed(report.error(), id, least) && !met_others(report.error(), work)) {
    excuse(report.error(), seen, "follow");
  }
  work.end();
  learn();
  if (!was_there) {
    projections().changed(id, world_.oracle.floor());
  }
}

void Client::apply_batches() {
  const ProjectionId id = world_.config.followed_count;
  ProjectionWork work(projections(), id, Kind::kApply);
  if (!work.is_begun) {
    return;
  }
  const Asked asked = world_.oracle.ask();
  const auto log = new_log(asked.floor, asked, Isolation::kSnapshot);
  log->blind = true;
  const uint64_t known = projections().known(id);
  const bool was_there = projections().is_there(id);
  const uint64_t wrong = generator_.below(12);  // 0: a gap, 1: an old one, 2: a gap between two
  const uint64_t count = 1 + (generator_.one_in(2) ? 0 : generator_.below(generator_.one_in(8) ? 40 : 5));
  const uint64_t first = wrong == 0   ? known + 2 + generator_.below(3)
                         : wrong == 1 ? std::max<uint64_t>(known, 1)
                                      : known + 1;
  const bool is_right = first == known + 1 && !(wrong == 2 && count > 1);
  std::vector<WriteBatch> batches;
  for (uint64_t index = 0; index < count; ++index) {
    const uint64_t payload = mix(mix(log->id, 0x626174), index);
    const Sha256 hash = audit::sha256(std::to_string(payload));
    const uint64_t position = first + index + (wrong == 2 && index + 1 == count && count > 1 ? 1 : 0);
    batches.emplace_back(position, hash);
    reduce(payload, batches.back());
    log->batches.push_back({id, position, payload, hash});
  }
  const Before seen = before();
  const Durability durability = draw_durability(*log);
  projections().may_be_made(id);
  projections().attempted(id, batches.back().position());
  world_.oracle.hide(1, Durability::kDurable);
  world_.oracle.committing(log);
  holdfast::Projection projection = database_.projection(projections().name(id));
  const auto answer = watched([&] {
    return count == 1 && generator_.one_in(2) ? projection.apply(batches.front(), durability)
                                              : projection.apply(batches, durability);
  });
  if (!answer && answer.error().code() == ErrorCode::kConflict && (!is_right || met_others(answer.error(), work))) {
    ++world_.counters.refused_batches;
    world_.expect(world_.oracle.refused(log->id));
  } else {
    if (answer && wrong == 2 && count > 1 && !world_.over()) {
      world_.broken(fmt::format("{}: batches were applied although a position is left out between them", name_));
    }
    if (answer) {
      world_.counters.applied_batches += count;
      if (durability == Durability::kDurable || work.alone()) {
        projections().made(id);
      }
      projections().applied(id, batches.back().position());
    }
    commit_answered(log, answer, seen);
  }
  work.end();
  learn();
  if (!was_there) {
    projections().changed(id, world_.oracle.floor());
  }
}

void Client::read_projection() {
  const ProjectionId id = any_projection();
  const ProjectionWork work(projections(), id, Kind::kRead);
  if (!work.is_begun) {
    return;
  }
  const AuditPlan plan{.draws = generator_.below(UINT64_MAX), .positions_max = 1 + generator_.below(kPositionsReadMax)};
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  ProjectionModel::Window window{.asked = projections().moment(), .shown = 0, .least = projections().known(id)};
  const bool was_there = projections().is_there(id);
  const Snapshot snapshot = watched([&] { return database_.snapshot(); });
  const uint64_t csn = to_int(snapshot.csn());
  window.shown = projections().moment();
  world_.expect(world_.oracle.shown(name_, csn, asked.floor));
  ProjectionContents contents;
  contents.projection = id;
  Verdict broken;
  const auto read =
      watched([&] { return audit_projection(snapshot.projection(projections().name(id)), plan, contents, broken); });
  if (world_.over()) {
    return;
  }
  if (!read) {
    excuse(read.error(), seen, "a read of a projection");
    return;
  }
  ++world_.counters.projections_read;
  if (broken) {
    world_.broken(fmt::format("{}: projection \"{}\": {}", name_, projections().name(id), *broken));
  }
  for (uint64_t pauses = 0; csn > world_.oracle.model().newest_csn() && pauses < kPausesMax && !world_.over();
       ++pauses) {
    world_.pause();
  }
  if (world_.over() || (id >= world_.config.followed_count && csn > world_.oracle.model().newest_csn()) ||
      (!contents.is_there && !was_there)) {
    return;
  }
  if (const Verdict verdict = projections().judge(contents, window, csn)) {
    world_.broken(name_ + ": " + *verdict);
  }
}

void Client::rebuild() {
  const auto id = static_cast<ProjectionId>(generator_.below(world_.config.followed_count));
  if (!projections().may_be_there(id)) {
    return;
  }
  ProjectionWork work(projections(), id, Kind::kRebuild);
  if (!work.is_begun) {
    return;
  }
  FollowOptions options;
  options.batch_events = std::array<uint32_t, 4>{3, 20, 100, 1024}[static_cast<size_t>(generator_.below(4))];
  uint64_t commits_left = generator_.one_in(5) ? 1 + generator_.below(4) : UINT64_MAX;
  uint64_t fails_at = generator_.one_in(12) ? 1 + generator_.below(100) : UINT64_MAX;
  uint64_t applied = 0;
  options.progress = [&](uint64_t position, uint64_t) {
    const Unwatched unwatched;
    if (world_.over()) {
      return false;
    }
    world_.oracle.hide(1, Durability::kDeferred);
    if (work.alone()) {
      projections().applied_as_given(id, ProjectionModel::Feeding::kRebuild, applied, position);
    }
    applied = position;
    learn();
    return --commits_left != 0;
  };
  const bool was_there = projections().is_there(id);
  const Before seen = before();
  world_.oracle.hide(3, Durability::kDeferred);
  projections().begin_rebuild(id);
  const Reducer reduce_event = reducer(id, std::nullopt, fails_at);
  const auto report =
      watched([&] { return database_.projection(projections().name(id)).rebuild(reduce_event, options); });
  if (world_.over()) {
    return;
  }
  if (report && !report->stopped) {
    ++world_.counters.rebuilds;
    if (!report->same() && projections().rebuilds_the_same(id)) {
      world_.broken(
          fmt::format("{}: rebuild of projection \"{}\" made other tables, although nothing was redacted or purged",
                      name_, projections().name(id)));
    }
    projections().rebuilt(id, report->position);
  } else {
    if (!report && !(report.error().code() == ErrorCode::kUnsupported && fails_at == 0) &&
        !was_trimmed(report.error(), id, 0) && !met_others(report.error(), work) &&
        !(report.error().code() == ErrorCode::kNotFound && may_be_gone(was_there))) {
      excuse(report.error(), seen, "rebuild");
    }
    if (report || report.error().code() != ErrorCode::kOutcomeUnknown) {
      projections().rebuild_failed(id);
    }
  }
  work.end();
  learn();
  projections().changed(id, world_.oracle.floor());
}

}  // namespace holdfast::sim
