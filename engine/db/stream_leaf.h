// Leaves of a stream: what its chain and its tree hash of each record (format/event_leaf.h), made from the records.
//
// Threads: the ReadState's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/read_state.h"
#include "db/stream_head.h"
#include "format/event_leaf.h"
#include "format/stream_record.h"
#include "log/codec.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// The leaf of a record as it lies in the files; `buffer` is the caller's memory for its payload. Errors: corruption
// (the stored bytes cannot be what the codec writes).
Result<format::EventLeaf> leaf_of(const format::DatabaseId& database_id, uint64_t stream_id,
                                  const format::Record& record, log::CodecBuffer& buffer);

// See StreamView::leaves(). Pre: from <= to, both in the stream and not trimmed.
Result<std::vector<RecordLeaf>> leaves_of(ReadState& state, const FoundStream& stream, uint64_t from, uint64_t to);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
