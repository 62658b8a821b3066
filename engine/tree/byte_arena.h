// ByteArena: memory for short byte strings that are needed together and forgotten together.
//
// Its chunks are kept when it is emptied, so that a loop which fills and empties it allocates only at first.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace holdfast::tree {

class ByteArena {
 public:
  // `a` followed by `b`; lives until clear(). Pre: together at most kChunkBytes.
  std::string_view copy(std::string_view a, std::string_view b = {}) {
    const size_t bytes = a.size() + b.size();
    CHECK(bytes <= kChunkBytes);
    if (used_ + bytes > kChunkBytes) {
      if (++chunk_count_ > chunks_.size()) {
        chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunkBytes));
      }
      used_ = 0;
    }
    if (bytes == 0) {
      return {};
    }
    char* at = chunks_[chunk_count_ - 1].get() + used_;
    if (!a.empty()) {
      std::memcpy(at, a.data(), a.size());
    }
    if (!b.empty()) {
      std::memcpy(at + a.size(), b.data(), b.size());
    }
    used_ += bytes;
    return {at, bytes};
  }

  void clear() {
    chunk_count_ = 0;
    used_ = kChunkBytes;
  }

 private:
  static constexpr size_t kChunkBytes = size_t{128} * 1024;

  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_count_ = 0;     // in use
  size_t used_ = kChunkBytes;  // of the last one in use
};

}  // namespace holdfast::tree
