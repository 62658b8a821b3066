// Power cut: everything stops at one operation, and the disk keeps one of the images that TornWrite, LostSize and
// LostName allow. What was acknowledged as durable must be there afterwards.
//
// Crashes near barriers and changes of names, during recovery, and at the first operations after it find the most, so
// a share of them is aimed there.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct PowerCut {
  static constexpr Kind kKind = Kind::kPowerCut;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "power_cut";
  static constexpr const char* kRules = "R1-R13";

  uint32_t crashes_max = 0;  // per run
  uint32_t one_in = 0;       // operations of the disk, away from the places below; 0: never
  // Of 100 crashes, how many fall within two operations of a sync, rename or removal, and how many into recovery.
  uint32_t near_barrier_percent = 40;
  uint32_t in_recovery_percent = 30;
  uint32_t probe_one_in = 20;  // operations at which a copy of the disk is cut and recovered while the run goes on
};

}  // namespace holdfast::fault
