// ThreadSanitizer sees what the engine does on fibers as if they were threads, and nothing of the simulator.
#include "sim/race_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "env/sync.h"
#include "sim/scheduler.h"

namespace holdfast::sim {
namespace {

// Two fibers do the same, switching at every decision point.
void run_twice(uint64_t seed, const std::function<void()>& body) {
  Decisions decisions(seed);
  Trace trace;
  VirtualTime time;
  FiberStacks stacks;
  ScheduleOptions options;
  options.mean_points = 1;
  options.mean_atomics = 1;
  Scheduler scheduler(decisions, trace, time, stacks, options);
  for (int fiber = 0; fiber < 2; ++fiber) {
    scheduler.spawn("worker", body);
  }
  ASSERT_EQ(scheduler.run(), std::nullopt);
}

constexpr int kRounds = 20;

TEST(RaceDetector, is_quiet_about_what_a_mutex_orders) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    sync::Mutex mutex;
    uint64_t count = 0;
    run_twice(seed, [&] {
      const Watched in_the_engine;
      for (int round = 0; round < kRounds; ++round) {
        const sync::Lock lock(mutex);
        ++count;
      }
    });
    ASSERT_EQ(count, 2U * kRounds);
  }
}

TEST(RaceDetector, is_quiet_about_what_an_atomic_publishes) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    sync::Atomic<const uint64_t*> published(nullptr);
    std::array<uint64_t, 2> values = {};
    size_t fibers = 0;
    uint64_t seen = 0;
    run_twice(seed, [&] {
      uint64_t& mine = values.at(fibers++);
      const Watched in_the_engine;
      mine = 7;
      const uint64_t* expected = nullptr;
      if (!published.compare_exchange_strong(expected, &mine, std::memory_order_acq_rel)) {
        seen = *published.load(std::memory_order_acquire);
      }
    });
    ASSERT_EQ(seen, 7U);
  }
}

TEST(RaceDetector, is_quiet_about_a_shared_ptr_that_both_copy) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto shared = std::make_shared<uint64_t>(7);
    run_twice(seed, [&] {
      const Watched in_the_engine;
      for (int round = 0; round < kRounds; ++round) {
        const std::vector<std::shared_ptr<uint64_t>> copies(2, shared);
        sync::yield_point();
      }
    });
    ASSERT_EQ(shared.use_count(), 1);
  }
}

TEST(RaceDetector, is_quiet_about_the_simulators_own_books) {
  uint64_t book = 0;
  run_twice(1, [&] {
    const Watched in_the_engine;
    for (int round = 0; round < kRounds; ++round) {
      const Unwatched unwatched;
      ++book;
      sync::yield_point();
    }
  });
  ASSERT_EQ(book, 2U * kRounds);
}

#ifdef HOLDFAST_TSAN
TEST(RaceDetector, reports_what_two_fibers_change_without_a_lock) {
  const auto race = [] {
    uint64_t count = 0;
    run_twice(1, [&] {
      const Watched in_the_engine;
      for (int round = 0; round < kRounds; ++round) {
        ++count;
        sync::yield_point();
      }
    });
    std::exit(0);  // TSan makes another code of it
  };
  EXPECT_EXIT(race(), testing::ExitedWithCode(66), "data race");
}

TEST(RaceDetector, reports_memory_that_is_freed_while_another_uses_it) {
  const auto race = [] {
    sync::Atomic<uint64_t*> published(nullptr);
    run_twice(1, [&] {
      const Watched in_the_engine;
      if (uint64_t* other = published.exchange(new uint64_t(7), std::memory_order_relaxed); other != nullptr) {
        delete other;
      }
    });
    std::exit(0);
  };
  EXPECT_EXIT(race(), testing::ExitedWithCode(66), "data race");
}
#endif

}  // namespace
}  // namespace holdfast::sim
