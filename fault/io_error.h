// EIO: a read fails without effect; a write fails after any part of it took effect; a change of names fails without
// effect.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct IoError {
  static constexpr Kind kKind = Kind::kIoError;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "io_error";
  static constexpr const char* kRules = "R17";

  uint32_t read_one_in = 0;  // 0: never
  uint32_t write_one_in = 0;
  uint32_t name_change_one_in = 0;
};

}  // namespace holdfast::fault
