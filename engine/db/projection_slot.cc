#include "db/projection_slot.h"

#include <utility>

#include "db/catalog.h"
#include "db/limits.h"
#include "tree/cursor.h"
#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

std::unexpected<Error> bad_row(const std::string& what) {
  return fail(Error(ErrorCode::kCorruption, "the stored " + what + " is damaged").at("tree"));
}

Result<bool> get_own(ReadState& state, const std::string& bucket, std::string_view key, std::string& value) {
  if (state.ended()) {
    return fail_over();
  }
  BucketSlot& slot = state.own_slot(bucket);
  HOLDFAST_TRY(state.resolve(slot));
  return slot.exists ? tree::get(state.reader(), slot.record.root, key, value) : false;
}

}  // namespace

Result<void> look_up(ReadState& state, ProjectionSlot& slot) {
  if (slot.resolved) [[likely]] {
    return {};
  }
  HOLDFAST_TRY(check_projection_name(slot.name));
  std::string value;
  HOLDFAST_TRY_ASSIGN(slot.exists, get_own(state, format::projections_bucket(), slot.name, value));
  if (slot.exists) {
    if (!format::decode(value, slot.row)) {
      return bad_row("row of projection " + slot.name);
    }
    HOLDFAST_TRY_ASSIGN(slot.state, state_of(state, slot.row.projection_id, slot.row.generation));
  }
  slot.resolved = true;
  return {};
}

Result<void> resolve(ReadState& state, ProjectionSlot& slot) {
  HOLDFAST_TRY(look_up(state, slot));
  if (!slot.exists) {
    return fail(ErrorCode::kNotFound, "there is no projection named " + slot.name);
  }
  return {};
}

Result<format::StateRow> state_of(ReadState& state, uint32_t projection_id, uint32_t generation) {
  format::StateRow row;
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool is_there,
                      get_own(state, format::generation_bucket(projection_id, generation), format::kStateKey, value));
  if (is_there && !format::decode(value, row)) {
    return bad_row("position of a projection");
  }
  return row;
}

Result<std::vector<std::string>> list_projections(ReadState& state) {
  std::vector<std::string> names;
  BucketSlot& slot = state.own_slot(format::projections_bucket());
  HOLDFAST_TRY(state.resolve(slot));
  if (slot.exists) {
    tree::Cursor cursor(state.reader(), slot.record.root);
    HOLDFAST_TRY_ASSIGN(bool there, cursor.first());
    while (there) {
      names.emplace_back(cursor.key());
      HOLDFAST_TRY_ASSIGN(there, cursor.next());
    }
  }
  return names;
}

Result<bool> feeds_projection(ReadState& state, std::string_view stream) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, list_projections(state));
  for (const std::string& name : names) {
    ProjectionSlot& slot = state.projection_slot(name);
    HOLDFAST_TRY(look_up(state, slot));
    if (slot.row.from_stream && slot.row.stream == stream) {
      return true;
    }
  }
  return false;
}

Result<std::vector<std::string>> list_tables(ReadState& state, uint32_t projection_id, uint32_t generation) {
  const std::string prefix = format::tables_prefix(projection_id, generation, format::TableTree::kCurrent);
  HOLDFAST_TRY_ASSIGN(std::vector<std::string> names,
                      catalog::list_own(state.reader(), state.reader().state().catalog, prefix));
  for (std::string& name : names) {
    name.erase(0, prefix.size());
  }
  return names;
}

Result<std::vector<std::string>> list_generation(ReadState& state, uint32_t projection_id, uint32_t generation) {
  std::vector<std::string> all;
  for (const std::string& prefix : {format::generation_bucket(projection_id, generation),
                                    format::tables_prefix(projection_id, generation, format::TableTree::kCurrent),
                                    format::tables_prefix(projection_id, generation, format::TableTree::kHistory)}) {
    HOLDFAST_TRY_ASSIGN(std::vector<std::string> names,
                        catalog::list_own(state.reader(), state.reader().state().catalog, prefix));
    all.insert(all.end(), std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
  }
  return all;
}

TableSlot& table_slot(ProjectionSlot& slot, std::string_view stored_name) {
  return slot.tables.try_emplace(std::string(stored_name), stored_name).first->second;
}

Result<void> resolve(ReadState& state, ProjectionSlot& slot, TableSlot& table) {
  HOLDFAST_TRY(resolve(state, slot));
  if (table.current != nullptr) [[likely]] {
    return {};
  }
  HOLDFAST_TRY(check_table_name(table.name));
  const auto bucket = [&](format::TableTree tree) {
    std::string name = format::tables_prefix(slot.row.projection_id, slot.row.generation, tree);
    return &state.own_slot(name += table.name);
  };
  table.current = bucket(format::TableTree::kCurrent);
  table.history = bucket(format::TableTree::kHistory);
  return {};
}

Result<void> check_position(const ProjectionSlot& slot, uint64_t position) {
  if (position > slot.state.applied) {
    return fail(ErrorCode::kInvalidArgument, "projection " + slot.name + " has applied position " +
                                                 std::to_string(slot.state.applied) + "; there is no position " +
                                                 std::to_string(position) + " yet");
  }
  if (position < slot.state.floor) {
    return fail(ErrorCode::kNotFound, "what projection " + slot.name + " held at position " + std::to_string(position) +
                                          " was pruned; the oldest position is " + std::to_string(slot.state.floor));
  }
  return {};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
