#include <stdexcept>

#include "tests/db/database_test.h"

namespace holdfast {
namespace {

class TransactionTest : public DatabaseTest {};

TEST_F(TransactionTest, exec_commits_on_success) {
  Database database = open();
  const auto commit = database.exec([](Transaction& transaction) -> Result<void> {
    HOLDFAST_TRY(transaction.bucket("a").put("k", "1"));
    HOLDFAST_TRY(transaction.bucket("b").put("k", "2"));
    return {};
  });
  ASSERT_OK(commit);
  EXPECT_EQ(commit->csn, Csn{1});
  EXPECT_EQ(database.get("a", "k")->value(), "1");
  EXPECT_EQ(database.get("b", "k")->value(), "2");
}

TEST_F(TransactionTest, exec_rolls_back_on_an_error) {
  Database database = open();
  const auto commit = database.exec([](Transaction& transaction) -> Result<void> {
    HOLDFAST_TRY(transaction.bucket("a").put("k", "1"));
    return fail(ErrorCode::kNotFound, "my own");
  });
  EXPECT_ERROR(kNotFound, commit);
  EXPECT_EQ(commit.error().message(), "my own");
  EXPECT_TRUE(database.snapshot().buckets()->empty());
  EXPECT_EQ(database.stats()->live_snapshots, 0U);
}

TEST_F(TransactionTest, exec_rolls_back_when_an_exception_passes_and_lets_it_pass) {
  Database database = open();
  ASSERT_OK(database.put("a", "k", "1"));
  EXPECT_THROW(static_cast<void>(database.exec([](Transaction& transaction) -> Result<void> {
                 HOLDFAST_TRY(transaction.bucket("a").put("k", "2"));
                 HOLDFAST_TRY(transaction.drop_bucket("a"));
                 throw std::runtime_error("from the body");
               })),
               std::runtime_error);
  EXPECT_THROW(static_cast<void>(
                   database.view([](const Snapshot&) -> Result<void> { throw std::runtime_error("from the body"); })),
               std::runtime_error);
  EXPECT_EQ(database.get("a", "k")->value(), "1");
  EXPECT_EQ(database.stats()->live_snapshots, 0U);
  ASSERT_OK(database.put("a", "l", "3"));
  EXPECT_EQ(rows_of(database, "a"), (Rows{{"k", "1"}, {"l", "3"}}));
  sound(database);
}

TEST_F(TransactionTest, exec_runs_again_on_a_newer_snapshot_after_a_conflict) {
  Database database = open();
  ASSERT_OK(database.put("a", "n", "0"));
  int runs = 0;
  ASSERT_OK(database.exec("a", [&](Bucket& bucket) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const auto value, bucket.get("n"));
    if (++runs <= 3) {
      HOLDFAST_TRY(database.put("a", "n", std::to_string(runs)));
    }
    return bucket.put("n", std::string(*value) + "!");
  }));
  EXPECT_EQ(runs, 4);
  EXPECT_EQ(database.get("a", "n")->value(), "3!");
  EXPECT_EQ(database.stats()->conflicts, 3U);
}

TEST_F(TransactionTest, exec_gives_up_after_a_hundred_conflicts) {
  Database database = open();
  uint32_t runs = 0;
  EXPECT_ERROR(kConflict, database.exec("a", [&](Bucket& bucket) -> Result<void> {
    ++runs;
    HOLDFAST_TRY(database.put("a", "n", "other"));
    return bucket.put("n", "mine");
  }));
  EXPECT_EQ(runs, kExecAttemptsMax);
  EXPECT_EQ(database.get("a", "n")->value(), "other");
}

TEST_F(TransactionTest, a_body_that_swallows_an_error_commits_what_succeeded) {
  Database database = open();
  ASSERT_OK(database.put("a", "old", "1"));
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    Bucket bucket = transaction.bucket("a");
    HOLDFAST_TRY(bucket.put("new", "2"));
    EXPECT_ERROR(kInvalidArgument, bucket.put("", "x"));
    EXPECT_ERROR(kNotFound, transaction.drop_bucket("missing"));
    EXPECT_ERROR(kAlreadyExists, transaction.create_bucket("a"));
    EXPECT_FALSE(bucket.erase("missing").value());
    return {};
  }));
  EXPECT_EQ(rows_of(database, "a"), (Rows{{"new", "2"}, {"old", "1"}}));
  EXPECT_EQ(*database.snapshot().buckets(), std::vector<std::string>{"a"});
  sound(database);
}

