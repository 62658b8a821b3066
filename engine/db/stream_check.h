// What `check` looks at of the streams: every record of every stream against the tree, every footer, and every file.
#pragma once

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "db/core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// Adds what it finds to the report. `progress` false: stop. Errors: io.
Result<void> check_streams(const DatabaseCore& database, CheckReport& report, const std::function<bool()>& go_on);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
