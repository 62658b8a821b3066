#include "sim/personality.h"

namespace holdfast::sim {

Personality draw_personality(Decisions& decisions) {
  static constexpr std::array<Personality, 8> kChoices = {kPosixMin, kPosixMin,    kPosixMin,      kPosixMin,
                                                          kXfs,      kExt4Ordered, kExt4Writeback, kBtrfs};
  Personality personality = decisions.pick(Stream::kFaultPlan, kChoices);
  if (decisions.chance(Stream::kFaultPlan, 1, 8)) {
    personality.atomic_unit = AtomicUnit::kBlock;
  }
  return personality;
}

}  // namespace holdfast::sim
