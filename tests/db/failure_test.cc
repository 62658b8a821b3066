// Disks that fail: what was acknowledged stays, what was not is wholly there or wholly not, and nothing else breaks.
#include "tests/db/database_test.h"
#include "tests/db/failing_env.h"

namespace holdfast {
namespace {

class FailureTest : public DatabaseTest {
 protected:
  static constexpr uint64_t kRows = 120;

  enum class Commits : uint8_t { kLogged, kCheckpointed };
  Options failing_options(Commits commits = Commits::kLogged) {
    Options chosen = options();
    chosen.env = &env_;
    chosen.background = false;  // every operation in its place
    chosen.checkpoint_every_commit = commits == Commits::kCheckpointed;
    return chosen;
  }
  // Commit number `number` of the workload: rewrites some rows, adds some, erases one, now and then a large value.
  static Result<void> change(Transaction& transaction, uint64_t number) {
    Bucket bucket = transaction.bucket("t");
    for (uint64_t i = 0; i < 6; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", (number * 37 + i * 11) % kRows), std::to_string(number)));
    }
    HOLDFAST_TRY(bucket.erase(numbered("k", number % kRows)));
    if (number % 4 == 0) {
      HOLDFAST_TRY(bucket.put("large", std::string(9000, static_cast<char>('a' + number % 26))));
    }
    return transaction.bucket("numbers").put("last", std::to_string(number));
  }
  // Commit `from` to `to`, going on after errors. The number of the last that was acknowledged.
  static uint64_t run(Database& database, uint64_t from, uint64_t to, std::vector<ErrorCode>* errors = nullptr) {
    uint64_t acknowledged = from - 1;
    for (uint64_t number = from; number <= to; ++number) {
      const auto commit = database.exec([&](Transaction& transaction) { return change(transaction, number); });
      if (commit) {
        acknowledged = number;
      } else if (errors != nullptr) {
        errors->push_back(commit.error().code());
      }
    }
    return acknowledged;
  }
  // Every state that the workload goes through when these commits are applied one after the other.
  std::map<uint64_t, Rows> states(uint64_t to) {
    std::map<uint64_t, Rows> states;
    Options chosen = options();
    Database database = Database::open("/model", chosen).value();
    for (uint64_t number = 1; number <= to; ++number) {
      EXPECT_OK(database.exec([&](Transaction& transaction) { return change(transaction, number); }));
      states[number] = rows_of(database, "t");
    }
    return states;
  }
  static uint64_t last_of(const Database& database) {
    const auto last = database.get("numbers", "last");
    return last && *last ? std::stoull(**last) : 0;
  }
  void remove_database() {
    const auto directory = memory_->open_directory(kPath, DirectoryMode::kCreateIfMissing).value();
    const std::vector<std::string> names = directory->list().value();
    for (const std::string& name : names) {
      ASSERT_OK(directory->remove(name));
    }
  }

