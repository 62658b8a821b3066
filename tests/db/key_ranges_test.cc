#include "db/key_ranges.h"

#include <gtest/gtest.h>

#include "tests/db/database_test.h"

namespace holdfast {
namespace {

std::string text_of(const KeyRanges& ranges) {
  std::string text;
  for (const auto& [lo, hi] : ranges) {
    text += "[" + lo + "," + hi.value_or("") + ")";
  }
  return text;
}

TEST(KeyRanges, joins_ranges_that_overlap_or_touch) {
  KeyRanges ranges;
  ranges.add("d", "f");
  ranges.add("a", "b");
  EXPECT_EQ(text_of(ranges), "[a,b)[d,f)");
  ranges.add("b", "d");
  EXPECT_EQ(text_of(ranges), "[a,f)");
  ranges.add("c", "d");
  ranges.add("x", "x");
  ranges.add("z", "y");
  EXPECT_EQ(text_of(ranges), "[a,f)");
  ranges.add("m", std::nullopt);
  ranges.add("z", "zz");
  ranges.add("e", "n");
  EXPECT_EQ(text_of(ranges), "[a,)");
}

// Random adds, some undone, against a plain set of small keys.
TEST(KeyRanges, agrees_with_a_set_of_keys) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Draw draw(seed);
    KeyRanges ranges;
    std::vector<bool> model(26, false);
    const auto key = [](uint64_t number) { return std::string(1, static_cast<char>('a' + number)); };
    for (int step = 0; step < 30; ++step) {
      const uint64_t lo = draw.below(26);
      const uint64_t hi = draw.below(28);
      const std::string hi_key = hi < 26 ? key(hi) : "";
      const auto end = hi < 26 ? std::optional<std::string_view>(hi_key) : std::nullopt;
      const bool undo = draw.below(3) == 0;
      KeyRanges::Change change;
      ranges.add(key(lo), end, undo || draw.below(2) == 0 ? &change : nullptr);
      if (undo) {
        ranges.undo(std::move(change));
      } else {
        for (uint64_t at = lo; at < std::min<uint64_t>(hi, 26); ++at) {
          model[at] = true;
        }
      }
      bool any = false;
      for (uint64_t at = 0; at < 26; ++at) {
        ASSERT_EQ(ranges.find(key(at)) != nullptr, model[at]) << "seed " << seed << " step " << step << " key " << at;
        any = any || (at >= lo && at < hi && model[at]);
      }
      ASSERT_EQ(ranges.overlaps(key(lo), end), any) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace holdfast
