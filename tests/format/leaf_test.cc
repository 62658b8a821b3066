#include "format/leaf.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

#include "fuzz/page_walk.h"
#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

using samples::Bytes;
using samples::inline_value;
using samples::kPageBytes;
using samples::leaf_of;
using samples::overflow_value;
using samples::ref_to;
using Model = std::map<std::string, std::string>;

// Keys that share prefixes, contain zeros and high bytes, and meet often.
rc::Gen<std::string> keys() {
  return rc::gen::map(
      rc::gen::pair(
          rc::gen::element<std::string>("", "user:", "user:a", "user:abcdefgh"),
          rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('\0', 'a', 'b', '\x7F', '\xFF')))),
      [](const auto& parts) { return parts.first + parts.second; });
}

rc::Gen<std::string> values() {
  return rc::gen::map(rc::gen::inRange<size_t>(0, 200), [](size_t bytes) { return std::string(bytes, 'v'); });
}

void expect_same(const LeafView& leaf, const Model& model) {
  RC_ASSERT(leaf.count() == model.size());
  uint32_t index = 0;
  for (const auto& [key, value] : model) {
    RC_ASSERT(std::string(leaf.prefix()) + std::string(leaf.suffix(index)) == key);
    RC_ASSERT(leaf.value(index).bytes == value);
    RC_ASSERT(leaf.find(key) == index);
    RC_ASSERT(leaf.lower_bound(key) == index);
    ++index;
  }
}

RC_GTEST_PROP(LeafBuilder, says_how_many_bytes_it_will_write, ()) {
  const auto page_bytes = *rc::gen::element(4096U, 8192U, 16384U, 32768U, 65536U);
  const auto rows = *rc::gen::container<Model>(keys(), values());
  LeafBuilder builder(page_bytes);
  Model model;
  for (const auto& [key, value] : rows) {
    const uint32_t bytes = builder.bytes_with(key, inline_value(value));
    if (bytes <= page_bytes) {
      builder.add(key, inline_value(value));
      RC_ASSERT(builder.bytes() == bytes);
      model[key] = value;
    }
  }
  RC_PRE(!model.empty());
  const uint32_t bytes = builder.bytes();
  Bytes page(page_bytes, std::byte{0xEE});
  header_of(page.data()) = PageHeader{};
  builder.finish(page.data());
  RC_ASSERT(builder.count() == 0U);
  RC_ASSERT(find_leaf_damage(page) == nullptr);
  const LeafView leaf(page.data(), page_bytes);
  RC_ASSERT(leaf.live_bytes() == bytes);
  RC_ASSERT(leaf.gap_bytes() == page_bytes - bytes);
  expect_same(leaf, model);
}

RC_GTEST_PROP(LeafEditor, does_what_a_map_does, ()) {
  Bytes page = leaf_of({{"user:abc", inline_value("first")}});
  // Removes the prefix from the page, so that every key fits.
  page = leaf_of({{"a", inline_value("1")}, {"user:abc", inline_value("2")}});
  Model model = {{"a", "1"}, {"user:abc", "2"}};
  LeafEditor editor(page.data(), kPageBytes);
  for (const auto& [key, value] :
       *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(rc::gen::pair(keys(), values()))) {
    const uint32_t index = editor.view().lower_bound(key);
    const Bytes before = page;
    if (!editor.view().find(key)) {
      RC_ASSERT(model.count(key) == 0U);
      if (editor.insert(index, key, inline_value(value))) {
        model[key] = value;
      } else {
        RC_ASSERT(page == before);
      }
    } else if (value.size() % 3 == 0 && model.size() > 1) {
      editor.erase(index);
      model.erase(key);
    } else if (editor.replace(index, inline_value(value))) {
      model[key] = value;
    } else {
      RC_ASSERT(page == before);
    }
    RC_ASSERT(find_leaf_damage(page) == nullptr);
  }
  expect_same(editor.view(), model);
}

RC_GTEST_PROP(LeafView, finds_absent_keys_in_their_place, ()) {
  const auto rows = *rc::gen::nonEmpty(rc::gen::container<Model>(keys(), rc::gen::just(std::string("v"))));
  std::vector<samples::Row> all;
  for (const auto& [key, value] : rows) {
    all.emplace_back(key, inline_value(value));
  }
  const Bytes page = leaf_of(all, 65536);
  const LeafView leaf(page.data(), 65536);
  const std::string probe = *rc::gen::oneOf(keys(), rc::gen::arbitrary<std::string>());
  const auto expected = static_cast<uint32_t>(std::distance(rows.begin(), rows.lower_bound(probe)));
  RC_ASSERT(leaf.lower_bound(probe) == expected);
  RC_ASSERT(leaf.find(probe).has_value() == (rows.count(probe) > 0));
  for (uint32_t index = 0; index < leaf.count(); ++index) {
    const int expected_sign = std::next(rows.begin(), index)->first.compare(probe);
    const int sign = leaf.compare(index, probe);
    RC_ASSERT((sign < 0) == (expected_sign < 0));
    RC_ASSERT((sign > 0) == (expected_sign > 0));
  }
}

