// What the tree promises, one test each.
#include <holdfast/options.h>

#include "format/branch.h"
#include "format/leaf.h"
#include "format/overflow.h"
#include "tests/tree/tree_store.h"

namespace holdfast::tree {
namespace {

std::string value_of(uint64_t number, size_t bytes = 100) {
  std::string value = "value " + std::to_string(number) + " ";
  value.resize(bytes, static_cast<char>('a' + number % 26));
  return value;
}

// Space that the tree's pages take, for each byte of rows.
double space_ratio(TreeStore& tree, const Model& model) {
  uint64_t payload = 0;
  for (const auto& [key, value] : model) {
    payload += key.size() + value.size();
  }
  return static_cast<double>(tree.see().pages.size()) * tree.store().page_bytes() / static_cast<double>(payload);
}

uint32_t level_of_root(TreeStore& tree) {
  PageReader reader = tree.store().new_reader();
  const auto pin = reader.pin_root(tree.root());
  EXPECT_TRUE(pin) << why(pin);
  return format::header_of(pin->data()).level;
}

Model load(TreeStore& tree, uint32_t rows, uint32_t batch_rows, bool shuffled) {
  std::vector<uint32_t> order(rows);
  for (uint32_t i = 0; i < rows; ++i) {
    order[i] = i;
  }
  if (shuffled) {
    std::mt19937_64 random(4);
    for (uint32_t i = rows; i > 1; --i) {
      std::swap(order[i - 1], order[random() % i]);
    }
  }
  Model model;
  for (uint32_t begin = 0; begin < rows; begin += batch_rows) {
    Batch batch;
    for (uint32_t i = begin; i < std::min(rows, begin + batch_rows); ++i) {
      batch[numbered_key(order[i] * uint64_t{7919})] = value_of(order[i]);
    }
    const auto committed = tree.apply(batch);
    EXPECT_TRUE(committed) << why(committed);
    apply_to(model, batch);
  }
  return model;
}

TEST(Tree, is_empty_at_first) {
  TreeStore tree;
  PageReader reader = tree.store().new_reader();
  EXPECT_FALSE(get(reader, tree.root(), "a").value().has_value());
  EXPECT_FALSE(contains(reader, tree.root(), "a").value());
  Cursor cursor(reader, tree.root());
  EXPECT_FALSE(cursor.first().value());
  EXPECT_FALSE(cursor.last().value());
  EXPECT_FALSE(cursor.seek("a").value());
  EXPECT_FALSE(cursor.seek_before("a").value());
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(tree.apply({{"a", std::nullopt}}));
  EXPECT_TRUE(tree.root().is_null());
}

TEST(Tree, writes_nothing_when_nothing_changes) {
  TreeStore tree;
  load(tree, 1000, 1000, false);
  const format::PageRef before = tree.root();
  ASSERT_TRUE(tree.apply({{"absent", std::nullopt}, {"gone", std::nullopt}}));
  EXPECT_EQ(tree.root(), before);
}

TEST(Tree, keeps_leaves_full_under_sequential_loads) {
  for (const uint32_t batch_rows : {1u, 1000u, 10000u}) {
    TreeStore tree;
    const Model model = load(tree, 10000, batch_rows, false);
    tree.expect_equals(model);
    const double ratio = space_ratio(tree, model);
    std::printf("sequential load in batches of %u: %.3f bytes per byte\n", batch_rows, ratio);
    EXPECT_LE(ratio, 1.12);
  }
}

TEST(Tree, keeps_leaves_four_fifths_full_under_random_loads) {
  for (const uint32_t batch_rows : {10u, 1000u, 10000u}) {
    TreeStore tree(16384);
    const Model model = load(tree, 50000, batch_rows, true);
    tree.expect_equals(model);
    const double ratio = space_ratio(tree, model);
    std::printf("random load in batches of %u: %.3f bytes per byte\n", batch_rows, ratio);
    EXPECT_LE(ratio, 1.35);
  }
}

TEST(Tree, fills_pages_to_the_brim_when_built) {
  TreeStore tree;
  Model model;
  const auto committed = tree.commit([&](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
    Builder builder(writer);
    for (uint64_t i = 0; i < 20000; ++i) {
      const std::string value = i % 5000 == 3 ? std::string(9000, 'o') : value_of(i);
      HOLDFAST_TRY(builder.add(numbered_key(i), value));
      model[numbered_key(i)] = value;
    }
    EXPECT_EQ(builder.add(numbered_key(19999), "again").error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(builder.add("", "no key").error().code(), ErrorCode::kInvalidArgument);
    return builder.finish();
  });
  ASSERT_TRUE(committed) << why(committed);
  tree.expect_equals(model);
  const double ratio = space_ratio(tree, model);
  std::printf("bulk build: %.3f bytes per byte\n", ratio);
  EXPECT_LE(ratio, 1.08);
}

TEST(Tree, builds_trees_of_any_size) {
  for (const uint32_t rows : {0u, 1u, 2u, 30u, 35u, 40u, 4000u}) {
    for (const size_t key_bytes : {size_t{16}, size_t{key_bytes_max(4096)}}) {
      TreeStore tree;
      Model model;
      const auto committed = tree.commit([&](PageWriter& writer, format::PageRef) -> Result<format::PageRef> {
        Builder builder(writer);
        for (uint64_t i = 0; i < rows; ++i) {
          std::string key = numbered_key(i * 7919 % 1000003 + i * 1000003);
          key.resize(key_bytes, 'k');
          HOLDFAST_TRY(builder.add(key, value_of(i)));
          model[key] = value_of(i);
        }
        return builder.finish();
      });
      ASSERT_TRUE(committed) << why(committed);
      tree.expect_equals(model);
    }
  }
}

TEST(Tree, gives_pages_back_when_nearly_all_rows_go) {
  TreeStore tree;
  Model model = load(tree, 40000, 10000, true);
  const size_t pages_before = tree.see().pages.size();
  std::mt19937_64 random(9);
  while (model.size() > 1000) {
    Batch batch;
    for (const auto& [key, value] : model) {
      if (random() % 10 == 0 && model.size() - batch.size() > 1000) {
        batch[key] = std::nullopt;
      }
    }
    ASSERT_TRUE(tree.apply(batch));
    apply_to(model, batch);
  }
  tree.expect_equals(model);
  const size_t pages_after = tree.see().pages.size();
  std::printf("%zu pages for 40,000 rows, %zu for the last 1,000\n", pages_before, pages_after);
  EXPECT_LE(pages_after, pages_before / 12);

  Batch rest;
  for (const auto& [key, value] : model) {
    rest[key] = std::nullopt;
  }
  ASSERT_TRUE(tree.apply(rest));
  EXPECT_TRUE(tree.root().is_null());
  tree.expect_equals({});
}

TEST(Tree, is_deep_and_sound_with_keys_at_the_limit) {
  TreeStore tree;
  Model model;
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    Batch batch;
    for (int i = 0; i < 100; ++i) {
      std::string key(key_bytes_max(4096), 'x');
      for (size_t at = 0; at < key.size(); at += 1 + random() % 200) {
        key[at] = static_cast<char>('a' + random() % 3);
      }
      // Keys that differ late make long separators.
      std::fill_n(key.begin(), key.size() - 30, 'p');
      key[random() % 900] = static_cast<char>('a' + random() % 26);
      batch[key] = value_of(random() % 1000, random() % 1000);
    }
    ASSERT_TRUE(tree.apply(batch));
    apply_to(model, batch);
  }
  tree.expect_equals(model);
  EXPECT_GE(level_of_root(tree), 3u);
  while (!model.empty()) {
    Batch batch;
    for (const auto& [key, value] : model) {
      if (random() % 3 != 0) {
        batch[key] = std::nullopt;
      }
    }
    ASSERT_TRUE(tree.apply(batch));
    apply_to(model, batch);
    tree.expect_equals(model);
  }
}

TEST(Tree, keeps_a_value_inline_up_to_the_limit) {
  TreeStore tree;
  Model model;
  const uint32_t most = format::inline_value_bytes_max(4096);
  for (uint32_t bytes = most - 3; bytes <= most + 3; ++bytes) {
    const Batch batch{{"grows", std::string(bytes, 'v')}, {"stays", "small"}};
    ASSERT_TRUE(tree.apply(batch));
    apply_to(model, batch);
    tree.expect_equals(model);
    EXPECT_EQ(tree.see().pages.size() > 1, bytes > most) << bytes;
    EXPECT_EQ(tree.root().has_overflow, bytes > most);
  }
  ASSERT_TRUE(tree.apply({{"grows", "short again"}}));
  tree.expect_equals({{"grows", "short again"}, {"stays", "small"}});
  EXPECT_EQ(tree.see().pages.size(), 1u);
}

TEST(Tree, finds_keys_shorter_and_longer_than_the_prefix_of_their_page) {
  TreeStore tree;
  Model model;
  Batch batch;
  for (int i = 10; i < 99; ++i) {
    batch["shared/prefix/" + std::to_string(i)] = value_of(static_cast<uint64_t>(i));
  }
  ASSERT_TRUE(tree.apply(batch));
  apply_to(model, batch);
  for (const std::string key : {"s", "shared", "shared/prefix/", "shared/prefix/1", "shared/prefix/500", "shared/q",
                                "t", "a", "shared/prefiw", "shared/prefix/99zzz"}) {
    PageReader reader = tree.store().new_reader();
    EXPECT_FALSE(get(reader, tree.root(), key).value().has_value()) << key;
    Cursor cursor(reader, tree.root());
    const bool any = cursor.seek(key).value();
    const auto expected = model.lower_bound(key);
    ASSERT_EQ(any, expected != model.end());
    if (any) {
      EXPECT_EQ(cursor.key(), expected->first);
    }
    ASSERT_TRUE(tree.apply({{key, "now here"}}));
    model[key] = "now here";
    tree.expect_equals(model);
  }
}

TEST(Tree, cuts_ranges_out_without_reading_their_leaves) {
  TreeStore tree(4096, kCacheBytesMin);
  Model model = load(tree, 50000, 10000, false);
  tree.reopen();
  const std::string low = numbered_key(1000 * uint64_t{7919});
  const std::string high = numbered_key(49000 * uint64_t{7919});
  const uint64_t misses_before = tree.store().stats().cache_misses;
  const auto committed = tree.commit(
      [&](PageWriter& writer, format::PageRef root) { return erase_range(writer, root, low, std::string_view(high)); });
  ASSERT_TRUE(committed) << why(committed);
  EXPECT_LE(tree.store().stats().cache_misses - misses_before, 60u);
  model.erase(model.lower_bound(low), model.lower_bound(high));
  tree.expect_equals(model);
}

TEST(Tree, works_with_a_cache_far_smaller_than_itself) {
  TreeStore tree(4096, kCacheBytesMin);
  std::mt19937_64 random(3);
  Model model;
  for (int round = 0; round < 12; ++round) {
    Batch batch;
    for (int i = 0; i < 10000; ++i) {
      batch[numbered_key(random() % 400000)] = value_of(random() % 1000, 420);
    }
    const auto committed = tree.apply(batch);
    ASSERT_TRUE(committed) << why(committed);
    apply_to(model, batch);
  }
  EXPECT_GE(tree.store().stats().file_bytes, uint64_t{50} << 20);
  PageReader reader = tree.store().new_reader();
  std::string value;
  for (int i = 0; i < 20000; ++i) {
    const std::string key = numbered_key(random() % 400000);
    const auto found = get(reader, tree.root(), key, value);
    ASSERT_TRUE(found) << why(found);
    const auto expected = model.find(key);
    ASSERT_EQ(*found, expected != model.end());
    ASSERT_TRUE(!*found || value == expected->second);
  }
  tree.expect_equals(model);
}

TEST(Tree, shows_a_reader_its_own_state_while_the_writer_goes_on) {
  TreeStore tree;
  const Model before = load(tree, 3000, 3000, true);
  PageReader reader = tree.store().new_reader();
  const format::PageRef old_root = tree.root();
  for (int round = 0; round < 20; ++round) {
    Batch batch;
    for (const auto& [key, value] : before) {
      batch[key] = round % 2 == 0 ? std::nullopt : std::optional<std::string>("other");
    }
    ASSERT_TRUE(tree.apply(batch));
  }
  Cursor cursor(reader, old_root);
  Model seen;
  for (auto more = cursor.first(); *more; more = cursor.next()) {
    seen.emplace(cursor.key(), cursor.value().value());
  }
  EXPECT_TRUE(seen == before);
}

}  // namespace
}  // namespace holdfast::tree
