// SimClock: virtual time. The monotonic clock never goes back; the wall clock jumps both ways, by seconds or years, as
// often as the plan says.
#pragma once

#include <holdfast/env.h>

#include "fault/clock_jump.h"
#include "sim/random.h"
#include "sim/scheduler.h"

namespace holdfast::sim {

class SimClock final : public Clock {
 public:
  // `decisions` and `time` must outlive the clock; `time` is shared with the scheduler.
  SimClock(Decisions& decisions, VirtualTime& time, const fault::ClockJump& plan);

  uint64_t monotonic_ns() override;
  int64_t wall_ns() override;
  // Other fibers run meanwhile; when all sleep, time jumps to the first awakening.
  void sleep_ns(uint64_t duration_ns) override;

  // The machine, or the process, begins anew: in between somebody may have set the wall clock.
  void restarted();
  // Jumps of the wall clock and pauses of the monotonic one.
  uint64_t jump_count() const { return jump_count_; }

 private:
  bool jumps(uint64_t one_in);
  void jump_wall();

  Decisions& decisions_;
  VirtualTime& time_;
  fault::ClockJump plan_;
  int64_t wall_offset_ns_;
  uint64_t jump_count_ = 0;
};

}  // namespace holdfast::sim
