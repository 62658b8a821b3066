#include "format/event_leaf.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/check.h"

namespace holdfast::format {

namespace {

const char* find_bad_field(const EventLeaf& leaf) {
  if (leaf.offset < 0) {
    return "offset";
  }
  return leaf.offset == 0 && leaf.previous != Hash{} ? "previous" : nullptr;
}

std::unexpected<Error> damaged(const char* what) {
  return fail(ErrorCode::kCorruption, std::string("event leaf: ") + what);
}

}  // namespace

bool is_possible(const EventLeaf& leaf) { return find_bad_field(leaf) == nullptr; }

std::array<std::byte, kEventLeafBytes> encode_event_leaf(const EventLeaf& leaf) {
  CHECK(is_possible(leaf));
  EventLeafOnDisk bytes{};
  bytes.tag = kEventLeafTag;
  bytes.database_id = leaf.database_id;
  bytes.stream_id = leaf.stream_id;
  bytes.offset = static_cast<uint64_t>(leaf.offset);
  bytes.kind = std::byte{leaf.kind};
  bytes.length = leaf.length;
  bytes.previous = leaf.previous;
  bytes.payload_digest = leaf.payload_digest;
  return std::bit_cast<std::array<std::byte, kEventLeafBytes>>(bytes);
}

Result<EventLeaf> decode_event_leaf(std::span<const std::byte> bytes) {
  if (bytes.size() != kEventLeafBytes) {
    return damaged("length");
  }
  EventLeafOnDisk fields;
  std::ranges::copy(bytes, reinterpret_cast<std::byte*>(&fields));
  if (fields.tag != kEventLeafTag) {
    return damaged("no tag");
  }
  EventLeaf leaf;
  leaf.database_id = fields.database_id;
  leaf.stream_id = fields.stream_id;
  leaf.offset = static_cast<int64_t>(uint64_t{fields.offset});
  leaf.kind = std::to_integer<uint8_t>(fields.kind);
  leaf.length = fields.length;
  leaf.previous = fields.previous;
  leaf.payload_digest = fields.payload_digest;
  if (const char* field = find_bad_field(leaf)) {
    return damaged(field);
  }
  return leaf;
}

Hash chain_hash(const EventLeaf& leaf) {
  constexpr std::array kLeafPrefix = {std::byte{0}};  // of a leaf, in RFC 6962; a node has 1
  return sha256({kLeafPrefix, encode_event_leaf(leaf)});
}

}  // namespace holdfast::format
