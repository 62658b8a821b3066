// Attempt: one run in a process of its own, so that one that aborts or hangs is an outcome like any other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/counters.h"
#include "sim/run.h"
#include "sim/script.h"

namespace holdfast::sim {

struct Outcome {
  std::string account;  // empty: every promise was kept
  // failure_class() of it.
  std::string failure_class;
  uint64_t digest = 0;
  uint64_t events = 0;
  Counters counters;  // zero if the process died
};

// Forks; the request's `recorded`, if any, is filled with what was run, also if the process aborted. Its trace is not
// used. Pre: no other thread runs.
Outcome attempt(const RunRequest& request, uint32_t seconds_max);

// What stays the same when a failure is met again in a smaller run: the account with names in quotes and numbers
// replaced, lists of them as one. Of a CHECK that failed, its file and line.
std::string failure_class(std::string_view account);

}  // namespace holdfast::sim
