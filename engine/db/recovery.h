// Recovery: brings a store up to what its log holds, and gives it a new log.
//
//   scan the lanes -> plan (engine/wal/recovery_plan.h) -> replay -> new lanes, under a new wal epoch -> a meta page
//   that names them, with everything that was replayed -> the old lanes are free
//
// Nothing is changed in the log before that meta page is durable, so a crash at any moment finds the old log again, and
// repeats the same; what lies behind the end of the run belongs to an old epoch from then on, and never comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <holdfast/database.h>
#include <holdfast/env.h>
#include <holdfast/options.h>
#include <holdfast/result.h>

#include "db/log.h"
#include "db/streams.h"
#include "page/page_store.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

enum class OnDamage : uint8_t { kRefuse, kCut };

// Errors: corruption (an acknowledged commit may be lost: says where, and which; with kCut only where not even the rest
// can be read), read_only (the store is, and the log holds commits that must be replayed), no_space, io, unsupported.
Result<std::unique_ptr<Log>> open_log(Env& env, Directory& directory, PageStore& store, Streams& streams,
                                      const Options& options, OnDamage on_damage, RecoveryReport& report);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
