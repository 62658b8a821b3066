// No space: for a while, whatever needs new blocks or a new name fails with ENOSPC, a write possibly after the part for
// which there was room. Overwriting what has its blocks works, except on a copy-on-write file system.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct NoSpace {
  static constexpr Kind kKind = Kind::kNoSpace;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "no_space";
  static constexpr const char* kRules = "R17 R22";

  uint32_t one_in = 0;              // operations that need space; 0: never
  uint32_t duration_max = 16;       // such operations that fail in a row, at most
  bool refuses_overwrites = false;  // copy-on-write: overwriting needs space too
};

}  // namespace holdfast::fault
