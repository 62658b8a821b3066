#include "sim/sim_clock.h"

#include <algorithm>
#include <array>

namespace holdfast::sim {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kBootWallNs = 1'750'000'000 * kSecondNs;  // some day in 2025
constexpr uint64_t kLookMaxNs = 2'000;                      // what looking at the clock takes
constexpr uint64_t kJumpDenominator = 16;
constexpr uint64_t kPauseDenominator = 64;  // the machine was suspended: hours pass at once

}  // namespace

SimClock::SimClock(Decisions& decisions, VirtualTime& time)
    : decisions_(decisions), time_(time), wall_offset_ns_(kBootWallNs) {}

uint64_t SimClock::monotonic_ns() {
  time_.now_ns += decisions_.below(Stream::kClock, kLookMaxNs);
  if (decisions_.chance(Stream::kClock, 1, kPauseDenominator)) {
    time_.now_ns += decisions_.below(Stream::kClock, 4 * 3600 * static_cast<uint64_t>(kSecondNs));
  }
  return time_.now_ns;
}

int64_t SimClock::wall_ns() {
  if (decisions_.chance(Stream::kClock, 1, kJumpDenominator)) {
    constexpr std::array<int64_t, 4> kReaches = {1, 3'600, 86'400, int64_t{3} * 365 * 86'400};
    const int64_t reach = decisions_.pick(Stream::kClock, kReaches) * kSecondNs;
    wall_offset_ns_ += static_cast<int64_t>(decisions_.below(Stream::kClock, 2 * static_cast<uint64_t>(reach))) - reach;
    // A clock that was never set stands at 1970.
    wall_offset_ns_ = std::max<int64_t>(wall_offset_ns_, 0);
  }
  return wall_offset_ns_ + static_cast<int64_t>(time_.now_ns);
}

void SimClock::sleep_ns(uint64_t duration_ns) {
  if (Scheduler* scheduler = Scheduler::running()) {
    scheduler->sleep(duration_ns);
  } else {
    time_.now_ns += duration_ns;
  }
}

}  // namespace holdfast::sim
