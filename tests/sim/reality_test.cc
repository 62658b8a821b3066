// The simulator against reality: where nothing fails, the simulated and the real file system cannot be told apart, by
// what the engine is answered or by what it leaves, byte by byte. Nor can the engine's two flavours.
#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/fixed_env.h"
#include "tests/reality/directory.h"
#include "tests/reality/told.h"
#include "tests/sim/disk_image.h"
#include "tests/sim/test_machine.h"

namespace holdfast::sim {
namespace {

using reality::DrawnProgram;
using reality::Files;
using reality::files_of;
using reality::first_difference;
using reality::kStepsOfProgram;

constexpr uint64_t kPrograms = 240;
constexpr int kFilesEvery = 4;  // steps

Files files_of(const SimDisk& disk) {
  Files files;
  if (const auto directory = disk.find_directory("db")) {
    for (const auto& [name, file] : disk.directory(*directory).live()) {
      files[name] = content(disk, file);
    }
  }
  return files;
}

// A simulated process that has the number of this one: a lock file holds it.
class SimulatedWorld {
 public:
  explicit SimulatedWorld(uint64_t seed)
      : decisions_(seed),
        env_(Machine{.disk = disk_,
                     .hooks = hooks_,
                     .trace = trace_,
                     .decisions = decisions_,
                     .clock = clock_,
                     .random = random_,
                     .threads = threads_,
                     .process_id = static_cast<uint32_t>(::getpid())}) {}
  SimEnv& env() { return env_; }
  Files files() const { return files_of(disk_); }

 private:
  SimDisk disk_;
  DiskHooks hooks_;
  Trace trace_;
  Decisions decisions_;
  StillClock clock_;
  ZeroRandom random_;
  NoThreads threads_;
  SimEnv env_;
};

TEST(Reality, a_run_without_faults_leaves_the_same_bytes_on_the_simulated_and_the_real_file_system) {
  const reality::ScratchDirectory scratch;
  for (uint64_t seed = 1; seed <= kPrograms; ++seed) {
    SCOPED_TRACE("program " + std::to_string(seed));
    const std::string path = scratch.path(std::to_string(seed));
    SimulatedWorld world(seed);
    FixedEnv simulated_env(world.env(), seed);
    FixedEnv real_env(posix_env(), seed);
    DrawnProgram simulated(simulated_env, "db", seed);
    DrawnProgram real(real_env, path, seed);
    ASSERT_EQ(simulated.open(), real.open());
    ASSERT_EQ(first_difference(world.files(), files_of(path)), "");
    for (int step = 0; step < kStepsOfProgram; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      ASSERT_EQ(simulated.step(), real.step());
      if (step % kFilesEvery == 0) {
        ASSERT_EQ(simulated.shown(), real.shown());
        ASSERT_EQ(simulated.counters(), real.counters());
        ASSERT_EQ(first_difference(world.files(), files_of(path)), "");
      }
    }
    ASSERT_EQ(simulated.close(), real.close());
    ASSERT_EQ(first_difference(world.files(), files_of(path)), "");
    std::filesystem::remove_all(path);
  }
}

TEST(Reality, the_engine_in_production_leaves_the_bytes_that_it_leaves_in_the_simulator) {
  const reality::ScratchDirectory scratch;
  const std::string command =
      std::string(HOLDFAST_BIN_DIR) + "/reality-program 1 " + std::to_string(kPrograms + 1) + " " + scratch.path();
  ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe): one thread
  for (uint64_t seed = 1; seed <= kPrograms; ++seed) {
    SCOPED_TRACE("program " + std::to_string(seed));
    const std::string path = scratch.path(std::to_string(seed));
    SimulatedWorld world(seed);
    FixedEnv env(world.env(), seed);
    ASSERT_EQ(reality::told_to_the_end(env, "db", seed), reality::read_file(path + ".told"));
    ASSERT_EQ(first_difference(world.files(), files_of(path)), "");
    std::filesystem::remove_all(path);
  }
}

}  // namespace
}  // namespace holdfast::sim
