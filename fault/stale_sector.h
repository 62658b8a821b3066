// Stale sector: a sector at rest reads as the version before the last durable one. Its checksum is right: only the page
// that refers to it can tell.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct StaleSector {
  static constexpr Kind kKind = Kind::kStaleSector;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "stale_sector";
  static constexpr const char* kRules = "R25";

  uint32_t one_in = 0;  // reads; 0: never
};

}  // namespace holdfast::fault
