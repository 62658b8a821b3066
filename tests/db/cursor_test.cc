#include <set>

#include "tests/db/database_test.h"

namespace holdfast {
namespace {

class CursorTest : public DatabaseTest {};

TEST_F(CursorTest, moves_both_ways_and_seeks) {
  Database database = open();
  for (uint64_t i = 0; i < 1000; i += 2) {
    ASSERT_OK(database.exec("t", [&](Bucket& bucket) { return bucket.put(numbered("k", i), std::to_string(i)); }));
  }
  const Snapshot snapshot = database.snapshot();
  Cursor cursor = snapshot.bucket("t").cursor();
  EXPECT_FALSE(cursor.valid());
  EXPECT_FALSE(cursor.prev());
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.key(), numbered("k", 0));
  EXPECT_FALSE(cursor.prev());
  EXPECT_FALSE(cursor.valid());
  EXPECT_FALSE(cursor.next());
  ASSERT_TRUE(cursor.last());
  EXPECT_EQ(cursor.key(), numbered("k", 998));
  EXPECT_FALSE(cursor.next());
  ASSERT_TRUE(cursor.seek(numbered("k", 501)));
  EXPECT_EQ(cursor.key(), numbered("k", 502));
  EXPECT_EQ(cursor.value(), "502");
  ASSERT_TRUE(cursor.seek(cursor.key()));
  EXPECT_EQ(cursor.key(), numbered("k", 502));
  ASSERT_TRUE(cursor.seek_before(cursor.key()));
  EXPECT_EQ(cursor.key(), numbered("k", 500));
  ASSERT_TRUE(cursor.next());
  ASSERT_TRUE(cursor.next());
  ASSERT_TRUE(cursor.prev());
  EXPECT_EQ(cursor.key(), numbered("k", 502));
  EXPECT_FALSE(cursor.seek("zzz"));
  EXPECT_FALSE(cursor.seek_before(""));
  EXPECT_OK(cursor.status());
}

TEST_F(CursorTest, ranges_hold_what_lies_between_their_ends) {
  Database database = open();
  for (const char* key : {"a", "ab", "abc", "b", "b\xff", "b\xff\xff", "c", "\xff", "\xff\xff"}) {
    ASSERT_OK(database.put("t", key, key));
  }
  const Snapshot snapshot = database.snapshot();
  const auto keys = [](Range range) {
    std::string text;
    for (const auto row : range) {
      text += (text.empty() ? "" : " ") + std::string(row.key);
    }
    EXPECT_OK(range.status());
    return text;
  };
  const BucketView bucket = snapshot.bucket("t");
  EXPECT_EQ(keys(bucket.range("ab", "c")), "ab abc b b\xff b\xff\xff");
  EXPECT_EQ(keys(bucket.range("ab", "c").reversed()), "b\xff\xff b\xff b abc ab");
  EXPECT_EQ(keys(bucket.range("c")), "c \xff \xff\xff");
  EXPECT_EQ(keys(bucket.range("c").reversed()), "\xff\xff \xff c");
  EXPECT_EQ(keys(bucket.range("c", "c")), "");
  EXPECT_EQ(keys(bucket.range("c", "a")), "");
  EXPECT_EQ(keys(bucket.range("c", "a").reversed()), "");
  EXPECT_EQ(keys(bucket.prefix("ab")), "ab abc");
  EXPECT_EQ(keys(bucket.prefix("b\xff")), "b\xff b\xff\xff");
  EXPECT_EQ(keys(bucket.prefix("\xff").reversed()), "\xff\xff \xff");
  EXPECT_EQ(keys(bucket.prefix("zz")), "");
  EXPECT_EQ(keys(bucket.prefix("")), keys(bucket.all()));
  EXPECT_EQ(keys(bucket.all().limited(2)), "a ab");
  EXPECT_EQ(keys(bucket.all().reversed().limited(2)), "\xff\xff \xff");
  EXPECT_EQ(keys(bucket.all().limited(0)), "");
}

TEST_F(CursorTest, a_missing_bucket_is_not_found_and_an_empty_one_is_empty) {
  Database database = open();
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    HOLDFAST_TRY(transaction.create_bucket("empty"));
    return {};
  }));
  EXPECT_OK(database.view("empty", [](const BucketView& bucket) -> Result<void> {
    EXPECT_TRUE(bucket.exists());
    EXPECT_FALSE(bucket.get("k")->has_value());
    EXPECT_FALSE(bucket.contains("k").value());
    for ([[maybe_unused]] const auto row : bucket.all()) {
      ADD_FAILURE();
    }
    return {};
  }));
  EXPECT_ERROR(kNotFound, database.view("missing", [](const BucketView& bucket) -> Result<void> {
    EXPECT_FALSE(bucket.exists());
    EXPECT_ERROR(kNotFound, bucket.get("k"));
    EXPECT_ERROR(kNotFound, bucket.contains("k"));
    for ([[maybe_unused]] const auto row : bucket.all()) {
      ADD_FAILURE();
    }
    return {};
  }));
  // A transaction sees a bucket that is not there yet as an empty one.
  Transaction transaction = database.begin();
  EXPECT_FALSE(transaction.bucket("missing").get("k")->has_value());
  EXPECT_TRUE(rows_of(transaction.bucket("missing")).empty());
  EXPECT_OK(transaction.commit());
}

