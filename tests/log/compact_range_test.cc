#include "log/compact_range.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/little_endian.h"
#include "log/merkle.h"
#include "tests/log/samples.h"

namespace holdfast::log {
namespace {

using samples::Tree;
using samples::tree_of;

TEST(CompactRange, has_the_root_of_the_definition_at_every_size) {
  CompactRange range;
  const Tree tree = tree_of(300);
  for (size_t size = 0; size < tree.leaves().size(); ++size) {
    ASSERT_EQ(range.root(), samples::naive_root(tree.leaves().first(size))) << size;
    ASSERT_EQ(range.size(), size);
    range.append(tree.leaves()[size]);
  }
}

TEST(CompactRange, tells_every_complete_subtree_once_and_with_its_hash) {
  size_t told = 0;
  CompactRange range;
  const Tree tree = tree_of(64);
  for (const Hash& leaf : tree.leaves()) {
    range.append(leaf, [&](uint8_t level, uint64_t index, const Hash& hash) {
      ++told;
      EXPECT_EQ(hash, samples::naive_root(tree.leaves().subspan(index << level, size_t{1} << level)));
    });
  }
  EXPECT_EQ(told, 64U + 32 + 16 + 8 + 4 + 2 + 1);
}

RC_GTEST_PROP(CompactRange, goes_on_from_its_encoded_form, ()) {
  const auto size = *rc::gen::inRange<size_t>(0, 200);
  const Tree tree = tree_of(size);
  const Result<CompactRange> read = CompactRange::decode(tree.range().encode());
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == tree.range());
  CompactRange first = tree.range();
  CompactRange second = *read;
  for (int leaf = 0; leaf < 5; ++leaf) {
    first.append(Hash{});
    second.append(Hash{});
  }
  RC_ASSERT(first.root() == second.root());
}

TEST(CompactRange, holds_the_largest_tree) {
  std::vector<std::byte> bytes(8 + 63 * sizeof(Hash));
  store_le(bytes.data(), kLeavesMax);
  const Result<CompactRange> range = CompactRange::decode(bytes);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->peaks().size(), kPeaksMax);
  EXPECT_EQ(range->encode(), bytes);
}

TEST(CompactRange, decode_refuses_what_is_no_edge_of_a_tree) {
  const std::vector<std::byte> good = tree_of(5).range().encode();
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_FALSE(CompactRange::decode(std::span(good).first(bytes))) << bytes;
  }
  std::vector<std::byte> longer = good;
  longer.resize(good.size() + sizeof(Hash));
  EXPECT_FALSE(CompactRange::decode(longer)) << "one peak too many";
  store_le(longer.data(), uint64_t{1} << 63);
  EXPECT_FALSE(CompactRange::decode(std::span(longer).first(8 + sizeof(Hash)))) << "more leaves than offsets";
}

}  // namespace
}  // namespace holdfast::log
