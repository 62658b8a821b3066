// Roots, proofs and their checks, against the published vectors and against the definition.
#include "log/merkle.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/log/samples.h"

namespace holdfast::log {
namespace {

using proof::check_consistency;
using proof::check_inclusion;
using samples::naive_root;
using samples::Tree;
using samples::tree_of;
using samples::unhex;

// The eight leaves of the tests of Google's certificate-transparency, which github.com/transparency-dev/merkle goes on
// with (package rfc6962 and testdata/): in hexadecimal, and the roots of the first 0 to 8 of them.
const std::vector<std::string> kVectorLeaves = {"",         std::string(1, '\0'), "\x10", " !", "01", "@ABC",
                                                "PQRSTUVW", "`abcdefghijklmno"};
const std::vector<const char*> kVectorRoots = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                               "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

Tree vector_tree() {
  Tree tree;
  for (const std::string& leaf : kVectorLeaves) {
    tree.append(samples::leaf_hash(leaf));
  }
  return tree;
}

TEST(Merkle, roots_are_those_of_certificate_transparency) {
  CompactRange range;
  EXPECT_EQ(range.root(), unhex(kVectorRoots[0]));
  const Tree tree = vector_tree();
  for (size_t size = 1; size < kVectorRoots.size(); ++size) {
    range.append(tree.leaves()[size - 1]);
    EXPECT_EQ(range.root(), unhex(kVectorRoots[size])) << size;
    EXPECT_EQ(root_of(size, tree.source()).value(), unhex(kVectorRoots[size])) << size;
  }
}

TEST(Merkle, proofs_are_those_of_certificate_transparency) {
  const Tree tree = vector_tree();
  const std::vector<Hash> inclusion = {unhex("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
                                       unhex("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
                                       unhex("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")};
  EXPECT_EQ(prove_inclusion(0, 8, tree.source()).value(), inclusion);
  EXPECT_EQ(prove_consistency(1, 8, tree.source()).value(), inclusion);
  const std::vector<Hash> consistency = {unhex("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
                                         unhex("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
                                         unhex("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")};
  EXPECT_EQ(prove_consistency(6, 8, tree.source()).value(), consistency);
}

// RFC 6962, 2.1.1 and 2.1.2, word by word.
std::vector<Hash> naive_path(size_t m, std::span<const Hash> leaves) {
  if (leaves.size() == 1) {
    return {};
  }
  size_t k = 1;
  while (2 * k < leaves.size()) {
    k *= 2;
  }
  std::vector<Hash> path = m < k ? naive_path(m, leaves.first(k)) : naive_path(m - k, leaves.subspan(k));
  path.push_back(naive_root(m < k ? leaves.subspan(k) : leaves.first(k)));
  return path;
}
std::vector<Hash> naive_subproof(size_t m, std::span<const Hash> leaves, bool known) {
  if (m == leaves.size()) {
    return known ? std::vector<Hash>() : std::vector<Hash>{naive_root(leaves)};
  }
  size_t k = 1;
  while (2 * k < leaves.size()) {
    k *= 2;
  }
  std::vector<Hash> path =
      m <= k ? naive_subproof(m, leaves.first(k), known) : naive_subproof(m - k, leaves.subspan(k), false);
  path.push_back(naive_root(m <= k ? leaves.subspan(k) : leaves.first(k)));
  return path;
}

TEST(Merkle, proofs_are_those_of_the_definition) {
  const Tree tree = tree_of(70);
  for (size_t size = 1; size <= tree.leaves().size(); ++size) {
    const auto leaves = tree.leaves().first(size);
    for (size_t other = 0; other < size; ++other) {
      ASSERT_EQ(prove_inclusion(other, size, tree.source()).value(), naive_path(other, leaves)) << other << " " << size;
      ASSERT_EQ(prove_consistency(other + 1, size, tree.source()).value(), naive_subproof(other + 1, leaves, true))
          << other + 1 << " " << size;
    }
  }
}

TEST(Merkle, every_proof_of_every_size_is_accepted) {
  const Tree tree = tree_of(300);
  std::vector<Hash> roots;
  for (size_t size = 0; size <= tree.leaves().size(); ++size) {
    roots.push_back(naive_root(tree.leaves().first(size)));
    ASSERT_EQ(root_of(size, tree.source()).value(), roots.back()) << size;
    ASSERT_EQ(compact_range_of(size, tree.source()).value().root(), roots.back()) << size;
  }
  for (size_t size = 0; size <= tree.leaves().size(); ++size) {
    for (size_t old_size = 0; old_size <= size; ++old_size) {
      const std::vector<Hash> path = prove_consistency(old_size, size, tree.source()).value();
      ASSERT_TRUE(check_consistency(old_size, roots[old_size], size, roots[size], path)) << old_size << " " << size;
    }
    for (size_t index = 0; index < size; ++index) {
      const std::vector<Hash> path = prove_inclusion(index, size, tree.source()).value();
      ASSERT_TRUE(check_inclusion(tree.leaves()[index], index, size, roots[size], path)) << index << " " << size;
    }
  }
}

// What a liar can change about a path: a bit, a hash more or less, at either end or in between.
std::vector<std::vector<Hash>> mutations_of(const std::vector<Hash>& path) {
  std::vector<std::vector<Hash>> all;
  for (size_t at = 0; at <= path.size(); ++at) {
    all.push_back(path);
    all.back().insert(all.back().begin() + static_cast<std::ptrdiff_t>(at), Hash{});
    if (at < path.size()) {
      all.push_back(path);
      all.back()[at][at % sizeof(Hash)] ^= std::byte{4};
      all.push_back(path);
      all.back().erase(all.back().begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return all;
}

TEST(Merkle, a_changed_proof_is_refused) {
  const Tree tree = tree_of(40);
  std::vector<Hash> roots;
  for (size_t size = 0; size <= tree.leaves().size(); ++size) {
    roots.push_back(naive_root(tree.leaves().first(size)));
  }
  for (size_t size = 1; size <= tree.leaves().size(); ++size) {
    for (size_t index = 0; index < size; ++index) {
      const Hash& leaf = tree.leaves()[index];
      const std::vector<Hash> path = prove_inclusion(index, size, tree.source()).value();
      for (const std::vector<Hash>& wrong : mutations_of(path)) {
        ASSERT_FALSE(check_inclusion(leaf, index, size, roots[size], wrong)) << index << " " << size;
      }
      ASSERT_FALSE(check_inclusion(leaf, index, size, roots[size - 1], path)) << index << " " << size;
      ASSERT_FALSE(check_inclusion(Hash{}, index, size, roots[size], path)) << index << " " << size;
      ASSERT_FALSE(check_inclusion(leaf, index + size, size, roots[size], path)) << index << " " << size;
      if (size > 1) {
        ASSERT_FALSE(check_inclusion(leaf, (index + 1) % size, size, roots[size], path)) << index << " " << size;
      }
    }
    for (size_t old_size = 0; old_size <= size; ++old_size) {
      const std::vector<Hash> path = prove_consistency(old_size, size, tree.source()).value();
      for (const std::vector<Hash>& wrong : mutations_of(path)) {
        ASSERT_FALSE(check_consistency(old_size, roots[old_size], size, roots[size], wrong)) << old_size << " " << size;
      }
      ASSERT_FALSE(check_consistency(old_size, Hash{}, size, roots[size], path)) << old_size << " " << size;
      if (old_size > 0) {  // every tree begins with the empty one
        ASSERT_FALSE(check_consistency(old_size, roots[old_size], size, Hash{}, path)) << old_size << " " << size;
        ASSERT_FALSE(check_consistency(old_size - 1, roots[old_size], size, roots[size], path))
            << old_size << " " << size;
      }
      ASSERT_FALSE(check_consistency(size + 1, roots[old_size], size, roots[size], path)) << old_size << " " << size;
    }
  }
}

TEST(Merkle, checks_end_for_sizes_that_no_tree_has) {
  const std::vector<Hash> path(64);
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 63, ~uint64_t{0} - 1, ~uint64_t{0}}) {
    for (const uint64_t other : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 63, ~uint64_t{0} - 1, ~uint64_t{0}}) {
      EXPECT_FALSE(check_inclusion(Hash{}, other, size, Hash{}, path));
      EXPECT_FALSE(check_consistency(other, Hash{}, size, Hash{std::byte{1}}, path));
    }
  }
}

TEST(Merkle, asking_for_a_proof_that_cannot_be_is_an_error) {
  const Tree tree = tree_of(5);
  EXPECT_EQ(prove_inclusion(5, 5, tree.source()).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(prove_inclusion(0, 0, tree.source()).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(prove_inclusion(0, kLeavesMax + 1, tree.source()).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(prove_consistency(6, 5, tree.source()).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(prove_consistency(6, kLeavesMax + 1, tree.source()).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(prove_inclusion(0, 6, tree.source()).error().code(), ErrorCode::kNotFound) << "the source's error";
}

RC_GTEST_PROP(Merkle, plans_are_small_and_cover_the_tree, ()) {
  const auto size = *rc::gen::inRange<uint64_t>(1, kLeavesMax);
  const auto index = *rc::gen::inRange<uint64_t>(0, size);
  std::vector<LeafRange> plan = plan_inclusion(index, size);
  RC_ASSERT(plan.size() <= 63U);
  plan.push_back({index, index + 1});
  const auto covered = [](std::vector<LeafRange> ranges) {
    std::ranges::sort(ranges, {}, &LeafRange::begin);
    uint64_t end = 0;
    for (const LeafRange& range : ranges) {
      RC_ASSERT(range.begin == end && range.begin < range.end);
      end = range.end;
      // Its subtrees, too, follow each other, and each is complete.
      uint64_t at = range.begin;
      for (const Subtree& subtree : subtrees_of(range)) {
        RC_ASSERT((subtree.index << subtree.level) == at);
        at += uint64_t{1} << subtree.level;
      }
      RC_ASSERT(at == end);
    }
    return end;
  };
  RC_ASSERT(covered(plan) == size);
  RC_ASSERT(std::ranges::count_if(plan, [](LeafRange range) { return subtrees_of(range).size() > 1; }) <= 1);

  std::vector<LeafRange> growth = plan_consistency(index + 1, size);
  RC_ASSERT(growth.size() <= 64U);
  if (index + 1 != size) {
    // Without a first range of its own, the old tree is a complete subtree.
    if (growth.empty() || growth.front().begin >= index + 1) {
      growth.push_back({0, index + 1});
      RC_ASSERT(std::has_single_bit(index + 1));
    }
    RC_ASSERT(covered(growth) == size);
  }
}

}  // namespace
}  // namespace holdfast::log
