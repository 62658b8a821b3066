// Reads the records that a scan found. Holds one segment of the lane in memory.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <holdfast/env.h>

#include "wal/lane_contents.h"

namespace holdfast::wal {

// One thread. Directory and contents outlive it.
class RecordReader {
 public:
  RecordReader(Directory& directory, const LaneContents& contents) : directory_(directory), contents_(contents) {}

  // The body of contents.records[index]. Fastest in the order of records. Errors: io; corruption, if header and body do
  // not belong together.
  Result<std::vector<std::byte>> read(size_t index);
  // The same into the caller's memory. Pre: `body` has body_bytes of the record.
  Result<void> read(size_t index, std::span<std::byte> body);

 private:
  Result<void> load(uint32_t segment_index);

  Directory& directory_;
  const LaneContents& contents_;
  std::optional<uint32_t> loaded_;
  std::vector<std::byte> segment_;
};

}  // namespace holdfast::wal
