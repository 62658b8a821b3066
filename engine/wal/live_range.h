// Finds the live segments of a lane among its slots, and says what is missing.
#pragma once

#include <cstdint>
#include <vector>

#include <holdfast/env.h>

#include "wal/lane_contents.h"

namespace holdfast::wal {

// The segments of the lane's epoch from `first_sequence` on, in order, without gaps, at least one; without what their
// frames say. Errors: io; unsupported (a newer format version); corruption: a slot that belongs to another database, a
// segment that is missing or under another name, and a header that is damaged where a segment is missing.
Result<std::vector<SegmentStats>> find_live_segments(Directory& directory, const LaneIdentity& identity,
                                                     uint64_t first_sequence);

// Those of them whose files and headers are there, in order, with gaps. Errors: io.
Result<std::vector<SegmentStats>> find_readable_segments(Directory& directory, const LaneIdentity& identity,
                                                         uint64_t first_sequence);

// "lane 1: segment 7 is missing", as an Error.
Error missing_segment(uint16_t lane, uint64_t sequence);

}  // namespace holdfast::wal