TEST_F(CursorTest, sees_writes_made_while_it_moves) {
  Database database = open();
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    for (const char* key : {"b", "d", "f", "h"}) {
      HOLDFAST_TRY(bucket.put(key, "base"));
    }
    return {};
  }));
  Transaction transaction = database.begin();
  Bucket bucket = transaction.bucket("t");
  Cursor cursor = bucket.cursor();
  ASSERT_TRUE(cursor.first());
  ASSERT_OK(bucket.put("c", "own"));
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.key(), "c");
  EXPECT_EQ(cursor.value(), "own");
  ASSERT_TRUE(bucket.erase("c").value());
  ASSERT_TRUE(bucket.erase("d").value());
  ASSERT_OK(bucket.put("a", "own"));
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.key(), "f");
  ASSERT_OK(bucket.erase_range("c", "g"));
  ASSERT_OK(bucket.put("e", "own"));
  ASSERT_TRUE(cursor.prev());
  EXPECT_EQ(cursor.key(), "e");
  ASSERT_TRUE(cursor.prev());
  EXPECT_EQ(cursor.key(), "b");
  ASSERT_TRUE(cursor.prev());
  EXPECT_EQ(cursor.key(), "a");
  ASSERT_OK(transaction.drop_bucket("t"));
  EXPECT_FALSE(cursor.next());
  EXPECT_FALSE(cursor.first());
  EXPECT_OK(cursor.status());
  ASSERT_OK(bucket.put("z", "own"));
  ASSERT_TRUE(cursor.first());
  EXPECT_EQ(cursor.key(), "z");
}

TEST_F(CursorTest, writing_to_every_row_while_iterating_visits_every_row) {
  Database database = open();
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < 3000; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), "old"));
    }
    return {};
  }));
  uint64_t visited = 0;
  ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
    Range range = bucket.all();
    for (const auto [key, value] : range) {
      EXPECT_EQ(value, "old");
      const std::string old_key(key);
      switch (visited++ % 3) {
        case 0: HOLDFAST_TRY(bucket.put(old_key, "new")); break;
        case 1: HOLDFAST_TRY(bucket.erase(old_key)); break;
        default: HOLDFAST_TRY(bucket.put(old_key.substr(1), "elsewhere"));
      }
      EXPECT_EQ(key, old_key) << "the view lives until the cursor moves";
    }
    return range.status();
  }));
  EXPECT_EQ(visited, 3000U);
  EXPECT_EQ(rows_of(database, "t").size(), 3000U);
}

