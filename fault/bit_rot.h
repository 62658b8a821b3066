// Bit rot: a single bit, or a run of bits, of a sector at rest is no longer what was written. It stays so however often
// it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "fault/kind.h"

namespace holdfast::fault {

struct BitRot {
  static constexpr Kind kKind = Kind::kBitRot;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "bit_rot";
  static constexpr const char* kRules = "R25";

  uint32_t one_in = 0;  // reads; 0: never
  static constexpr uint64_t kRunBitsMax = 256;

  // Flips one bit, or a run of them. Changes `sector` for certain.
  static void damage(std::span<std::byte> sector, uint64_t random) {
    const uint64_t bit_count = sector.size() * 8;
    const uint64_t run = (random & 1U) == 0 ? 1 : 1 + (random >> 1U) % kRunBitsMax;
    const uint64_t first = (random >> 16U) % bit_count;
    for (uint64_t bit = first; bit < first + run && bit < bit_count; ++bit) {
      sector[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
};

}  // namespace holdfast::fault
