#include "base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace holdfast {
namespace {

TEST(Bytes, common_prefix_stops_at_the_first_difference_or_the_shorter_end) {
  EXPECT_EQ(common_prefix_bytes("", ""), 0U);
  EXPECT_EQ(common_prefix_bytes("", "a"), 0U);
  EXPECT_EQ(common_prefix_bytes("a", "b"), 0U);
  EXPECT_EQ(common_prefix_bytes("abc", "abd"), 2U);
  EXPECT_EQ(common_prefix_bytes("abc", "abcdef"), 3U);
  EXPECT_EQ(common_prefix_bytes("same", "same"), 4U);
  EXPECT_EQ(common_prefix_bytes(std::string_view("a\0b", 3), std::string_view("a\0c", 3)), 2U);
}

TEST(Bytes, text_and_bytes_are_views_of_the_same_memory) {
  const std::string text = "bytes";
  EXPECT_EQ(reinterpret_cast<const char*>(as_bytes(text).data()), text.data());
  EXPECT_EQ(as_text(as_bytes(text)), text);
  EXPECT_EQ(as_text(as_bytes(text).data(), 2), "by");
}

TEST(Bytes, shortest_separator_examples) {
  EXPECT_EQ(shortest_separator("apple", "banana"), "b");
  EXPECT_EQ(shortest_separator("user:100", "user:2"), "user:2");
  EXPECT_EQ(shortest_separator("ab", "abc"), "abc");
  EXPECT_EQ(shortest_separator("", "anything"), "a");
  EXPECT_EQ(shortest_separator("\x7f", "\x80\x01"), "\x80");
}

TEST(Bytes, shortest_separator_separates_all_pairs_and_nothing_shorter_does) {
  // Every string of up to three bytes over an alphabet with both ends of the byte range in it.
  std::vector<std::string> all{""};
  for (size_t from = 0, length = 1; length <= 3; ++length) {
    const size_t to = all.size();
    for (; from < to; ++from) {
      for (const char c : {'\0', 'a', '\x7f', '\xff'}) {
        all.push_back(all[from] + c);
      }
    }
  }
  for (const std::string& a : all) {
    for (const std::string& b : all) {
      if (!(a < b)) {
        continue;
      }
      const std::string_view separator = shortest_separator(a, b);
      ASSERT_LT(a, separator);
      ASSERT_LE(separator, b);
      const bool shorter_exists = std::any_of(
          all.begin(), all.end(), [&](const std::string& s) { return s.size() < separator.size() && a < s && s <= b; });
      ASSERT_FALSE(shorter_exists);
    }
  }
}

TEST(BytesDeathTest, shortest_separator_of_unordered_keys_is_a_bug) {
  EXPECT_DEATH(static_cast<void>(shortest_separator("b", "a")), "CHECK failed: a < b");
  EXPECT_DEATH(static_cast<void>(shortest_separator("a", "a")), "CHECK failed: a < b");
}

}  // namespace
}  // namespace holdfast
