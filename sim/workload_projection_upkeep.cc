// See workload.h. What a client does to keep projections: prunes, pins, purges and drops them.
#include <algorithm>

#include <fmt/format.h>

#include "sim/projection_work.h"
#include "sim/workload.h"

namespace holdfast::sim {

namespace {

using Kind = ProjectionWork::Kind;

}  // namespace

void Client::prune() {
  const ProjectionId id = any_projection();
  ProjectionWork work(projections(), id, Kind::kPrune);
  if (!work.is_begun || !projections().may_be_there(id)) {
    return;
  }
  const uint64_t known = projections().known(id);
  const bool is_wrong = generator_.one_in(10);
  const uint64_t before_position = is_wrong ? known + 1 + generator_.below(3) : generator_.below(known + 1);
  uint64_t steps_left = generator_.one_in(4) ? 1 + generator_.below(2) : UINT64_MAX;
  PruneOptions options;
  options.progress = [&](uint64_t) {
    const Unwatched unwatched;
    world_.oracle.hide(1, Durability::kDeferred);
    return --steps_left != 0;
  };
  const bool was_there = projections().is_there(id);
  const Before seen = before();
  world_.oracle.hide(2, Durability::kDeferred);
  const size_t raise = projections().begin_prune(id, before_position);
  const auto report =
      watched([&] { return database_.projection(projections().name(id)).prune(before_position, options); });
  if (world_.over()) {
    return;
  }
  if (report) {
    ++world_.counters.prunes;
    if (is_wrong && work.alone()) {
      world_.broken(fmt::format("{}: projection \"{}\" was pruned before {}, but only {} was applied", name_,
                                projections().name(id), before_position, known));
    }
    world_.expect(projections().pruned(id, raise, report->floor));
  } else if (report.error().code() == ErrorCode::kInvalidArgument && is_wrong) {
    projections().prune_refused(id, raise);
  } else if (!met_others(report.error(), work) &&
             !(report.error().code() == ErrorCode::kNotFound && may_be_gone(was_there))) {
    excuse(report.error(), seen, "prune");
  }
  work.end();
  learn();
  projections().changed(id, world_.oracle.floor());
}

void Client::pin() {
  const ProjectionId id = any_projection();
  ProjectionWork work(projections(), id, Kind::kPin);
  if (!work.is_begun || !projections().is_there(id)) {
    return;
  }
  holdfast::Projection projection = database_.projection(projections().name(id));
  const Before seen = before();
  const uint64_t way = generator_.below(4);
  if (way == 0) {
    const auto pins = watched([&] { return projection.pins(); });
    if (!pins) {
      excuse(pins.error(), seen, "pins");
      return;
    }
    const auto own = std::ranges::find(*pins, name_, &ProjectionPin::name);
    if (!world_.over()) {
      world_.expect(
          projections().judge_pin(id, name_, own == pins->end() ? std::nullopt : std::optional(own->position)));
    }
    return;
  }
  const uint64_t known = projections().known(id);
  const bool is_wrong = generator_.one_in(10);
  const uint64_t position = is_wrong ? known + 1 + generator_.below(3) : generator_.below(known + 1);
  const bool takes_off = way == 1;
  projections().begin_pin(id, name_, takes_off ? std::nullopt : std::optional(position));
  world_.oracle.hide(1, Durability::kDurable);
  Result<void> answer;
  if (takes_off) {
    const auto unpinned = watched([&] { return projection.unpin(name_); });
    answer = unpinned ? Result<void>() : fail(unpinned.error());
  } else {
    answer = watched([&] { return projection.pin(name_, position); });
  }
  if (world_.over()) {
    return;
  }
  if (answer) {
    projections().pin_is(id, name_, takes_off ? std::nullopt : std::optional(position));
    if (is_wrong && !takes_off && work.alone()) {
      world_.broken(fmt::format("{}: position {} of projection \"{}\" was pinned, but only {} was applied", name_,
                                position, projections().name(id), known));
    }
  } else {
    const bool is_below = !takes_off && answer.error().code() == ErrorCode::kNotFound &&
                          (!work.alone() || position < projections().highest_floor(id));
    if (!(answer.error().code() == ErrorCode::kInvalidArgument && is_wrong) && !is_below &&
        !met_others(answer.error(), work)) {
      excuse(answer.error(), seen, "pin");
    }
    if (answer.error().code() != ErrorCode::kOutcomeUnknown) {
      projections().pin_refused(id, name_);
    }
  }
  work.end();
  learn();
}

void Client::purge_table() {
  const ProjectionId id = any_projection();
  ProjectionWork work(projections(), id, Kind::kPurge);
  if (!work.is_begun || !projections().is_there(id)) {
    return;
  }
  const auto table = static_cast<uint32_t>(generator_.below(kProjectionTables));
  const Before seen = before();
  world_.oracle.hide(1, Durability::kDurable);
  projections().begin_purge(id, table);
  const auto held =
      watched([&] { return database_.projection(projections().name(id)).purge_table(projection_table(table)); });
  if (world_.over()) {
    return;
  }
  if (held) {
    ++world_.counters.purges;
    projections().purged(id);
  } else {
    if (!met_others(held.error(), work)) {
      excuse(held.error(), seen, "purge_table");
    }
    if (held.error().code() != ErrorCode::kOutcomeUnknown) {
      projections().purge_refused(id);
    }
  }
  // Others go on; but when it was shows in what it left.
  ProjectionContents contents;
  contents.projection = id;
  Verdict broken;
  const AuditPlan plan{.draws = generator_.below(UINT64_MAX), .positions_max = 1};
  {
    const Snapshot snapshot = watched([&] { return database_.snapshot(); });
    const auto read =
        watched([&] { return audit_projection(snapshot.projection(projections().name(id)), plan, contents, broken); });
    const uint64_t csn = to_int(snapshot.csn());
    if (read && !broken && held && !world_.over() && csn <= world_.oracle.model().newest_csn()) {
      projections().narrow_purges(contents, csn);
    }
  }
  work.end();
  learn();
  projections().changed(id, world_.oracle.floor());
}

void Client::drop_projection(ProjectionId id) {
  ProjectionWork work(projections(), id, Kind::kDrop);
  if (!work.is_begun || !projections().may_be_there(id)) {
    return;
  }
  const bool was_there = projections().is_there(id);
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  world_.oracle.hide(1, Durability::kDurable);
  projections().begin_drop(id);
  const auto answer = watched([&] { return database_.projection(projections().name(id)).drop(); });
  if (world_.over()) {
    return;
  }
  const bool was_not = !answer && answer.error().code() == ErrorCode::kNotFound && !was_there;
  // After a failed write a making may be in doubt: not there for who asks now, there after the next recovery.
  if (answer || (was_not && !world_.writes_failed)) {
    ++world_.counters.drops;
    projections().dropped(id, asked.floor);
  } else {
    if (!was_not) {
      excuse(answer.error(), seen, "drop");
    }
    if (answer.error().code() != ErrorCode::kOutcomeUnknown) {
      projections().drop_refused(id, was_there ? ProjectionModel::Made::kYes : ProjectionModel::Made::kMaybe);
    }
  }
  work.end();
  learn();
  projections().changed(id, world_.oracle.floor());
}

void Client::drop_projections() {
  for (ProjectionId id = 0; id < projections().count(); ++id) {
    drop_projection(id);
  }
}

}  // namespace holdfast::sim
