// BranchView: reads a branch page that has no damage (format/branch.h has the layout). Inline: every read runs it.
//
// Nothing is checked here that find_branch_damage has checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/little_endian.h"
#include "format/key_bytes.h"
#include "format/page.h"

namespace holdfast::format {

// Bytes of head, child and slot per child.
constexpr uint32_t kBranchIndexBytesPerChild = 8 + 16 + 4;
// What a separator's suffix has in front of its tail.
constexpr uint32_t kBranchHeadBytes = 8;

class BranchView {
 public:
  BranchView(const std::byte* page, uint32_t page_bytes) : page_(page), page_bytes_(page_bytes) {}

  const PageHeader& header() const { return header_of(page_); }
  uint32_t count() const { return header().count; }
  std::string_view prefix() const {
    const uint32_t bytes = header_of(page_).prefix_bytes;
    return as_text(page_ + page_bytes_ - bytes, bytes);
  }
  PageRef child(uint32_t index) const {
    return decode_trusted(reinterpret_cast<const PageRefOnDisk*>(children())[index]);
  }
  uint64_t head(uint32_t index) const { return load_le<uint64_t>(heads() + 8 * size_t{index}); }
  uint32_t tail_offset(uint32_t index) const { return load_le<uint16_t>(slots() + 4 * size_t{index}); }
  // Length of the separator behind the prefix. Index 0: 0.
  uint32_t suffix_bytes(uint32_t index) const { return load_le<uint16_t>(slots() + 4 * size_t{index} + 2); }
  // What follows the first 8 bytes of suffix `index`; empty if there is nothing.
  std::string_view tail(uint32_t index) const {
    const uint32_t bytes = suffix_bytes(index);
    return bytes <= kBranchHeadBytes ? std::string_view()
                                     : as_text(page_ + tail_offset(index), bytes - kBranchHeadBytes);
  }
  // The whole separator, put together in `buffer`. Index 0: empty.
  std::string_view separator(uint32_t index, std::string& buffer) const;
  // The child that holds `key`.
  uint32_t find_child(std::string_view key) const;
  // Header, index, prefix and tails, without holes: what a rewrite with the same prefix would need.
  uint32_t live_bytes() const;
  // Bytes between index and tails.
  uint32_t gap_bytes() const {
    return header_of(page_).body - (kPageHeaderBytes + kBranchIndexBytesPerChild * count());
  }

 private:
  const std::byte* heads() const { return page_ + kPageHeaderBytes; }
  const std::byte* children() const { return heads() + 8 * size_t{count()}; }
  const std::byte* slots() const { return heads() + 24 * size_t{count()}; }
  // Compares suffix `index` with a suffix that has the same head: <0, 0, >0.
  int compare_tie(uint32_t index, std::string_view suffix) const;
  // The last child whose suffix is <= `suffix`, if its head is that of `suffix` and others before it may be, too.
  uint32_t find_child_in_tie(uint32_t index, uint64_t head, std::string_view suffix) const;

  const std::byte* page_;
  uint32_t page_bytes_;
};

inline uint32_t BranchView::find_child(std::string_view key) const {
  const std::string_view start = prefix();
  const uint32_t children = count();
  const int place = compare_with_prefix(key, start);
  if (place != 0) [[unlikely]] {
    return place < 0 ? 0 : children - 1;
  }
  key.remove_prefix(start.size());
  const uint64_t wanted = key_head(key);
  // The last head that is <= wanted; head 0 always is. Without branches: which way it goes is a coin toss.
  uint32_t index = 0;
  for (uint32_t left = children; left > 1;) {
    const uint32_t half = left / 2;
    index += head(index + half) <= wanted ? half : 0;
    left -= half;
  }
  return head(index) != wanted || index == 0 ? index : find_child_in_tie(index, wanted, key);
}

}  // namespace holdfast::format
