// A sync of a file that fails, and the lie that it leaves.
//
// An arbitrary part of what was written since the last sync is durable. All of it counts as clean: the next sync
// answers success without writing it. Reads show the new bytes (ext4, XFS) until the cache is dropped, or the old ones
// at once (Btrfs). Every open handle is told once. An engine must stop trusting the file.
//
// Not modelled, because no program can survive it: the error that arrives one sync late (ext4 with data=journal).
#pragma once

#include <cstdint>

#include "fault/kind.h"

namespace holdfast::fault {

struct SyncFails {
  static constexpr Kind kKind = Kind::kSyncFails;
  static constexpr Class kClass = Class::kLegal;
  static constexpr const char* kName = "sync_fails";
  static constexpr const char* kRules = "R14 R16";

  uint32_t one_in = 0;  // syncs of files; 0: never
};

}  // namespace holdfast::fault
