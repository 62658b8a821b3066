// Forged page: somebody changed one field of a page's header, and its checksum with it, as a program that lost its way
// or an attacker does: bytes that were never written by the engine, under a checksum that is right.
//
// Promise: a typed error, in bounded time, without undefined behaviour; `check` reports damage. What a page says of
// itself must be what its parent says of it, field by field. (Rows that somebody forges inside a page cannot be told
// from rows: that is what tree heads are for.)
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct ForgedPage {
  static constexpr Kind kKind = Kind::kForgedPage;
  static constexpr Class kClass = Class::kDetected;
  static constexpr const char* kName = "forged_page";
  static constexpr const char* kRules = "R25 R29";

  enum class Field : uint8_t { kPageNumber, kBirth, kEpoch, kKind, kLevel, kReserved, kCount };
};

}  // namespace holdfast::fault
