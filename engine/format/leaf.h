// Leaf pages: rows in key order.
//
//   header (32) | fingerprints: count x u8 | slots: count x u16 | free space | cells | prefix
//
//   fingerprint i  leaf_fingerprint(suffix of key i); equal keys have equal fingerprints, so a point read compares 16
//   at
//                  a time and looks at a cell only where one matches
//   slot i         offset of cell i in the page; slots are in key order, strictly increasing keys
//   cell           varint key_tag = suffix_bytes << 1 | is_overflow; varint value_bytes; suffix; value bytes, or
//   (overflow)
//                  an OverflowRef. Varints are LEB128, minimal, at most 5 bytes
//   prefix         header.prefix_bytes bytes at the end of the page, shared by every key; a key is prefix + suffix
//
// `header.body` is the lowest cell offset (the prefix's start if there are no cells). Cells may leave holes between
// them: an in-place edit does, and rewriting the page closes them. Cells never overlap; bytes in holes and free space
// are not defined but are covered by the checksum. A leaf has at least one row.
//
// One size function, `leaf_cell_bytes`, is used by whoever decides and by the encoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "format/overflow.h"
#include "format/page.h"

namespace holdfast::format {

// Bytes of index (fingerprint and slot) per row.
constexpr uint32_t kLeafIndexBytesPerRow = 3;

uint8_t leaf_fingerprint(std::string_view suffix);

// A value in a leaf: its bytes, or where they are.
struct LeafValue {
  std::string_view bytes;               // inline: the value; overflow: empty
  std::optional<OverflowRef> overflow;  // total_bytes says how long the value is
};

// Bytes of the cell (without its index bytes) for a suffix of this length.
uint32_t leaf_cell_bytes(size_t suffix_bytes, const LeafValue& value);

// Reads a valid leaf. Borrows the page.
class LeafView {
 public:
  LeafView(const std::byte* page, uint32_t page_bytes) : page_(page), page_bytes_(page_bytes) {}

  uint32_t count() const { return header_of(page_).count; }
  std::string_view prefix() const;
  std::string_view suffix(uint32_t index) const;
  LeafValue value(uint32_t index) const;
  // Compares the whole key of row `index` with `key`: <0, 0, >0.
  int compare(uint32_t index, std::string_view key) const;
  // Row with exactly this key. By fingerprint.
  std::optional<uint32_t> find(std::string_view key) const;
  // First row whose key is >= key; count() if there is none.
  uint32_t lower_bound(std::string_view key) const;
  // Header, index, prefix and cells, without holes: what a rewrite would need.
  uint32_t live_bytes() const;
  // Bytes between index and cells.
  uint32_t gap_bytes() const;

 private:
  const std::byte* page_;
  uint32_t page_bytes_;
};

// Changes a valid leaf in place; it stays valid. Borrows the page, which nobody else sees.
class LeafEditor {
 public:
  LeafEditor(std::byte* page, uint32_t page_bytes) : page_(page), page_bytes_(page_bytes) {}

  LeafView view() const { return {page_, page_bytes_}; }
  // Says whether it fitted: false leaves the page unchanged, and it must be rebuilt (key outside the prefix, or no
  // gap). Pre: `key` is not in the page, and belongs at `index`.
  bool insert(uint32_t index, std::string_view key, const LeafValue& value);
  // The same for a new value of row `index`. Reuses the cell if the new value is not longer.
  bool replace(uint32_t index, const LeafValue& value);
  // Pre: count() > 1 (a leaf is never empty).
  void erase(uint32_t index);

 private:
  std::byte* page_;
  uint32_t page_bytes_;
};

// Fills an empty leaf with rows in strictly increasing key order. Knows how full the page would be before it writes it.
// Views passed to add() must live until finish().
class LeafBuilder {
 public:
  explicit LeafBuilder(uint32_t page_bytes);

  // Bytes that the page would need with this row added (prefix recomputed). At most page_bytes: it fits.
  uint32_t bytes_with(std::string_view key, const LeafValue& value) const;
  // Pre: bytes_with(key, value) <= page_bytes; key is greater than the last one added.
  void add(std::string_view key, const LeafValue& value);
  uint32_t count() const;
  uint32_t bytes() const;
  // Writes count, body, prefix, index and cells into `page` (header identity is the caller's), and empties the builder.
  // Pre: count() >= 1.
  void finish(std::byte* page);

 private:
  struct Row {
    std::string_view key;
    LeafValue value;
  };
  uint32_t page_bytes_;
  std::vector<Row> rows_;
  uint32_t prefix_bytes_ = 0;
  uint64_t key_bytes_ = 0;
  uint64_t value_bytes_ = 0;
};

// Total, bounded, allocates nothing. Null, or what is wrong: bounds, order, overlap, fingerprints, varints, references.
const char* find_leaf_damage(std::span<const std::byte> page);

}  // namespace holdfast::format
