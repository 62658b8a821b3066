// What concurrent transactions may and may not do to each other. One thread: the order is written out.
#include "db/conflicts.h"
#include "tests/db/database_test.h"

namespace holdfast {
namespace {

class IsolationTest : public DatabaseTest {
 protected:
  IsolationTest() {
    EXPECT_OK(database_.exec("t", [](Bucket& bucket) -> Result<void> {
      for (const char* key : {"a", "b", "c", "x", "y"}) {
        HOLDFAST_TRY(bucket.put(key, "0"));
      }
      return {};
    }));
  }

  using Body = std::function<Result<void>(Transaction&)>;
  // Both begin on the same snapshot; `first` commits, which must work, then `second`. Its answer.
  Result<Commit> race(const Body& first, const Body& second, Isolation isolation = Isolation::kSnapshot) {
    Transaction one = database_.begin(isolation);
    Transaction two = database_.begin(isolation);
    EXPECT_OK(first(one));
    EXPECT_OK(second(two));
    EXPECT_OK(one.commit());
    return two.commit();
  }
  static Body put(std::string key, std::string bucket = "t") {
    return [=](Transaction& transaction) { return transaction.bucket(bucket).put(key, "new"); };
  }
  static Body erase_range(std::string lo, std::string hi) {
    return [=](Transaction& transaction) { return transaction.bucket("t").erase_range(lo, hi); };
  }
  static Body create(std::string name) {
    return [=](Transaction& transaction) -> Result<void> {
      HOLDFAST_TRY(transaction.create_bucket(name));
      return {};
    };
  }
  static Body drop(std::string name) {
    return [=](Transaction& transaction) { return transaction.drop_bucket(name); };
  }
  static Body both(Body a, Body b) {
    return [=](Transaction& transaction) -> Result<void> {
      HOLDFAST_TRY(a(transaction));
      return b(transaction);
    };
  }
  static Body read(std::string key) {
    return [=](Transaction& transaction) -> Result<void> {
      HOLDFAST_TRY(transaction.bucket("t").get(key));
      return {};
    };
  }
  static Body scan(std::string lo, std::string hi, bool backwards = false) {
    return [=](Transaction& transaction) -> Result<void> {
      Range range = transaction.bucket("t").range(lo, hi);
      if (backwards) {
        range = std::move(range).reversed();
      }
      for ([[maybe_unused]] const auto row : range) {
      }
      return range.status();
    };
  }

  Database database_ = open();
};

TEST_F(IsolationTest, the_first_to_commit_a_key_wins) {
  EXPECT_ERROR(kConflict, race(put("a"), put("a")));
  EXPECT_ERROR(kConflict, race(put("new key"), put("new key")));
  EXPECT_OK(race(put("a"), put("b")));
  EXPECT_EQ(database_.stats()->conflicts, 2U);
}

TEST_F(IsolationTest, erased_keys_and_ranges_conflict_like_writes) {
  const Body erase_b = [](Transaction& transaction) -> Result<void> {
    HOLDFAST_TRY(transaction.bucket("t").erase("b"));
    return {};
  };
  EXPECT_ERROR(kConflict, race(erase_b, put("b")));
  EXPECT_ERROR(kConflict, race(put("b"), erase_range("a", "c")));
  EXPECT_ERROR(kConflict, race(erase_range("a", "c"), put("aa")));
  EXPECT_ERROR(kConflict, race(erase_range("a", "c"), erase_range("b", "x")));
  EXPECT_OK(race(erase_range("a", "c"), put("c")));
  EXPECT_OK(race(put("c"), erase_range("a", "c")));
  EXPECT_OK(race(erase_range("a", "c"), erase_range("c", "d")));
}

TEST_F(IsolationTest, reads_do_not_conflict_under_snapshot_isolation) {
  EXPECT_OK(race(put("a"), both(read("a"), put("b"))));
  // Write skew: each reads what the other writes.
  EXPECT_OK(race(both(read("x"), put("y")), both(read("y"), put("x"))));
}

TEST_F(IsolationTest, serializable_prevents_write_skew) {
  EXPECT_ERROR(kConflict, race(both(read("x"), put("y")), both(read("y"), put("x")), Isolation::kSerializable));
  EXPECT_OK(race(both(read("x"), put("y")), both(read("c"), put("b")), Isolation::kSerializable));
}

TEST_F(IsolationTest, serializable_watches_keys_that_are_not_there) {
  EXPECT_ERROR(kConflict, race(put("m"), both(read("m"), put("n")), Isolation::kSerializable));
  EXPECT_ERROR(kConflict, race(erase_range("m", "n"), both(read("m"), put("q")), Isolation::kSerializable));
}

TEST_F(IsolationTest, serializable_prevents_phantoms) {
  const auto serializable = Isolation::kSerializable;
  for (const bool backwards : {false, true}) {
    EXPECT_ERROR(kConflict, race(put("bb"), both(scan("a", "d", backwards), put("z")), serializable));
    EXPECT_ERROR(kConflict, race(put("a"), both(scan("a", "d", backwards), put("z")), serializable));
    EXPECT_ERROR(kConflict, race(put("cz"), both(scan("a", "d", backwards), put("z")), serializable));
    // What lies beside the range was not read.
    EXPECT_OK(race(put("d"), both(scan("a", "d", backwards), put("z1")), serializable));
    EXPECT_OK(race(put("0"), both(scan("a", "d", backwards), put("z2")), serializable));
    EXPECT_OK(race(put("zz"), both(scan("a", "d", backwards), put("z3")), serializable));
  }
  // A limited scan read only as far as it went.
  const Body two_rows = [](Transaction& transaction) -> Result<void> {
    Range range = transaction.bucket("t").all().limited(2);
    for ([[maybe_unused]] const auto row : range) {
    }
    return transaction.bucket("t").put("q", "");
  };
  EXPECT_OK(race(put("c"), two_rows, serializable));
  EXPECT_ERROR(kConflict, race(put("00"), two_rows, serializable));
}

TEST_F(IsolationTest, serializable_cursors_record_each_step) {
  const auto serializable = Isolation::kSerializable;
  const Body steps = [](Transaction& transaction) -> Result<void> {
    Cursor cursor = transaction.bucket("t").cursor();
    EXPECT_TRUE(cursor.seek("b"));
    EXPECT_TRUE(cursor.next());
    EXPECT_EQ(cursor.key(), "c");
    return transaction.bucket("t").put("w", "");
  };
  EXPECT_ERROR(kConflict, race(put("bb"), steps, serializable));
  EXPECT_OK(database_.exec("t", [](Bucket& bucket) { return bucket.erase_range("bb", "bc"); }));
  EXPECT_ERROR(kConflict, race(put("c"), steps, serializable));
  EXPECT_OK(race(put("cc"), steps, serializable));
}

TEST_F(IsolationTest, serializable_watches_the_bucket_list) {
  const Body list = [](Transaction& transaction) -> Result<void> {
    HOLDFAST_TRY(transaction.buckets());
    return transaction.bucket("t").put("w", "");
  };
  const auto serializable = Isolation::kSerializable;
  EXPECT_ERROR(kConflict, race(create("n1"), list, serializable));
  EXPECT_ERROR(kConflict, race(put("k", "n2"), list, serializable));
  EXPECT_ERROR(kConflict, race(drop("n2"), list, serializable));
  EXPECT_OK(race(put("k", "n1"), list, serializable));
}

TEST_F(IsolationTest, serializable_without_writes_always_commits) {
  EXPECT_OK(race(put("a"), scan("a", "z"), Isolation::kSerializable));
}

TEST_F(IsolationTest, two_may_create_a_bucket_by_writing_to_it) {
  EXPECT_OK(race(put("a", "new"), put("b", "new")));
  EXPECT_EQ(rows_of(database_, "new"), (Rows{{"a", "new"}, {"b", "new"}}));
  EXPECT_ERROR(kConflict, race(put("a", "new2"), put("a", "new2")));
  sound(database_);
}

TEST_F(IsolationTest, only_one_may_create_a_bucket_explicitly) {
  EXPECT_ERROR(kConflict, race(create("n1"), create("n1")));
  EXPECT_ERROR(kConflict, race(put("a", "n2"), create("n2")));
  EXPECT_OK(race(create("n3"), put("a", "n3")));
  EXPECT_OK(race(create("n4"), create("n5")));
  sound(database_);
}

TEST_F(IsolationTest, dropping_a_bucket_conflicts_with_writes_to_it) {
  EXPECT_OK(database_.put("d1", "k", "v"));
  EXPECT_OK(database_.put("d2", "k", "v"));
  EXPECT_ERROR(kConflict, race(put("new", "d1"), drop("d1")));
  EXPECT_ERROR(kConflict, race(drop("d1"), put("new", "d1")));
  EXPECT_ERROR(kConflict, race(drop("d2"), drop("d2")));
  EXPECT_OK(race(drop("t"), put("k", "d3")));
  EXPECT_EQ(*database_.snapshot().buckets(), std::vector<std::string>{"d3"});
  sound(database_);
}

TEST_F(IsolationTest, blind_writes_conflict_with_nothing_before_them) {
  Transaction transaction = database_.begin();
  ASSERT_OK(transaction.bucket("t").put("a", "1"));
  ASSERT_OK(database_.put("t", "a", "2"));
  EXPECT_ERROR(kConflict, transaction.commit());
  EXPECT_EQ(database_.get("t", "a")->value(), "2");
}

TEST_F(IsolationTest, a_rolled_back_transaction_conflicts_with_nobody) {
  Transaction one = database_.begin();
  Transaction two = database_.begin();
  ASSERT_OK(one.bucket("t").put("a", "1"));
  ASSERT_OK(two.bucket("t").put("a", "2"));
  one.rollback();
  EXPECT_OK(two.commit());
}

TEST_F(IsolationTest, an_old_transaction_still_knows_its_conflicts) {
  Transaction old = database_.begin();
  EXPECT_EQ(old.bucket("t").get("a")->value(), "0");
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK(database_.put("t", "b", std::to_string(i)));
  }
  EXPECT_EQ(old.bucket("t").get("b")->value(), "0");
  Transaction other = database_.begin();
  ASSERT_OK(other.bucket("t").put("b", "other"));
  ASSERT_OK(other.commit());
  ASSERT_OK(old.bucket("t").put("a", "old"));
  EXPECT_OK(old.commit());

