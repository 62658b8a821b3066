// Appends, reserves, recycling and flushes side by side.
#include <atomic>
#include <mutex>

#include "tests/wal/fixture.h"

namespace holdfast::wal {
namespace {

class LaneThreads : public LaneTest {};
INSTANTIATE_TEST_SUITE_P(Environments, LaneThreads, testing::Values(Kind::kMemory, Kind::kPosix), kind_name);

TEST_P(LaneThreads, every_record_of_many_writers_is_flushed_once_and_in_order) {
  constexpr uint64_t kCsnsMax = 600;
  const auto lane = new_lane();
  std::mutex owner;  // as the database holds one around taking a csn and appending
  uint64_t last_csn = 0;
  std::atomic<uint64_t> writers_left = 3;
  const auto write = [&] {
    for (;;) {
      ASSERT_TRUE(lane->reserve(500));
      const std::unique_lock lock(owner);
      if (last_csn == kCsnsMax) {
        break;
      }
      ++last_csn;
      append(*lane, last_csn, 400 + last_csn % 100);
    }
    --writers_left;
  };
  std::vector<std::unique_ptr<Thread>> threads;
  for (int index = 0; index < 3; ++index) {
    threads.push_back(env_->threads().start("writer", write).value());
  }
  uint64_t durable = 0;
  while (writers_left > 0 || !lane->empty()) {
    const auto flushed = lane->flush(Csn{durable});
    ASSERT_TRUE(flushed) << flushed.error().to_string();
    for (const auto& [first, last] : flushed->csns) {
      ASSERT_EQ(to_int(first), durable + 1);
      durable = to_int(last);
    }
  }
  for (const auto& thread : threads) {
    thread->join();
  }
  EXPECT_EQ(durable, kCsnsMax);
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), csns(1, kCsnsMax));
  EXPECT_EQ(plan(contents).last, Csn{kCsnsMax});
  expect_bodies(*directory_, contents);
}

}  // namespace
}  // namespace holdfast::wal
