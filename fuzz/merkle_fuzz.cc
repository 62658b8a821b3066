// Checks of paths of any hashes between trees of any sizes: they end, and accept nothing but the path that is right.
//
// Input: a byte that chooses, two sizes, and hashes.
#include <algorithm>

#include <holdfast/proof.h>

#include "base/check.h"
#include "base/little_endian.h"
#include "fuzz/input.h"
#include "log/merkle.h"

namespace {

using namespace holdfast;

constexpr size_t kHeaderBytes = 17;

// A tree all of whose leaves are the same: a subtree's hash depends on its level only, so that a tree of any size is at
// hand.
Result<Hash> uniform(uint8_t level, uint64_t) {
  static const std::vector<Hash> levels = [] {
    std::vector<Hash> hashes(1);
    while (hashes.size() < 64) {
      hashes.push_back(log::node_hash(hashes.back(), hashes.back()));
    }
    return hashes;
  }();
  return levels[level];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, std::max(bytes, kHeaderBytes));
  const auto choice = std::to_integer<unsigned>(block[0]);
  const auto size = load_le<uint64_t>(block.data() + 1);
  const auto other = load_le<uint64_t>(block.data() + 9);
  std::vector<Hash> path((block.size() - kHeaderBytes) / sizeof(Hash));
  for (size_t index = 0; index < path.size(); ++index) {
    const auto at = block.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes + index * sizeof(Hash));
    std::copy(at, at + sizeof(Hash), path[index].begin());
  }
  const Hash root = path.empty() ? Hash{} : path.back();
  static_cast<void>(proof::check_inclusion(Hash{}, other, size, root, path));
  static_cast<void>(proof::check_consistency(other, Hash{}, size, root, path));
  if (size > log::kLeavesMax || other > size) {
    return 0;
  }
  // Only the right path is accepted: not the input, and not the right one with a hash of the input's.
  const Hash new_root = log::root_of(size, uniform).value();
  const Hash old_root = log::root_of(other, uniform).value();
  const bool inclusion = (choice & 1) == 0 && other < size;
  const auto is_accepted = [&](std::span<const Hash> tried) {
    return inclusion ? proof::check_inclusion(Hash{}, other, size, new_root, tried).has_value()
                     : proof::check_consistency(other, old_root, size, new_root, tried).has_value();
  };
  std::vector<Hash> right = inclusion ? log::prove_inclusion(other, size, uniform).value()
                                      : log::prove_consistency(other, size, uniform).value();
  CHECK(is_accepted(right) && right.size() <= proof::kPathHashesMax);
  CHECK(is_accepted(path) == (path == right));
  if (!right.empty() && !path.empty() && path[0] != right[(choice >> 1) % right.size()]) {
    right[(choice >> 1) % right.size()] = path[0];
    CHECK(!is_accepted(right));
  }
  return 0;
}