  Transaction loser = database_.begin();
  ASSERT_OK(loser.bucket("t").put("c", "loser"));
  ASSERT_OK(database_.put("t", "c", "winner"));
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK(database_.put("t", "b", std::to_string(i)));
  }
  EXPECT_ERROR(kConflict, loser.commit());
}

TEST_F(IsolationTest, a_transaction_older_than_the_history_conflicts) {
  Transaction old = database_.begin();
  ASSERT_OK(old.bucket("t").put("unrelated", "1"));
  // Keys only count, so the values are empty; each commit records about 1 MiB.
  const std::string filler(900, 'k');
  for (uint64_t commit = 0; commit * 1'000'000 < kHistoryBytesMax + 2'000'000; ++commit) {
    ASSERT_OK(database_.exec("filler", [&](Bucket& bucket) -> Result<void> {
      for (uint64_t key = 0; key < 1100; ++key) {
        HOLDFAST_TRY(bucket.put(numbered("", commit * 1100 + key) + filler, ""));
      }
      return {};
    }));
  }
  EXPECT_ERROR(kConflict, old.commit());
  Transaction young = database_.begin();
  ASSERT_OK(young.bucket("t").put("unrelated", "1"));
  EXPECT_OK(young.commit());
}

}  // namespace
}  // namespace holdfast
