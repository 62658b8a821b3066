#include "tests/bench/rows.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace holdfast::bench {
namespace {

// SplitMix64: a good mix of a counter.
uint64_t mixed(uint64_t counter) {
  uint64_t z = (counter + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

Rows::Rows(uint64_t count) : bytes_(count * kRowBytes, '\0') {
  uint64_t counter = 0;
  for (uint64_t i = 0; i < count; ++i) {
    char* row = bytes_.data() + i * kRowBytes;
    for (uint64_t at = 0; at < kRowBytes; at += sizeof(uint64_t)) {
      const uint64_t word = mixed(counter++);
      std::memcpy(row + at, &word, std::min<uint64_t>(sizeof word, kRowBytes - at));
    }
    random_.push_back({{row, kKeyBytes}, {row + kKeyBytes, kValueBytes}});
  }
  sorted_ = random_;
  std::sort(sorted_.begin(), sorted_.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
  std::vector<Row> shuffled = random_;
  for (uint64_t i = count; i > 1; --i) std::swap(shuffled[i - 1], shuffled[mixed(counter++) % i]);
  for (const Row& row : shuffled) lookups_ += row.key;
}

}  // namespace holdfast::bench
