// Every limit: at, below and above; and nothing is changed by an argument that breaks one.
#include "tests/db/database_test.h"

namespace holdfast {
namespace {

class Limits : public DatabaseTest {};

TEST_F(Limits, takes_keys_up_to_the_longest_and_refuses_others) {
  for (uint32_t page_bytes = kPageBytesMin; page_bytes <= kPageBytesMax; page_bytes *= 2) {
    SCOPED_TRACE(page_bytes);
    Options chosen = options();
    chosen.page_bytes = page_bytes;
    const std::string path = "/limits-" + std::to_string(page_bytes);
    Database database = Database::open(path, chosen).value();
    const uint32_t max = key_bytes_max(page_bytes);
    ASSERT_OK(database.put("b", std::string(1, 'x'), "1"));
    ASSERT_OK(database.put("b", std::string(max - 1, 'x'), "2"));
    ASSERT_OK(database.put("b", std::string(max, 'x'), "3"));
    const Rows before = rows_of(database, "b");
    ASSERT_EQ(before.size(), 3U);
    for (const std::string& key : {std::string(), std::string(max + 1, 'x')}) {
      const Csn csn = database.stats()->csn;
      EXPECT_ERROR(kInvalidArgument, database.put("b", key, "v"));
      EXPECT_ERROR(kInvalidArgument, database.get("b", key));
      EXPECT_ERROR(kInvalidArgument, database.erase("b", key));
      EXPECT_ERROR(kInvalidArgument, database.snapshot().bucket("b").get(key));
      EXPECT_ERROR(kInvalidArgument, database.snapshot().bucket("b").contains(key));
      Transaction transaction = database.begin();
      Bucket bucket = transaction.bucket("b");
      EXPECT_ERROR(kInvalidArgument, bucket.put(key, "v"));
      EXPECT_ERROR(kInvalidArgument, bucket.insert(key, "v"));
      EXPECT_ERROR(kInvalidArgument, bucket.update(key, "v"));
      EXPECT_ERROR(kInvalidArgument, bucket.erase(key));
      EXPECT_ERROR(kInvalidArgument, bucket.get(key));
      EXPECT_ERROR(kInvalidArgument, bucket.contains(key));
      EXPECT_OK(transaction.commit());
      EXPECT_EQ(database.stats()->csn, csn);
    }
    EXPECT_EQ(rows_of(database, "b"), before);
    const auto refused = database.put("b", std::string(max + 1, 'x'), "v");
    EXPECT_NE(refused.error().message().find(std::to_string(max)), std::string::npos) << refused.error().message();
    sound(database);
  }
}

TEST_F(Limits, takes_bucket_names_up_to_the_longest_and_refuses_others) {
  Database database = open();
  const std::string longest(kBucketNameBytesMax, 'n');
  ASSERT_OK(database.put("n", "k", "1"));
  ASSERT_OK(database.put(longest.substr(1), "k", "2"));
  ASSERT_OK(database.put(longest, "k", "3"));
  const Csn csn = database.stats()->csn;
  for (const std::string& name : {std::string(), longest + "n", std::string(100000, 'n')}) {
    EXPECT_ERROR(kInvalidArgument, database.put(name, "k", "v"));
    EXPECT_ERROR(kInvalidArgument, database.get(name, "k"));
    EXPECT_ERROR(kInvalidArgument, database.erase(name, "k"));
    const Snapshot snapshot = database.snapshot();
    EXPECT_ERROR(kInvalidArgument, snapshot.bucket(name).get("k"));
    EXPECT_FALSE(snapshot.bucket(name).exists());
    Cursor cursor = snapshot.bucket(name).cursor();
    EXPECT_FALSE(cursor.first());
    EXPECT_ERROR(kInvalidArgument, cursor.status());
    Transaction transaction = database.begin();
    EXPECT_ERROR(kInvalidArgument, transaction.create_bucket(name));
    EXPECT_ERROR(kInvalidArgument, transaction.drop_bucket(name));
    Bucket bucket = transaction.bucket(name);
    EXPECT_ERROR(kInvalidArgument, bucket.put("k", "v"));
    EXPECT_ERROR(kInvalidArgument, bucket.get("k"));
    EXPECT_ERROR(kInvalidArgument, bucket.erase("k"));
    EXPECT_ERROR(kInvalidArgument, bucket.erase_range("a"));
    EXPECT_OK(transaction.commit());
  }
  EXPECT_EQ(database.stats()->csn, csn);
  EXPECT_EQ(database.snapshot().buckets()->size(), 3U);
}

TEST_F(Limits, takes_values_of_every_size_around_the_inline_limit) {
  Database database = open();
  Rows wanted;
  for (const uint32_t bytes : {0U, 1U, 1023U, 1024U, 1025U, 4031U, 4032U, 4033U, 4096U, 8128U, 100'000U, 3'000'000U}) {
    const std::string key = std::to_string(bytes);
    wanted[key] = Draw(bytes).text(bytes);
    ASSERT_OK(database.put("b", key, wanted[key]));
  }
  EXPECT_EQ(rows_of(database, "b"), wanted);
  sound(database);
}

TEST_F(Limits, refuses_a_value_above_the_largest) {
  Database database = open();
  // Only its length is looked at.
  const std::string_view value(std::string_view("x").data(), kValueBytesMax + 1);
  const auto refused = database.put("b", "k", value);
  EXPECT_ERROR(kInvalidArgument, refused);
  EXPECT_NE(refused.error().message().find(std::to_string(kValueBytesMax)), std::string::npos);
  Transaction transaction = database.begin();
  EXPECT_ERROR(kInvalidArgument, transaction.bucket("b").put("k", value));
  EXPECT_ERROR(kInvalidArgument, transaction.bucket("b").insert("k", value));
  EXPECT_ERROR(kInvalidArgument, transaction.bucket("b").update("k", value));
  EXPECT_OK(transaction.commit());
  EXPECT_TRUE(database.snapshot().buckets()->empty());
}

TEST_F(Limits, checks_options_at_open) {
  for (const uint32_t page_bytes : {0U, 1U, 2048U, 4095U, 5000U, 131072U}) {
    Options chosen = options();
    chosen.page_bytes = page_bytes;
    EXPECT_ERROR(kInvalidArgument, Database::open(kPath, chosen));
  }
  Options chosen = options();
  chosen.cache_bytes = kCacheBytesMin - 1;
  EXPECT_ERROR(kInvalidArgument, Database::open(kPath, chosen));
  EXPECT_ERROR(kNotFound, memory_->open_directory(kPath, DirectoryMode::kMustExist));
  chosen.cache_bytes = kCacheBytesMin;
  EXPECT_OK(Database::open(kPath, chosen));
}

TEST_F(Limits, bounds_of_ranges_may_be_longer_than_any_key) {
  Database database = open();
  const std::string longest(key_bytes_max(4096), 'x');
  ASSERT_OK(database.put("b", longest, "1"));
  ASSERT_OK(database.put("b", "y", "2"));
  const std::string beyond = longest + "xyz";
  const auto count = [](Range range) {
    int rows = 0;
    for (const auto row : range) {
      rows += row.key.empty() ? 0 : 1;
    }
    return rows;
  };
  const Snapshot snapshot = database.snapshot();
  EXPECT_EQ(count(snapshot.bucket("b").range("", beyond)), 1);
  EXPECT_EQ(count(snapshot.bucket("b").range(beyond)), 1);
  ASSERT_OK(database.exec("b", [&](Bucket& bucket) { return bucket.erase_range(beyond); }));
  EXPECT_EQ(rows_of(database, "b").size(), 1U);
  ASSERT_OK(database.exec("b", [&](Bucket& bucket) { return bucket.erase_range("", beyond); }));
  EXPECT_TRUE(rows_of(database, "b").empty());
}

}  // namespace
}  // namespace holdfast
