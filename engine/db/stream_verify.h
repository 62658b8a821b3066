// Verification of a stream against what the tree holds of it, and against what its user kept.
//
// It starts at the nearest offset whose chain hash the tree knows (one in 256), recomputes every chain hash from there,
// and compares: each record with the hash that the next one holds, each block with its Merkle root in the tree, and the
// end with the stream's head. The first disagreement is named.
#pragma once

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/read_state.h"
#include "db/stream_head.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// Errors: io; corruption of the tree itself. Damage of the stream is a finding.
Result<VerifyReport> verify_stream(ReadState& state, const FoundStream& stream, const VerifyOptions& options);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
