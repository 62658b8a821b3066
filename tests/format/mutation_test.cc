// Hostile pages: whatever find_damage accepts can be read, edited and rewritten without harm. Means most under ASan.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fuzz/page_walk.h"
#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

using samples::Bytes;
using samples::kPageBytes;
using samples::kSeed;
using samples::ref_to;
using samples::sealed;

// Changes a few bytes, mostly where the structure is: header, index, and the end of the page.
Bytes mutated(Bytes page) {
  const auto times = *rc::gen::inRange(1, 4);
  for (int time = 0; time < times; ++time) {
    const auto offset = *rc::gen::oneOf(rc::gen::inRange<size_t>(22, 32), rc::gen::inRange<size_t>(32, 160),
                                        rc::gen::inRange<size_t>(page.size() - 120, page.size()),
                                        rc::gen::inRange<size_t>(22, page.size()));
    page[offset] = static_cast<std::byte>(*rc::gen::oneOf(rc::gen::inRange(0, 8), rc::gen::inRange(0, 256)));
  }
  seal_page(page, kSeed);
  return page;
}

RC_GTEST_PROP(MutatedPage, a_leaf_without_damage_can_be_used, ()) {
  const Bytes page =
      mutated(sealed(*rc::gen::element(samples::leaf(), samples::edited_leaf()), ref_to(7), PageKind::kLeaf, 0));
  const char* damage = find_damage(page, samples::expectation(ref_to(7), PageKind::kLeaf, 0));
  RC_CLASSIFY(damage == nullptr, "accepted");
  if (damage == nullptr) {
    fuzz::walk_leaf(page);
  }
}

RC_GTEST_PROP(MutatedPage, a_branch_without_damage_can_be_used, ()) {
  const Bytes page =
      mutated(sealed(*rc::gen::element(samples::branch(), samples::edited_branch()), ref_to(8), PageKind::kBranch, 1));
  const char* damage = find_damage(page, samples::expectation(ref_to(8), PageKind::kBranch, 1));
  RC_CLASSIFY(damage == nullptr, "accepted");
  if (damage == nullptr) {
    fuzz::walk_branch(page);
  }
}

// Not random: every byte of every sample, to a few telling values.
TEST(MutatedPage, every_byte_of_a_leaf_and_of_a_branch) {
  for (const bool is_leaf : {true, false}) {
    const PageKind kind = is_leaf ? PageKind::kLeaf : PageKind::kBranch;
    const uint8_t level = is_leaf ? 0 : 1;
    Bytes page = sealed(is_leaf ? samples::edited_leaf() : samples::edited_branch(), ref_to(7), kind, level);
    uint32_t accepted = 0;
    for (size_t offset = 22; offset < page.size(); ++offset) {
      if (offset == 300) {
        offset = page.size() - 200;  // what lies between is free space
      }
      const std::byte before = page[offset];
      for (const int value : {0, 1, 2, 7, 0x7F, 0x80, 0xFE, 0xFF}) {
        page[offset] = static_cast<std::byte>(value);
        seal_page(page, kSeed);
        if (find_damage(page, samples::expectation(ref_to(7), kind, level)) == nullptr) {
          ++accepted;
          is_leaf ? fuzz::walk_leaf(page) : fuzz::walk_branch(page);
        }
      }
      page[offset] = before;
    }
    EXPECT_GT(accepted, 100U);
  }
}

}  // namespace
}  // namespace holdfast::format
