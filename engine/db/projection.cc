// The public Projection and Follower.
#include <holdfast/projection.h>

#include <utility>

#include "db/core.h"
#include "db/follower.h"
#include "db/limits.h"
#include "db/projection_follow.h"
#include "db/projection_slot.h"
#include "db/projection_upkeep.h"
#include "db/projection_writer.h"
#include "db/read_state.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

template <class Read>
auto on_snapshot(const DatabaseCore& database, const Read& read) {
  ReadState state(database, database.store().new_reader());
  return read(state);
}

}  // namespace

Result<Commit> Projection::apply(const WriteBatch& batch, Durability durability) {
  return apply(std::span(&batch, 1), durability);
}

Result<Commit> Projection::apply(std::span<const WriteBatch> batches, Durability durability) {
  if (batches.empty()) {
    return fail(ErrorCode::kInvalidArgument, "there is no batch to apply");
  }
  HOLDFAST_TRY(find_or_make_projection(*core_, name_, {}));
  return exec_own(*core_, Isolation::kSnapshot, durability, [&](TransactionCore& transaction) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const auto row, find_projection(transaction, name_));
    if (!row) {
      return fail(ErrorCode::kConflict, "projection " + name_ + " was dropped meanwhile");
    }
    HOLDFAST_TRY_ASSIGN(ProjectionWriter writer, ProjectionWriter::open(transaction, name_, *row, row->generation));
    for (const WriteBatch& batch : batches) {
      HOLDFAST_TRY(writer.apply(batch));
    }
    return writer.put_state();
  });
}

Result<FollowReport> Projection::follow(std::string_view stream, const Reducer& reducer, const FollowOptions& options) {
  return follow_stream(*core_, name_, std::string(stream), reducer, options);
}

Result<Follower> Projection::follow_in_background(std::string_view stream, Reducer reducer, FollowOptions options) {
  if (core_->threads() == nullptr) {
    return fail(ErrorCode::kUnsupported, "the database was opened without threads of its own (Options::background)");
  }
  HOLDFAST_TRY(check_projection_name(name_));
  HOLDFAST_TRY(check_stream_name(stream));
  auto core = std::make_unique<FollowerCore>(*core_, name_, stream, std::move(reducer), std::move(options));
  HOLDFAST_TRY(core->start(*core_->threads()));
  return Follower(std::move(core));
}

Result<RebuildReport> Projection::rebuild(const Reducer& reducer, const FollowOptions& options) {
  return rebuild_projection(*core_, name_, reducer, options);
}

Result<uint64_t> Projection::applied_position() const {
  return on_snapshot(*core_, [&](ReadState& state) {
    return ProjectionView(&state, &state.projection_slot(name_)).applied_position();
  });
}

Result<Hash> Projection::applied_hash() const {
  return on_snapshot(
      *core_, [&](ReadState& state) { return ProjectionView(&state, &state.projection_slot(name_)).applied_hash(); });
}

Result<std::optional<std::string>> Projection::get(const TableName& table, std::string_view key) const {
  return on_snapshot(*core_, [&](ReadState& state) -> Result<std::optional<std::string>> {
    std::string value;
    const ProjectionView view(&state, &state.projection_slot(name_));
    HOLDFAST_TRY_ASSIGN(const bool is_there, view.table(table).get(key, value));
    return is_there ? std::optional(std::move(value)) : std::nullopt;
  });
}

Result<std::optional<std::string>> Projection::get_at(const TableName& table, std::string_view key,
                                                      uint64_t position) const {
  return on_snapshot(*core_, [&](ReadState& state) {
    return ProjectionView(&state, &state.projection_slot(name_)).table(table).get_at(key, position);
  });
}

Result<ProjectionStats> Projection::stats() const {
  return on_snapshot(*core_,
                     [&](ReadState& state) { return ProjectionView(&state, &state.projection_slot(name_)).stats(); });
}

Result<PruneReport> Projection::prune(uint64_t before, const PruneOptions& options) {
  return prune_projection(*core_, name_, before, options);
}

Result<void> Projection::pin(std::string_view name, uint64_t position) {
  return pin_projection(*core_, name_, name, position);
}

Result<bool> Projection::unpin(std::string_view name) { return unpin_projection(*core_, name_, name); }

Result<std::vector<ProjectionPin>> Projection::pins() const { return list_projection_pins(*core_, name_); }

Result<bool> Projection::purge_table(const TableName& table) { return purge_projection_table(*core_, name_, table); }

Result<void> Projection::drop() { return drop_projection(*core_, name_); }

Follower::Follower(std::unique_ptr<FollowerCore> core) : core_(std::move(core)) {}
Follower::Follower(Follower&&) noexcept = default;
Follower& Follower::operator=(Follower&&) noexcept = default;
Follower::~Follower() = default;

Result<void> Follower::stop() {
  if (core_ == nullptr) {
    return {};
  }
  core_->stop();
  return core_->status();
}

Result<void> Follower::status() const { return core_ ? core_->status() : Result<void>(); }

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
