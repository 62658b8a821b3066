// See page_bitmap.h.
#include "page/page_bitmap.h"

#include <algorithm>

namespace holdfast {

std::optional<uint32_t> PageBitmap::find_set(uint32_t begin, uint64_t end) const {
  end = std::min(end, words_.size() * uint64_t{kBitsPerWord});
  for (uint64_t index = begin; index < end;) {
    const uint64_t word = words_[index / kBitsPerWord] >> (index % kBitsPerWord);
    if (word != 0) {
      index += static_cast<uint32_t>(std::countr_zero(word));
      return index < end ? std::optional<uint32_t>(static_cast<uint32_t>(index)) : std::nullopt;
    }
    index += kBitsPerWord - index % kBitsPerWord;
  }
  return std::nullopt;
}

std::optional<uint32_t> PageBitmap::find_run(uint32_t begin, uint64_t end, uint32_t count) const {
  end = std::min(end, words_.size() * uint64_t{kBitsPerWord});
  uint64_t run = 0;  // set bits right before `index`
  for (uint64_t index = begin; index < end;) {
    const uint32_t shift = static_cast<uint32_t>(index % kBitsPerWord);
    const uint64_t in_word = std::min<uint64_t>(kBitsPerWord - shift, end - index);
    const uint64_t ones =
        std::min<uint64_t>(static_cast<uint32_t>(std::countr_one(words_[index / kBitsPerWord] >> shift)), in_word);
    run += ones;
    index += ones;
    if (run >= count) {
      return static_cast<uint32_t>(index - run);
    }
    if (ones < in_word) {  // a zero follows: go to the next one
      const std::optional<uint32_t> next = find_set(static_cast<uint32_t>(index), end);
      if (!next) {
        return std::nullopt;
      }
      index = *next;
      run = 0;
    }
  }
  return std::nullopt;
}

}  // namespace holdfast
