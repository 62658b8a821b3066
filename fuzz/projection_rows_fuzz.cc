// Rows and names of projections, and of pins: what is accepted encodes to the same bytes again.
#include "base/bytes.h"
#include "base/check.h"
#include "format/pin_row.h"
#include "format/projection_rows.h"
#include "fuzz/input.h"

namespace {

using namespace holdfast;

void names(std::string_view bytes) {
  format::TableBucket bucket;
  if (format::parse_table_bucket(bytes, bucket)) {
    std::string again = format::tables_prefix(bucket.projection_id, bucket.generation, bucket.tree);
    CHECK((again += bucket.table) == bytes);
  }
  uint64_t position = 0;
  CHECK(!format::parse_mark_key(bytes, position) || format::mark_key(position) == bytes);
  std::string key;
  std::string again;
  if (format::decode_version_key(bytes, key, position)) {
    format::encode_version_key(key, position, again);
    CHECK(again == bytes);
    format::encode_version_key_end(key, again);
    CHECK(bytes < again);
  }
}

void rows(std::string_view bytes) {
  format::ProjectionRow projection;
  CHECK(!format::decode(bytes, projection) || format::encode(projection) == bytes);
  format::StateRow state;
  CHECK(!format::decode(bytes, state) || format::encode(state) == bytes);
  format::VersionRow version;
  std::string again;
  if (format::decode(bytes, version)) {
    format::encode(version, again);
    CHECK(again == bytes);
  }
  uint64_t position = 0;
  CHECK(!format::decode_position(bytes, position) || format::encode_position(position) == bytes);
  format::PinRow pin;
  if (format::decode(bytes, pin)) {
    const format::PinRowOnDisk fields = format::encode(pin);
    CHECK(as_text(std::as_bytes(std::span(&fields, 1))) == bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  names(as_text(block));
  rows(as_text(block));
  return 0;
}
