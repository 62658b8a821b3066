// Lost write: a write is acknowledged and flushed, and never reaches the medium. Reads show what was there before.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct LostWrite {
  static constexpr Kind kKind = Kind::kLostWrite;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "lost_write";
  static constexpr const char* kRules = "R27";

  uint32_t one_in = 0;  // writes; 0: never
};

}  // namespace holdfast::fault
