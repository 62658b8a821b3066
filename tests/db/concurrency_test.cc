// Several threads: sums that must add up, snapshots that must hold still, commits that must have places of their own.
#include <atomic>
#include <set>
#include <thread>

#include "tests/db/database_test.h"

namespace holdfast {
namespace {

class ConcurrencyTest : public DatabaseTest {};

TEST_F(ConcurrencyTest, counters_add_up_under_conflicts_while_readers_see_one_state) {
  constexpr int kWriters = 4;
  constexpr int kReaders = 2;
  constexpr int kTransfers = 150;
  constexpr uint64_t kAccounts = 8;
  Database database = open();
  ASSERT_OK(database.exec("accounts", [](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < kAccounts; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("a", i), "1000"));
    }
    return {};
  }));
  std::atomic<bool> done = false;
  std::atomic<int> failed = 0;
  std::atomic<int> wrong_sums = 0;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      Draw draw(static_cast<uint64_t>(writer));
      for (int i = 0; i < kTransfers; ++i) {
        const std::string from = numbered("a", draw.below(kAccounts));
        const std::string to = numbered("a", draw.below(kAccounts));
        const auto commit = database.exec(
            [&](Transaction& transaction) -> Result<void> {
              Bucket accounts = transaction.bucket("accounts");
              HOLDFAST_TRY_ASSIGN(const auto source, accounts.get(from));
              HOLDFAST_TRY(accounts.put(from, std::to_string(std::stoll(std::string(*source)) - 5)));
              HOLDFAST_TRY_ASSIGN(const auto target, accounts.get(to));
              HOLDFAST_TRY(accounts.put(to, std::to_string(std::stoll(std::string(*target)) + 5)));
              HOLDFAST_TRY_ASSIGN(const auto count, transaction.bucket("counts").get(std::to_string(writer)));
              const int64_t next = (count ? std::stoll(std::string(*count)) : 0) + 1;
              return transaction.bucket("counts").put(std::to_string(writer), std::to_string(next));
            },
            writer % 2 == 0 ? Isolation::kSnapshot : Isolation::kSerializable);
        failed += commit ? 0 : 1;
      }
    });
  }
  for (int reader = 0; reader < kReaders; ++reader) {
    threads.emplace_back([&] {
      while (!done) {
        int64_t sum = 0;
        const auto seen = database.view("accounts", [&](const BucketView& bucket) -> Result<void> {
          for (const auto row : bucket.all()) {
            sum += std::stoll(std::string(row.value));
          }
          return {};
        });
        wrong_sums += !seen || sum != 1000 * static_cast<int64_t>(kAccounts) ? 1 : 0;
      }
    });
  }
  for (int i = 0; i < kWriters; ++i) {
    threads[static_cast<size_t>(i)].join();
  }
  done = true;
  for (size_t i = kWriters; i < threads.size(); ++i) {
    threads[i].join();
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(wrong_sums, 0);
  for (const auto& [writer, count] : rows_of(database, "counts")) {
    EXPECT_EQ(count, std::to_string(kTransfers)) << writer;
  }
  EXPECT_EQ(database.stats()->csn, Csn{1 + kWriters * kTransfers});
  EXPECT_EQ(database.stats()->live_snapshots, 0U);
  sound(database);
}

TEST_F(ConcurrencyTest, every_commit_has_a_place_of_its_own_and_is_seen_from_then_on) {
  constexpr int kThreads = 4;
  constexpr uint64_t kCommits = 100;
  Database database = open();
  std::vector<std::vector<Csn>> csns(kThreads);
  std::atomic<int> unseen = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < kCommits; ++i) {
        const std::string key = std::to_string(thread) + numbered("-", i);
        const auto commit = database.put("t", key, "v");
        if (!commit) {
          return;
        }
        csns[static_cast<size_t>(thread)].push_back(commit->csn);
        const Snapshot snapshot = database.snapshot();
        if (snapshot.csn() < commit->csn || !snapshot.bucket("t").contains(key).value_or(false)) {
          ++unseen;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(unseen, 0);
  std::set<Csn> all;
  for (const auto& mine : csns) {
    EXPECT_EQ(mine.size(), kCommits);
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), kThreads * kCommits);
  EXPECT_EQ(*all.begin(), Csn{1});
  EXPECT_EQ(*all.rbegin(), Csn{kThreads * kCommits});
  EXPECT_EQ(rows_of(database, "t").size(), kThreads * kCommits);
  sound(database);
}

TEST_F(ConcurrencyTest, check_and_stats_run_beside_writers_and_readers) {
  Database database = open();
  ASSERT_OK(database.put("t", "k", "0"));
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  std::thread writer([&] {
    for (uint64_t i = 0; i < 200; ++i) {
      failures += database.put("t", numbered("k", i % 50), std::string(200, 'x')) ? 0 : 1;
    }
    done = true;
  });
  std::thread reader([&] {
    while (!done) {
      const Snapshot snapshot = database.snapshot();
      const Snapshot clone = snapshot.clone();
      std::thread other([&] { failures += clone.bucket("t").get("k") ? 0 : 1; });
      failures += snapshot.bucket("t").get("k") ? 0 : 1;
      other.join();
    }
  });
  while (!done) {
    const auto report = database.check();
    failures += report && report->damage.empty() && report->damaged_pages == 0 ? 0 : 1;
    failures += database.stats() ? 0 : 1;
  }
  writer.join();
  reader.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(ConcurrencyTest, writers_and_readers_under_a_cache_that_is_too_small) {
  Options chosen = options();
  chosen.cache_bytes = kCacheBytesMin;
  Database database = Database::open(kPath, chosen).value();
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < 10'000; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), "0" + std::string(100, 'x')));
    }
    return {};
  }));
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (uint64_t thread = 0; thread < 2; ++thread) {
    readers.emplace_back([&, thread] {
      Draw draw(thread);
      while (!done) {
        const Snapshot snapshot = database.snapshot();
        std::optional<char> generation;
        // All rows of one state begin with the same letter.
        for (int i = 0; i < 50; ++i) {
          const auto value = snapshot.bucket("t").get(numbered("k", draw.below(10'000)));
          if (!value || !*value || (generation && *generation != (**value)[0])) {
            ++wrong;
            break;
          }
          generation = (**value)[0];
        }
      }
    });
  }
  for (char generation = '1'; generation <= '4'; ++generation) {
    ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
      for (uint64_t i = 0; i < 10'000; ++i) {
        HOLDFAST_TRY(bucket.put(numbered("k", i), generation + std::string(100, 'x')));
      }
      return {};
    }));
  }
  done = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(wrong, 0);
  sound(database);
}

}  // namespace
}  // namespace holdfast
