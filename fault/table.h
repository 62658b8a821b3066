// The table of all faults: what each is called, which rules it comes from, and what it obliges the engine to. The
// generator, the oracle and the summary of a run all read this one table.
#pragma once

#include <array>
#include <string_view>

#include "fault/plan.h"

namespace holdfast::fault {

struct FaultInfo {
  Kind kind;
  Class fault_class;
  std::string_view name;
  std::string_view rules;  // of what a POSIX file system may do: "R14 R16"
};

template <class Fault>
constexpr FaultInfo describe() {
  return {Fault::kKind, Fault::kClass, Fault::kName, Fault::kRules};
}

// In the order of Kind.
constexpr std::array<FaultInfo, kKindCount> kFaults = {
    describe<PowerCut>(),
    describe<ProcessKill>(),
    describe<TornWrite>(),
    describe<LostSize>(),
    describe<LostName>(),
    describe<SyncFails>(),
    describe<DirectorySyncFails>(),
    describe<CacheEviction>(),
    describe<IoError>(),
    describe<ShortTransfer>(),
    describe<NoSpace>(),
    describe<ClockJump>(),
    describe<BitRot>(),
    describe<ZeroedSector>(),
    describe<StaleSector>(),
    describe<LatentSector>(),
    describe<LostWrite>(),
    describe<MisdirectedWrite>(),
    describe<MisdirectedRead>(),
    describe<TornNeighbour>(),
    describe<ForeignFile>(),
    describe<ForgedPage>(),
    describe<TamperedStream>(),
    describe<LyingFlush>(),
};

constexpr const FaultInfo& info(Kind kind) { return kFaults[static_cast<size_t>(kind)]; }

// How often each kind was injected, by Kind.
using Counts = std::array<uint64_t, kKindCount>;

consteval bool is_in_order() {
  for (size_t index = 0; index < kFaults.size(); ++index) {
    if (static_cast<size_t>(kFaults[index].kind) != index) {
      return false;
    }
  }
  return true;
}
static_assert(is_in_order());

}  // namespace holdfast::fault
