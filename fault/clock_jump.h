// Clock jump: the wall clock jumps both ways, by seconds or years; the monotonic clock may stand for hours and then go
// on. Nothing durable may depend on either.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct ClockJump {
  static constexpr Kind kKind = Kind::kClockJump;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "clock_jump";
  static constexpr const char* kRules = "R30";

  uint32_t one_in = 0;  // readings of the clock; 0: never
  uint64_t jump_seconds_max = 0;
};

}  // namespace holdfast::fault
