// Leaf pages: rows in key order.
//
//   header (32) | fingerprints: count x u8 | slots: count x u16 | free space | cells | prefix
//
//   fingerprint i    leaf_fingerprint(suffix of key i), see format/key_bytes.h; equal keys have equal fingerprints, so
//   a
//                    point read compares 64 at a time and looks at a cell only where one matches
//   slot i           offset of cell i in the page; slots are in key order, strictly increasing keys
//   cell             varint key_tag = suffix_bytes << 1 | is_overflow; varint value_bytes; suffix; value bytes, or
//                    (overflow) an OverflowRefOnDisk. Varints: format/varint.h
//   prefix           header.prefix_bytes bytes at the end of the page, shared by every key; a key is prefix + suffix
//
// `header.body` is the lowest cell offset. Cells may leave holes between them: an in-place edit does, and rewriting the
// page closes them. Cells never overlap; bytes in holes and free space are not defined but are covered by the checksum.
// A leaf has at least one row. Keys have 1 to key_bytes_max bytes; a value is inline exactly if it has at most
// inline_value_bytes_max bytes.
//
// One size function, `leaf_cell_bytes`, is used by whoever decides and by the encoder.
// Files: leaf_view.h reads, leaf_editor.cc changes in place, leaf_builder.cc writes whole pages, leaf.cc validates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "format/leaf_view.h"
#include "format/overflow.h"
#include "format/page.h"

namespace holdfast::format {

// Bytes of the cell (without its index bytes) for a suffix of this length.
uint32_t leaf_cell_bytes(size_t suffix_bytes, const LeafValue& value);

// Changes a valid leaf in place; it stays valid. Borrows the page, which nobody else sees.
class LeafEditor {
 public:
  LeafEditor(std::byte* page, uint32_t page_bytes) : page_(page), page_bytes_(page_bytes) {}

  LeafView view() const { return {page_, page_bytes_}; }
  // Says whether it fitted: false leaves the page unchanged, and it must be rebuilt (key outside the prefix, or no
  // gap). Pre: `key` is not in the page, and belongs at `index`.
  bool insert(uint32_t index, std::string_view key, const LeafValue& value);
  // The same for a new value of row `index`, which does not lie in the page. Reuses the cell if the new one is not
  // longer.
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
  // Empties the builder; nothing is written.
  void clear();

 private:
  struct Row {
    std::string_view key;
    LeafValue value;
  };
  uint32_t prefix_bytes_with(std::string_view key) const;
  uint32_t cells_bytes_for(uint32_t prefix_bytes) const;

  uint32_t page_bytes_;
  std::vector<Row> rows_;
  uint32_t prefix_bytes_ = 0;  // of the common prefix of all rows
  uint32_t cells_bytes_ = 0;   // sum of leaf_cell_bytes with that prefix
};

// Total, bounded, allocates nothing. Null, or what is wrong: bounds, order, overlap, fingerprints, varints, references.
const char* find_leaf_damage(std::span<const std::byte> page);

}  // namespace holdfast::format
