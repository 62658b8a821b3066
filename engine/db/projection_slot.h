// Finding projections and their tables in one state.
//
// Threads: the ReadState's. Errors of all: io, corruption.
#pragma once

#include <string>
#include <vector>

#include <holdfast/projection.h>
#include <holdfast/result.h>

#include "db/read_state.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// Looks the projection up, once. Errors also: invalid_argument (the name), not_found.
Result<void> resolve(ReadState& state, ProjectionSlot& slot);
// The same, where one that is not there is no error.
Result<void> look_up(ReadState& state, ProjectionSlot& slot);
// What is stored of a generation; all zeros where nothing is.
Result<format::StateRow> state_of(ReadState& state, uint32_t projection_id, uint32_t generation);
// Names of all projections.
Result<std::vector<std::string>> list_projections(ReadState& state);
// Whether a projection is made from this stream. Errors: io, corruption.
Result<bool> feeds_projection(ReadState& state, std::string_view stream);
// Tables of a generation, as they are stored, in order.
Result<std::vector<std::string>> list_tables(ReadState& state, uint32_t projection_id, uint32_t generation);
// All buckets of a generation.
Result<std::vector<std::string>> list_generation(ReadState& state, uint32_t projection_id, uint32_t generation);

TableSlot& table_slot(ProjectionSlot& slot, std::string_view stored_name);
// The same as resolve() of the projection; then the table's buckets are known, in the generation that readers see.
Result<void> resolve(ReadState& state, ProjectionSlot& slot, TableSlot& table);

// Whether the position can be read. Pre: resolve() said that the projection is there. Errors: not_found (below the
// floor), invalid_argument (not applied yet).
Result<void> check_position(const ProjectionSlot& slot, uint64_t position);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
