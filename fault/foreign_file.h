// Foreign file: between two runs somebody removed a file of the database, or put an older copy of it back.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct ForeignFile {
  static constexpr Kind kKind = Kind::kForeignFile;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "foreign_file";
  static constexpr const char* kRules = "R29";

  enum class Change : uint8_t { kRemoved, kOlder };
  uint32_t one_in = 0;  // restarts; 0: never
};

}  // namespace holdfast::fault