  FailingEnv env_{*memory_};
};

// The heart of it: each single operation on the disk fails once, at every place of the workload.
TEST_F(FailureTest, one_failed_operation_never_loses_an_acknowledged_commit) {
  const std::map<uint64_t, Rows> wanted = states(60);
  uint64_t unknown = 0;
  for (const int round : {0, 1, 2, 3}) {
    const Commits commits = round % 2 == 0 ? Commits::kLogged : Commits::kCheckpointed;
    if (round == 2) {
      env_.plan().tear_failed_writes();
    }
    for (uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(nth);
      remove_database();
      uint64_t acknowledged = 0;
      uint64_t attempted = 20;
      bool fired = false;
      {
        auto database = Database::open(kPath, failing_options(commits));
        ASSERT_OK(database);
        ASSERT_EQ(run(*database, 1, 20), 20U);
        env_.plan().fail(nth, EIO);
        std::vector<ErrorCode> errors;
        acknowledged = std::max<uint64_t>(20, run(*database, 21, 30, &errors));
        fired = env_.plan().fired();
        env_.plan().stop();
        if (fired) {
          // The disk works again; the database must not pretend that nothing happened.
          const uint64_t later = run(*database, 31, 60, &errors);
          ASSERT_FALSE(errors.empty());
          ASSERT_EQ(errors[0], ErrorCode::kOutcomeUnknown);
          ASSERT_EQ(errors[1], ErrorCode::kReadOnly);
          ASSERT_EQ(later, 30U) << "nothing commits after a failed write";
          ASSERT_FALSE(database->stats()->read_only_reason.empty());
          attempted = acknowledged + 1;
          ++unknown;
          // Readers go on, on the last state that was acknowledged.
          ASSERT_EQ(last_of(*database), acknowledged);
          ASSERT_EQ(rows_of(*database, "t"), wanted.at(acknowledged));
        }
      }
      if (!fired) {
        break;
      }
      Database database = open();
      const uint64_t last = last_of(database);
      ASSERT_GE(last, acknowledged);
      ASSERT_LE(last, attempted);
      ASSERT_EQ(rows_of(database, "t"), wanted.at(last));
      sound(database);
      // And it goes on from there.
      ASSERT_EQ(run(database, last + 1, 60), 60U);
      ASSERT_EQ(rows_of(database, "t"), wanted.at(60));
      sound(database);
    }
  }
  EXPECT_GE(unknown, 2 * 10 * (2U + 3U)) << "a commit writes a frame and syncs; or pages, syncs, a meta page, syncs";
}

TEST_F(FailureTest, a_full_disk_fails_a_commit_cleanly_and_later_commits_work) {
  const std::map<uint64_t, Rows> wanted = states(40);
  uint64_t full = 0;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    remove_database();
    uint64_t acknowledged = 0;
    {
      auto database = Database::open(kPath, failing_options(Commits::kCheckpointed));
      ASSERT_OK(database);
      ASSERT_EQ(run(*database, 1, 20), 20U);
      env_.plan().fail(nth, ENOSPC);
      const auto commit = database->exec([](Transaction& transaction) { return change(transaction, 21); });
      const bool fired = env_.plan().fired();
      env_.plan().stop();
      if (!fired) {
        ASSERT_OK(commit);
        break;
      }
      if (commit) {
        // The disk was asked for room ahead of need, and the commit could do without.
        acknowledged = 21;
      } else if (commit.error().code() == ErrorCode::kNoSpace) {
        ++full;
        acknowledged = 20;
        ASSERT_EQ(rows_of(*database, "t"), wanted.at(20));
        sound(*database);
        ASSERT_EQ(run(*database, 21, 40), 40U);
        acknowledged = 40;
        ASSERT_EQ(rows_of(*database, "t"), wanted.at(40));
        sound(*database);
      } else {
        // A sync that says "full" says nothing about what it wrote.
        ASSERT_EQ(commit.error().code(), ErrorCode::kOutcomeUnknown) << why(commit);
        acknowledged = 20;
      }
    }
    Database database = open();
    ASSERT_GE(last_of(database), acknowledged);
    ASSERT_EQ(rows_of(database, "t"), wanted.at(last_of(database)));
    sound(database);
  }
  EXPECT_GE(full, 1U);
}

// The log takes what fits into the segments that it has; then commits fail, and work again once there is space.
TEST_F(FailureTest, a_disk_that_stays_full_takes_nothing_and_breaks_nothing) {
  Options chosen = failing_options();
  chosen.checkpoint_wal_bytes = kCheckpointWalBytesMin;
  for (const bool logs : {true, false}) {
    SCOPED_TRACE(logs);
    remove_database();
    chosen.checkpoint_every_commit = !logs;
    auto database = Database::open(kPath, chosen);
    ASSERT_OK(database);
    ASSERT_EQ(run(*database, 1, 20), 20U);
    env_.plan().fail(1, ENOSPC, FailurePlan::Length::kWhileFull);
    const std::string large(100'000, 'v');
    uint64_t taken = 0;
    uint64_t refused = 0;
    for (uint64_t number = 0; refused < 9 && number < 200; ++number) {
      const Rows before = rows_of(*database, "t");
      const auto put = database->put("large", numbered("k", number), large);
      if (put) {
        ++taken;
        continue;
      }
      ++refused;
      EXPECT_ERROR(kNoSpace, put);
      EXPECT_EQ(rows_of(*database, "t"), before);
    }
    EXPECT_EQ(refused, 9U);
    EXPECT_TRUE(database->stats()->read_only_reason.empty());
    env_.plan().stop();
    EXPECT_EQ(run(*database, 21, 40), 40U);
    sound(*database);
    ASSERT_OK(database->close());
    Database again = open();
    EXPECT_EQ(last_of(again), 40U);
    EXPECT_EQ(rows_of(again, "large").size(), taken);
    sound(again);
  }
}

TEST_F(FailureTest, creation_that_fails_anywhere_can_be_tried_again) {
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    remove_database();
    env_.plan().fail(nth, nth % 2 == 0 ? EIO : ENOSPC);
    const auto failed_open = Database::open(kPath, failing_options());
    const bool fired = env_.plan().fired();
    env_.plan().stop();
    if (!fired) {
      ASSERT_OK(failed_open);
      EXPECT_GT(nth, 8U);
      break;
    }
    ASSERT_FALSE(failed_open.has_value());
    Database database = open();
    ASSERT_OK(database.put("t", "k", "v"));
    sound(database);
  }
}

TEST_F(FailureTest, an_open_that_fails_anywhere_loses_nothing) {
  {
    Database database = open();
    run(database, 1, 20);
  }
  const Rows before = rows_of(open(), "t");
  env_.plan().count(FailurePlan::Count::kReadsToo);
  uint64_t copies_spared = 0;  // a meta copy that cannot be read, once
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    env_.plan().fail(nth, EIO);
    bool fired = false;
    {
      const auto opened = Database::open(kPath, failing_options());
      fired = env_.plan().fired();
      env_.plan().stop();
      ASSERT_TRUE(opened || fired);
      if (opened && fired) {
        ++copies_spared;
        ASSERT_EQ(rows_of(*opened, "t"), before);
      }
    }
    {
      Database database = open();
      ASSERT_EQ(rows_of(database, "t"), before);
      sound(database);
    }
    if (!fired) {
      EXPECT_GT(nth, 8U);
      break;
    }
  }
  EXPECT_EQ(copies_spared, 1U + 2 * 4U) << "the first for the page size; all four for the state, and for damage";
}

