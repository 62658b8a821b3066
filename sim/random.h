// Decisions: every random choice of a simulated run, from one seed, in independent streams.
//
// A choice is a pure function of (seed, stream, key). draw() uses the stream's own counter as the key, so that a change
// in how often one stream is asked never shifts another; at() takes a key that the caller derives from what is decided
// (an operation, a sector), so that it does not shift at all when something else is removed. Integers only.
//
// A run is written down by where its streams stand (position(), sim/script.h).
// Threads: one at a time. Copies are independent and go on from the same point.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::sim {

enum class Stream : uint32_t {
  kConfig,         // options of the engine and of the run
  kWorkload,       // which operations, keys and values
  kSchedule,       // which fiber runs next
  kFaultPlan,      // which faults are on, and how often
  kCrash,          // when the world stops, and how
  kTear,           // which sectors of un-synced writes survive a power cut
  kMetadata,       // which sizes and directory changes survive
  kIoError,        // EIO on read and write
  kShortTransfer,  // short transfers and interruptions
  kNoSpace,        // the full disk
  kSyncFailure,    // syncs that fail, and what they leave
  kRot,            // damage to bytes at rest
  kMisdirect,      // lost and misdirected transfers
  kClock,          // jumps and delays
  kEntropy,        // bytes of the engine's random device
  kProbe,          // when a crash probe is taken
  kCount,
};

// One well-mixed integer from two. A bijection of `a` for each `b`.
constexpr uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t x = a + 0x9e3779b97f4a7c15U + b * 0xd1342543de82ef95U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

// `value`, evenly spread over 64 bits, brought to [0, n). Pre: n > 0.
constexpr uint64_t scale(uint64_t value, uint64_t n) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(value) * n) >> 64U);
}

class Decisions {
 public:
  explicit Decisions(uint64_t seed) : seed_(seed) {}

  uint64_t seed() const { return seed_; }

  // The stream's next value.
  uint64_t draw(Stream stream) { return at(stream, counters_[static_cast<size_t>(stream)]++); }
  // How many values were drawn from the stream; and to go on after so many: a part of a run can be run alone.
  uint64_t position(Stream stream) const { return counters_[static_cast<size_t>(stream)]; }
  void go_to(Stream stream, uint64_t position) { counters_[static_cast<size_t>(stream)] = position; }
  // The value for this key; asking again gives it again.
  uint64_t at(Stream stream, uint64_t key) const { return mix(mix(seed_, static_cast<uint64_t>(stream) + 1), key); }
  // In [0, n). Pre: n > 0.
  uint64_t below(Stream stream, uint64_t n) { return scale(draw(stream), n); }
  // In [low, high]. Pre: low <= high, and not the whole range of 64 bits.
  uint64_t between(Stream stream, uint64_t low, uint64_t high) { return low + below(stream, high - low + 1); }
  // True `numerator` times in `denominator`. Draws also when the answer is certain.
  bool chance(Stream stream, uint64_t numerator, uint64_t denominator) {
    return below(stream, denominator) < numerator;
  }
  bool chance_at(Stream stream, uint64_t key, uint64_t numerator, uint64_t denominator) const {
    return scale(at(stream, key), denominator) < numerator;
  }
  template <class T, size_t kSize>
  T pick(Stream stream, const std::array<T, kSize>& from) {
    return from[static_cast<size_t>(below(stream, kSize))];
  }

  // Independent decisions for a part of the run (a crash probe), which leave the run's own streams where they are.
  Decisions fork(uint64_t key) const { return Decisions(mix(seed_, ~key)); }

 private:
  uint64_t seed_;
  std::array<uint64_t, static_cast<size_t>(Stream::kCount)> counters_{};
};

}  // namespace holdfast::sim
