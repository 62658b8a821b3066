// Zeroed sector: a sector at rest reads as all zeros, or as all ones (an erased flash cell).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "fault/kind.h"

namespace holdfast::fault {

struct ZeroedSector {
  static constexpr Kind kKind = Kind::kZeroedSector;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "zeroed_sector";
  static constexpr const char* kRules = "R25";

  uint32_t one_in = 0;  // reads; 0: never

  static void damage(std::span<std::byte> sector, uint64_t random) {
    std::fill(sector.begin(), sector.end(), (random & 1U) == 0 ? std::byte{0} : std::byte{0xff});
  }
};

}  // namespace holdfast::fault
