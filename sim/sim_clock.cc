#include "sim/sim_clock.h"

#include <algorithm>

#include "sim/race_detector.h"

namespace holdfast::sim {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kBootWallNs = 1'750'000'000 * kSecondNs;  // some day in 2025
constexpr uint64_t kLookMaxNs = 2'000;                      // what looking at the clock takes
constexpr uint64_t kRestartsOneIn = 2;

}  // namespace

SimClock::SimClock(Decisions& decisions, VirtualTime& time, const fault::ClockJump& plan)
    : decisions_(decisions), time_(time), plan_(plan), wall_offset_ns_(kBootWallNs) {}

uint64_t SimClock::monotonic_ns() {
  const Unwatched unwatched;
  time_.now_ns += decisions_.below(Stream::kClock, kLookMaxNs);
  if (jumps(plan_.one_in)) {
    time_.now_ns += decisions_.below(Stream::kClock, fault::ClockJump::kPauseSecondsMax * uint64_t{kSecondNs});
  }
  return time_.now_ns;
}

int64_t SimClock::wall_ns() {
  const Unwatched unwatched;
  if (jumps(plan_.one_in)) {
    jump_wall();
  }
  return wall_offset_ns_ + static_cast<int64_t>(time_.now_ns);
}

void SimClock::restarted() {
  if (jumps(kRestartsOneIn)) {
    jump_wall();
  }
}

// Draws nothing where no clock ever jumps.
bool SimClock::jumps(uint64_t one_in) {
  if (plan_.one_in == 0 || !decisions_.chance(Stream::kClock, 1, one_in)) {
    return false;
  }
  ++jump_count_;
  return true;
}

void SimClock::jump_wall() {
  const uint64_t reach = plan_.jump_seconds_max * uint64_t{kSecondNs};
  wall_offset_ns_ +=
      static_cast<int64_t>(decisions_.below(Stream::kClock, 2 * reach + 1)) - static_cast<int64_t>(reach);
  // A clock that was never set stands at 1970; the other end is some day in 2160.
  wall_offset_ns_ = std::clamp<int64_t>(wall_offset_ns_, 0, 6'000'000'000 * kSecondNs);
}

void SimClock::sleep_ns(uint64_t duration_ns) {
  const Unwatched unwatched;
  if (Scheduler* scheduler = Scheduler::running()) {
    scheduler->sleep(duration_ns);
  } else {
    time_.now_ns += duration_ns;
  }
}

}  // namespace holdfast::sim
