// CompactRange: the right edge of a growing Merkle tree (RFC 6962, 2.1), which is all that appending and the root need.
//
// A tree of any size is a row of complete subtrees, whose sizes are the powers of two in the binary form of its size,
// largest first; their roots are the peaks. A complete subtree never changes, so each hash that append() computes is
// final.
//
// Invariant: peaks().size() == popcount(size()), at most 63.
// Threads: one at a time. Nothing is allocated.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <holdfast/result.h>

#include "base/check.h"
#include "base/sha256.h"

namespace holdfast::log {

constexpr uint64_t kLeavesMax = (uint64_t{1} << 63) - 1;  // offsets are not negative
constexpr size_t kPeaksMax = 63;

// Hash of a node of the tree: SHA-256(01 || left || right).
Hash node_hash(const Hash& left, const Hash& right);
// Root of the tree without leaves: SHA-256 of nothing.
Hash empty_root();

class CompactRange {
 public:
  CompactRange() = default;
  // Pre: as many peaks as `size` has bits set, at most kLeavesMax leaves.
  CompactRange(uint64_t size, std::span<const Hash> peaks);

  uint64_t size() const { return size_; }  // leaves
  std::span<const Hash> peaks() const { return std::span(peaks_).first(static_cast<size_t>(std::popcount(size_))); }

  // Adds a leaf by its hash. Cost: one SHA-256 per subtree that it completes, which is one on average. Pre: size() is
  // below kLeavesMax.
  void append(const Hash& leaf_hash) {
    append(leaf_hash, [](uint8_t, uint64_t, const Hash&) {});
  }
  // The same; `on_complete(level, index, hash)` is told each subtree that the leaf completes, itself first, as level 0.
  // The subtree at (level, index) covers the leaves from index * 2^level up to (index + 1) * 2^level.
  template <class OnComplete>
  void append(const Hash& leaf_hash, const OnComplete& on_complete);

  // Root of the tree. Cost: one SHA-256 per peak but one.
  Hash root() const;

  // size u64 little-endian | the peaks, largest subtree first.
  std::vector<std::byte> encode() const;
  // Total: any number of bytes. Errors: corruption (says which rule failed). Whether the peaks are those of any leaves
  // only the root can tell.
  static Result<CompactRange> decode(std::span<const std::byte> bytes);

  friend bool operator==(const CompactRange& a, const CompactRange& b);

 private:
  uint64_t size_ = 0;
  std::array<Hash, kPeaksMax> peaks_;  // those behind the last one are not initialised
};

template <class OnComplete>
void CompactRange::append(const Hash& leaf_hash, const OnComplete& on_complete) {
  CHECK(size_ < kLeavesMax);
  Hash hash = leaf_hash;
  uint64_t index = size_;
  size_t count = peaks().size();
  on_complete(uint8_t{0}, index, hash);
  for (uint8_t level = 1; (index & 1) == 1; ++level) {
    hash = node_hash(peaks_[--count], hash);
    index >>= 1;
    on_complete(level, index, hash);
  }
  peaks_[count] = hash;
  ++size_;
}

}  // namespace holdfast::log
