#include "format/branch.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>

#include "fuzz/page_walk.h"
#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

using samples::branch_of;
using samples::Bytes;
using samples::kPageBytes;
using samples::ref_to;
using namespace std::string_literals;
using Model = std::map<std::string, uint32_t>;  // separator to child; "" is below everything

// Separators with equal heads, zeros that look like padding, and shared prefixes.
rc::Gen<std::string> separators() {
  return rc::gen::map(
      rc::gen::pair(rc::gen::element<std::string>("", "p", "prefix", "prefix\0\0"s, "prefixed-by-far"),
                    rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('\0', 'a', '\xFF')))),
      [](const auto& parts) { return parts.first + parts.second; });
}

void expect_same(const BranchView& branch, const Model& model) {
  RC_ASSERT(branch.count() == model.size());
  uint32_t index = 0;
  std::string buffer;
  for (const auto& [separator, child] : model) {
    RC_ASSERT(branch.separator(index, buffer) == separator);
    RC_ASSERT(to_int(branch.child(index).page) == child);
    ++index;
  }
}

uint32_t place_in(const Model& model, const std::string& key) {
  return static_cast<uint32_t>(std::distance(model.begin(), model.upper_bound(key)) - 1);
}

RC_GTEST_PROP(BranchBuilder, says_how_many_bytes_it_will_write, ()) {
  const auto page_bytes = *rc::gen::element(4096U, 16384U, 65536U);
  BranchBuilder builder(page_bytes);
  builder.add("", ref_to(7));
  Model model = {{"", 7}};
  const auto all = *rc::gen::container<std::set<std::string>>(separators());
  for (const std::string& separator : all) {
    const uint32_t bytes = builder.bytes_with(separator);
    if (bytes <= page_bytes) {
      const auto child = static_cast<uint32_t>(100 + model.size());
      builder.add(separator, ref_to(child));
      RC_ASSERT(builder.bytes() == bytes);
      model[separator] = child;
    }
  }
  const uint32_t bytes = builder.bytes();
  Bytes page(page_bytes, std::byte{0xEE});
  header_of(page.data()) = PageHeader{};
  builder.finish(page.data());
  RC_ASSERT(find_branch_damage(page) == nullptr);
  const BranchView branch(page.data(), page_bytes);
  RC_ASSERT(branch.live_bytes() == bytes);
  RC_ASSERT(branch.gap_bytes() == page_bytes - bytes);
  expect_same(branch, model);
  for (int probe = 0; probe < 20; ++probe) {
    const std::string key = *rc::gen::oneOf(separators(), rc::gen::arbitrary<std::string>());
    RC_ASSERT(branch.find_child(key) == place_in(model, key));
  }
}

RC_GTEST_PROP(BranchEditor, does_what_a_map_does, ()) {
  Bytes page = branch_of({"", "a", "prefix"});
  Model model = {{"", 5}, {"a", 6}, {"prefix", 7}};
  BranchEditor editor(page.data(), kPageBytes);
  uint32_t child = 100;
  for (const auto& [key, choice] : *rc::gen::container<std::vector<std::pair<std::string, int>>>(
           rc::gen::pair(separators(), rc::gen::inRange(0, 4)))) {
    const uint32_t index = editor.view().find_child(key);
    RC_ASSERT(index == place_in(model, key));
    const Bytes before = page;
    const auto place = std::next(model.begin(), index);
    if (choice > 0 && place->first != key) {
      if (editor.insert(index + 1, key, ref_to(++child))) {
        model[key] = child;
      } else {
        RC_ASSERT(page == before);
      }
    } else if (choice == 1) {
      editor.set_child(index, ref_to(++child));
      place->second = child;
    } else if (model.size() > 1) {
      editor.erase(index);
      if (index == 0) {
        model[""] = std::next(place)->second;
        model.erase(std::next(place));
      } else {
        model.erase(place);
      }
    }
    RC_ASSERT(find_branch_damage(page) == nullptr);
  }
  expect_same(editor.view(), model);
}

TEST(BranchView, tells_padding_from_zeros) {
  const std::vector<std::string> all = {
      "", "a", "a\0"s, "a\0\0\0\0\0\0\0"s, "a\0\0\0\0\0\0\0\0"s, "a\0\0\0\0\0\0\0\0x"s, "a\0\0\0\0\0\0\0x"s, "b"};
  const Bytes page = branch_of(all);
  ASSERT_EQ(find_branch_damage(page), nullptr);
  const BranchView branch(page.data(), kPageBytes);
  for (uint32_t index = 0; index < all.size(); ++index) {
    EXPECT_EQ(branch.find_child(all[index]), index);
  }
  fuzz::walk_branch(page);
}

// A prefix saves nothing where heads hold the whole suffix; a rewrite must never need more room than the page has.
TEST(BranchBuilder, never_needs_more_bytes_than_the_page_that_it_rewrites) {
  Bytes page = branch_of({"", "a", "prefix"});
  BranchEditor editor(page.data(), kPageBytes);
  editor.erase(1);
  for (uint32_t number = 0; editor.insert(2 + number, "prefix" + std::string{static_cast<char>(number + 1)}, ref_to(9));
       ++number) {
  }
  ASSERT_LT(editor.view().gap_bytes(), kBranchIndexBytesPerChild);
  fuzz::walk_branch(page);
}

TEST(BranchEditor, refuses_a_separator_outside_the_prefix) {
  Bytes page = samples::branch();
  const Bytes before = page;
  BranchEditor editor(page.data(), kPageBytes);
  ASSERT_EQ(editor.view().prefix(), "user:");
  EXPECT_FALSE(editor.insert(4, "zebra", ref_to(9)));
  EXPECT_EQ(page, before);
}

