// Lost size: a power cut keeps any size that a file had since its last sync, whatever it keeps of its bytes. A file
// that grew may be short again although a header that was written later describes the new size; a file that was cut may
// have its old tail again; what lies under a size without data reads as zeros (or, with data=writeback, as garbage).
//
// Happens in every power cut with changes of size pending.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct LostSize {
  static constexpr Kind kKind = Kind::kLostSize;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "lost_size";
  static constexpr const char* kRules = "R9 R10 R22";

  // The probability that a change survives is one of TornWrite::kKeepOf256, drawn apart from that of the bytes.
};

}  // namespace holdfast::fault
