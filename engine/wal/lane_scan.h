// Reads a lane: its segments, frames and records, and how it ends.
#pragma once

#include <cstdint>

#include <holdfast/env.h>

#include "wal/lane_contents.h"

namespace holdfast::wal {

// What is live of the lane: segments of identity.epoch from `first_sequence` on. Changes nothing.
//
// Reads every frame up to the first bad place, and behind it every unit that could hold a frame's header: a valid one
// whose flush began behind the bad place proves that the place had been durable, so that it is damage and no torn tail.
// Holds one segment in memory at a time. Errors: io; unsupported; corruption, with the file, where whole files are
// missing, foreign or misnamed. Damage inside a file is no error here but LaneEnd::Kind::kDamaged, so that all lanes
// can be looked at first.
Result<LaneContents> scan_lane(Directory& directory, const LaneIdentity& identity, uint64_t first_sequence);

// What is left of a lane of which scan_lane() answered `why`, corruption: the segments from `first_sequence` up to the
// one that is missing, and their records. Ends damaged, there. Watermark and last csn are those of all frames of the
// lane whose headers can be read, also behind the gap. Errors: io.
Result<LaneContents> salvage_lane(Directory& directory, const LaneIdentity& identity, uint64_t first_sequence,
                                  const Error& why);

}  // namespace holdfast::wal
