// The promises about space that btree-store 0.1 breaks: each was reproduced there, and each is kept here.
#include "tests/db/database_test.h"

namespace holdfast {
namespace {

class BtreeStoreSpacePromises : public DatabaseTest {};

// Upstream: growing an inline value by a byte moved it to a page of its own: 26 pages became 1,090.
TEST_F(BtreeStoreSpacePromises, values_that_grow_by_a_byte_keep_the_file_small) {
  Database database = open();
  const auto set_all = [&](std::string_view value) {
    return database.exec("counters", [&](Bucket& bucket) -> Result<void> {
      for (uint64_t i = 0; i < 1000; ++i) {
        HOLDFAST_TRY(bucket.put(numbered("c", i), value));
      }
      return {};
    });
  };
  ASSERT_OK(set_all("9"));
  const uint64_t before = sound(database).reachable_pages;
  ASSERT_OK(set_all("10"));
  ASSERT_OK(set_all("100"));
  EXPECT_LE(sound(database).reachable_pages, before * 5 / 2);
  EXPECT_LT(sound(database).reachable_pages, 20U);
  // One counter a commit.
  for (uint64_t i = 0; i < 1000; ++i) {
    ASSERT_OK(database.put("counters", numbered("c", i), "1000"));
  }
  EXPECT_LT(sound(database).reachable_pages, 25U);
  EXPECT_LT(database.stats()->file_bytes, 100U * 4096);
}

// Upstream: pages were never merged, and the file never shrank: 5.2 MiB for 17 KB of rows.
TEST_F(BtreeStoreSpacePromises, erasing_nearly_all_rows_gives_the_space_back) {
  constexpr uint64_t kRows = 40'000;
  Database database = open();
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < kRows; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), std::string(100, 'v')));
    }
    return {};
  }));
  const uint64_t full_pages = sound(database).reachable_pages;
  const uint64_t full_bytes = database.stats()->file_bytes;
  // 39 of 40, spread over all leaves, in random order.
  std::vector<uint64_t> order;
  for (uint64_t i = 0; i < kRows; ++i) {
    if (i % 40 != 0) {
      order.push_back(i);
    }
  }
  Draw draw(1);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[draw.below(i)]);
  }
  for (size_t done = 0; done < order.size(); done += 1000) {
    ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
      for (size_t i = done; i < std::min(order.size(), done + 1000); ++i) {
        HOLDFAST_TRY(bucket.erase(numbered("k", order[i])));
      }
      return {};
    }));
  }
  EXPECT_EQ(rows_of(database, "t").size(), kRows / 40);
  EXPECT_LT(sound(database).reachable_pages, full_pages / 10);
  // Later commits move what is left to the front, and the tail of the file goes.
  for (int round = 0; round < 4; ++round) {
    ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
      for (uint64_t i = 0; i < kRows; i += 40) {
        HOLDFAST_TRY(bucket.put(numbered("k", i), std::string(100, static_cast<char>('a' + round))));
      }
      return {};
    }));
    ASSERT_OK(database.checkpoint());  // whatever the thread in the background is at
  }
  sound(database);
  EXPECT_LT(database.stats()->file_bytes, full_bytes / 4);
}

// Upstream: the pages freed by the last commit before a close leaked: 120 KiB became 12 MiB.
TEST_F(BtreeStoreSpacePromises, six_hundred_open_put_close_cycles_leak_nothing) {
  uint64_t at_start = 0;
  for (uint64_t cycle = 0; cycle < 600; ++cycle) {
    Database database = open();
    ASSERT_OK(database.put("t", numbered("k", cycle % 20), std::string(100, 'v')));
    if (cycle == 50) {
      at_start = database.stats()->file_bytes;
    }
  }
  Database database = open();
  EXPECT_LE(database.stats()->file_bytes, at_start);
  const CheckReport report = sound(database);
  EXPECT_EQ(report.rows, 20U);
  EXPECT_EQ(report.awaiting_pages, 0U);
}

// Upstream has no readers beside a writer; LMDB's file grows 14-fold here, because it keeps every later version too.
TEST_F(BtreeStoreSpacePromises, an_idle_reader_keeps_only_its_own_pages) {
  // 4 rows a leaf: the random updates reach a third of the leaves, which the reader keeps.
  constexpr uint64_t kRows = 200'000;
  constexpr uint64_t kRowsPerCommit = 1000;
  Database database = open();
  const auto rewrite_all = [&](char letter) {
    for (uint64_t from = 0; from < kRows; from += kRowsPerCommit) {
      ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
        for (uint64_t i = from; i < from + kRowsPerCommit; ++i) {
          HOLDFAST_TRY(bucket.put(numbered("k", i), std::string(960, letter)));
        }
        return {};
      }));
    }
  };
  rewrite_all('a');
  ASSERT_OK(database.put("t", numbered("k", 0), std::string(960, 'a')));
  const uint64_t start = database.stats()->file_bytes;
  {
    const Snapshot idle = database.snapshot();
    Draw draw(1);
    for (int commit = 0; commit < 2000; ++commit) {
      ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
        for (int i = 0; i < 10; ++i) {
          HOLDFAST_TRY(bucket.put(numbered("k", draw.below(kRows)), std::string(960, 'b')));
        }
        return {};
      }));
    }
    const uint64_t with_reader = database.stats()->file_bytes;
    EXPECT_LE(with_reader, start * 3 / 2);
    RecordProperty("file_with_idle_reader_percent", std::to_string(with_reader * 100 / start));
    uint64_t others = 0;
    for (const auto row : idle.bucket("t").all()) {
      others += row.value[0] != 'a' ? 1U : 0U;
    }
    EXPECT_EQ(others, 0U);
  }
  rewrite_all('c');
  rewrite_all('d');
  ASSERT_OK(database.put("t", numbered("k", 0), std::string(960, 'e')));
  EXPECT_LE(database.stats()->file_bytes, start * 21 / 20);
  RecordProperty("file_after_reader_percent", std::to_string(database.stats()->file_bytes * 100 / start));
  EXPECT_EQ(sound(database).awaiting_pages, 0U);
}

}  // namespace
}  // namespace holdfast
