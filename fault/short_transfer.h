// Short transfers and interruptions: a read or write moves only part of what was asked, and may report EINTR. Between
// the parts other threads run, so a reader can see half of a write. Reads stop anywhere, writes where a sector ends: a
// kernel copies a page at a time into its cache, and so never writes one sector in two steps.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct ShortTransfer {
  static constexpr Kind kKind = Kind::kShortTransfer;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "short_transfer";
  static constexpr const char* kRules = "R17 R19";

  uint32_t one_in = 0;                // transfers; 0: never
  uint32_t interrupted_percent = 30;  // of those also report EINTR
};

}  // namespace holdfast::fault