TEST_F(TransactionTest, without_writes_commits_without_touching_the_disk) {
  Database database = open();
  ASSERT_OK(database.put("a", "k", "1"));
  const Stats before = *database.stats();
  Transaction transaction = database.begin();
  EXPECT_EQ(transaction.bucket("a").get("k")->value(), "1");
  EXPECT_FALSE(transaction.bucket("a").update("missing", "x").value());
  EXPECT_FALSE(transaction.bucket("a").insert("k", "x").value());
  EXPECT_FALSE(transaction.bucket("a").erase("missing").value());
  EXPECT_OK(transaction.bucket("missing").erase_range(""));
  const Savepoint savepoint = transaction.savepoint();
  EXPECT_OK(transaction.bucket("a").put("k", "2"));
  EXPECT_OK(transaction.bucket("new").put("k", "2"));
  EXPECT_OK(transaction.rollback_to(savepoint));
  const auto commit = transaction.commit();
  ASSERT_OK(commit);
  EXPECT_EQ(commit->csn, before.csn);
  const Stats after = *database.stats();
  EXPECT_EQ(after.syncs, before.syncs);
  EXPECT_EQ(after.bytes_written, before.bytes_written);
  EXPECT_EQ(after.csn, before.csn);
}

TEST_F(TransactionTest, is_over_after_commit_and_rollback) {
  Database database = open();
  for (const bool commits : {true, false}) {
    Transaction transaction = database.begin();
    Bucket bucket = transaction.bucket("a");
    ASSERT_OK(bucket.put("k", "1"));
    Cursor cursor = bucket.cursor();
    ASSERT_TRUE(cursor.first());
    const Savepoint savepoint = transaction.savepoint();
    if (commits) {
      ASSERT_OK(transaction.commit());
    } else {
      transaction.rollback();
    }
    EXPECT_ERROR(kInvalidArgument, transaction.commit());
    EXPECT_ERROR(kInvalidArgument, bucket.put("k", "2"));
    EXPECT_ERROR(kInvalidArgument, bucket.get("k"));
    EXPECT_ERROR(kInvalidArgument, bucket.contains("k"));
    EXPECT_ERROR(kInvalidArgument, bucket.erase("k"));
    EXPECT_ERROR(kInvalidArgument, bucket.erase_range(""));
    EXPECT_ERROR(kInvalidArgument, transaction.buckets());
    EXPECT_ERROR(kInvalidArgument, transaction.create_bucket("x"));
    EXPECT_ERROR(kInvalidArgument, transaction.drop_bucket("a"));
    EXPECT_ERROR(kInvalidArgument, transaction.rollback_to(savepoint));
    EXPECT_FALSE(cursor.valid());
    EXPECT_FALSE(cursor.next());
    EXPECT_FALSE(cursor.first());
    EXPECT_ERROR(kInvalidArgument, cursor.status());
    transaction.rollback();
  }
  EXPECT_EQ(rows_of(database, "a"), (Rows{{"k", "1"}}));
}

TEST_F(TransactionTest, destroyed_is_rolled_back) {
  Database database = open();
  {
    Transaction transaction = database.begin();
    ASSERT_OK(transaction.bucket("a").put("k", "1"));
    Transaction moved = std::move(transaction);
    ASSERT_OK(moved.bucket("a").put("l", "1"));
  }
  EXPECT_EQ(database.stats()->live_snapshots, 0U);
  EXPECT_TRUE(database.snapshot().buckets()->empty());
}

