// run_seed: one simulated history of a database, from a seed: several lives of a process on one disk, each ended by a
// power cut, a kill or a close, with crashes also inside creation and recovery, and a last life without faults in which
// everything must work.
//
// The same seed and profile give the same run, event by event, on every machine and compiler.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "sim/counters.h"
#include "sim/fiber.h"
#include "sim/model.h"
#include "sim/oracle.h"
#include "sim/run_config.h"
#include "sim/script.h"
#include "sim/settings.h"
#include "sim/trace.h"

namespace holdfast::sim {

struct RunResult {
  std::string failure;  // empty: every promise was kept
  uint64_t digest = 0;
  uint64_t events = 0;
  Counters counters;
};

// A promise of a test's own, asked of every state that a life begins with; `cut`: the power was cut before it.
using AlsoPromised = std::function<Verdict(const Contents& contents, const Model& model, bool cut)>;

struct RunRequest {
  uint64_t seed = 1;
  Profile profile = Profile::kDefault;
  // What is not as the seed draws it.
  std::vector<SetValue> settings;
  const Script* played = nullptr;
  Script* recorded = nullptr;  // written while it runs
  std::FILE* trace = nullptr;  // gets one line per event
  TraceObserver* observer = nullptr;
  AlsoPromised also_promised;  // may be empty
};
RunResult run(const RunRequest& request, FiberStacks& stacks);

// `trace` gets one line per event; null for none.
RunResult run_seed(uint64_t seed, Profile profile, FiberStacks& stacks, std::FILE* trace = nullptr);

// Runs it twice; a difference is a failure that names the first event that differs.
RunResult run_seed_twice(uint64_t seed, Profile profile, FiberStacks& stacks);

}  // namespace holdfast::sim
