// Proofs of the Merkle tree of a stream (RFC 6962, 2.1): which hashes a proof is made of, and how they are got.
//
// A proof is a list of hashes, each that of a range of leaves. plan_inclusion() and plan_consistency() say which
// ranges, and subtrees_of() of which complete subtrees a range consists; all three are pure arithmetic. The hashes of
// complete subtrees come from the caller, by (level, index). At most one range of a proof is more than one complete
// subtree.
//
// The checks of both proofs are check_inclusion() and check_consistency() in <holdfast/proof.h>.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <holdfast/result.h>

#include "log/compact_range.h"

namespace holdfast::log {

// The complete subtree that covers the leaves from index * 2^level up to (index + 1) * 2^level. Level 0: the leaf
// itself.
struct Subtree {
  uint8_t level = 0;
  uint64_t index = 0;
  friend bool operator==(const Subtree&, const Subtree&) = default;
};

// Leaves from `begin` up to `end`; not empty, and `begin` is a multiple of the largest power of two that fits.
struct LeafRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  friend bool operator==(const LeafRange&, const LeafRange&) = default;
};

// The hash of a complete subtree (of leaf `index` at level 0). Errors are handed on.
using HashSource = std::function<Result<Hash>(uint8_t level, uint64_t index)>;

// The complete subtrees of a range, from left to right: at most 63.
std::vector<Subtree> subtrees_of(LeafRange range);

// What the proof consists of that leaf `index` is in the tree of `size` leaves: the siblings from the leaf up, at
// most 63. Pre: index < size <= kLeavesMax.
std::vector<LeafRange> plan_inclusion(uint64_t index, uint64_t size);
// What the proof consists of that the tree of `old_size` leaves is the beginning of that of `new_size`: nothing if it
// is empty or the same. At most 64. Pre: old_size <= new_size <= kLeavesMax.
std::vector<LeafRange> plan_consistency(uint64_t old_size, uint64_t new_size);

// RFC 6962's hash of the leaves of a range. Errors: those of the source.
Result<Hash> hash_of(LeafRange range, const HashSource& source);
Result<std::vector<Hash>> hashes_of(std::span<const LeafRange> plan, const HashSource& source);

// The root of the first `size` leaves. Errors: those of the source.
Result<Hash> root_of(uint64_t size, const HashSource& source);
// The edge of the tree of the first `size` leaves, to go on appending from there. Errors: those of the source.
Result<CompactRange> compact_range_of(uint64_t size, const HashSource& source);
// Errors: invalid_argument (the index or size is not there), those of the source.
Result<std::vector<Hash>> prove_inclusion(uint64_t index, uint64_t size, const HashSource& source);
Result<std::vector<Hash>> prove_consistency(uint64_t old_size, uint64_t new_size, const HashSource& source);

}  // namespace holdfast::log
