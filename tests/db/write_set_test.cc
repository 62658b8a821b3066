#include "db/write_set.h"

#include <gtest/gtest.h>

#include "tests/db/database_test.h"

namespace holdfast {
namespace {

std::string text_of(const WriteSet& writes) {
  std::string text;
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    const BucketWrites& bucket = writes.bucket(index);
    text += bucket.name + (bucket.dropped ? " dropped" : "") + (bucket.created ? " created" : "") +
            (bucket.implied ? " implied" : "") + ":";
    for (const auto& [key, value] : bucket.points) {
      text += " " + std::string(key) + "=" + std::string(value.value_or("(gone)"));
    }
    for (const auto& [lo, hi] : bucket.erased) {
      text += " [" + lo + "," + hi.value_or("") + ")";
    }
    text += "\n";
  }
  return text;
}

TEST(WriteSet, a_range_removes_points_and_a_later_point_wins) {
  WriteSet writes;
  const uint32_t bucket = writes.index_of("b");
  writes.put(bucket, "a", "1");
  writes.put(bucket, "b", "2");
  writes.put(bucket, "c", "3");
  writes.erase_range(bucket, "b", "d");
  writes.put(bucket, "c", "4");
  EXPECT_EQ(text_of(writes), "b: a=1 c=4 [b,d)\n");
}

TEST(WriteSet, keeps_views_of_what_was_overwritten) {
  WriteSet writes;
  const uint32_t bucket = writes.index_of("b");
  writes.put(bucket, "a", "first");
  const std::string_view key = writes.bucket(bucket).points.begin()->first;
  const std::string_view value = *writes.bucket(bucket).points.begin()->second;
  writes.put(bucket, "a", "second");
  writes.erase_range(bucket, "", std::nullopt);
  writes.drop(bucket, true);
  EXPECT_EQ(key, "a");
  EXPECT_EQ(value, "first");
}

// Random changes; at marks the whole state is remembered, and rolling back must give exactly that state.
TEST(WriteSet, rolling_back_gives_what_was_marked) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Draw draw(seed);
    WriteSet writes;
    struct Mark {
      uint64_t mark;
      std::string text;
    };
    std::vector<Mark> marks;
    for (int step = 0; step < 60; ++step) {
      const uint32_t bucket = writes.index_of(draw.below(2) == 0 ? "one" : "two");
      const std::string key(1, static_cast<char>('a' + draw.below(10)));
      switch (draw.below(9)) {
        case 0:
        case 1:
        case 2: writes.put(bucket, key, draw.text(3)); break;
        case 3: writes.erase(bucket, key); break;
        case 4: {
          const std::string hi(1, static_cast<char>('a' + draw.below(12)));
          writes.erase_range(bucket, key, draw.below(4) == 0 ? std::nullopt : std::optional<std::string_view>(hi));
          break;
        }
        case 5: writes.drop(bucket, draw.below(2) == 0); break;
        case 6: draw.below(2) == 0 ? writes.create(bucket) : writes.set_implied(bucket); break;
        case 7:
          // Both buckets, so that the text has both.
          writes.index_of("one");
          writes.index_of("two");
          marks.push_back({writes.mark(), {}});
          marks.back().text = text_of(writes);
          break;
        default:
          if (!marks.empty()) {
            marks.resize(1 + draw.below(marks.size()));
            writes.roll_back_to(marks.back().mark);
            ASSERT_EQ(text_of(writes), marks.back().text) << "seed " << seed << " step " << step;
          }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast
