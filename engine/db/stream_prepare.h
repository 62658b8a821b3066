// The part of an append that needs no lock: payloads are hashed and compressed, large batches on several threads.
#pragma once

#include <span>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/write_set.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// Appends the events to `stream`, which is of `writes`. What no codec changes is not copied: the events must outlive
// the writes. Null: on this thread alone. Errors: io (no thread).
Result<void> prepare_events(Threads* threads, std::span<const std::string_view> events, Codec codec, WriteSet& writes,
                            StreamWrites& stream);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
