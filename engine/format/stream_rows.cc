#include "format/stream_rows.h"

#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "base/little_endian.h"
#include "format/stream_segment.h"

namespace holdfast::format {

namespace {

constexpr uint64_t kOffsetsMax = uint64_t{1} << 63;

void append_big(std::string& key, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    key += static_cast<char>(number >> shift);
  }
}

std::string key_of(char kind, uint64_t stream_id) {
  std::string key(1, kind);
  append_big(key, stream_id);
  return key;
}

void append(std::string& row, uint64_t number) {
  std::array<std::byte, 8> bytes{};
  store_le(bytes.data(), number);
  row += as_text(bytes);
}
void append(std::string& row, uint32_t number) {
  std::array<std::byte, 4> bytes{};
  store_le(bytes.data(), number);
  row += as_text(bytes);
}
void append(std::string& row, const Hash& hash) { row += as_text(hash); }

// Takes fields off the front. Pre: enough bytes are left.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(as_bytes(bytes)) {}
  template <class T>
  T number() {
    const T value = load_le<T>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  Hash hash() {
    Hash hash;
    std::memcpy(hash.data(), bytes_.data(), hash.size());
    bytes_ = bytes_.subspan(hash.size());
    return hash;
  }

 private:
  std::span<const std::byte> bytes_;
};

constexpr size_t kHeadBytes = 144;
constexpr size_t kFloorBytes = 8;
constexpr size_t kBlockBytes = 72;
constexpr size_t kSegmentBytes = 24;

}  // namespace

std::string stream_name_key(std::string_view name) { return std::string(kStreamNamePrefix).append(name); }
std::string stream_head_key(uint64_t stream_id) { return key_of('h', stream_id); }
std::string stream_floor_key(uint64_t stream_id) { return key_of('f', stream_id); }
std::string stream_node_key(uint64_t stream_id, uint8_t level, uint64_t index) {
  std::string key = key_of('m', stream_id);
  key += static_cast<char>(level);
  append_big(key, index);
  return key;
}
std::string stream_segment_key(uint64_t stream_id, uint64_t first_offset) {
  std::string key = stream_segment_prefix(stream_id);
  append_big(key, first_offset);
  return key;
}
std::string stream_segment_prefix(uint64_t stream_id) { return key_of('s', stream_id); }

uint64_t last_number(std::string_view key) {
  uint64_t number = 0;
  for (const char byte : key.substr(key.size() - 8)) {
    number = number << 8 | static_cast<uint8_t>(byte);
  }
  return number;
}

std::string encode_stream_id(uint64_t stream_id) {
  std::string row;
  append(row, stream_id);
  return row;
}

std::string encode(const HeadRow& row) {
  std::string bytes;
  bytes.reserve(kHeadBytes + sizeof(Hash) * row.peaks.size());
  append(bytes, row.next_offset);
  append(bytes, row.chain_hash);
  append(bytes, row.segment_first);
  append(bytes, row.records_end);
  append(bytes, row.file);
  append(bytes, uint32_t{0});
  append(bytes, row.block_position);
  append(bytes, row.block_prev_hash);
  append(bytes, row.prev_hash);
  append(bytes, row.segment_record_bytes);
  for (const Hash& peak : row.peaks) {
    append(bytes, peak);
  }
  return bytes;
}

std::string encode(const FloorRow& row) {
  std::string bytes;
  append(bytes, row.first_offset);
  for (const Hash& hash : row.hashes) {
    append(bytes, hash);
  }
  return bytes;
}

std::string encode(const NodeRow& row, uint8_t level) {
  std::string bytes;
  append(bytes, row.root);
  if (level == kBlockLevel) {
    append(bytes, row.prev_hash);
    append(bytes, row.position);
  }
  return bytes;
}

std::string encode(const SegmentRow& row) {
  std::string bytes;
  append(bytes, row.file);
  append(bytes, row.revision);
  append(bytes, row.next_offset);
  append(bytes, row.records_end);
  return bytes;
}

bool decode_stream_id(std::string_view bytes, uint64_t& stream_id) {
  if (bytes.size() != 8) {
    return false;
  }
  stream_id = Fields(bytes).number<uint64_t>();
  return true;
}

bool decode(std::string_view bytes, HeadRow& row) {
  if (bytes.size() < kHeadBytes) {
    return false;
  }
  Fields fields(bytes);
  row.next_offset = fields.number<uint64_t>();
  row.chain_hash = fields.hash();
  row.segment_first = fields.number<uint64_t>();
  row.records_end = fields.number<uint64_t>();
  row.file = fields.number<uint32_t>();
  const auto reserved = fields.number<uint32_t>();
  row.block_position = fields.number<uint64_t>();
  row.block_prev_hash = fields.hash();
  row.prev_hash = fields.hash();
  row.segment_record_bytes = fields.number<uint64_t>();
  if (row.next_offset >= kOffsetsMax || (row.next_offset == 0 && row.chain_hash != Hash{}) ||
      row.segment_first > row.next_offset || row.records_end >= kOffsetsMax ||
      (row.file == 0) != (row.next_offset == 0) || reserved != 0 || row.block_position >= kOffsetsMax ||
      (row.block_position == 0) != (row.next_offset % kBlockRecords == 0) ||
      bytes.size() != kHeadBytes + sizeof(Hash) * static_cast<size_t>(std::popcount(row.next_offset))) {
    return false;
  }
  row.peaks.clear();
  for (int peak = std::popcount(row.next_offset); peak > 0; --peak) {
    row.peaks.push_back(fields.hash());
  }
  return true;
}

bool decode(std::string_view bytes, FloorRow& row) {
  if (bytes.size() < kFloorBytes) {
    return false;
  }
  Fields fields(bytes);
  row.first_offset = fields.number<uint64_t>();
  if (row.first_offset == 0 || row.first_offset >= kOffsetsMax) {
    return false;
  }
  const uint64_t gone = row.first_offset % kBlockRecords;
  const uint64_t hashes = gone == 0 ? 1 : gone;
  if (bytes.size() != kFloorBytes + sizeof(Hash) * hashes) {
    return false;
  }
  row.hashes.clear();
  for (uint64_t hash = 0; hash < hashes; ++hash) {
    row.hashes.push_back(fields.hash());
  }
  return true;
}

bool decode(std::string_view bytes, uint8_t level, NodeRow& row) {
  if (bytes.size() != (level == kBlockLevel ? kBlockBytes : sizeof(Hash))) {
    return false;
  }
  Fields fields(bytes);
  row = {};
  row.root = fields.hash();
  if (level == kBlockLevel) {
    row.prev_hash = fields.hash();
    row.position = fields.number<uint64_t>();
  }
  return row.position < kOffsetsMax;
}

bool decode(std::string_view bytes, SegmentRow& row) {
  if (bytes.size() != kSegmentBytes) {
    return false;
  }
  Fields fields(bytes);
  row.file = fields.number<uint32_t>();
  row.revision = fields.number<uint32_t>();
  row.next_offset = fields.number<uint64_t>();
  row.records_end = fields.number<uint64_t>();
  return row.file != 0 && row.next_offset < kOffsetsMax && row.records_end < kOffsetsMax &&
         (row.next_offset == 0) == (row.records_end == 0);
}

}  // namespace holdfast::format