TEST(LeafEditor, refuses_a_key_outside_the_prefix) {
  Bytes page = samples::leaf();
  const Bytes before = page;
  LeafEditor editor(page.data(), kPageBytes);
  EXPECT_FALSE(editor.insert(0, "admin", inline_value("x")));
  EXPECT_EQ(page, before);
  EXPECT_TRUE(editor.insert(0, "user:", inline_value("the prefix itself is a key")));
  EXPECT_EQ(find_leaf_damage(page), nullptr);
}

TEST(LeafEditor, changes_between_inline_and_overflow_values) {
  Bytes page = samples::leaf();
  LeafEditor editor(page.data(), kPageBytes);
  const OverflowRef large{ref_to(30), 3, 12'000};
  for (uint32_t index = 0; index < 3; ++index) {
    ASSERT_TRUE(editor.replace(index, overflow_value(large)));
    EXPECT_EQ(find_leaf_damage(page), nullptr);
    EXPECT_EQ(editor.view().value(index).overflow, large);
    ASSERT_TRUE(editor.replace(index, inline_value("small")));
    EXPECT_EQ(find_leaf_damage(page), nullptr);
    EXPECT_EQ(editor.view().value(index).bytes, "small");
  }
}

// btree-store lost space for good when a value grew by one byte at a time.
TEST(LeafEditor, gives_back_the_space_of_the_lowest_cell) {
  Bytes page = samples::leaf();
  LeafEditor editor(page.data(), kPageBytes);
  const uint32_t gap = editor.view().gap_bytes();
  for (int round = 0; round < 1000; ++round) {
    ASSERT_TRUE(editor.insert(1, "user:anna", inline_value("comes and goes")));
    editor.erase(1);
  }
  EXPECT_EQ(editor.view().gap_bytes(), gap);
  EXPECT_EQ(find_leaf_damage(page), nullptr);
}

TEST(LeafLimits, holds_two_rows_of_the_largest_key_and_inline_value_on_every_page_size) {
  for (uint32_t page_bytes = kPageBytesMin; page_bytes <= kPageBytesMax; page_bytes *= 2) {
    const std::string a(key_bytes_max(page_bytes), 'a');
    const std::string b(key_bytes_max(page_bytes), 'b');
    const std::string value(inline_value_bytes_max(page_bytes), 'v');
    const Bytes page = leaf_of({{a, inline_value(value)}, {b, inline_value(value)}}, page_bytes);
    EXPECT_EQ(find_leaf_damage(page), nullptr) << page_bytes;
    fuzz::walk_leaf(page);
  }
}

TEST(LeafLimits, fills_the_largest_page_with_the_smallest_rows) {
  LeafBuilder builder(kPageBytesMax);
  std::vector<std::string> all;
  for (uint32_t number = 0; number < 20'000; ++number) {
    all.push_back({static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)});
  }
  for (const std::string& key : all) {
    if (builder.bytes_with(key, inline_value("")) > kPageBytesMax) {
      break;
    }
    builder.add(key, inline_value(""));
  }
  const uint32_t rows = builder.count();
  EXPECT_GT(rows, 9'000U);
  Bytes page(kPageBytesMax);
  builder.finish(page.data());
  EXPECT_EQ(find_leaf_damage(page), nullptr);
  const LeafView leaf(page.data(), kPageBytesMax);
  for (uint32_t index = 0; index < rows; ++index) {
    ASSERT_EQ(leaf.find(all[index]), index);
  }
}

// --- what the validator refuses

class LeafDamage : public testing::Test {
 protected:
  std::byte* cell(uint32_t index) { return page_.data() + LeafView(page_.data(), kPageBytes).slot(index); }
  std::byte* slot(uint32_t index) { return page_.data() + kPageHeaderBytes + 3 + 2 * size_t{index}; }
  PageHeader& header() { return header_of(page_.data()); }
  void expect(const char* damage) { EXPECT_STREQ(find_leaf_damage(page_), damage); }

  Bytes page_ = samples::leaf();
};

TEST_F(LeafDamage, none_in_a_built_nor_in_an_edited_leaf) {
  expect(nullptr);
  page_ = samples::edited_leaf();
  expect(nullptr);
  fuzz::walk_leaf(page_);
}

TEST_F(LeafDamage, refuses_a_leaf_without_rows) {
  header().count = 0;
  expect("leaf: no rows");
}

TEST_F(LeafDamage, refuses_more_rows_than_fit) {
  header().count = 65535;
  expect("leaf: index, cells and prefix do not fit");
}

TEST_F(LeafDamage, refuses_a_prefix_longer_than_a_key) {
  header().prefix_bytes = static_cast<uint16_t>(key_bytes_max(kPageBytes) + 1);
  expect("leaf: index, cells and prefix do not fit");
}

TEST_F(LeafDamage, refuses_a_body_outside_the_page) {
  header().body = 0xFFFFFFFF;
  expect("leaf: index, cells and prefix do not fit");
}

TEST_F(LeafDamage, refuses_a_body_that_is_not_the_lowest_cell) {
  header().body = header().body - 1;
  expect("leaf: body is not the lowest cell");
}

TEST_F(LeafDamage, refuses_a_cell_out_of_bounds) {
  store_le(slot(1), uint16_t{40});
  expect("leaf: a cell is out of bounds");
}

TEST_F(LeafDamage, refuses_a_suffix_that_runs_into_the_prefix) {
  *cell(2) = std::byte{0x7F};
  expect("leaf: a cell is out of bounds");
}

TEST_F(LeafDamage, refuses_a_varint_that_is_not_minimal) {
  *cell(1) = std::byte{0x86};
  expect("leaf: a varint is malformed");
}

TEST_F(LeafDamage, refuses_a_wrong_fingerprint) {
  page_[kPageHeaderBytes + 1] ^= std::byte{1};
  expect("leaf: a fingerprint");
}

TEST_F(LeafDamage, refuses_keys_out_of_order_and_keys_twice) {
  page_ = leaf_of({{"a", inline_value("")}, {"b", inline_value("")}, {"c", inline_value("")}});
  std::swap_ranges(slot(0), slot(1), slot(1));
  std::swap(page_[kPageHeaderBytes], page_[kPageHeaderBytes + 1]);
  expect("leaf: keys are out of order");
  store_le(slot(1), load_le<uint16_t>(slot(0)));
  page_[kPageHeaderBytes + 1] = page_[kPageHeaderBytes];
  expect("leaf: keys are out of order");
}

TEST_F(LeafDamage, refuses_cells_that_overlap) {
  // Row 1 is moved into the value of row 0, as a cell that looks right.
  page_ = leaf_of({{"a", inline_value("0123456789")}, {"b", inline_value("")}});
  const uint32_t inside = LeafView(page_.data(), kPageBytes).slot(0) + 5;
  const uint32_t second = LeafView(page_.data(), kPageBytes).slot(1);
  std::copy_n(page_.begin() + second, 3, page_.begin() + inside);
  store_le(page_.data() + kPageHeaderBytes + 2 + 2, static_cast<uint16_t>(inside));
  expect("leaf: cells overlap");
}

TEST_F(LeafDamage, refuses_an_overflow_value_that_should_be_inline) {
  const uint32_t at = inline_value_bytes_max(kPageBytes);
  page_ = leaf_of({{"k", overflow_value({ref_to(9), 1, at + 1})}});
  expect(nullptr);
  write_varint(cell(0) + 1, at);
  expect("leaf: a value's length");
}

TEST_F(LeafDamage, refuses_an_inline_value_that_is_too_long) {
  const uint32_t at = inline_value_bytes_max(kPageBytes);
  page_ = leaf_of({{"k", inline_value(std::string(at, 'v'))}});
  expect(nullptr);
  write_varint(cell(0) + 1, at + 1);
  expect("leaf: a value's length");
}

TEST_F(LeafDamage, refuses_overflow_references_that_lead_nowhere) {
  std::byte* const reference = cell(2) + 3 + 22;
  const Bytes good = page_;
  for (const uint32_t page : {0U, 1U}) {
    page_ = good;
    store_le(reference, page);
    expect("leaf: an overflow reference");
  }
  page_ = good;
  reference[15] = std::byte{2};  // a reserved bit
  expect("leaf: an overflow reference");
  for (const uint32_t pages : {0U, 3U, 0xFFFFFFFFU}) {
    page_ = good;
    store_le(reference + 16, pages);
    expect("leaf: an overflow run's page count");
  }
}

TEST_F(LeafDamage, refuses_a_key_that_is_empty_or_too_long) {
  page_ = leaf_of({{"k", inline_value("v")}});
  header().prefix_bytes = 0;  // the suffix is empty, too
  expect("leaf: a key's length");
  const std::string longest(key_bytes_max(kPageBytes), 'k');
  page_ = leaf_of({{longest, inline_value("v")}});
  expect(nullptr);
  header().prefix_bytes = header().prefix_bytes + 1;
  expect("leaf: index, cells and prefix do not fit");
}

TEST_F(LeafDamage, refuses_a_page_of_no_page_size) {
  page_.resize(kPageBytes - 1);
  expect("page size");
}

}  // namespace
}  // namespace holdfast::format