TEST(BranchEditor, fills_a_page_to_the_brim_and_empties_it) {
  Bytes page = branch_of({"", "k"});
  page = branch_of({"", "k", "l"});
  BranchEditor editor(page.data(), kPageBytes);
  uint32_t inserted = 0;
  while (editor.insert(2 + inserted, "k" + std::string(1 + inserted, 'x'), ref_to(100 + inserted))) {
    ++inserted;
    ASSERT_EQ(find_branch_damage(page), nullptr);
  }
  EXPECT_GT(inserted, 50U);
  while (editor.view().count() > 1) {
    editor.erase(editor.view().count() / 2);
    ASSERT_EQ(find_branch_damage(page), nullptr);
  }
  EXPECT_EQ(editor.view().gap_bytes(), kPageBytes - kPageHeaderBytes - kBranchIndexBytesPerChild);
}

TEST(BranchLimits, holds_three_of_the_largest_separators_on_every_page_size) {
  for (uint32_t page_bytes = kPageBytesMin; page_bytes <= kPageBytesMax; page_bytes *= 2) {
    const size_t bytes = key_bytes_max(page_bytes);
    const Bytes page =
        branch_of({"", std::string(bytes, 'a'), std::string(bytes, 'b'), std::string(bytes, 'c')}, page_bytes);
    EXPECT_EQ(find_branch_damage(page), nullptr) << page_bytes;
    fuzz::walk_branch(page);
  }
}

// --- what the validator refuses

class BranchDamage : public testing::Test {
 protected:
  std::byte* head(uint32_t index) { return page_.data() + kPageHeaderBytes + 8 * size_t{index}; }
  std::byte* child(uint32_t index) { return head(4) + 16 * size_t{index}; }
  std::byte* slot(uint32_t index) { return child(4) + 4 * size_t{index}; }
  PageHeader& header() { return header_of(page_.data()); }
  void expect(const char* damage) { EXPECT_STREQ(find_branch_damage(page_), damage); }

  Bytes page_ = samples::branch();
};

TEST_F(BranchDamage, none_in_a_built_nor_in_an_edited_branch) {
  expect(nullptr);
  page_ = samples::edited_branch();
  expect(nullptr);
  fuzz::walk_branch(page_);
}

TEST_F(BranchDamage, refuses_counts_and_bounds_that_do_not_fit) {
  header().count = 0;
  expect("branch: no children");
  header().count = 65535;
  expect("branch: index, tails and prefix do not fit");
  page_ = samples::branch();
  header().body = 0xFFFFFFFF;
  expect("branch: index, tails and prefix do not fit");
  page_ = samples::branch();
  header().prefix_bytes = 0xFFFF;
  expect("branch: index, tails and prefix do not fit");
}

TEST_F(BranchDamage, refuses_a_body_that_is_not_the_lowest_tail) {
  header().body = header().body - 1;
  expect("branch: body is not the lowest tail");
}

TEST_F(BranchDamage, refuses_a_separator_below_everything) {
  for (const auto offset : {head(0) - page_.data(), slot(0) - page_.data(), slot(0) + 2 - page_.data()}) {
    page_ = samples::branch();
    page_[static_cast<size_t>(offset)] = std::byte{1};
    expect("branch: separator 0 is not empty");
  }
}

TEST_F(BranchDamage, refuses_references_to_nothing_and_to_meta_pages) {
  for (const uint32_t page : {0U, 1U}) {
    page_ = samples::branch();
    store_le(child(2), page);
    expect("branch: a child reference");
  }
  page_ = samples::branch();
  child(3)[15] = std::byte{0x80};
  expect("branch: a child reference");
}

TEST_F(BranchDamage, refuses_a_head_that_is_not_the_separators) {
  *head(1) = std::byte{1};  // the padding behind "bob"
  expect("branch: a head's padding");
  page_ = samples::branch();
  store_le(head(1), std::byteswap(load_le<uint64_t>(head(2))));
  expect("branch: a head's padding");
}

TEST_F(BranchDamage, refuses_separators_out_of_order) {
  store_le(head(1), load_le<uint64_t>(head(3)) + (uint64_t{1} << 56));
  store_le(slot(1) + 2, uint16_t{8});
  expect("branch: separators are out of order");
  page_ = samples::branch();
  store_le(slot(3) + 2, load_le<uint16_t>(slot(2) + 2));  // equal heads, and the tail of 3 is cut to that of 2
  expect("branch: separators are out of order");
}

TEST_F(BranchDamage, refuses_tails_out_of_bounds) {
  for (const uint32_t offset : {0U, 100U, kPageBytes - 6, 0xFFFFU}) {
    page_ = samples::branch();
    store_le(slot(3), static_cast<uint16_t>(offset));
    expect("branch: a tail is out of bounds");
  }
  page_ = samples::branch();
  store_le(slot(1), uint16_t{4000});
  expect("branch: a slot of a separator without tail");
}

TEST_F(BranchDamage, refuses_tails_that_overlap) {
  page_ = branch_of({"", "x23456789", "y2345678yy", "z23456789"});
  expect(nullptr);
  // Separator 3's tail is moved into that of separator 2.
  store_le(slot(3), static_cast<uint16_t>(load_le<uint16_t>(slot(2)) + 1));
  store_le(slot(2), load_le<uint16_t>(slot(2)));
  expect("branch: tails overlap");
}

TEST_F(BranchDamage, refuses_lengths_beyond_the_limit) {
  store_le(slot(3) + 2, uint16_t{0xFFFF});
  expect("branch: a separator's length");
}

}  // namespace
}  // namespace holdfast::format
