// Creation, killed at each of its operations, and the power cut that comes after the next process has committed: what
// was shown or acknowledged under names that the killed process did not make durable must not go with them.
#include <gtest/gtest.h>

#include <holdfast/database.h>

#include "tests/sim/test_machine.h"

namespace holdfast::sim {
namespace {

// Kills the process before its operation number `at`.
class KillAt final : public DiskHooks {
 public:
  void before_io(const IoEvent& /*event*/) override {
    if (env != nullptr && count++ == at) {
      env->kill();
    }
  }
  SimEnv* env = nullptr;
  uint64_t at = 0;
  uint64_t count = 0;
};

struct Process {
  Process(SimDisk& disk, DiskHooks& hooks, Decisions& decisions)
      : env(Machine{disk, hooks, trace, decisions, clock, random, threads, nullptr, 1}) {}
  Result<Database> open() { return Database::open("db", {.background = false, .env = &env}); }
  Trace trace;
  StillClock clock;
  ZeroRandom random;
  NoThreads threads;
  SimEnv env;
};

TEST(Creation, keeps_what_the_next_process_committed_wherever_it_was_killed) {
  constexpr uint64_t kPowerCuts = 40;
  bool completed = false;
  for (uint64_t at = 0; !completed; ++at) {
    ASSERT_LT(at, 400U) << "creation does not end";
    SimDisk disk;
    Decisions decisions(at);
    {
      KillAt hooks;
      Process killed(disk, hooks, decisions);
      hooks.at = at;
      hooks.env = &killed.env;
      completed = killed.open().has_value();
      hooks.env = nullptr;
    }
    disk.process_kill();
    DiskHooks no_hooks;
    {
      Process next(disk, no_hooks, decisions);
      auto database = next.open();
      ASSERT_TRUE(database) << "killed before operation " << at << ": " << database.error().to_string();
      ASSERT_TRUE(database->put("t", "k", "v"));
    }
    for (uint64_t cut = 0; cut < kPowerCuts; ++cut) {
      SimDisk left = disk.power_cut(decisions);
      Process last(left, no_hooks, decisions);
      auto database = last.open();
      ASSERT_TRUE(database) << "killed before operation " << at
                            << ", and after a power cut: " << database.error().to_string();
      const auto value = database->get("t", "k");
      ASSERT_TRUE(value && *value && **value == "v") << "killed before operation " << at;
    }
  }
}

}  // namespace
}  // namespace holdfast::sim
