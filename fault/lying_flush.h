// Lying flush: a sync answers success and makes nothing durable; the bytes still wait. No single disk's program can
// notice, so nothing is promised; drawn only on demand, to see how much is lost.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct LyingFlush {
  static constexpr Kind kKind = Kind::kLyingFlush;
  static constexpr Class kClass = Class::kOutOfContract;
  static constexpr const char* kName = "lying_flush";
  static constexpr const char* kRules = "R28";

  uint32_t one_in = 0;  // syncs; 0: never
};

}  // namespace holdfast::fault