// Random writes and random moves of several cursors, against a map; the model of a cursor is the key it stands on.
TEST_F(CursorTest, agrees_with_a_map_under_random_writes_and_moves) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Draw draw(seed);
    Options chosen = options();
    const std::string path = "/cursor-" + std::to_string(seed);
    Database database = Database::open(path, chosen).value();
    const auto some_key = [&] { return numbered("k", draw.below(seed % 2 == 0 ? 30 : 600)); };
    Rows model;
    const uint64_t rows = draw.below(seed % 2 == 0 ? 30 : 600);
    ASSERT_OK(database.exec("t", [&](Bucket& bucket) -> Result<void> {
      for (uint64_t i = 0; i < rows; ++i) {
        const std::string key = some_key();
        model[key] = draw.text(1 + draw.below(30));
        HOLDFAST_TRY(bucket.put(key, model[key]));
      }
      return {};
    }));
    const Isolation isolation = draw.below(2) == 0 ? Isolation::kSnapshot : Isolation::kSerializable;
    Transaction transaction = database.begin(isolation);
    Bucket bucket = transaction.bucket("t");
    struct Moving {
      Cursor cursor;
      std::optional<std::string> at;
    };
    std::vector<Moving> cursors;
    for (int i = 0; i < 3; ++i) {
      cursors.push_back({bucket.cursor(), std::nullopt});
    }
    struct Saved {
      Savepoint savepoint;
      Rows model;
    };
    std::vector<Saved> saved;
    for (int step = 0; step < 600; ++step) {
      const std::string key = some_key();
      switch (draw.below(12)) {
        case 0:
        case 1: {
          model[key] = draw.text(1 + draw.below(30));
          ASSERT_OK(bucket.put(key, model[key]));
          break;
        }
        case 2: ASSERT_EQ(bucket.erase(key).value(), model.erase(key) == 1); break;
        case 3:
          if (draw.below(6) == 0) {
            const std::string hi = some_key();
            const bool to_the_end = draw.below(4) == 0;
            ASSERT_OK(bucket.erase_range(key, to_the_end ? std::nullopt : std::optional<std::string_view>(hi)));
            if (to_the_end || key < hi) {
              model.erase(model.lower_bound(key), to_the_end ? model.end() : model.lower_bound(hi));
            }
          }
          break;
        case 4:
          if (draw.below(30) == 0 && transaction.drop_bucket("t")) {
            model.clear();
          }
          break;
        case 5:
          if (draw.below(4) == 0) {
            saved.push_back({transaction.savepoint(), model});
          } else if (!saved.empty() && draw.below(4) == 0) {
            saved.resize(1 + draw.below(saved.size()));
            ASSERT_OK(transaction.rollback_to(saved.back().savepoint));
            model = saved.back().model;
          }
          break;
        default: {
          Moving& moving = cursors[draw.below(cursors.size())];
          bool moved = false;
          auto wanted = model.end();
          switch (draw.below(8)) {
            case 0:
              moved = moving.cursor.first();
              wanted = model.begin();
              break;
            case 1:
              moved = moving.cursor.last();
              wanted = model.empty() ? model.end() : std::prev(model.end());
              break;
            case 2:
              moved = moving.cursor.seek(key);
              wanted = model.lower_bound(key);
              break;
            case 3:
              moved = moving.cursor.seek_before(key);
              wanted = model.lower_bound(key);
              wanted = wanted == model.begin() ? model.end() : std::prev(wanted);
              break;
            case 4:
            case 5:
              if (!moving.at) {
                continue;
              }
              moved = moving.cursor.next();
              wanted = model.upper_bound(*moving.at);
              break;
            default:
              if (!moving.at) {
                continue;
              }
              moved = moving.cursor.prev();
              wanted = model.lower_bound(*moving.at);
              wanted = wanted == model.begin() ? model.end() : std::prev(wanted);
          }
          ASSERT_OK(moving.cursor.status());
          ASSERT_EQ(moved, wanted != model.end()) << "step " << step;
          ASSERT_EQ(moving.cursor.valid(), moved);
          moving.at.reset();
          if (moved) {
            ASSERT_EQ(moving.cursor.key(), wanted->first) << "step " << step;
            ASSERT_EQ(moving.cursor.value(), wanted->second) << "step " << step;
            moving.at = wanted->first;
          }
        }
      }
    }
    ASSERT_EQ(rows_of(bucket), model);
    cursors.clear();
    ASSERT_OK(transaction.commit());
    ASSERT_EQ(rows_of(database, "t"), model);
    sound(database);
  }
}

}  // namespace
}  // namespace holdfast