TEST_F(TransactionTest, insert_update_and_erase_say_what_they_found) {
  Database database = open();
  ASSERT_OK(database.put("a", "there", "1"));
  ASSERT_OK(database.exec("a", [](Bucket& bucket) -> Result<void> {
    EXPECT_FALSE(bucket.insert("there", "x").value());
    EXPECT_TRUE(bucket.insert("new", "2").value());
    EXPECT_FALSE(bucket.insert("new", "x").value());
    EXPECT_TRUE(bucket.update("there", "3").value());
    EXPECT_TRUE(bucket.update("new", "4").value());
    EXPECT_FALSE(bucket.update("absent", "x").value());
    EXPECT_FALSE(bucket.erase("absent").value());
    EXPECT_TRUE(bucket.erase("there").value());
    EXPECT_FALSE(bucket.erase("there").value());
    EXPECT_FALSE(bucket.update("there", "x").value());
    EXPECT_TRUE(bucket.insert("there", "5").value());
    EXPECT_OK(bucket.erase_range("n", "o"));
    EXPECT_FALSE(bucket.contains("new").value());
    EXPECT_FALSE(bucket.erase("new").value());
    EXPECT_TRUE(bucket.insert("nothing", "6").value());
    return {};
  }));
  EXPECT_EQ(rows_of(database, "a"), (Rows{{"there", "5"}, {"nothing", "6"}}));
  EXPECT_TRUE(database.erase("a", "there").value());
  EXPECT_FALSE(database.erase("a", "there").value());
  EXPECT_FALSE(database.erase("missing", "there").value());
}

TEST_F(TransactionTest, reads_its_own_writes_over_the_snapshot) {
  Database database = open();
  for (const char* key : {"a", "b", "c", "d"}) {
    ASSERT_OK(database.put("t", key, "old"));
  }
  Transaction transaction = database.begin();
  Bucket bucket = transaction.bucket("t");
  ASSERT_OK(bucket.put("b", "new"));
  ASSERT_OK(bucket.erase_range("c", "d"));
  EXPECT_EQ(rows_of(bucket), (Rows{{"a", "old"}, {"b", "new"}, {"d", "old"}}));
  EXPECT_EQ(rows_of(transaction.bucket("t")), rows_of(bucket));
  // Nobody else sees it.
  EXPECT_EQ(rows_of(database, "t").size(), 4U);
  EXPECT_EQ(database.get("t", "b")->value(), "old");
}

TEST_F(TransactionTest, views_live_until_the_transaction_ends) {
  Database database = open();
  const std::string large(50'000, 'L');
  ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < 2000; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), "value " + std::to_string(i)));
    }
    return bucket.put("large", large);
  }));
  Transaction transaction = database.begin();
  Bucket bucket = transaction.bucket("t");
  std::vector<std::string_view> views;
  for (uint64_t i = 0; i < 2000; ++i) {
    views.push_back(bucket.get(numbered("k", i))->value());
  }
  const std::string_view large_view = bucket.get("large")->value();
  ASSERT_OK(bucket.put("mine", "written here"));
  const std::string_view mine = bucket.get("mine")->value();
  // Everything is rewritten meanwhile, several times, under a cache that is too small for it.
  for (int round = 0; round < 5; ++round) {
    ASSERT_OK(database.exec("t", [&](Bucket& other) -> Result<void> {
      for (uint64_t i = 0; i < 2000; ++i) {
        HOLDFAST_TRY(other.put(numbered("k", i), std::string(500, 'x')));
      }
      return other.put("large", std::string(60'000, 'M'));
    }));
  }
  for (uint64_t i = 0; i < 2000; ++i) {
    ASSERT_EQ(views[i], "value " + std::to_string(i));
  }
  EXPECT_EQ(large_view, large);
  EXPECT_EQ(mine, "written here");
}

TEST_F(TransactionTest, returns_to_savepoints) {
  Database database = open();
  ASSERT_OK(database.put("t", "base", "0"));
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    Bucket bucket = transaction.bucket("t");
    HOLDFAST_TRY(bucket.put("one", "1"));
    const Savepoint first = transaction.savepoint();
    HOLDFAST_TRY(bucket.put("two", "2"));
    HOLDFAST_TRY(bucket.erase("base"));
    const Savepoint second = transaction.savepoint();
    HOLDFAST_TRY(bucket.erase_range(""));
    HOLDFAST_TRY(transaction.drop_bucket("t"));
    HOLDFAST_TRY(transaction.bucket("other").put("x", "y"));
    EXPECT_EQ(*transaction.buckets(), std::vector<std::string>{"other"});
    HOLDFAST_TRY(transaction.rollback_to(second));
    EXPECT_EQ(*transaction.buckets(), std::vector<std::string>{"t"});
    EXPECT_EQ(rows_of(bucket), (Rows{{"one", "1"}, {"two", "2"}}));
    HOLDFAST_TRY(bucket.put("three", "3"));
    HOLDFAST_TRY(transaction.rollback_to(second));
    HOLDFAST_TRY(transaction.rollback_to(first));
    EXPECT_EQ(rows_of(bucket), (Rows{{"base", "0"}, {"one", "1"}}));
    EXPECT_ERROR(kInvalidArgument, transaction.rollback_to(second));
    EXPECT_ERROR(kInvalidArgument, transaction.rollback_to(Savepoint{77}));
    HOLDFAST_TRY(transaction.rollback_to(first));
    return bucket.put("four", "4");
  }));
  EXPECT_EQ(rows_of(database, "t"), (Rows{{"base", "0"}, {"four", "4"}, {"one", "1"}}));
  sound(database);
}

