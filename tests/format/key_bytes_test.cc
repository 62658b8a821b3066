#include "format/key_bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "format/byte_marks.h"
#include "format/varint.h"

namespace holdfast::format {
namespace {

RC_GTEST_PROP(KeyBytes, heads_order_keys_but_for_ties, (std::string a, std::string b)) {
  const uint64_t head_a = key_head(a);
  const uint64_t head_b = key_head(b);
  RC_ASSERT(head_a == head_b || (head_a < head_b) == (a < b));
}

TEST(KeyBytes, compares_every_length_and_every_byte) {
  for (size_t bytes = 0; bytes <= 80; ++bytes) {
    const std::string a(bytes, 'x');
    EXPECT_TRUE(equal_bytes(a.data(), std::string(a).data(), bytes));
    for (size_t index = 0; index < bytes; ++index) {
      std::string b = a;
      b[index] = 'y';
      EXPECT_FALSE(equal_bytes(a.data(), b.data(), bytes)) << bytes << " " << index;
    }
  }
}

TEST(LeafFingerprint, depends_on_every_byte_and_on_the_length) {
  for (size_t bytes = 0; bytes <= 40; ++bytes) {
    const std::string suffix(bytes, 'k');
    std::set<uint8_t> of_lengths;
    for (size_t index = 0; index < bytes; ++index) {
      std::set<uint8_t> seen;
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = suffix;
        changed[index] = static_cast<char>(byte);
        seen.insert(leaf_fingerprint(changed));
      }
      EXPECT_GT(seen.size(), 100U) << bytes << " " << index;
    }
  }
  std::set<uint8_t> of_zeros;
  for (size_t bytes = 0; bytes <= 40; ++bytes) {
    of_zeros.insert(leaf_fingerprint(std::string(bytes, '\0')));
  }
  EXPECT_GT(of_zeros.size(), 30U);
}

// Keys as people number them: each fingerprint should come up about as often as the others.
TEST(LeafFingerprint, spreads_numbered_keys) {
  for (const char* pattern : {"%05d", "%08d", "user:%d", "%016d", "2026-11-21T%06d"}) {
    std::array<int, 256> times{};
    constexpr int kKeys = 25'600;
    for (int number = 0; number < kKeys; ++number) {
      std::array<char, 40> key;
      std::snprintf(key.data(), key.size(), pattern, number);
      ++times[leaf_fingerprint(key.data())];
    }
    EXPECT_LT(*std::ranges::max_element(times), 300) << pattern;
    EXPECT_GT(*std::ranges::min_element(times), 20) << pattern;
  }
}

TEST(Varint, reads_what_it_wrote) {
  for (const uint32_t value : {0U, 1U, 127U, 128U, 16'383U, 16'384U, 2'097'151U, 2'097'152U, 268'435'455U, 268'435'456U,
                               2'147'483'647U, 4'294'967'295U}) {
    std::array<std::byte, kVarintBytesMax> buffer{};
    const std::byte* const end = write_varint(buffer.data(), value);
    EXPECT_EQ(end - buffer.data(), varint_bytes(value));
    uint32_t read = 0;
    EXPECT_EQ(read_varint_trusted(buffer.data(), read), end);
    EXPECT_EQ(read, value);
    EXPECT_EQ(read_varint_bounded(buffer.data(), end, read), end);
    EXPECT_EQ(read, value);
    EXPECT_EQ(read_varint_bounded(buffer.data(), end - 1, read), nullptr) << "cut short";
  }
}

TEST(Varint, refuses_what_is_not_minimal_or_too_long) {
  const auto refuses = [](std::vector<uint8_t> bytes) {
    uint32_t value = 0;
    const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
    return read_varint_bounded(begin, begin + bytes.size(), value) == nullptr;
  };
  EXPECT_TRUE(refuses({}));
  EXPECT_TRUE(refuses({0x80, 0x00}));
  EXPECT_TRUE(refuses({0xFF, 0x80, 0x00}));
  EXPECT_TRUE(refuses({0xFF, 0xFF, 0xFF, 0xFF, 0x10})) << "33 bits";
  EXPECT_TRUE(refuses({0x80, 0x80, 0x80, 0x80, 0x80, 0x01}));
  EXPECT_FALSE(refuses({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}));
}

RC_GTEST_PROP(ByteMarks, finds_exactly_the_overlaps, ()) {
  ByteMarks marks(4096);
  std::vector<bool> model(4096);
  for (int cell = 0; cell < 30; ++cell) {
    const auto begin = *rc::gen::inRange<uint32_t>(0, 4095);
    const auto end = std::min(4096U, begin + 1 + *rc::gen::inRange<uint32_t>(0, 200));
    const auto first = model.begin() + begin;
    const auto last = model.begin() + end;
    const bool is_free = std::find(first, last, true) == last;
    RC_ASSERT(marks.mark(begin, end) == is_free);
    if (!is_free) {
      return;  // a page with an overlap is refused: nothing is marked after it
    }
    std::fill(first, last, true);
  }
}

}  // namespace
}  // namespace holdfast::format
