// What check() asks of projections beyond their pages: rows that mean something, versions that follow each other.
//
//   every projection's row and state can be read, and no two projections have one id
//   every bucket of a table belongs to a projection that is there, to its generation or the one that is being built
//   current rows and versions lie at positions that were applied; the versions of a key do not overlap
//
// Threads: inside Committer::exclusively(). Reads every row of every table.
#pragma once

#include <functional>

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "db/core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// Adds what it finds to the report. `go_on` returns false to stop. Errors: io.
Result<void> check_projections(const DatabaseCore& database, CheckReport& report, const std::function<bool()>& go_on);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
