// Misdirected read: one read brings the bytes of another place of the file. Reading again brings the right ones.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct MisdirectedRead {
  static constexpr Kind kKind = Kind::kMisdirectedRead;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "misdirected_read";
  static constexpr const char* kRules = "R27";

  uint32_t one_in = 0;  // reads; 0: never
};

}  // namespace holdfast::fault
