#include "base/little_endian.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace holdfast {
namespace {

struct Mixed {
  Le<uint8_t> a;
  Le<uint32_t> b;
  Le<uint16_t> c;
  Le<uint64_t> d;
};
static_assert(is_on_disk_struct<Mixed>);
static_assert(sizeof(Mixed) == 15);
static_assert(!is_on_disk_struct<uint32_t>, "a native integer has an alignment and a byte order of its own");

TEST(LittleEndian, lies_on_disk_with_the_low_byte_first) {
  const Le<uint32_t> value = 0x11223344;
  const auto bytes = std::bit_cast<std::array<uint8_t, 4>>(value);
  EXPECT_EQ(bytes, (std::array<uint8_t, 4>{0x44, 0x33, 0x22, 0x11}));
}

TEST(LittleEndian, gives_back_what_was_stored_at_any_alignment) {
  std::array<std::byte, 24> buffer{};
  for (size_t at = 0; at < 16; ++at) {
    store_le<uint64_t>(buffer.data() + at, 0x0102030405060708U + at);
    ASSERT_EQ(load_le<uint64_t>(buffer.data() + at), 0x0102030405060708U + at);
    ASSERT_EQ(buffer[at], static_cast<std::byte>(8 + at));
    store_le<uint16_t>(buffer.data() + at, 0xbeef);
    ASSERT_EQ(load_le<uint16_t>(buffer.data() + at), 0xbeef);
  }
}

TEST(LittleEndian, is_zero_until_it_is_set_and_assigns_like_an_integer) {
  Mixed mixed{};
  EXPECT_EQ(mixed.d, 0U);
  mixed.d = UINT64_MAX;
  mixed.a = uint8_t{7};
  EXPECT_EQ(mixed.d, UINT64_MAX);
  EXPECT_EQ(mixed.a, 7U);
  EXPECT_EQ(mixed.b, 0U);
  EXPECT_EQ(mixed.c, 0U);
}

}  // namespace
}  // namespace holdfast
