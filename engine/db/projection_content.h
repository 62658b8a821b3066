// The content of a projection as one hash.
//
// Threads: the ReadState's. Errors: io, corruption.
#pragma once

#include <cstdint>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/read_state.h"
#include "format/projection_rows.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// See ProjectionView::content_hash(). SHA-256 over, for each table that shows anything in [from, to], in order of the
// stored names:
//   'T' text(stored name)
//   'L' text(key) created_at text(data)               for each row as of `to`, in order of the keys
//   'H' text(key) created_at deleted_at text(data)    for each other version that can be read at `from` or later, in
//                                                     order of the version keys
// text(x) is the length of x in 8 bytes, and x. Numbers are little-endian, 8 bytes.
Result<Hash> hash_content(ReadState& state, const format::ProjectionRow& row, uint32_t generation, uint64_t from,
                          uint64_t to);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
