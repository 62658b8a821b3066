// Draw: random numbers for tests that run again as they ran before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace holdfast {

// A small generator whose draws are the same everywhere (splitmix64).
class Draw {
 public:
  explicit Draw(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
  bool one_in(uint64_t bound) { return below(bound) == 0; }
  std::string text(size_t bytes) {
    std::string text(bytes, '\0');
    for (char& c : text) {
      c = static_cast<char>('a' + below(26));
    }
    return text;
  }

 private:
  uint64_t state_;
};

}  // namespace holdfast
