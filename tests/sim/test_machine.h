// A simulated machine for tests of the disk: no scheduler, the clock stands still, no threads.
#pragma once

#include <memory>

#include <holdfast/env.h>

#include "sim/io_faults.h"
#include "sim/sim_env.h"

namespace holdfast::sim {

class StillClock final : public Clock {
 public:
  uint64_t monotonic_ns() override { return 0; }
  int64_t wall_ns() override { return 0; }
  void sleep_ns(uint64_t /*duration_ns*/) override {}
};

class ZeroRandom final : public Random {
 public:
  void fill(std::span<std::byte> buffer) override { std::fill(buffer.begin(), buffer.end(), std::byte{0}); }
};

class NoThreads final : public Threads {
 public:
  Result<std::unique_ptr<Thread>> start(std::string_view /*name*/, std::function<void()> /*body*/) override {
    return fail(ErrorCode::kUnsupported, "no threads here");
  }
  uint32_t core_count() override { return 1; }
  uint64_t current_id() override { return 0; }
};

class TestMachine {
 public:
  explicit TestMachine(const Personality& personality = kPosixMin, DiskHooks* hooks = nullptr, uint64_t seed = 1)
      : TestMachine(SimDisk(personality), hooks, seed) {}
  explicit TestMachine(const SimDisk& disk, DiskHooks* hooks = nullptr, uint64_t seed = 1)
      : disk_(disk), hooks_(hooks == nullptr ? &default_hooks_ : hooks), decisions_(seed) {
    restart_with(nullptr);
  }
  TestMachine(const TestMachine&) = delete;
  TestMachine& operator=(const TestMachine&) = delete;

  // A new process on the same disk. Files and directories of the old one must be gone.
  void restart_with(IoFaults* faults) {
    env_ = std::make_unique<SimEnv>(Machine{.disk = disk_,
                                            .hooks = *hooks_,
                                            .trace = trace_,
                                            .decisions = decisions_,
                                            .clock = clock_,
                                            .random = random_,
                                            .threads = threads_,
                                            .faults = faults});
  }
  SimEnv& env() { return *env_; }
  SimDisk& disk() { return disk_; }
  Trace& trace() { return trace_; }
  Decisions& decisions() { return decisions_; }

 private:
  SimDisk disk_;
  DiskHooks default_hooks_;
  DiskHooks* hooks_;
  Trace trace_;
  Decisions decisions_;
  StillClock clock_;
  ZeroRandom random_;
  NoThreads threads_;
  std::unique_ptr<SimEnv> env_;
};

}  // namespace holdfast::sim
