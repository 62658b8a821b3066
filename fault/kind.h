// The kinds of faults, and what each class of them obliges the engine to.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::fault {

enum class Class : uint8_t {
  kLegal,          // L: nothing acknowledged may be lost, and no error may appear after recovery
  kDetected,       // D: must be noticed; wrong data is never returned
  kOutOfContract,  // X: nothing is promised; drawn only on demand
};

enum class Kind : uint8_t {
  kPowerCut,
  kProcessKill,
  kTornWrite,
  kLostSize,
  kLostName,
  kSyncFails,
  kDirectorySyncFails,
  kCacheEviction,
  kIoError,
  kShortTransfer,
  kNoSpace,
  kClockJump,
  kBitRot,
  kZeroedSector,
  kStaleSector,
  kLatentSector,
  kLostWrite,
  kMisdirectedWrite,
  kMisdirectedRead,
  kTornNeighbour,
  kForeignFile,
  kForgedPage,
  kTamperedStream,
  kLyingFlush,
  kCount,
};

constexpr size_t kKindCount = static_cast<size_t>(Kind::kCount);

}  // namespace holdfast::fault
