// PageBitmap: one bit per page of the file, and how many are set.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast {

class PageBitmap {
 public:
  static constexpr uint32_t kBitsPerWord = 64;

  uint64_t count() const { return count_; }
  const std::vector<uint64_t>& words() const { return words_; }
  // Pre: for a smaller size, the bits that go away are 0.
  void resize(uint64_t bits) { words_.resize((bits + kBitsPerWord - 1) / kBitsPerWord); }

  bool test(uint32_t index) const {
    return index / kBitsPerWord < words_.size() && (words_[index / kBitsPerWord] & mask(index)) != 0;
  }
  // Pre: index < size.
  void flip(uint32_t index) {
    uint64_t& word = words_[index / kBitsPerWord];
    word ^= mask(index);
    count_ = (word & mask(index)) != 0 ? count_ + 1 : count_ - 1;
  }
  // Sets 64 bits, of which none was set.
  void load_word(uint32_t index, uint64_t word) {
    words_[index] = word;
    count_ += static_cast<uint32_t>(std::popcount(word));
  }

  // First set bit in [begin, end); word-wise.
  std::optional<uint32_t> find_set(uint32_t begin, uint64_t end) const;
  // Start of the first run of `count` set bits in [begin, end).
  std::optional<uint32_t> find_run(uint32_t begin, uint64_t end, uint32_t count) const;

 private:
  static uint64_t mask(uint32_t index) { return uint64_t{1} << (index % kBitsPerWord); }

  std::vector<uint64_t> words_;
  uint64_t count_ = 0;
};

}  // namespace holdfast
