// Cursors: every position, both directions, and trees that lie.
#include <holdfast/options.h>

#include "tests/tree/tree_store.h"

namespace holdfast::tree {
namespace {

TEST(Cursor, moves_both_ways_from_every_position) {
  TreeStore tree;
  Model model;
  Batch batch;
  for (uint64_t i = 0; i < 700; ++i) {
    batch[numbered_key(i * 10)] = i % 50 == 7 ? std::string(5000, 'o') : std::string(i % 90, 'v');
  }
  ASSERT_TRUE(tree.apply(batch));
  apply_to(model, batch);
  PageReader reader = tree.store().new_reader();
  Cursor cursor(reader, tree.root());
  const auto stands_on = [&](Model::const_iterator at) {
    ASSERT_TRUE(cursor.valid());
    ASSERT_EQ(cursor.key(), at->first);
    ASSERT_EQ(cursor.value().value(), at->second);
    ASSERT_EQ(cursor.key(), at->first);
  };
  for (uint64_t i = 0; i < 7010; i += 5) {
    const std::string key = numbered_key(i);
    const auto bound = model.lower_bound(key);
    ASSERT_EQ(cursor.seek(key).value(), bound != model.end());
    ASSERT_EQ(cursor.valid(), bound != model.end());
    if (bound != model.end()) {
      stands_on(bound);
      const bool has_next = std::next(bound) != model.end();
      ASSERT_EQ(cursor.next().value(), has_next);
      if (has_next) {
        stands_on(std::next(bound));
        ASSERT_TRUE(cursor.prev().value());
        stands_on(bound);
      }
    }
    ASSERT_EQ(cursor.seek_before(key).value(), bound != model.begin());
    if (bound != model.begin()) {
      stands_on(std::prev(bound));
      const bool has_before = std::prev(bound) != model.begin();
      ASSERT_EQ(cursor.prev().value(), has_before);
      if (has_before) {
        stands_on(std::prev(bound, 2));
        ASSERT_TRUE(cursor.next().value());
        stands_on(std::prev(bound));
      }
    }
  }
  auto forward = model.cbegin();
  for (auto more = cursor.first(); *more; more = cursor.next()) {
    stands_on(forward++);
  }
  EXPECT_EQ(forward, model.cend());
  auto backward = model.cend();
  for (auto more = cursor.last(); *more; more = cursor.prev()) {
    stands_on(--backward);
  }
  EXPECT_EQ(backward, model.cbegin());
}

TEST(Cursor, goes_on_where_it_stood_after_it_was_moved) {
  TreeStore tree;
  Batch batch;
  for (uint64_t i = 0; i < 500; ++i) {
    batch[numbered_key(i)] = std::string(50, 'v');
  }
  ASSERT_TRUE(tree.apply(batch));
  PageReader reader = tree.store().new_reader();
  Cursor cursor(reader, tree.root());
  ASSERT_TRUE(cursor.seek(numbered_key(100)).value());
  Cursor other(std::move(cursor));
  for (uint64_t i = 100; i < 499; ++i) {
    ASSERT_EQ(other.key(), numbered_key(i));
    ASSERT_TRUE(other.next().value());
  }
}

}  // namespace
}  // namespace holdfast::tree
