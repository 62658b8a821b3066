// World: what a client of the database sees of the run that it is part of.
#pragma once

#include <cstdint>
#include <string>

#include <holdfast/result.h>

#include "sim/counters.h"
#include "sim/oracle.h"
#include "sim/random.h"
#include "sim/run_config.h"
#include "sim/trace.h"

namespace holdfast::sim {

class World {
 public:
  World(const RunConfig& its_config, Oracle& its_oracle, Trace& its_trace, Counters& its_counters)
      : config(its_config), oracle(its_oracle), trace(its_trace), counters(its_counters) {}
  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The process is dead, or asked to stop: no new work, and any error is excused.
  virtual bool over() const = 0;
  // A promise is broken: the run ends here, with this account.
  [[noreturn]] virtual void broken(const std::string& what) = 0;
  // How many faults were injected into this process that let calls fail.
  virtual uint64_t errors_injected() const = 0;
  // Of them, those after which bytes in the file may not be what was written: not a full disk.
  virtual uint64_t errors_in_files() const = 0;
  // Whether the disk was ever full; it may have stayed so for a while.
  virtual bool was_full() const = 0;
  // The client on this fiber begins its action `number`: what the engine does for it, faults included, is keyed by
  // that.
  virtual void begin_action(uint64_t number) = 0;
  // Lets virtual time pass, and others run.
  virtual void pause() = 0;

  void expect(const Verdict& verdict) {
    if (verdict) {
      broken(*verdict);
    }
  }

  const RunConfig& config;
  Oracle& oracle;
  Trace& trace;
  Counters& counters;
  // Somebody was answered outcome_unknown or read_only: this process will not commit any more.
  bool writes_failed = false;
};

}  // namespace holdfast::sim
