#include "sim/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "env/sync.h"
#include "sim/sim_clock.h"
#include "sim/sim_entropy.h"
#include "sim/sim_threads.h"

namespace holdfast::sim {
namespace {

using testing::HasSubstr;

// Everything that a schedule needs, from one seed.
struct World {
  explicit World(uint64_t seed) : World(seed, std::nullopt) {}
  World(uint64_t seed, std::optional<ScheduleOptions> fixed)
      : decisions(seed), scheduler(decisions, trace, time, stacks, fixed ? *fixed : ScheduleOptions::draw(decisions)) {}
  Decisions decisions;
  Trace trace;
  VirtualTime time;
  FiberStacks stacks;
  Scheduler scheduler;
};

constexpr uint64_t kSeeds = 200;

ScheduleOptions busy(Strategy strategy) {
  ScheduleOptions options;
  options.strategy = strategy;
  options.mean_points = 1;
  options.mean_atomics = 1;
  return options;
}

TEST(Scheduler, runs_every_fiber_to_its_end) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed);
    int done = 0;
    for (int fiber = 0; fiber < 8; ++fiber) {
      world.scheduler.spawn("worker", [&] {
        for (int step = 0; step < 50; ++step) {
          Scheduler::running()->yield(step % 2 == 0 ? Point::kAtomic : Point::kOperation);
        }
        ++done;
      });
    }
    ASSERT_EQ(world.scheduler.run(), std::nullopt);
    ASSERT_EQ(done, 8);
  }
}

TEST(Scheduler, the_seed_alone_decides_the_order) {
  const auto order = [](uint64_t seed) {
    World world(seed);
    std::string text;
    for (char name = 'a'; name < 'e'; ++name) {
      world.scheduler.spawn(std::string(1, name), [&text, name] {
        for (int step = 0; step < 200; ++step) {
          text += name;
          Scheduler::running()->yield(Point::kOperation);
        }
      });
    }
    EXPECT_EQ(world.scheduler.run(), std::nullopt);
    return std::pair(text, world.trace.digest());
  };
  std::set<std::string> different;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto first = order(seed);
    ASSERT_EQ(first, order(seed));
    different.insert(first.first);
  }
  EXPECT_GT(different.size(), kSeeds / 4);
}

TEST(Scheduler, every_strategy_shows_both_orders_of_a_race) {
  for (const Strategy strategy : {Strategy::kRandomWalk, Strategy::kPct, Strategy::kRoundRobin, Strategy::kStarveOne}) {
    std::set<int> outcomes;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      ScheduleOptions options = busy(strategy);
      options.pct_steps = 10;
      World world(seed, options);
      int first = 0;
      for (const int name : {1, 2}) {
        world.scheduler.spawn("racer", [&first, name] {
          Scheduler::running()->yield(Point::kOperation);
          if (first == 0) {
            first = name;
          }
        });
      }
      ASSERT_EQ(world.scheduler.run(), std::nullopt);
      outcomes.insert(first);
    }
    if (strategy != Strategy::kRoundRobin) {
      EXPECT_EQ(outcomes.size(), 2U) << "strategy " << static_cast<int>(strategy);
    }
  }
}

TEST(Scheduler, names_who_waits_for_whom_in_a_deadlock) {
  bool found = false;
  for (uint64_t seed = 0; seed < kSeeds && !found; ++seed) {
    World world(seed, busy(Strategy::kRandomWalk));
    sync::Mutex a;
    sync::Mutex b;
    world.scheduler.spawn("forward", [&] {
      const sync::Lock first(a);
      const sync::Lock second(b);
    });
    world.scheduler.spawn("backward", [&] {
      const sync::Lock first(b);
      const sync::Lock second(a);
    });
    if (const auto failure = world.scheduler.run()) {
      found = true;
      EXPECT_THAT(*failure, HasSubstr("deadlock"));
      EXPECT_THAT(*failure, HasSubstr("fiber 1 (forward) waits for a mutex held by fiber 2 (backward)"));
      EXPECT_THAT(*failure, HasSubstr("fiber 2 (backward) waits for a mutex held by fiber 1 (forward)"));
    }
  }
  EXPECT_TRUE(found);
}

TEST(Scheduler, ends_a_run_that_never_finishes) {
  ScheduleOptions options = busy(Strategy::kRandomWalk);
  options.step_budget = 10'000;
  World world(1, options);
  world.scheduler.spawn("spinner", [] {
    for (;;) {
      Scheduler::running()->yield(Point::kOperation);
    }
  });
  const auto failure = world.scheduler.run();
  ASSERT_TRUE(failure.has_value());
  EXPECT_THAT(*failure, HasSubstr("livelock"));
}

TEST(Scheduler, a_spinning_fiber_of_high_priority_lets_others_run_at_last) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed, busy(Strategy::kPct));
    bool set = false;
    world.scheduler.spawn("spinner", [&] {
      while (!set) {
        Scheduler::running()->yield(Point::kAtomic);
      }
    });
    world.scheduler.spawn("setter", [&] {
      Scheduler::running()->yield(Point::kOperation);
      set = true;
    });
    ASSERT_EQ(world.scheduler.run(), std::nullopt);
  }
}

