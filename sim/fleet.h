// Fleet: runs many seeds in worker processes, so that a seed that aborts, hangs or breaks a promise is reported and the
// others go on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/planted.h"
#include "sim/counters.h"
#include "sim/run_config.h"

namespace holdfast::sim {

struct FleetOptions {
  uint64_t first_seed = 1;
  uint64_t seed_count = 100;
  uint32_t jobs = 1;
  Profile profile = Profile::kDefault;
  std::vector<Profile> profiles;  // if there are any, seeds take these in turn instead
  planted::Bug planted = planted::Bug::kNone;
  bool twice = false;             // every seed; otherwise one in kTwiceOneIn
  bool fail_fast = false;         // stop at the first failure
  bool wants_all_faults = false;  // the campaign must have met every fault of the contract; its caller's to judge
  uint32_t seconds_per_seed_max = 120;
};
constexpr uint64_t kTwiceOneIn = 20;
Profile profile_of(const FleetOptions& options, uint64_t seed);

struct SeedFailure {
  uint64_t seed = 0;
  std::string account;
};

struct FleetReport {
  Counters counters;
  std::vector<SeedFailure> failures;  // by seed
  // Of the digests of all seeds that finished, in any order: equal for equal runs on every compiler and machine.
  uint64_t digest = 0;
  bool interrupted = false;
};

// `progress` is called now and then with what was done so far. `stop` is asked often; true: no more seeds.
FleetReport run_fleet(const FleetOptions& options, const std::function<void(const FleetReport&)>& progress,
                      const std::function<bool()>& stop);

}  // namespace holdfast::sim
