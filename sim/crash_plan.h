// CrashPlan: at which operation of the disk one life of the process ends.
//
// Aimed where crashes find most: within two operations of a barrier or a change of names, and into creation and
// recovery; otherwise anywhere.
#pragma once

#include <array>
#include <cstdint>

#include "fault/power_cut.h"
#include "sim/disk_hooks.h"
#include "sim/random.h"

namespace holdfast::sim {

class CrashPlan {
 public:
  CrashPlan() = default;  // never
  static CrashPlan draw(Decisions& decisions, const fault::PowerCut& power_cut) {
    constexpr auto kStream = Stream::kCrash;
    CrashPlan plan;
    plan.armed_ = true;
    plan.before_ = decisions.chance(kStream, 1, 2);
    const uint64_t kind = decisions.below(kStream, 100);
    if (kind < power_cut.in_recovery_percent) {
      plan.countdown_ = decisions.below(kStream, 16);
    } else if (kind < power_cut.in_recovery_percent + power_cut.near_barrier_percent) {
      plan.at_turning_points_ = true;
      plan.countdown_ = decisions.below(kStream, decisions.pick(kStream, std::array<uint64_t, 5>{4, 10, 30, 100, 400}));
      plan.extra_ = decisions.below(kStream, 3);
    } else {
      plan.countdown_ = decisions.below(kStream, 8 * uint64_t{power_cut.one_in} + 16);
    }
    return plan;
  }

  // Asked once before and once after every operation; true: now.
  bool hits(IoKind kind, bool before) {
    if (!armed_) {
      return false;
    }
    if (lit_) {
      return before && extra_-- == 1;
    }
    if (before != before_ || !(at_turning_points_ ? is_turning_point(kind) : changes_disk(kind))) {
      return false;
    }
    if (countdown_ > 0) {
      --countdown_;
      return false;
    }
    lit_ = true;
    return extra_ == 0;
  }

 private:
  bool armed_ = false;
  bool at_turning_points_ = false;
  bool before_ = false;
  bool lit_ = false;
  uint64_t countdown_ = 0;
  uint64_t extra_ = 0;  // further operations
};

}  // namespace holdfast::sim