TEST_F(FailureTest, a_failed_read_fails_its_call_and_nothing_else) {
  {
    Database database = open();
    ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
      for (uint64_t i = 0; i < 20'000; ++i) {
        HOLDFAST_TRY(bucket.put(numbered("k", i), std::string(100, 'v')));
      }
      return {};
    }));
  }
  Options chosen = failing_options();
  chosen.cache_bytes = kCacheBytesMin;
  Database database = Database::open(kPath, chosen).value();
  env_.plan().count(FailurePlan::Count::kReadsToo);
  uint64_t failures = 0;
  for (uint64_t nth = 1; nth <= 40; ++nth) {
    env_.plan().fail(nth, EIO);
    uint64_t rows = 0;
    const auto seen = database.view("t", [&](const BucketView& bucket) -> Result<void> {
      for ([[maybe_unused]] const auto row : bucket.all()) {
        ++rows;
      }
      return {};
    });
    const bool fired = env_.plan().fired();
    env_.plan().stop();
    EXPECT_EQ(seen.has_value(), !fired);
    EXPECT_EQ(rows == 20'000, !fired);
    if (fired) {
      ++failures;
      EXPECT_EQ(seen.error().code(), ErrorCode::kIo);
      // The same through a transaction that wants to commit: it must not.
      Transaction transaction = database.begin();
      ASSERT_OK(transaction.bucket("t").put("new", "row"));
      env_.plan().fail(nth, EIO);
      for ([[maybe_unused]] const auto row : transaction.bucket("t").all()) {
      }
      const bool again = env_.plan().fired();
      env_.plan().stop();
      if (again) {
        EXPECT_ERROR(kIo, transaction.commit());
      }
    }
  }
  EXPECT_GT(failures, 10U);
  EXPECT_TRUE(database.stats()->read_only_reason.empty());
  EXPECT_EQ(rows_of(database, "t").size(), 20'000U);
  ASSERT_OK(database.put("t", "new", "row"));
  sound(database);
}

}  // namespace
}  // namespace holdfast
