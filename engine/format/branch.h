// Branch pages: which child holds which keys.
//
//   header (32) | heads: count x u64 | children: count x PageRefOnDisk (16) | slots: count x {u16 offset, u16 bytes}
//   | free space | tails | prefix
//
// Child i holds the keys k with separator i <= k < separator i+1. Separator 0 is "below everything": length 0, head 0,
// no tail, and is not covered by the prefix. The others are prefix + suffix, strictly increasing.
//   head i      the first 8 bytes of suffix i, zero-padded, as a big-endian number (stored little-endian): comparing
//               heads compares suffixes, but for ties
//   slot i      bytes: length of suffix i; offset: where its tail (what follows the first 8 bytes) lies, 0 if there is
//               none
//   prefix      header.prefix_bytes bytes at the end of the page
// Like cells of leaves, tails may leave holes. `header.body` is the lowest tail offset (the prefix's start if there are
// no tails). A branch has at least one child.
//
// Files: branch_view.h reads, branch_editor.cc changes in place, branch_builder.cc writes whole pages, branch.cc
// validates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "format/branch_view.h"
#include "format/page.h"

namespace holdfast::format {

// Bytes that a suffix of this length takes beyond the index; used by whoever decides and by the encoder.
uint32_t branch_tail_bytes(size_t suffix_bytes);

// Changes a valid branch in place; it stays valid.
class BranchEditor {
 public:
  BranchEditor(std::byte* page, uint32_t page_bytes) : page_(page), page_bytes_(page_bytes) {}

  BranchView view() const { return {page_, page_bytes_}; }
  void set_child(uint32_t index, const PageRef& child);
  // False leaves the page unchanged, and it must be rebuilt. Pre: index >= 1, separator belongs there.
  bool insert(uint32_t index, std::string_view separator, const PageRef& child);
  // Removes child `index` and its separator; if index is 0 the next child takes over "below everything".
  // Pre: count() > 1.
  void erase(uint32_t index);

 private:
  std::byte* page_;
  uint32_t page_bytes_;
};

// Fills an empty branch with children in order. The first separator added is ignored (it becomes "below everything").
// Views passed to add() must live until finish().
class BranchBuilder {
 public:
  explicit BranchBuilder(uint32_t page_bytes);

  // Bytes that the page would need with this child added (prefix recomputed). At most page_bytes: it fits.
  uint32_t bytes_with(std::string_view separator) const;
  // Pre: bytes_with(separator) <= page_bytes; separator is greater than the last one added.
  void add(std::string_view separator, const PageRef& child);
  uint32_t count() const;
  uint32_t bytes() const;
  // Writes count, body, prefix, index and tails into `page` (header identity is the caller's), and empties the builder.
  // Pre: count() >= 1.
  void finish(std::byte* page);
  // Empties the builder; nothing is written.
  void clear();

 private:
  struct Child {
    std::string_view separator;
    PageRef ref;
  };
  // What decides how many bytes the page takes.
  struct Shape {
    uint32_t common_bytes = 0;   // of the common prefix of all separators but the first
    uint32_t longest_bytes = 0;  // of the longest separator
    // What is cut off as prefix: no more than makes every suffix fit its head; beyond that a prefix only takes space.
    uint32_t prefix_bytes() const;
  };
  Shape shape_with(std::string_view separator) const;
  uint32_t tails_bytes_for(uint32_t prefix_bytes) const;

  uint32_t page_bytes_;
  std::vector<Child> children_;
  Shape shape_;
  uint32_t tails_bytes_ = 0;  // sum of branch_tail_bytes with that prefix
};

// Total, bounded, allocates nothing. Null, or what is wrong.
const char* find_branch_damage(std::span<const std::byte> page);

}  // namespace holdfast::format
