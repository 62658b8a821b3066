// The life of a projection's tables: versions that nobody may ask for any more are dropped, pins keep them, tables and
// whole projections go.
//
// prune() first makes the floor durable, and then drops what is below it in many commits; each leaves everything that
// can be read as it was, so whoever is cut off goes on by asking again.
//
// Threads: any. Errors of all: not_found (no such projection), invalid_argument, io, corruption, those of commit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/projection.h>
#include <holdfast/result.h>

#include "db/core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// See Projection.
Result<PruneReport> prune_projection(DatabaseCore& database, const std::string& name, uint64_t before,
                                     const PruneOptions& options);
Result<void> pin_projection(DatabaseCore& database, const std::string& name, std::string_view pin, uint64_t position);
Result<bool> unpin_projection(DatabaseCore& database, const std::string& name, std::string_view pin);
Result<std::vector<ProjectionPin>> list_projection_pins(DatabaseCore& database, const std::string& name);
Result<bool> purge_projection_table(DatabaseCore& database, const std::string& name, const TableName& table);
Result<void> drop_projection(DatabaseCore& database, const std::string& name);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
