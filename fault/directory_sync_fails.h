// A sync of a directory that fails. An arbitrary legal part of the pending changes of names is durable; the others
// still wait, as in a journal whose commit was interrupted, and a later sync that succeeds covers them.
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct DirectorySyncFails {
  static constexpr Kind kKind = Kind::kDirectorySyncFails;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "directory_sync_fails";
  static constexpr const char* kRules = "R23";

  uint32_t one_in = 0;  // syncs of directories; 0: never
};

}  // namespace holdfast::fault
