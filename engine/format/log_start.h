// LogStart: where the write-ahead log begins that leads on from a state. Part of every meta page.
#pragma once

#include <array>
#include <cstdint>

#include <holdfast/options.h>

#include "base/ids.h"

namespace holdfast::format {

constexpr uint32_t kSegmentBytesMin = 64 * 1024;
constexpr uint32_t kSegmentBytesMax = 4 * 1024 * 1024;
constexpr uint16_t kLanesMax = kLanesLimit;

constexpr bool is_segment_size(uint64_t bytes) {
  return bytes >= kSegmentBytesMin && bytes <= kSegmentBytesMax && (bytes & (bytes - 1)) == 0;
}

struct LogStart {
  uint16_t lane_count = 0;     // none: every commit is a checkpoint
  Epoch epoch{};               // wal epoch, raised by every open that writes; 0: there has never been a log
  uint32_t segment_bytes = 0;  // 0 exactly if there are no lanes
  bool closed = false;         // nothing in the log is newer than the state
  // Per lane the lowest segment that holds something newer than the state, else the one that is written next; 0 beyond
  // lane_count.
  std::array<uint64_t, kLanesMax> first_sequence{};
  friend bool operator==(const LogStart&, const LogStart&) = default;
};

}  // namespace holdfast::format
