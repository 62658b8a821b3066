// The tree against std::map, under random batches, range deletes, aborts and reopens.
#include <rapidcheck.h>

#include <cstdlib>

#include <holdfast/options.h>

#include "format/overflow.h"
#include "tests/tree/tree_store.h"

namespace holdfast::tree {
namespace {

// The same runs each time; RC_PARAMS="seed=..." in the environment chooses others.
const int seeded = setenv("RC_PARAMS", "seed=20261121 max_success=60", 0);

// What a run draws from.
struct Shape {
  uint32_t key_space = 0;
  size_t key_bytes_max = 0;
  size_t value_bytes_max = 0;
  bool long_shared_prefix = false;
};

class Walk {
 public:
  Walk(uint64_t seed, const Shape& shape, uint64_t cache_bytes)
      : random_(seed), shape_(shape), tree_(4096, cache_bytes) {}

  void step() {
    const uint32_t dice = draw(100);
    if (dice < 60) {
      change(draw(100) < 20 ? 600 : 20, 15);
    } else if (dice < 75) {
      change(200, 90);
    } else if (dice < 87) {
      erase_some_range();
    } else if (dice < 93) {
      abort_something();
    } else if (dice < 97) {
      tree_.reopen();
    } else {
      read_at_random();
    }
    tree_.expect_equals(model_);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  void finish() {
    read_at_random();
    const auto dropped = tree_.commit([](PageWriter& writer, format::PageRef root) -> Result<format::PageRef> {
      HOLDFAST_TRY(drop(writer, root));
      return format::PageRef();
    });
    ASSERT_TRUE(dropped) << why(dropped);
    tree_.expect_equals({});
  }

 private:
  uint32_t draw(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  std::string key() {
    const uint32_t number = draw(shape_.key_space);
    std::string text = std::to_string(number * 2654435761u);
    std::mt19937_64 own(number);
    if (shape_.key_bytes_max > text.size() && own() % 3 == 0) {
      text.resize(text.size() + own() % (shape_.key_bytes_max - text.size()), static_cast<char>('a' + own() % 26));
    }
    if (shape_.long_shared_prefix && own() % 8 != 0) {
      text = std::string(shape_.key_bytes_max - 40, 'p') + text.substr(0, 40);
    }
    return text;
  }
  std::string value() {
    const uint32_t dice = draw(100);
    const auto most = static_cast<uint32_t>(shape_.value_bytes_max);
    const uint32_t bytes = dice < 80 ? draw(100) : draw(most + 1);
    return std::string(bytes, static_cast<char>('A' + draw(26)));
  }
  Batch batch(uint32_t most, uint32_t erase_percent) {
    Batch result;
    const uint32_t count = 1 + draw(most);
    for (uint32_t i = 0; i < count; ++i) {
      std::string one = key();
      if (draw(100) < erase_percent) {
        result[std::move(one)] = std::nullopt;
      } else {
        result[std::move(one)] = value();
      }
    }
    return result;
  }
  void change(uint32_t most, uint32_t erase_percent) {
    const Batch changes = batch(most, erase_percent);
    const auto committed = tree_.apply(changes);
    ASSERT_TRUE(committed) << why(committed);
    apply_to(model_, changes);
  }
  void erase_some_range() {
    std::string low = draw(5) == 0 ? "" : key();
    std::optional<std::string> high = key();
    if (draw(8) == 0) {
      high.reset();
    } else if (low > *high) {
      std::swap(low, *high);
    }
    if (high && draw(2) == 0) {
      high = low + "5";
    }
    const auto committed = tree_.commit([&](PageWriter& writer, format::PageRef root) {
      return erase_range(writer, root, low, high ? std::optional<std::string_view>(*high) : std::nullopt);
    });
    ASSERT_TRUE(committed) << why(committed);
    if (!high || low < *high) {
      model_.erase(model_.lower_bound(low), high ? model_.lower_bound(*high) : model_.end());
    }
  }
  void abort_something() {
    const Batch first = batch(200, 30);
    const Batch second = batch(50, 60);
    tree_.try_and_abort([&](PageWriter& writer, format::PageRef root) -> Result<format::PageRef> {
      HOLDFAST_TRY_ASSIGN(const format::PageRef middle, TreeStore::applying(first)(writer, root));
      HOLDFAST_TRY_ASSIGN(const format::PageRef cut, erase_range(writer, middle, "2", "4"));
      return TreeStore::applying(second)(writer, cut);
    });
  }
  void read_at_random() {
    PageReader reader = tree_.store().new_reader();
    std::vector<std::pair<std::string_view, std::string>> views;
    for (int i = 0; i < 200; ++i) {
      const std::string wanted = key();
      const auto found = get(reader, tree_.root(), wanted);
      ASSERT_TRUE(found) << why(found);
      const auto expected = model_.find(wanted);
      ASSERT_EQ(found->has_value(), expected != model_.end());
      std::string copy = "not touched";
      const auto copied = get(reader, tree_.root(), wanted, copy);
      ASSERT_TRUE(copied) << why(copied);
      ASSERT_EQ(*copied, found->has_value());
      if (found->has_value()) {
        ASSERT_EQ(**found, expected->second);
        ASSERT_EQ(copy, expected->second);
        views.emplace_back(**found, expected->second);
      }
    }
    for (const auto& [view, text] : views) {
      ASSERT_EQ(view, text) << "a view lives until its reader ends";
    }
  }

  std::mt19937_64 random_;
  Shape shape_;
  TreeStore tree_;
  Model model_;
};

void walk(const Shape& shape, uint64_t cache_bytes = uint64_t{8} << 20) {
  ASSERT_EQ(seeded, 0);
  const bool kept = rc::check([&] {
    const auto seed = *rc::gen::arbitrary<uint64_t>();
    const auto steps = *rc::gen::inRange(1, 40);
    Walk random_walk(seed, shape, cache_bytes);
    for (int i = 0; i < steps; ++i) {
      random_walk.step();
      RC_ASSERT(!testing::Test::HasFailure());
    }
    random_walk.finish();
    RC_ASSERT(!testing::Test::HasFailure());
  });
  EXPECT_TRUE(kept);
}

TEST(Tree, equals_a_map_with_small_rows) { walk({.key_space = 5000, .key_bytes_max = 30, .value_bytes_max = 200}); }
TEST(Tree, equals_a_map_with_keys_at_the_limit) {
  walk({.key_space = 400, .key_bytes_max = key_bytes_max(4096), .value_bytes_max = 1100});
}
TEST(Tree, equals_a_map_with_long_shared_prefixes) {
  walk({.key_space = 600, .key_bytes_max = 900, .value_bytes_max = 300, .long_shared_prefix = true});
}
TEST(Tree, equals_a_map_with_overflow_values) {
  walk({.key_space = 300, .key_bytes_max = 40, .value_bytes_max = 40000});
}
TEST(Tree, equals_a_map_with_hardly_any_cache) {
  walk({.key_space = 3000, .key_bytes_max = 60, .value_bytes_max = 3000}, kCacheBytesMin);
}

}  // namespace
}  // namespace holdfast::tree
