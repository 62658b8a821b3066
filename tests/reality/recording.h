// Recording: the I/O of a drawn program on the real file system, and what its database showed after each step.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/recording_env.h"
#include "tests/fixed_env.h"
#include "tests/reality/directory.h"
#include "tests/reality/program.h"

namespace holdfast::reality {

// What is followed from a stream is not logged: a crash takes it back to the last checkpoint. All others change what is
// shown by one commit.
constexpr std::array kCrashSteps = {Step::kPut,        Step::kPut,   Step::kErase,   Step::kEraseRange, Step::kSeveral,
                                    Step::kSeveral,    Step::kLarge, Step::kHuge,    Step::kConflict,   Step::kDeferred,
                                    Step::kDeferred,   Step::kWait,  Step::kAppend,  Step::kAppendMany, Step::kSeal,
                                    Step::kRedact,     Step::kTrim,  Step::kCompact, Step::kApply,      Step::kApply,
                                    Step::kDropBucket, Step::kPrune, Step::kPin,     Step::kUnpin,      Step::kReopen,
                                    Step::kCheckpoint};

struct Recording {
  sim::IoTrace trace;
  std::vector<std::string> shown;  // after each step; the first: by the database as it was created
  Options options;
  Files files;  // when all was done
};
// Marks of the trace: a step begins; everything up to a step is durable.
constexpr uint64_t mark_begun(uint64_t step) { return 2 * step; }
constexpr uint64_t mark_durable(uint64_t step) { return 2 * step + 1; }

// Runs the program of this seed on the real file system.
inline void record(uint64_t seed, uint64_t steps, Recording& recording) {
  const ScratchDirectory scratch;
  FixedEnv fixed(posix_env(), seed);
  sim::RecordingEnv env(fixed, recording.trace);
  DrawnProgram program(env, scratch.path("db"), seed, kCrashSteps);
  ASSERT_EQ(program.open(), "opened at commit 0");
  recording.shown.push_back(program.shown());
  recording.trace.mark(mark_durable(0));
  for (uint64_t step = 1; step <= steps; ++step) {
    recording.trace.mark(mark_begun(step));
    program.step();
    recording.shown.push_back(program.shown());
    if (program.all_is_durable()) {
      recording.trace.mark(mark_durable(step));
    }
  }
  recording.options = program.options();
  recording.options.create_if_missing = true;  // it began with nothing
  ASSERT_EQ(program.close(), "yes");
  recording.trace.mark(mark_durable(steps));
  recording.files = files_of(scratch.path("db"));
  ASSERT_EQ(recording.trace.lost_by(), "");
}

constexpr uint64_t kSteps = 16;
constexpr uint64_t kBound = 24;  // images at one moment

}  // namespace holdfast::reality
