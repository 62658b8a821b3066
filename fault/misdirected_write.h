// Misdirected write: a write lands at another place of the file. It has two victims: the place that keeps its old
// bytes, and the place that gets well-formed bytes that belong elsewhere.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct MisdirectedWrite {
  static constexpr Kind kKind = Kind::kMisdirectedWrite;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "misdirected_write";
  static constexpr const char* kRules = "R27";

  uint32_t one_in = 0;  // writes; 0: never
};

}  // namespace holdfast::fault
