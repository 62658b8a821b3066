// Lost name: a power cut keeps any subset of the un-synced creations, renames and removals that respects their
// dependencies; with a journal, any prefix of them. A rename happens wholly or not at all, and brings no content with
// it.
//
// Happens in every power cut with changes of names pending.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct LostName {
  static constexpr Kind kKind = Kind::kLostName;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "lost_name";
  static constexpr const char* kRules = "R5 R6 R7 R8";

  // The probability that a change survives is one of TornWrite::kKeepOf256, drawn apart from that of the bytes.
};

}  // namespace holdfast::fault
