// Cuts a sequence of rows or children into pages, by the builders' own size functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace holdfast::tree {

enum class Fill : uint8_t {
  kEven,  // all pages about equally full
  kBrim,  // each as full as it goes; for input that only grows at its end
};

struct PartitionSize {
  uint32_t pages = 0;
  uint64_t bytes = 0;  // of all of them
};

// Cuts items [0, count) into groups that fit a page each, filled to the brim; `ends` gets the end of each group.
// `bytes_with(i)` and `add(i)` ask and feed `builder`, which is empty before and after. Pre: each item fits a page
// alone.
template <class Builder, class BytesWith, class Add>
PartitionSize partition_brim(Builder& builder, uint32_t page_bytes, size_t count, BytesWith bytes_with, Add add,
                             std::vector<uint32_t>& ends) {
  PartitionSize size;
  ends.clear();
  for (size_t i = 0; i < count; ++i) {
    if (builder.count() > 0 && bytes_with(i) > page_bytes) {
      size.bytes += builder.bytes();
      builder.clear();
      ends.push_back(static_cast<uint32_t>(i));
    }
    add(i);
  }
  if (builder.count() > 0) {
    size.bytes += builder.bytes();
    builder.clear();
    ends.push_back(static_cast<uint32_t>(count));
  }
  size.pages = static_cast<uint32_t>(ends.size());
  return size;
}

// The same in about `pages` groups (one more if the rounding demands it) of even size, which add up to `bytes`.
template <class Builder, class BytesWith, class Add>
void partition_even(Builder& builder, uint32_t page_bytes, size_t count, PartitionSize size, BytesWith bytes_with,
                    Add add, std::vector<uint32_t>& ends) {
  CHECK(size.pages > 0);
  const uint64_t target = size.bytes / size.pages;
  ends.clear();
  for (size_t i = 0; i < count; ++i) {
    if (builder.count() > 0) {
      const uint64_t with = bytes_with(i);
      const bool is_last = ends.size() + 1 >= size.pages;
      if (with > page_bytes || (!is_last && with + builder.bytes() > 2 * target)) {
        builder.clear();
        ends.push_back(static_cast<uint32_t>(i));
      }
    }
    add(i);
  }
  if (builder.count() > 0) {
    builder.clear();
    ends.push_back(static_cast<uint32_t>(count));
  }
}

}  // namespace holdfast::tree
