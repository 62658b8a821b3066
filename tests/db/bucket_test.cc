#include "tests/db/database_test.h"

namespace holdfast {
namespace {

using Names = std::vector<std::string>;

class BucketTest : public DatabaseTest {
 protected:
  static Result<void> fill(Transaction& transaction, std::string_view name, uint64_t rows) {
    Bucket bucket = transaction.bucket(name);
    for (uint64_t i = 0; i < rows; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), std::string(100, 'v')));
    }
    return {};
  }
};

TEST_F(BucketTest, an_empty_bucket_is_there_after_reopening) {
  {
    Database database = open();
    ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
      HOLDFAST_TRY(transaction.create_bucket("explicit"));
      HOLDFAST_TRY(transaction.bucket("emptied").put("k", "v"));
      HOLDFAST_TRY(transaction.bucket("emptied").erase("k"));
      // Looking does not create.
      HOLDFAST_TRY(transaction.bucket("looked at").get("k"));
      return {};
    }));
  }
  Database database = open();
  EXPECT_EQ(*database.snapshot().buckets(), (Names{"emptied", "explicit"}));
  EXPECT_TRUE(rows_of(database, "explicit").empty());
  EXPECT_FALSE(database.get("explicit", "k")->has_value());
  const CheckReport report = sound(database);
  EXPECT_EQ(report.buckets, 2U);
  EXPECT_EQ(report.rows, 0U);
}

TEST_F(BucketTest, create_and_drop_say_what_is_there) {
  Database database = open();
  ASSERT_OK(database.put("old", "k", "v"));
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    EXPECT_ERROR(kAlreadyExists, transaction.create_bucket("old"));
    EXPECT_OK(transaction.create_bucket("new"));
    EXPECT_ERROR(kAlreadyExists, transaction.create_bucket("new"));
    EXPECT_OK(transaction.bucket("implied").put("k", "v"));
    EXPECT_ERROR(kAlreadyExists, transaction.create_bucket("implied"));
    EXPECT_EQ(*transaction.buckets(), (Names{"implied", "new", "old"}));
    EXPECT_ERROR(kNotFound, transaction.drop_bucket("missing"));
    EXPECT_OK(transaction.drop_bucket("implied"));
    EXPECT_ERROR(kNotFound, transaction.drop_bucket("implied"));
    EXPECT_OK(transaction.drop_bucket("old"));
    EXPECT_ERROR(kNotFound, transaction.drop_bucket("old"));
    EXPECT_EQ(*transaction.buckets(), (Names{"new"}));
    return {};
  }));
  EXPECT_EQ(*database.snapshot().buckets(), (Names{"new"}));
  sound(database);
}

TEST_F(BucketTest, dropped_and_created_again_is_a_new_bucket) {
  Database database = open();
  ASSERT_OK(database.exec([](Transaction& transaction) { return fill(transaction, "t", 500); }));
  const Snapshot before = database.snapshot();
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    HOLDFAST_TRY(transaction.drop_bucket("t"));
    EXPECT_FALSE(transaction.bucket("t").get("k000001")->has_value());
    EXPECT_FALSE(transaction.bucket("t").erase("k000001").value());
    EXPECT_TRUE(rows_of(transaction.bucket("t")).empty());
    HOLDFAST_TRY_ASSIGN(Bucket bucket, transaction.create_bucket("t"));
    EXPECT_TRUE(rows_of(bucket).empty());
    HOLDFAST_TRY(bucket.put("only", "row"));
    EXPECT_EQ(rows_of(bucket), (Rows{{"only", "row"}}));
    return {};
  }));
  EXPECT_EQ(rows_of(database, "t"), (Rows{{"only", "row"}}));
  EXPECT_EQ(rows_of(before, "t").size(), 500U);
  sound(database);
}

TEST_F(BucketTest, dropping_frees_its_pages) {
  Database database = open();
  ASSERT_OK(database.put("kept", "k", "v"));
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    HOLDFAST_TRY(fill(transaction, "t", 10'000));
    return transaction.bucket("t").put("large", std::string(1'000'000, 'x'));
  }));
  const CheckReport full = sound(database);
  EXPECT_GT(full.reachable_pages, 400U);
  ASSERT_OK(database.exec([](Transaction& transaction) { return transaction.drop_bucket("t"); }));
  ASSERT_OK(database.put("kept", "k", "w"));
  const CheckReport dropped = sound(database);
  EXPECT_LT(dropped.reachable_pages, 20U);
  EXPECT_EQ(dropped.awaiting_pages, 0U);
  EXPECT_EQ(dropped.rows, 1U);
}

TEST_F(BucketTest, many_buckets_live_side_by_side) {
  Database database = open();
  for (int round = 0; round < 3; ++round) {
    ASSERT_OK(database.exec([&](Transaction& transaction) -> Result<void> {
      for (uint64_t i = 0; i < 2000; ++i) {
        HOLDFAST_TRY(transaction.bucket(numbered("bucket", i)).put("k" + std::to_string(round), numbered("v", i)));
      }
      return {};
    }));
  }
  const Snapshot snapshot = database.snapshot();
  EXPECT_EQ(snapshot.buckets()->size(), 2000U);
  for (uint64_t i = 0; i < 2000; i += 37) {
    EXPECT_EQ(rows_of(snapshot, numbered("bucket", i)).size(), 3U);
    EXPECT_EQ(snapshot.bucket(numbered("bucket", i)).get("k1")->value(), numbered("v", i));
  }
  EXPECT_EQ(sound(database).buckets, 2000U);
}

TEST_F(BucketTest, random_buckets_agree_with_maps_over_reopening) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    Draw draw(seed);
    const std::string path = "/model-" + std::to_string(seed);
    auto database = std::make_unique<Database>(Database::open(path, options()).value());
    std::map<std::string, Rows> model;
    for (int step = 0; step < 80; ++step) {
      std::map<std::string, Rows> next = model;
      const bool fails = draw.below(5) == 0;
      const auto result = database->exec([&](Transaction& transaction) -> Result<void> {
        next = model;
        for (uint64_t i = draw.below(20); i > 0; --i) {
          const std::string name(1, static_cast<char>('a' + draw.below(5)));
          Bucket bucket = transaction.bucket(name);
          const std::string key = numbered("k", draw.below(300));
          switch (draw.below(20)) {
            case 0: {
              const bool there = next.erase(name) == 1;
              EXPECT_EQ(transaction.drop_bucket(name).has_value(), there);
              break;
            }
            case 1: {
              const bool made = next.emplace(name, Rows()).second;
              EXPECT_EQ(transaction.create_bucket(name).has_value(), made);
              break;
            }
            case 2: {
              const std::string hi = numbered("k", draw.below(300));
              EXPECT_OK(bucket.erase_range(key, hi));
              if (next.contains(name) && key < hi) {
                next[name].erase(next[name].lower_bound(key), next[name].lower_bound(hi));
              }
              break;
            }
            case 3:
            case 4:
            case 5: EXPECT_EQ(bucket.erase(key).value(), next.contains(name) && next[name].erase(key) == 1); break;
            case 6: {
              const std::string large = draw.text(draw.below(20'000));
              EXPECT_OK(bucket.put(key, large));
              next[name][key] = large;
              break;
            }
            default: {
              const std::string value = draw.text(draw.below(100));
              EXPECT_OK(bucket.put(key, value));
              next[name][key] = value;
            }
          }
        }
        if (fails) {
          return fail(ErrorCode::kNotFound, "rolled back");
        }
        return {};
      });
      ASSERT_EQ(result.has_value(), !fails) << why(result);
      if (!fails) {
        model = next;
      }
      if (draw.below(10) == 0) {
        ASSERT_OK(database->close());
        database = std::make_unique<Database>(Database::open(path, options()).value());
      }
      const Snapshot snapshot = database->snapshot();
      Names names;
      for (const auto& [name, rows] : model) {
        names.push_back(name);
        ASSERT_EQ(rows_of(snapshot, name), rows) << "step " << step;
      }
      ASSERT_EQ(*snapshot.buckets(), names);
    }
    sound(*database);
  }
}

}  // namespace
}  // namespace holdfast
