// Crash images of the engine's real I/O: a program runs on the real file system, all that it does to its files is
// recorded, and whatever a power cut may leave at any moment is made real files again and opened by the real engine.
#include <cstdint>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/reality/judge.h"

namespace holdfast::reality {
namespace {

TEST(RecordingEnv, writes_down_all_that_happens_to_the_files) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("program " + std::to_string(seed));
    Recording recording;
    ASSERT_NO_FATAL_FAILURE(record(seed, 60, recording));
    sim::TracePlayer player(recording.trace);
    while (!player.done()) {
      player.step();
    }
    EXPECT_EQ(first_difference(files_of(player.disk()), recording.files), "");
  }
}

TEST(CrashImages, of_real_io_show_all_that_was_durable_and_nothing_by_halves) {
  uint64_t moments = 0;
  uint64_t images = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("program " + std::to_string(seed));
    Recording recording;
    ASSERT_NO_FATAL_FAILURE(record(seed, kSteps, recording));
    Judge judge(recording, Judge::Until::kEnd);
    moments += play_crashes(recording.trace, {}, kBound, judge);
    images += judge.different_images();
    EXPECT_EQ(judge.failures(), 0U) << judge.first_failure();
  }
  // Fewer: something is not looked at any more.
  EXPECT_GE(moments, 1700U);
  EXPECT_GE(images, 4800U);
}

// Opens some of the images, goes on with them, and crashes that.
class CrashesOfRecovery final : public CrashWatcher {
 public:
  CrashesOfRecovery(const Recording& recording, uint64_t one_in)
      : recording_(recording), outer_(recording, Judge::Until::kEnd), one_in_(one_in) {}

  void mark(uint64_t number) override { outer_.mark(number); }
  bool image(const CrashImage& image) override {
    if (seen_.insert(image.hash).second && seen_.size() % one_in_ == 0) {
      crash_recovery_of(image);
    }
    return !testing::Test::HasFailure();
  }
  uint64_t recoveries() const { return recoveries_; }
  uint64_t images() const { return images_; }

 private:
  void crash_recovery_of(const CrashImage& image) {
    SCOPED_TRACE(image.description());
    const ScratchDirectory scratch;
    const std::string path = scratch.path("db");
    materialise(files_of(image.disk), path);
    FixedEnv fixed(posix_env(), 1);
    Recording second;
    sim::RecordingEnv env(fixed, second.trace);
    second.options = recording_.options;
    second.options.env = &env;
    second.options.create_if_missing = !outer_.created();
    // Until the database has shown anything, all is allowed that was allowed before; then it has made up its mind.
    second.shown = outer_.allowed();
    const uint64_t in_doubt = second.shown.size();
    if (in_doubt > 1) {
      second.trace.mark(mark_begun(in_doubt - 1));
    }
    auto database = Database::open(path, second.options);
    ASSERT_TRUE(database) << database.error().to_string();
    second.shown.push_back(Shown::of(*database));
    second.trace.mark(mark_durable(in_doubt));
    second.trace.mark(mark_begun(in_doubt + 1));
    ASSERT_TRUE(database->put("bucket", "after the crash", "a value"));
    second.shown.push_back(Shown::of(*database));
    second.trace.mark(mark_durable(in_doubt + 1));
    ASSERT_TRUE(database->close());
    Judge judge(second, Judge::Until::kFirstFailure);
    play_crashes(second.trace, {}, kBound, judge);
    EXPECT_EQ(judge.failures(), 0U) << judge.first_failure();
    ++recoveries_;
    images_ += judge.different_images();
  }

  const Recording& recording_;
  Judge outer_;
  uint64_t one_in_;
  std::set<uint64_t> seen_;
  uint64_t recoveries_ = 0;
  uint64_t images_ = 0;
};

TEST(CrashImages, of_a_real_recovery_show_what_it_may_still_show_or_has_shown) {
  uint64_t recoveries = 0;
  uint64_t images = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("program " + std::to_string(seed));
    Recording recording;
    ASSERT_NO_FATAL_FAILURE(record(seed, kSteps, recording));
    CrashesOfRecovery crashes(recording, 150);
    play_crashes(recording.trace, {}, kBound, crashes);
    recoveries += crashes.recoveries();
    images += crashes.images();
  }
  EXPECT_GE(recoveries, 18U);
  EXPECT_GE(images, 3500U);
}

}  // namespace
}  // namespace holdfast::reality
