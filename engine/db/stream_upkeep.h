// The life of a stream after its events were appended: a payload is taken out, old segments are dropped, small ones are
// merged and compressed again.
//
// Sealed segments alone are changed, and never in place: a new file is written and made durable, a commit makes its row
// name it, and the old file goes when a checkpoint with that commit is durable. A crash anywhere leaves the old file or
// the new one named, and the other is removed by the next open. Each step is a commit of its own, so whoever is
// interrupted goes on by asking again.
//
// Threads: any; those of one database wait for each other.
// Errors: those of a commit, and of a checkpoint before it; none once the commit is
// made. Corruption if a segment cannot be read: it is left as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// See Stream.
Result<std::optional<Csn>> seal_stream(DatabaseCore& database, std::string_view stream);
Result<std::optional<Csn>> redact_record(DatabaseCore& database, std::string_view stream, uint64_t offset);
Result<TrimReport> trim_stream(DatabaseCore& database, std::string_view stream, uint64_t before);
Result<CompactReport> compact_stream(DatabaseCore& database, std::string_view stream, const CompactOptions& options);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