TEST(Scheduler, abandon_stops_the_world_and_says_why) {
  World world(1);
  bool went_on = false;
  world.scheduler.spawn("witness", [&] { Scheduler::running()->abandon("a promise was broken"); });
  world.scheduler.spawn("sleeper", [&] {
    Scheduler::running()->sleep(1'000'000);
    went_on = true;
  });
  EXPECT_EQ(world.scheduler.run(), "a promise was broken");
  EXPECT_FALSE(went_on);
}

TEST(Scheduler, keeps_exceptions_of_fibers_apart) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    World world(seed, busy(Strategy::kRandomWalk));
    for (int fiber = 0; fiber < 3; ++fiber) {
      world.scheduler.spawn("thrower", [fiber] {
        for (int round = 0; round < 5; ++round) {
          try {
            throw fiber;
          } catch (int caught) {
            Scheduler::running()->yield(Point::kOperation);
            EXPECT_EQ(caught, fiber);
            EXPECT_TRUE(std::current_exception() != nullptr);
          }
          EXPECT_EQ(std::uncaught_exceptions(), 0);
        }
      });
    }
    ASSERT_EQ(world.scheduler.run(), std::nullopt);
  }
}

TEST(SimClock, sleepers_wake_in_order_of_their_time_and_nobody_really_waits) {
  World world(3);
  SimClock clock(world.decisions, world.time, {});
  std::vector<int> woken;
  for (const int minutes : {30, 10, 20}) {
    world.scheduler.spawn("sleeper", [&, minutes] {
      clock.sleep_ns(static_cast<uint64_t>(minutes) * 60'000'000'000U);
      woken.push_back(minutes);
    });
  }
  ASSERT_EQ(world.scheduler.run(), std::nullopt);
  EXPECT_EQ(woken, (std::vector<int>{10, 20, 30}));
  EXPECT_GE(world.time.now_ns, uint64_t{30} * 60'000'000'000U);
}

TEST(SimClock, R30_monotonic_never_goes_back_and_wall_time_jumps_both_ways) {
  Decisions decisions(5);
  VirtualTime time;
  SimClock clock(decisions, time, {.one_in = 16, .jump_seconds_max = 86'400});
  uint64_t before = clock.monotonic_ns();
  int64_t wall_before = clock.wall_ns();
  int forwards = 0;
  int backwards = 0;
  bool paused = false;
  for (int look = 0; look < 2000; ++look) {
    const uint64_t now = clock.monotonic_ns();
    ASSERT_GE(now, before);
    paused = paused || now - before > uint64_t{3600} * 1'000'000'000;
    before = now;
    const int64_t wall = clock.wall_ns();
    ASSERT_GE(wall, 0);
    forwards += wall > wall_before ? 1 : 0;
    backwards += wall < wall_before ? 1 : 0;
    wall_before = wall;
  }
  EXPECT_GT(forwards, 10);
  EXPECT_GT(backwards, 10);
  EXPECT_TRUE(paused);
  EXPECT_GT(clock.jump_count(), 150U);
  EXPECT_LT(clock.jump_count(), 350U);
}

TEST(SimClock, R30_jumps_while_the_machine_is_off_and_stays_within_its_years) {
  Decisions decisions(6);
  VirtualTime time;
  SimClock clock(decisions, time, {.one_in = 1, .jump_seconds_max = uint64_t{1} << 29U});
  for (int restart = 0; restart < 5000; ++restart) {
    clock.restarted();
    const int64_t wall = clock.wall_ns();
    ASSERT_GE(wall, 0);
    ASSERT_LT(wall, int64_t{7'000'000'000} * 1'000'000'000);
  }
  EXPECT_GT(clock.jump_count(), 7000U);
}

TEST(SimClock, does_not_jump_where_the_plan_does_not_say_so) {
  Decisions decisions(7);
  VirtualTime time;
  SimClock clock(decisions, time, {});
  const int64_t wall = clock.wall_ns();
  for (int look = 0; look < 1000; ++look) {
    clock.restarted();
    ASSERT_EQ(clock.wall_ns(), wall);
  }
  EXPECT_EQ(clock.jump_count(), 0U);
}

TEST(SimThreads, a_joined_thread_has_ended) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed);
    SimThreads threads;
    world.scheduler.spawn("parent", [&] {
      bool ended = false;
      auto child = threads.start("child", [&] {
        Scheduler::running()->yield(Point::kOperation);
        EXPECT_EQ(threads.current_id(), 2U);
        ended = true;
      });
      ASSERT_TRUE(child.has_value());
      (*child)->join();
      EXPECT_TRUE(ended);
    });
    ASSERT_EQ(world.scheduler.run(), std::nullopt);
  }
}

TEST(SimThreads, run_inline_without_a_scheduler) {
  SimThreads threads;
  bool ended = false;
  auto thread = threads.start("inline", [&] { ended = true; });
  ASSERT_TRUE(thread.has_value());
  EXPECT_TRUE(ended);
  (*thread)->join();
}

TEST(SimEntropy, the_seed_decides_the_bytes) {
  Decisions a(7);
  Decisions b(7);
  Decisions c(8);
  std::array<std::byte, 16> from_a{};
  std::array<std::byte, 16> from_b{};
  std::array<std::byte, 16> from_c{};
  SimEntropy(a).fill(from_a);
  SimEntropy(b).fill(from_b);
  SimEntropy(c).fill(from_c);
  EXPECT_EQ(from_a, from_b);
  EXPECT_NE(from_a, from_c);
}

}  // namespace
}  // namespace holdfast::sim
