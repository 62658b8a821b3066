// SimClock: virtual time. The monotonic clock never goes back; the wall clock jumps both ways, by seconds or years.
#pragma once

#include <holdfast/env.h>

#include "sim/random.h"
#include "sim/scheduler.h"

namespace holdfast::sim {

class SimClock final : public Clock {
 public:
  // Both must outlive the clock; `time` is shared with the scheduler.
  SimClock(Decisions& decisions, VirtualTime& time);

  uint64_t monotonic_ns() override;
  int64_t wall_ns() override;
  // Other fibers run meanwhile; when all sleep, time jumps to the first awakening.
  void sleep_ns(uint64_t duration_ns) override;

 private:
  Decisions& decisions_;
  VirtualTime& time_;
  int64_t wall_offset_ns_;
};

}  // namespace holdfast::sim
