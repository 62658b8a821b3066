// Process kill: the process is gone with its locks and handles, and the cache of the operating system stays. What
// recovery then reads may not be durable yet: a power cut that follows can take it back.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct ProcessKill {
  static constexpr Kind kKind = Kind::kProcessKill;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "process_kill";
  static constexpr const char* kRules = "R15 R16 R18";

  uint32_t percent_of_crashes = 0;  // the others are power cuts
};

}  // namespace holdfast::fault
