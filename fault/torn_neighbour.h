// Torn neighbour: a disk without power-safe overwrite that loses power while it rewrites a unit of 4,096 bytes leaves
// garbage in any sector of it, also in those that were not being written and were durable long ago.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct TornNeighbour {
  static constexpr Kind kKind = Kind::kTornNeighbour;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "torn_neighbour";
  static constexpr const char* kRules = "R3";

  uint32_t percent_of_units = 0;  // of the units with pending writes at a power cut; 0: never
};

}  // namespace holdfast::fault
