// Latent sector error: a sector cannot be read (EIO) until it is written again. A large read fails as a whole if any of
// its sectors is bad.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct LatentSector {
  static constexpr Kind kKind = Kind::kLatentSector;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "latent_sector";
  static constexpr const char* kRules = "R26";

  uint32_t one_in = 0;  // reads; 0: never
};

}  // namespace holdfast::fault
