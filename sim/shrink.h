// Shrink: makes a failing run smaller, by delta debugging over its script and its settings.
//
// A step is taken if the smaller run still fails in the same class (attempt.h). What is tried, again and again until
// nothing of it works any more: without probes and faults, fewer lives, clients, actions and steps; smaller settings;
// simpler ends, images and schedules.
//
// Pre: one thread; each attempt is a process of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sim/attempt.h"
#include "sim/repro.h"

namespace holdfast::sim {

struct ShrinkOptions {
  uint64_t seed = 1;
  Profile profile = Profile::kDefault;
  uint32_t seconds_per_attempt_max = 20;
  uint64_t attempts_max = 20'000;
  AlsoPromised also_promised;  // may be empty
};

struct Size {
  uint64_t events = 0;
  uint64_t lives = 0;
  uint64_t crashes = 0;
  uint64_t faults = 0;
  uint64_t clients = 0;  // in all lives
  uint64_t actions = 0;
  uint64_t steps = 0;  // of transactions
};

struct ShrinkReport {
  // Nothing: the seed does not fail, or its recorded run does not fail again; `outcome` is then that of the seed.
  std::optional<Repro> repro;
  Outcome outcome;  // of the smallest run
  Size before;
  Size after;
  uint64_t attempts = 0;
  bool interrupted = false;
};

using ShrinkProgress = std::function<void(const ShrinkReport& so_far)>;

// `stop` is asked between attempts; true: what was reached is the answer.
ShrinkReport shrink(const ShrinkOptions& options, const ShrinkProgress& progress, const std::function<bool()>& stop);

}  // namespace holdfast::sim
