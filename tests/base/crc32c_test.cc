#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/bytes.h"

namespace holdfast {
namespace {

// The definition, bit by bit: reflected polynomial 0x82f63b78, register inverted before and after.
uint32_t crc32c_slow(std::string_view text) {
  uint32_t crc = ~uint32_t{0};
  for (const char c : text) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
    }
  }
  return ~crc;
}

TEST(Crc32c, agrees_with_the_vectors_of_rfc_3720) {
  std::array<std::byte, 32> bytes{};
  EXPECT_EQ(crc32c(bytes), 0x8a9136aaU);
  bytes.fill(std::byte{0xff});
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43U);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i);
  }
  EXPECT_EQ(crc32c(bytes), 0x46dd794eU);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(31 - i);
  }
  EXPECT_EQ(crc32c(bytes), 0x113fdb5cU);
  // An iSCSI SCSI Read (10) command PDU.
  std::array<std::byte, 48> pdu{};
  pdu[0] = std::byte{0x01};
  pdu[1] = std::byte{0xc0};
  pdu[16] = std::byte{0x14};
  pdu[22] = std::byte{0x04};
  pdu[27] = std::byte{0x14};
  pdu[31] = std::byte{0x18};
  pdu[32] = std::byte{0x28};
  pdu[40] = std::byte{0x02};
  EXPECT_EQ(crc32c(pdu), 0xd9963a56U);
}

TEST(Crc32c, of_nothing_is_zero_and_of_the_check_string_is_known) {
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
}

TEST(Crc32c, agrees_with_the_definition_for_every_length_and_alignment) {
  std::string text;
  for (int i = 0; i < 600; ++i) {
    text += static_cast<char>(i * 37 + (i >> 3));
  }
  for (size_t start = 0; start < 16; ++start) {
    for (size_t bytes = 0; bytes + start <= text.size(); bytes += 1 + bytes / 16) {
      const std::string_view piece = std::string_view(text).substr(start, bytes);
      ASSERT_EQ(crc32c(as_bytes(piece)), crc32c_slow(piece)) << start << " " << bytes;
    }
  }
}

TEST(Crc32c, continues_from_any_cut) {
  const std::string text(777, 'x');
  const uint32_t whole = crc32c(as_bytes(text));
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view view(text);
    ASSERT_EQ(crc32c(as_bytes(view.substr(cut)), crc32c(as_bytes(view.substr(0, cut)))), whole);
  }
}

TEST(Crc32c, notices_every_flipped_bit_of_a_page) {
  std::string page(4096, '\0');
  for (size_t i = 0; i < page.size(); ++i) {
    page[i] = static_cast<char>(i * 31);
  }
  const uint32_t good = crc32c(as_bytes(page));
  for (size_t bit = 0; bit < page.size() * 8; bit += 11) {
    page[bit / 8] = static_cast<char>(page[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_NE(crc32c(as_bytes(page)), good) << bit;
    page[bit / 8] = static_cast<char>(page[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace holdfast
