// The files of a stream's segments: their names, and the footers of sealed ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "format/stream_rows.h"
#include "format/stream_segment.h"

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

// The footer of the sealed segment that the tree describes so. Takes no more memory than the file has bytes, whatever
// the row says. Errors: corruption (without file and place), also if it is of another segment; io.
Result<format::StreamFooter> read_footer(File& file, uint64_t first_offset, const format::SegmentRow& row,
                                         uint32_t checksum_seed);

}  // namespace holdfast::log
