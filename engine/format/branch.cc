#include "format/branch.h"

#include <algorithm>
#include <array>
#include <bit>

#include <holdfast/options.h>

#include "base/check.h"
#include "format/byte_marks.h"

namespace holdfast::format {

namespace {

// Pre: head and length are those of the same suffix; equal heads.
int compare_equal_heads(uint32_t a_bytes, std::string_view a_tail, uint32_t b_bytes, std::string_view b_tail) {
  if (std::min(a_bytes, b_bytes) <= kBranchHeadBytes) {  // the shorter is a prefix of the longer, or their zeros agree
    return a_bytes < b_bytes ? -1 : a_bytes > b_bytes ? 1 : 0;
  }
  return a_tail.compare(b_tail);
}

}  // namespace

int BranchView::compare_tie(uint32_t index, std::string_view suffix) const {
  const std::string_view suffix_tail =
      suffix.size() <= kBranchHeadBytes ? std::string_view() : suffix.substr(kBranchHeadBytes);
  // A key that is searched may be longer than any separator, but not so long that its length does not fit.
  return compare_equal_heads(suffix_bytes(index), tail(index), static_cast<uint32_t>(suffix.size()), suffix_tail);
}

uint32_t BranchView::find_child_in_tie(uint32_t index, uint64_t wanted, std::string_view suffix) const {
  uint32_t first = 1;
  for (uint32_t left = index; left > 0;) {  // first child with this head, in [1, index]
    const uint32_t half = left / 2;
    if (head(first + half) < wanted) {
      first += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  for (uint32_t left = index - first + 1; left > 0;) {  // first of them with a suffix greater than `suffix`
    const uint32_t half = left / 2;
    if (compare_tie(first + half, suffix) <= 0) {
      first += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return first - 1;
}

std::string_view BranchView::separator(uint32_t index, std::string& buffer) const {
  buffer.clear();
  if (index == 0) {
    return buffer;
  }
  buffer = prefix();
  std::array<std::byte, kBranchHeadBytes> first;
  store_le(first.data(), std::byteswap(head(index)));
  buffer += as_text(first.data(), std::min(suffix_bytes(index), kBranchHeadBytes));
  buffer += tail(index);
  return buffer;
}

uint32_t BranchView::live_bytes() const {
  uint32_t bytes = kPageHeaderBytes + kBranchIndexBytesPerChild * count() + header_of(page_).prefix_bytes;
  for (uint32_t index = 0; index < count(); ++index) {
    bytes += branch_tail_bytes(suffix_bytes(index));
  }
  return bytes;
}

uint32_t branch_tail_bytes(size_t suffix_bytes) {
  return suffix_bytes <= kBranchHeadBytes ? 0 : static_cast<uint32_t>(suffix_bytes) - kBranchHeadBytes;
}

namespace {

const char* find_child_damage(const PageRefOnDisk& bytes) {
  PageRef child;
  return decode(bytes, child) && !child.is_null() ? nullptr : "branch: a child reference";
}

// Separator `index` by itself. Pre: index >= 1.
const char* find_separator_damage(const BranchView& branch, uint32_t index, uint32_t page_bytes) {
  const PageHeader& header = branch.header();
  const uint32_t bytes = branch.suffix_bytes(index);
  const uint32_t offset = branch.tail_offset(index);
  const uint32_t key_bytes = header.prefix_bytes + bytes;
  if (key_bytes == 0 || key_bytes > key_bytes_max(page_bytes)) {
    return "branch: a separator's length";
  }
  if (bytes <= kBranchHeadBytes) {
    if (offset != 0) {
      return "branch: a slot of a separator without tail";
    }
    const bool padding_is_zero = bytes == kBranchHeadBytes || branch.head(index) << (8 * bytes) == 0;
    return padding_is_zero ? nullptr : "branch: a head's padding";
  }
  const uint32_t end = page_bytes - header.prefix_bytes;
  if (offset < header.body || offset >= end || bytes - kBranchHeadBytes > end - offset) {
    return "branch: a tail is out of bounds";
  }
  return nullptr;
}

bool is_less(const BranchView& branch, uint32_t a, uint32_t b) {
  if (branch.head(a) != branch.head(b)) {
    return branch.head(a) < branch.head(b);
  }
  return compare_equal_heads(branch.suffix_bytes(a), branch.tail(a), branch.suffix_bytes(b), branch.tail(b)) < 0;
}

// Pre: each tail is in bounds by itself.
bool tails_overlap(const BranchView& branch, uint32_t page_bytes) {
  ByteMarks marks(page_bytes);
  for (uint32_t index = 1; index < branch.count(); ++index) {
    const uint32_t bytes = branch_tail_bytes(branch.suffix_bytes(index));
    const uint32_t begin = branch.tail_offset(index);
    if (bytes > 0 && !marks.mark(begin, begin + bytes)) {
      return true;
    }
  }
  return false;
}

// The separators, one after the other, and how their tails lie. Pre: the index is in the page.
const char* find_separators_damage(const BranchView& branch, uint32_t page_bytes) {
  const PageHeader& header = branch.header();
  uint32_t lowest = page_bytes - header.prefix_bytes;
  uint32_t last_end = 0;
  bool tails_are_in_order = true;  // as a builder writes them: then they cannot overlap
  for (uint32_t index = 1; index < branch.count(); ++index) {
    if (const char* damage = find_separator_damage(branch, index, page_bytes)) {
      return damage;
    }
    if (index > 1 && !is_less(branch, index - 1, index)) {
      return "branch: separators are out of order";
    }
    const uint32_t tail_bytes = branch_tail_bytes(branch.suffix_bytes(index));
    if (tail_bytes > 0) {
      const uint32_t offset = branch.tail_offset(index);
      tails_are_in_order = tails_are_in_order && offset >= last_end;
      last_end = offset + tail_bytes;
      lowest = std::min(lowest, offset);
    }
  }
  if (lowest != header.body) {
    return "branch: body is not the lowest tail";
  }
  return !tails_are_in_order && tails_overlap(branch, page_bytes) ? "branch: tails overlap" : nullptr;
}

}  // namespace

const char* find_branch_damage(std::span<const std::byte> page) {
  if (!is_page_size(page.size())) {
    return "page size";
  }
  const auto page_bytes = static_cast<uint32_t>(page.size());
  const BranchView branch(page.data(), page_bytes);
  const PageHeader& header = branch.header();
  const uint32_t count = header.count;
  if (count == 0) {
    return "branch: no children";
  }
  if (header.prefix_bytes > key_bytes_max(page_bytes) || header.body > page_bytes - header.prefix_bytes ||
      header.body < kPageHeaderBytes + uint64_t{kBranchIndexBytesPerChild} * count) {
    return "branch: index, tails and prefix do not fit";
  }
  if (branch.head(0) != 0 || branch.suffix_bytes(0) != 0 || branch.tail_offset(0) != 0) {
    return "branch: separator 0 is not empty";
  }
  const std::byte* const children = page.data() + kPageHeaderBytes + 8 * size_t{count};
  for (uint32_t index = 0; index < count; ++index) {
    if (const char* damage = find_child_damage(reinterpret_cast<const PageRefOnDisk*>(children)[index])) {
      return damage;
    }
  }
  return find_separators_damage(branch, page_bytes);
}

}  // namespace holdfast::format
