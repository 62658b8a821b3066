// Finds out whether cells of a page overlap: one bit per byte of the page, on the stack (8 KiB at most).
//
// Cost of marking all cells of a page: one operation per 64 bytes of page and one or two per cell, in whatever order
// the cells come; a hostile page cannot make it quadratic.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <holdfast/options.h>

namespace holdfast::format {

class ByteMarks {
 public:
  // Pre: page_bytes <= kPageBytesMax.
  explicit ByteMarks(uint32_t page_bytes) { std::fill_n(words_.begin(), page_bytes / 64, 0); }

  // Marks bytes [begin, end); false if one of them was marked before. Pre: begin < end <= page_bytes.
  bool mark(uint32_t begin, uint32_t end) {
    const uint32_t first = begin / 64;
    const uint32_t last = (end - 1) / 64;
    uint64_t seen = 0;
    for (uint32_t index = first; index <= last; ++index) {
      uint64_t mask = ~uint64_t{0};
      if (index == first) {
        mask &= ~uint64_t{0} << (begin % 64);
      }
      if (index == last) {
        mask &= ~uint64_t{0} >> (63 - (end - 1) % 64);
      }
      seen |= words_[index] & mask;
      words_[index] |= mask;
      if (seen != 0) {
        return false;
      }
    }
    return true;
  }

 private:
  std::array<uint64_t, kPageBytesMax / 64> words_;
};

}  // namespace holdfast::format
