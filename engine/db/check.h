// Reads every page of the newest state from the file and accounts for each page number.
#pragma once

#include <cstdint>
#include <functional>

#include <holdfast/database.h>
#include <holdfast/env.h>
#include <holdfast/result.h>

#include "db/log.h"
#include "page/page_store.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// Pre: on the writer's thread, between generations. Errors: io (the meta pages cannot be read).
Result<CheckReport> check_database(PageStore& store, Directory& directory, Log& log,
                                   const std::function<bool(uint64_t done, uint64_t total)>& progress);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
