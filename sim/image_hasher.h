// ImageHasher: tells images of a disk apart.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "sim/sim_disk.h"

namespace holdfast::sim {

// Hashes what reads see of a disk: every name and every byte. Not by checksums, which the blocks themselves hold: those
// may cancel each other out. Remembers blocks, of which most are in many images.
class ImageHasher {
 public:
  uint64_t of(const SimDisk& disk);

 private:
  uint64_t of(const BlockRef& block);
  struct Known {
    BlockRef block;  // so that no other one gets its address
    uint64_t hash = 0;
  };
  std::unordered_map<const Block*, Known> blocks_;  // looked up, never walked
};

}  // namespace holdfast::sim
