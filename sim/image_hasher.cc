#include "sim/image_hasher.h"

#include <array>
#include <cstring>

#include "sim/random.h"
#include "sim/trace.h"

namespace holdfast::sim {

namespace {

constexpr size_t kBlocksKeptMax = 20'000;

uint64_t hash_of(const Block& block) {
  std::array<uint64_t, 4> lanes{1, 2, 3, 4};
  for (size_t at = 0; at < kBlockBytes; at += sizeof lanes) {
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      uint64_t word = 0;
      std::memcpy(&word, block.bytes.data() + at + lane * sizeof word, sizeof word);
      lanes[lane] = (lanes[lane] ^ word) * 0x9fb21c651e98df25U;
      lanes[lane] ^= lanes[lane] >> 29U;
    }
  }
  return mix(mix(lanes[0], lanes[1]), mix(lanes[2], lanes[3]));
}

}  // namespace

uint64_t ImageHasher::of(const BlockRef& block) {
  const auto [found, is_new] = blocks_.try_emplace(block.get());
  if (is_new) {
    found->second = {block, hash_of(*block)};
  }
  return found->second.hash;
}

uint64_t ImageHasher::of(const SimDisk& disk) {
  static const uint64_t kZeros = hash_of(*zeroed_block());
  if (blocks_.size() > kBlocksKeptMax) {
    blocks_.clear();
  }
  const auto directory = disk.find_directory("db");
  if (!directory) {
    return 0;
  }
  uint64_t result = 1;
  for (const auto& [name, number] : disk.directory(*directory).live()) {
    const Inode& file = disk.file(number);
    result = mix(mix(result, trace_hash(name)), file.size());
    for (uint64_t block = 0; block * kBlockBytes < file.size(); ++block) {
      const Slot* slot = file.slot(block);
      // A block of zeros is one that was never written.
      if (const uint64_t hash = slot != nullptr && slot->cache ? of(slot->cache) : kZeros; hash != kZeros) {
        result = mix(result, mix(block, hash));
      }
    }
  }
  return result;
}

}  // namespace holdfast::sim
