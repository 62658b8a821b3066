// The files of a stream's segments: their names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::log {

struct SegmentName {
  uint64_t stream_id = 0;
  uint32_t file = 0;
  uint32_t revision = 0;
  friend auto operator<=>(const SegmentName&, const SegmentName&) = default;
};

// "stream-1a-3-0": stream id, file and revision, in hexadecimal digits.
std::string segment_file_name(const SegmentName& name);
// Nothing if no segment is called so.
std::optional<SegmentName> parse_segment_file_name(std::string_view text);

}  // namespace holdfast::log
