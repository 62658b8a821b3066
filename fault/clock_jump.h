// Clock jump: the wall clock jumps both ways, by seconds or years, also while the machine is off; the monotonic clock
// may stand for hours and then go on. Nothing durable may depend on either.
//
// Promise: none of it shows. The oracle forgives nothing for it: order, contents and durability are judged as without.
// Of R30 this models all that a program can see through Env: both clocks. The time stamps of files are no part of Env,
// so that the engine cannot look at them.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct ClockJump {
  static constexpr Kind kKind = Kind::kClockJump;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "clock_jump";
  static constexpr const char* kRules = "R30";

  uint32_t one_in = 0;                                    // readings of a clock, and every second restart; 0: never
  uint64_t jump_seconds_max = 0;                          // how far the wall clock jumps, in either direction
  static constexpr uint64_t kPauseSecondsMax = 4 * 3600;  // how long the machine was suspended
};

}  // namespace holdfast::fault
