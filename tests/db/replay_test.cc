// Replay: commits that are applied together leave what they left one by one.
#include <string>
#include <vector>

#include "tests/db/log_test.h"

namespace holdfast {
namespace {

class Replay : public LogTest {
 protected:
  // One transaction of a few steps, of every kind, on few buckets and few keys.
  void commit_something(Database& database, Draw& draw) {
    ASSERT_OK(database.exec([&](Transaction& txn) -> Result<void> {
      for (uint64_t step = draw.below(4) + 1; step > 0; --step) {
        Bucket bucket = txn.bucket(numbered("b", draw.below(3)));
        const std::string key = numbered("k", draw.below(40));
        switch (draw.below(12)) {
          case 0: HOLDFAST_TRY(bucket.erase_range(key, numbered("k", draw.below(40)))); break;
          case 1:
            if (auto dropped = txn.drop_bucket(numbered("b", draw.below(3)));
                !dropped && dropped.error().code() != ErrorCode::kNotFound) {
              return dropped;
            }
            break;
          case 2:
          case 3: HOLDFAST_TRY(bucket.erase(key)); break;
          case 4: HOLDFAST_TRY(bucket.put(key, std::string(3000, 'v'))); break;
          default: HOLDFAST_TRY(bucket.put(key, numbered("v", draw.below(1000))));
        }
      }
      return {};
    }));
  }
};

TEST_F(Replay, leaves_what_the_commits_left) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    memory_ = new_memory_env();
    Draw draw(seed);
    Database database = open_at(kPath, logged(1, uint64_t{64} << 20));
    for (int commits = 0; commits < 80; ++commits) {
      commit_something(database, draw);
    }
    copy_as_killed();
    Database copy = open_copy(logged());
    EXPECT_EQ(copy.stats()->csn, database.stats()->csn);
    for (uint64_t bucket = 0; bucket < 3; ++bucket) {
      const std::string name = numbered("b", bucket);
      EXPECT_EQ(copy.snapshot().bucket(name).exists(), database.snapshot().bucket(name).exists()) << seed;
      EXPECT_EQ(rows_of(copy, name), rows_of(database, name)) << seed;
    }
    sound(copy);
    ASSERT_OK(copy.close());
    ASSERT_OK(database.close());
    EXPECT_EQ(meta_at(kCopyPath).next_bucket_id, meta_at(kPath).next_bucket_id) << seed;
  }
}

}  // namespace
}  // namespace holdfast
