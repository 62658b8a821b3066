// SimEnv: the environment of one simulated process on a simulated disk.
//
// Every operation goes: hooks.before_io, faults, effect on the disk, trace, hooks.after_io. After kill() the process is
// dead: every operation answers EIO without any effect, without a hook and without looking at the disk, so that an
// engine that was cut off can be taken down while the next one already works on what was left.
//
// Fails: breaches of the environment's contract (a change through a handle whose sync has failed, two writes to the
// same bytes at the same time) are reported to DiskHooks::contract_violated. Threads: one at a time (fibers).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/env.h>

#include "sim/disk_hooks.h"
#include "sim/random.h"
#include "sim/sim_disk.h"
#include "sim/trace.h"

namespace holdfast::sim {

class IoFaults;

// What a simulated process stands on. All outlive the SimEnv; the disk only until kill().
struct Machine {
  SimDisk& disk;
  DiskHooks& hooks;
  Trace& trace;
  Decisions& decisions;
  Clock& clock;
  Random& random;
  Threads& threads;
  IoFaults* faults = nullptr;  // null: nothing fails
  uint32_t process_id = 1000;
};

class SimEnv final : public Env {
 public:
  explicit SimEnv(const Machine& machine) : machine_(machine) {}

  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override;
  Clock& clock() override { return machine_.clock; }
  Random& random() override { return machine_.random; }
  Threads& threads() override { return machine_.threads; }

  // The process ends here; the disk is not touched (SimDisk::process_kill drops the locks, power_cut everything).
  void kill() { dead_ = true; }
  bool dead() const { return dead_; }

  // --- for the files and directories of this environment
  Machine& machine() { return machine_; }
  SimDisk& disk() { return machine_.disk; }
  // False if the process is dead, or died in the hook: then nothing may happen.
  bool begin(const IoEvent& event);
  // False if the process died meanwhile: then nothing is acknowledged.
  bool end(const IoEvent& event, uint64_t data_hash = 0);
  // Around writes: two at a time may not touch the same bytes.
  void begin_write(uint32_t file, uint64_t offset, uint64_t bytes);
  void end_write(uint32_t file, uint64_t offset);
  void violated(std::string_view what) { machine_.hooks.contract_violated(what); }

 private:
  struct Range {
    uint32_t file;
    uint64_t begin;
    uint64_t end;
  };
  Machine machine_;
  bool dead_ = false;
  std::vector<Range> writes_in_flight_;
};

}  // namespace holdfast::sim
