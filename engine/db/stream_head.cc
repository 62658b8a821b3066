#include "db/stream_head.h"

#include <utility>

#include "db/limits.h"
#include "db/stream_rows.h"
#include "format/stream_segment.h"

namespace holdfast {

Result<std::optional<FoundStream>> find_stream(PageReader& reader, std::string_view name) {
  HOLDFAST_TRY(check_stream_name(name));
  const format::PageRef root = reader.state().streams;
  HOLDFAST_TRY_ASSIGN(const auto stream_id, stream_rows::find_id(reader, root, name));
  if (!stream_id) {
    return std::nullopt;
  }
  FoundStream found{.stream_id = *stream_id, .head = {}};
  HOLDFAST_TRY_ASSIGN(found.head, stream_rows::head(reader, root, *stream_id));
  HOLDFAST_TRY_ASSIGN(const auto floor, stream_rows::floor(reader, root, *stream_id));
  if (floor) {
    found.first_offset = floor->first_offset;
    found.first_prev_hash = floor->hashes.back();
  }
  return found;
}

Result<StreamHead> find_head(PageReader& reader, std::string_view name) {
  HOLDFAST_TRY_ASSIGN(const auto found, find_stream(reader, name));
  if (!found) {
    return StreamHead{};
  }
  return StreamHead{found->first_offset, found->head.next_offset, found->head.chain_hash};
}

Result<StreamTotals> total_streams(PageReader& reader) {
  const format::PageRef root = reader.state().streams;
  StreamTotals totals;
  HOLDFAST_TRY_ASSIGN(const auto names, stream_rows::list(reader, root));
  for (const stream_rows::Name& stream : names) {
    HOLDFAST_TRY_ASSIGN(const format::HeadRow head, stream_rows::head(reader, root, stream.stream_id));
    HOLDFAST_TRY_ASSIGN(const auto floor, stream_rows::floor(reader, root, stream.stream_id));
    HOLDFAST_TRY_ASSIGN(const auto segments, stream_rows::segments(reader, root, stream.stream_id));
    totals.streams += 1;
    totals.records += head.next_offset - (floor ? floor->first_offset : 0);
    totals.files += segments.size();
    for (const stream_rows::Segment& segment : segments) {
      const format::SegmentRow& row = segment.row;
      totals.file_bytes += row.sealed()
                               ? row.records_end + format::stream_footer_bytes(segment.first_offset, row.next_offset)
                               : head.records_end;
    }
  }
  return totals;
}

}  // namespace holdfast