TEST_F(TransactionTest, a_large_first_load_is_built_in_order) {
  Database database = open();
  Rows wanted;
  ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < 20'000; ++i) {
      wanted.emplace(numbered("key", i), "v" + std::to_string(i));
      HOLDFAST_TRY(bucket.put(numbered("key", i), "v" + std::to_string(i)));
    }
    HOLDFAST_TRY(bucket.erase(numbered("key", 5)));
    wanted.erase(numbered("key", 5));
    return {};
  }));
  EXPECT_EQ(rows_of(database, "t"), wanted);
  EXPECT_EQ(sound(database).rows, wanted.size());
}

TEST_F(TransactionTest, single_operations_are_transactions_of_their_own) {
  Database database = open();
  EXPECT_EQ(database.put("t", "a", "1")->csn, Csn{1});
  EXPECT_EQ(database.put("t", "a", "2")->csn, Csn{2});
  EXPECT_EQ(database.get("t", "a")->value(), "2");
  EXPECT_FALSE(database.get("t", "b")->has_value());
  EXPECT_ERROR(kNotFound, database.get("missing", "b"));
  EXPECT_TRUE(database.erase("t", "a").value());
  EXPECT_EQ(database.stats()->csn, Csn{3});
  EXPECT_EQ(database.stats()->commits, 3U);
}

TEST_F(TransactionTest, snapshots_keep_their_state_over_many_commits) {
  Database database = open();
  std::vector<Snapshot> snapshots;
  for (int i = 0; i < 60; ++i) {
    ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
      for (uint64_t key = 0; key < 50; ++key) {
        HOLDFAST_TRY(bucket.put(numbered("k", key), std::to_string(i)));
      }
      return {};
    }));
    snapshots.push_back(database.snapshot());
  }
  const Snapshot clone = snapshots[10].clone();
  snapshots.erase(snapshots.begin() + 30, snapshots.begin() + 50);
  sound(database);
  for (const Snapshot& snapshot : snapshots) {
    const std::string wanted = std::to_string(to_int(snapshot.csn()) - 1);
    for (const auto& [key, value] : rows_of(snapshot, "t")) {
      ASSERT_EQ(value, wanted);
    }
  }
  EXPECT_EQ(database.stats()->live_snapshots, 41U);
  EXPECT_EQ(database.stats()->oldest_snapshot, Csn{1});
  snapshots.clear();
  EXPECT_EQ(clone.csn(), Csn{11});
  EXPECT_EQ(rows_of(clone, "t").at("k000007"), "10");
  EXPECT_EQ(database.stats()->oldest_snapshot, Csn{11});
}

}  // namespace
}  // namespace holdfast
