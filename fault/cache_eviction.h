// Cache eviction: the operating system drops clean pages and reads them again. Harmless, unless a failed sync left
// pages that only pretended to be clean: then reads silently go back to the durable bytes, without any restart.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct CacheEviction {
  static constexpr Kind kKind = Kind::kCacheEviction;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "cache_eviction";
  static constexpr const char* kRules = "R14 R21";

  uint32_t one_in = 0;  // reads; 0: never
};

}  // namespace holdfast::fault
