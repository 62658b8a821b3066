// The bytes of one file of the memory environment.
//
// Owns the blocks. Any thread may call; one mutex per file orders the calls, so a read sees a write wholly or not at
// all (more than a disk promises). Invariants:
//   1. A block that is null, or that lies beyond the vector, reads as zeros.
//   2. Every byte at or beyond size_ is zero, so that growing shows zeros.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/sync.h"

namespace holdfast {

class MemoryFileData {
 public:
  static constexpr uint64_t kFileBytesMax = uint64_t{1} << 36;

  // Bytes read: fewer than asked for only at the end.
  size_t read(uint64_t offset, std::span<std::byte> buffer) const;
  // False: the file would exceed kFileBytesMax; nothing was changed.
  bool write(uint64_t offset, std::span<const std::byte> data);
  bool resize(uint64_t bytes);
  // As resize, but never shrinks.
  bool grow(uint64_t bytes);
  uint64_t size() const;

 private:
  static constexpr uint64_t kBlockBytes = 65536;
  using Block = std::array<std::byte, kBlockBytes>;

  void shrink(uint64_t bytes);

  mutable sync::Mutex mutex_;
  uint64_t size_ = 0;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace holdfast
