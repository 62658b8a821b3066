#include "env/sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "sim/scheduler.h"

namespace holdfast::sim {
namespace {

struct World {
  explicit World(uint64_t seed) : World(seed, [&](Decisions& from) { return ScheduleOptions::draw(from); }) {}
  template <class MakeOptions>
  World(uint64_t seed, MakeOptions make)
      : decisions(seed), scheduler(decisions, trace, time, stacks, make(decisions)) {}
  Decisions decisions;
  Trace trace;
  VirtualTime time;
  FiberStacks stacks;
  Scheduler scheduler;
};

constexpr uint64_t kSeeds = 300;

TEST(SimulatedMutex, lets_one_fiber_in_at_a_time) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed);
    sync::Mutex mutex;
    int inside = 0;
    int rounds = 0;
    for (int fiber = 0; fiber < 5; ++fiber) {
      world.scheduler.spawn("worker", [&] {
        for (int round = 0; round < 20; ++round) {
          const sync::Lock lock(mutex);
          ++inside;
          ASSERT_EQ(inside, 1);
          sync::yield_point();
          Scheduler::running()->yield(Point::kOperation);
          --inside;
          ++rounds;
        }
      });
    }
    ASSERT_EQ(world.scheduler.run(), std::nullopt);
    ASSERT_EQ(rounds, 100);
  }
}

TEST(SimulatedMutex, try_lock_fails_while_it_is_held) {
  World world(1);
  sync::Mutex mutex;
  world.scheduler.spawn("holder", [&] {
    const sync::Lock lock(mutex);
    EXPECT_FALSE(mutex.try_lock());
  });
  ASSERT_EQ(world.scheduler.run(), std::nullopt);
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(SimulatedAtomic, shows_a_lost_update_that_two_steps_allow) {
  bool lost = false;
  for (uint64_t seed = 0; seed < kSeeds && !lost; ++seed) {
    World world(seed);
    sync::Atomic<uint32_t> counter(0);
    for (int fiber = 0; fiber < 2; ++fiber) {
      world.scheduler.spawn("adder", [&] {
        for (int round = 0; round < 20; ++round) {
          counter.store(counter.load() + 1);
        }
      });
    }
    ASSERT_EQ(world.scheduler.run(), std::nullopt);
    lost = counter.load() != 40;
  }
  EXPECT_TRUE(lost);
}

TEST(SimulatedCondVar, a_queue_hands_over_everything) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed);
    sync::Mutex mutex;
    sync::CondVar changed;
    std::vector<int> queue;
    int taken = 0;
    for (int fiber = 0; fiber < 3; ++fiber) {
      world.scheduler.spawn("consumer", [&] {
        for (int item = 0; item < 10; ++item) {
          sync::Lock lock(mutex);
          changed.wait(lock, [&] { return !queue.empty(); });
          queue.pop_back();
          ++taken;
        }
      });
    }
    world.scheduler.spawn("producer", [&] {
      for (int item = 0; item < 30; ++item) {
        const sync::Lock lock(mutex);
        queue.push_back(item);
        if (item % 2 == 0) {
          changed.notify_all();
        } else {
          changed.notify_one();
        }
      }
    });
    ASSERT_EQ(world.scheduler.run(), std::nullopt) << seed;
    ASSERT_EQ(taken, 30);
  }
}

TEST(SimulatedCondVar, finds_a_notify_that_comes_before_the_wait) {
  // The classic mistake: the flag is looked at outside the lock, so the wake-up can be lost.
  bool stuck = false;
  for (uint64_t seed = 0; seed < kSeeds && !stuck; ++seed) {
    World world(seed);
    sync::Mutex mutex;
    sync::CondVar changed;
    sync::Atomic<bool> ready(false);
    world.scheduler.spawn("waiter", [&] {
      if (!ready.load()) {
        sync::Lock lock(mutex);
        changed.wait(lock);
      }
    });
    world.scheduler.spawn("setter", [&] {
      ready.store(true);
      changed.notify_all();
    });
    const auto failure = world.scheduler.run();
    stuck = failure.has_value();
    if (stuck) {
      EXPECT_THAT(*failure, testing::HasSubstr("fiber 1 (waiter) waits for a condition variable"));
    }
  }
  EXPECT_TRUE(stuck);
}

TEST(SimulatedCondVar, wakes_waiters_in_any_order_and_sometimes_without_cause) {
  std::set<std::vector<int>> orders;
  bool spurious = false;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed, [](Decisions& decisions) {
      ScheduleOptions options = ScheduleOptions::draw(decisions);
      options.spurious_wakeup_denominator = 8;
      return options;
    });
    sync::Mutex mutex;
    sync::CondVar changed;
    int waiting = 0;
    int permits = 0;
    std::vector<int> order;
    for (int fiber = 0; fiber < 3; ++fiber) {
      world.scheduler.spawn("waiter", [&, fiber] {
        sync::Lock lock(mutex);
        ++waiting;
        while (permits == 0) {
          changed.wait(lock);
          spurious = spurious || permits == 0;
        }
        --permits;
        order.push_back(fiber);
      });
    }
    world.scheduler.spawn("giver", [&] {
      for (;;) {
        const sync::Lock lock(mutex);
        if (waiting == 3) {
          break;
        }
      }
      for (int permit = 0; permit < 3; ++permit) {
        const sync::Lock lock(mutex);
        ++permits;
        changed.notify_all();
      }
    });
    ASSERT_EQ(world.scheduler.run(), std::nullopt) << seed;
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 6U);
  EXPECT_TRUE(spurious);
}

TEST(SimulatedSync, works_inline_without_a_scheduler) {
  sync::Mutex mutex;
  sync::CondVar changed;
  {
    sync::Lock lock(mutex);
    changed.notify_one();
    changed.notify_all();
    changed.wait(lock, [] { return true; });
  }
  const sync::Lock lock(mutex);
}

TEST(SimulatedSync, works_inline_inside_a_fiber_whose_switches_are_suppressed) {
  World world(9);
  int switched = 0;
  world.scheduler.spawn("prober", [&] {
    const SingleThreaded inline_only;
    const int before = switched;
    sync::Mutex mutex;
    sync::Atomic<int> value(0);
    for (int round = 0; round < 1000; ++round) {
      const sync::Lock lock(mutex);
      value.fetch_add(1);
    }
    EXPECT_EQ(switched, before);
  });
  world.scheduler.spawn("other", [&] {
    for (int round = 0; round < 100; ++round) {
      ++switched;
      Scheduler::running()->yield(Point::kOperation);
    }
  });
  ASSERT_EQ(world.scheduler.run(), std::nullopt);
}

TEST(SimulatedSyncDeathTest, the_only_thread_cannot_wait_for_itself) {
  sync::Mutex mutex;
  const sync::Lock lock(mutex);
  EXPECT_DEATH(mutex.lock(), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::sim
