// The rows of every benchmark: 16-byte random keys, 100-byte values that do not compress; the same in every run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/engine.h"

namespace holdfast::bench {

constexpr uint64_t kKeyBytes = 16;
constexpr uint64_t kValueBytes = 100;
constexpr uint64_t kRowBytes = kKeyBytes + kValueBytes;

class Rows {
 public:
  explicit Rows(uint64_t count);
  // In random order.
  const std::vector<Row>& random() const { return random_; }
  // In key order.
  const std::vector<Row>& sorted() const { return sorted_; }
  // Keys in another random order, close together in memory, so that fetching a key to look for costs next to nothing.
  std::string_view lookup(uint64_t index) const {
    return std::string_view(lookups_).substr(index % random_.size() * kKeyBytes, kKeyBytes);
  }
  uint64_t count() const { return random_.size(); }

 private:
  std::string bytes_;
  std::string lookups_;
  std::vector<Row> random_;
  std::vector<Row> sorted_;
};

}  // namespace holdfast::bench
