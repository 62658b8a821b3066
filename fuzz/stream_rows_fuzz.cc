// Rows of the stream tree: what is accepted encodes to the same bytes again.
#include "base/bytes.h"
#include "base/check.h"
#include "format/stream_rows.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  const std::string_view row = as_text(block);
  format::HeadRow head;
  CHECK(!decode(row, head) || encode(head) == row);
  format::FloorRow floor;
  CHECK(!decode(row, floor) || encode(floor) == row);
  format::SegmentRow segment;
  CHECK(!decode(row, segment) || encode(segment) == row);
  for (const uint8_t level : {format::kBlockLevel, uint8_t{16}}) {
    format::NodeRow node;
    CHECK(!decode(row, level, node) || encode(node, level) == row);
  }
  uint64_t stream_id = 0;
  CHECK(!format::decode_stream_id(row, stream_id) || format::encode_stream_id(stream_id) == row);
  return 0;
}
