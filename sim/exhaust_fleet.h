// The exhaustive explorer over many programs, in worker processes, so that a program on which the engine aborts or
// hangs is reported like one that breaks a promise.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/exhaust.h"

namespace holdfast::sim {

struct ExhaustReport {
  ExhaustCounts counts;
  std::vector<ExhaustFailure> failures;
  bool interrupted = false;
};

// Explores each program from its last operation on: the moments before are those of a shorter one. Ends at the first
// failure. `progress` is called now and then; `stop` is asked often. What is counted as recovered depends on `jobs`:
// each worker remembers only its own images. All else does not.
ExhaustReport exhaust_all(const ExhaustSetup& setup, const ExhaustBounds& bounds,
                          const std::vector<ExhaustProgram>& programs, uint32_t jobs,
                          const std::function<void(const ExhaustReport&)>& progress, const std::function<bool()>& stop);

}  // namespace holdfast::sim
