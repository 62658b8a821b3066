// Copies of the disk that are recovered and examined while the run goes on: crash probes (the copy lost its power, or
// its process, right now) and rot probes (the copy was damaged as class D allows).
//
// Both run inline in the fiber that asks for them (SingleThreaded); what they decide comes from decisions of their own,
// so that the run does not depend on whether they are taken.
#pragma once

#include <cstdint>

#include "sim/counters.h"
#include "sim/oracle.h"
#include "sim/random.h"
#include "sim/run_config.h"
#include "sim/scheduler.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

struct CopyContext {
  const RunConfig& config;
  Oracle& oracle;
  Counters& counters;
  VirtualTime time;  // where the copy's clock starts
  bool created;      // the database was once opened: it may never be gone again
};

struct CopyResult {
  Verdict verdict;
  uint64_t digest = 0;  // of all that happened on the copy
};

// The process that runs now, on `disk`, is cut off or killed. What a recovery shows must be a state that it may show; a
// power cut after that must not change it.
CopyResult crash_probe(const CopyContext& context, const SimDisk& disk, Decisions decisions);

enum class AtRest : uint8_t { kClosed, kKilled };

// `disk` is at rest, the oracle settled, everything durable. Damage may hide rows, and refuse the whole database; it
// may never change, lose or revive one silently.
CopyResult rot_probe(const CopyContext& context, const SimDisk& disk, AtRest at_rest, Decisions decisions);

}  // namespace holdfast::sim
