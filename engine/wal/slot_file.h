// The files of a lane: their names, and what turns a file into a slot and a slot into a segment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/env.h>

#include "format/wal_segment.h"

namespace holdfast::wal {

// Which lane of which database, in which wal epoch.
struct LaneIdentity {
  format::DatabaseId database_id{};
  Epoch epoch{};
  uint16_t lane = 0;
};

// "wal-03-0012"
std::string slot_file_name(uint16_t lane, uint16_t slot);

struct SlotName {
  uint16_t lane = 0;
  uint16_t slot = 0;
};
// Nothing if no slot is called so.
std::optional<SlotName> parse_slot_file_name(std::string_view name);

// The slots of the lane that the directory holds, in order. Errors: io.
Result<std::vector<uint16_t>> list_slots(Directory& directory, uint16_t lane);

// Makes the slot a file of segment_bytes zeros, durable but for its name. What was there before is overwritten.
// Errors: io, no_space; then no file of this name is left, as far as the directory can remove it.
Result<void> create_slot(Directory& directory, uint16_t lane, uint16_t slot, uint32_t segment_bytes);

// Makes the slot the segment `sequence`: writes its header and makes it durable. Returns the open file.
// Errors: io, no_space, not_found.
Result<std::unique_ptr<File>> start_segment(Directory& directory, const format::SegmentHeader& header);

// Removes every slot of the lane, for a lane that is given up. Durable after Directory::sync. Errors: io.
Result<void> remove_lane(Directory& directory, uint16_t lane);

}  // namespace holdfast::wal
