#include "db/stream_rows.h"

#include "db/open.h"
#include "tree/cursor.h"
#include "tree/tree.h"

namespace holdfast::stream_rows {

namespace {

std::unexpected<Error> damaged(std::string_view what) {
  return fail(Error(ErrorCode::kCorruption, "the stream tree's row of " + std::string(what) + " is missing or damaged")
                  .at(kTreeFileName));
}

// Takes the row in. False: it cannot be one of a segment that begins where its key says.
bool is_segment(std::string_view value, Segment& segment) {
  constexpr uint64_t kOffsetsMax = uint64_t{1} << 63;
  return decode(value, segment.row) && segment.first_offset < kOffsetsMax &&
         (!segment.row.sealed() || segment.first_offset < segment.row.next_offset);
}

}  // namespace

Result<std::optional<uint64_t>> find_id(PageReader& reader, const format::PageRef& root, std::string_view name) {
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool found, tree::get(reader, root, format::stream_name_key(name), value));
  if (!found) {
    return std::nullopt;
  }
  uint64_t stream_id = 0;
  if (!format::decode_stream_id(value, stream_id)) {
    return damaged("a name");
  }
  return stream_id;
}

Result<format::HeadRow> head(PageReader& reader, const format::PageRef& root, uint64_t stream_id) {
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool found, tree::get(reader, root, format::stream_head_key(stream_id), value));
  format::HeadRow row;
  if (!found || !decode(value, row)) {
    return damaged("a head");
  }
  return row;
}

Result<std::optional<format::FloorRow>> floor(PageReader& reader, const format::PageRef& root, uint64_t stream_id) {
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool found, tree::get(reader, root, format::stream_floor_key(stream_id), value));
  if (!found) {
    return std::nullopt;
  }
  format::FloorRow row;
  if (!decode(value, row)) {
    return damaged("a floor");
  }
  return row;
}

Result<format::NodeRow> node(PageReader& reader, const format::PageRef& root, uint64_t stream_id, uint8_t level,
                             uint64_t index) {
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool found,
                      tree::get(reader, root, format::stream_node_key(stream_id, level, index), value));
  format::NodeRow row;
  if (!found || !decode(value, level, row)) {
    return damaged("a node");
  }
  return row;
}

Result<Segment> segment_of(PageReader& reader, const format::PageRef& root, uint64_t stream_id, uint64_t offset) {
  tree::Cursor cursor(reader, root);
  const std::string prefix = format::stream_segment_prefix(stream_id);
  HOLDFAST_TRY_ASSIGN(const bool there, cursor.seek_before(format::stream_segment_key(stream_id, offset + 1)));
  if (!there || !cursor.key().starts_with(prefix) || cursor.key().size() != prefix.size() + 8) {
    return damaged("a segment");
  }
  HOLDFAST_TRY_ASSIGN(const std::string_view value, cursor.value());
  Segment segment{.first_offset = format::last_number(cursor.key()), .row = {}};
  if (!is_segment(value, segment) || (segment.row.sealed() && segment.row.next_offset <= offset)) {
    return damaged("a segment");
  }
  return segment;
}

Result<std::vector<Segment>> segments(PageReader& reader, const format::PageRef& root, uint64_t stream_id) {
  std::vector<Segment> segments;
  tree::Cursor cursor(reader, root);
  const std::string prefix = format::stream_segment_prefix(stream_id);
  HOLDFAST_TRY_ASSIGN(bool there, cursor.seek(prefix));
  while (there && cursor.key().starts_with(prefix)) {
    if (cursor.key().size() != prefix.size() + 8) {
      return damaged("a segment");
    }
    Segment& segment = segments.emplace_back();
    segment.first_offset = format::last_number(cursor.key());
    HOLDFAST_TRY_ASSIGN(const std::string_view value, cursor.value());
    if (!is_segment(value, segment)) {
      return damaged("a segment");
    }
    HOLDFAST_TRY_ASSIGN(there, cursor.next());
  }
  return segments;
}

Result<std::vector<Name>> list(PageReader& reader, const format::PageRef& root) {
  std::vector<Name> names;
  tree::Cursor cursor(reader, root);
  HOLDFAST_TRY_ASSIGN(bool there, cursor.seek(format::kStreamNamePrefix));
  while (there && cursor.key().starts_with(format::kStreamNamePrefix)) {
    Name& name = names.emplace_back();
    name.name = cursor.key().substr(format::kStreamNamePrefix.size());
    HOLDFAST_TRY_ASSIGN(const std::string_view value, cursor.value());
    if (!format::decode_stream_id(value, name.stream_id)) {
      return damaged("a name");
    }
    HOLDFAST_TRY_ASSIGN(there, cursor.next());
  }
  return names;
}

}  // namespace holdfast::stream_rows
