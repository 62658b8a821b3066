// Torn neighbour: a disk without power-safe overwrite that loses power while it rewrites a unit of 4,096 bytes leaves
// garbage in any sector of it, also in those that were not being written and were durable long ago.
//
// Promise: pages are whole units, so that nothing but what was being written is lost, and the database shows what it
// may show after a plain power cut. One exception: a meta page of 4 KiB holds both its copies in one unit (a larger one
// in two units that are written together), and if both become garbage, open refuses with `corruption` and names the
// tree file.
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
