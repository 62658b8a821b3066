// Reads choices off the fuzzer's input; answers zeros when it is used up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace holdfast::fuzz {

class Choices {
 public:
  Choices(const uint8_t* data, size_t bytes) : data_(data), left_(bytes) {}

  bool empty() const { return left_ == 0; }
  uint8_t byte() {
    if (left_ == 0) {
      return 0;
    }
    --left_;
    return *data_++;
  }
  uint32_t below(uint32_t bound) {
    uint32_t value = byte();
    if (bound > 256) {
      value = value << 8 | byte();
    }
    if (bound > 65536) {
      value = value << 8 | byte();
    }
    return value % bound;
  }
  std::string text(size_t bytes) {
    std::string out;
    while (out.size() < bytes) {
      out.push_back(static_cast<char>(byte()));
    }
    return out;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

}  // namespace holdfast::fuzz
