// Reading the stream tree: rows of format/stream_rows.h, found and decoded.
//
// Threads: the reader's. Errors of all: io, corruption (also a row that cannot be).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/result.h>

#include "format/stream_rows.h"
#include "page/page_reader.h"

namespace holdfast::stream_rows {

// Nothing: no stream has this name.
Result<std::optional<uint64_t>> find_id(PageReader& reader, const format::PageRef& root, std::string_view name);
Result<format::HeadRow> head(PageReader& reader, const format::PageRef& root, uint64_t stream_id);
// Nothing: nothing was trimmed.
Result<std::optional<format::FloorRow>> floor(PageReader& reader, const format::PageRef& root, uint64_t stream_id);
Result<format::NodeRow> node(PageReader& reader, const format::PageRef& root, uint64_t stream_id, uint8_t level,
                             uint64_t index);

struct Segment {
  uint64_t first_offset = 0;
  format::SegmentRow row;
};
// The segment that holds the record. Errors: corruption if there is none.
Result<Segment> segment_of(PageReader& reader, const format::PageRef& root, uint64_t stream_id, uint64_t offset);
// All of the stream, in order.
Result<std::vector<Segment>> segments(PageReader& reader, const format::PageRef& root, uint64_t stream_id);

struct Name {
  std::string name;
  uint64_t stream_id = 0;
};
// All streams, by name.
Result<std::vector<Name>> list(PageReader& reader, const format::PageRef& root);

}  // namespace holdfast::stream_rows
