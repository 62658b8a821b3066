#include "log/merkle.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/check.h"

namespace holdfast::log {

namespace {

// Where RFC 6962 splits a tree of `size` leaves: the largest power of two below it. Pre: size > 1.
uint64_t split_of(uint64_t size) { return std::bit_floor(size - 1); }

}  // namespace

std::vector<Subtree> subtrees_of(LeafRange range) {
  CHECK(range.begin <= range.end);
  std::vector<Subtree> subtrees;
  for (uint64_t left = range.end - range.begin; left > 0;) {
    const uint64_t leaves = std::bit_floor(left);
    const uint64_t first = range.end - left;
    CHECK(first % leaves == 0);
    const auto level = static_cast<uint8_t>(std::countr_zero(leaves));
    subtrees.push_back({level, first >> level});
    left -= leaves;
  }
  return subtrees;
}

std::vector<LeafRange> plan_inclusion(uint64_t index, uint64_t size) {
  CHECK(index < size && size <= kLeavesMax);
  std::vector<LeafRange> plan;
  LeafRange tree = {0, size};  // the subtree that the leaf is in
  while (tree.end - tree.begin > 1) {
    const uint64_t middle = tree.begin + split_of(tree.end - tree.begin);
    if (index < middle) {
      plan.push_back({middle, tree.end});
      tree.end = middle;
    } else {
      plan.push_back({tree.begin, middle});
      tree.begin = middle;
    }
  }
  std::ranges::reverse(plan);
  return plan;
}

std::vector<LeafRange> plan_consistency(uint64_t old_size, uint64_t new_size) {
  CHECK(old_size <= new_size && new_size <= kLeavesMax);
  std::vector<LeafRange> plan;
  if (old_size == 0) {
    return plan;
  }
  LeafRange tree = {0, new_size};  // the subtree in which the old tree ends
  while (tree.end != old_size) {
    const uint64_t middle = tree.begin + split_of(tree.end - tree.begin);
    if (old_size <= middle) {
      plan.push_back({middle, tree.end});
      tree.end = middle;
    } else {
      plan.push_back({tree.begin, middle});
      tree.begin = middle;
    }
  }
  if (tree.begin != 0) {  // otherwise it is the old tree, whose root the verifier has
    plan.push_back(tree);
  }
  std::ranges::reverse(plan);
  return plan;
}

Result<Hash> hash_of(LeafRange range, const HashSource& source) {
  const std::vector<Subtree> subtrees = subtrees_of(range);
  CHECK(!subtrees.empty());
  HOLDFAST_TRY_ASSIGN(Hash hash, source(subtrees.back().level, subtrees.back().index));
  for (size_t left = subtrees.size() - 1; left-- > 0;) {
    HOLDFAST_TRY_ASSIGN(const Hash sibling, source(subtrees[left].level, subtrees[left].index));
    hash = node_hash(sibling, hash);
  }
  return hash;
}

Result<std::vector<Hash>> hashes_of(std::span<const LeafRange> plan, const HashSource& source) {
  std::vector<Hash> hashes;
  hashes.reserve(plan.size());
  for (const LeafRange& range : plan) {
    HOLDFAST_TRY_ASSIGN(const Hash hash, hash_of(range, source));
    hashes.push_back(hash);
  }
  return hashes;
}

Result<Hash> root_of(uint64_t size, const HashSource& source) {
  return size == 0 ? Result<Hash>(empty_root()) : hash_of({0, size}, source);
}

Result<CompactRange> compact_range_of(uint64_t size, const HashSource& source) {
  std::vector<Hash> peaks;
  for (const Subtree& subtree : subtrees_of({0, size})) {
    HOLDFAST_TRY_ASSIGN(const Hash peak, source(subtree.level, subtree.index));
    peaks.push_back(peak);
  }
  return CompactRange(size, peaks);
}

Result<std::vector<Hash>> prove_inclusion(uint64_t index, uint64_t size, const HashSource& source) {
  if (index >= size || size > kLeavesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "there is no leaf " + std::to_string(index) + " in a tree of " + std::to_string(size));
  }
  return hashes_of(plan_inclusion(index, size), source);
}

Result<std::vector<Hash>> prove_consistency(uint64_t old_size, uint64_t new_size, const HashSource& source) {
  if (old_size > new_size || new_size > kLeavesMax) {
    return fail(ErrorCode::kInvalidArgument, "a tree of " + std::to_string(new_size) +
                                                 " leaves does not begin with one of " + std::to_string(old_size));
  }
  return hashes_of(plan_consistency(old_size, new_size), source);
}

}  // namespace holdfast::log
