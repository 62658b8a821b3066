// Threads, clocks and randomness of the operating system.
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <set>
#include <string>
#include <vector>

#include <holdfast/env.h>

namespace holdfast {
namespace {

TEST(PosixThreads, runs_the_body_on_a_thread_of_its_own) {
  Threads& threads = posix_env().threads();
  std::atomic<uint64_t> id = 0;
  auto thread = threads.start("worker", [&] { id = threads.current_id(); }).value();
  thread->join();
  EXPECT_NE(id, 0U);
  EXPECT_NE(id, threads.current_id());
}

TEST(PosixThreads, shows_the_name_cut_to_fifteen_bytes) {
  std::array<char, 32> name{};
  auto body = [&] { pthread_getname_np(pthread_self(), name.data(), name.size()); };
  auto thread = posix_env().threads().start("holdfast-checkpointer", body).value();
  thread->join();
  EXPECT_EQ(std::string(name.data()), "holdfast-checkp");
}

TEST(PosixThreads, identifies_each_thread_that_lives) {
  Threads& threads = posix_env().threads();
  constexpr size_t kThreads = 16;
  std::vector<uint64_t> ids(kThreads);
  std::vector<std::unique_ptr<Thread>> running;
  for (size_t i = 0; i < kThreads; ++i) {
    running.push_back(threads
                          .start("id",
                                 [&ids, &threads, i] {
                                   ids[i] = threads.current_id();
                                   EXPECT_EQ(ids[i], threads.current_id());
                                 })
                          .value());
  }
  for (auto& thread : running) {
    thread->join();
  }
  EXPECT_EQ(std::set<uint64_t>(ids.begin(), ids.end()).size(), kThreads);
}

TEST(PosixThreadsDeathTest, a_thread_that_nobody_joined_is_a_bug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH({ auto thread = posix_env().threads().start("lost", [] {}); }, "CHECK failed: joined_");
}

TEST(PosixClock, monotonic_time_never_goes_back) {
  Clock& clock = posix_env().clock();
  uint64_t last = clock.monotonic_ns();
  for (int i = 0; i < 1000; ++i) {
    const uint64_t now = clock.monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(PosixRandom, fills_every_byte_of_buffers_of_any_size) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{16}, size_t{100'000}}) {
    std::vector<std::byte> seen(bytes);
    std::vector<std::byte> buffer(bytes);
    // A byte stays zero in all of eight draws once in 2^64.
    for (int draw = 0; draw < 8; ++draw) {
      posix_env().random().fill(buffer);
      for (size_t i = 0; i < bytes; ++i) {
        seen[i] |= buffer[i];
      }
    }
    for (size_t i = 0; i < bytes; ++i) {
      ASSERT_NE(seen[i], std::byte{0});
    }
  }
}

}  // namespace
}  // namespace holdfast
