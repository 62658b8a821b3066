// LEB128 variable-length integers: seven bits per byte, least significant first, the high bit says that more follow.
//
// On disk they are minimal (the last byte is not zero, but for the number 0) and at most 5 bytes long.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::format {

constexpr uint32_t kVarintBytesMax = 5;

constexpr uint32_t varint_bytes(uint32_t value) {
  uint32_t bytes = 1;
  for (; value >= 0x80; value >>= 7) {
    ++bytes;
  }
  return bytes;
}

// Returns where the next byte goes.
inline std::byte* write_varint(std::byte* at, uint32_t value) {
  for (; value >= 0x80; value >>= 7) {
    *at++ = static_cast<std::byte>(value | 0x80);
  }
  *at++ = static_cast<std::byte>(value);
  return at;
}

// Reads one that read_varint_bounded() has accepted before; returns where the next byte is.
inline const std::byte* read_varint_trusted(const std::byte* at, uint32_t& value) {
  uint32_t byte = static_cast<uint32_t>(*at++);
  value = byte;
  if (byte >= 0x80) [[unlikely]] {
    value &= 0x7F;
    uint32_t shift = 7;
    do {
      byte = static_cast<uint32_t>(*at++);
      value |= (byte & 0x7F) << shift;
      shift += 7;
    } while (byte >= 0x80);
  }
  return at;
}

// Total. Null if it runs over `end`, is not minimal, or does not fit 32 bits.
inline const std::byte* read_varint_bounded(const std::byte* at, const std::byte* end, uint32_t& value) {
  uint64_t read = 0;
  for (uint32_t index = 0; index < kVarintBytesMax && at != end; ++index) {
    const uint64_t byte = static_cast<uint64_t>(*at++);
    read |= (byte & 0x7F) << (7 * index);
    if (byte < 0x80) {
      if ((byte == 0 && index > 0) || read > UINT32_MAX) {
        return nullptr;
      }
      value = static_cast<uint32_t>(read);
      return at;
    }
  }
  return nullptr;
}

}  // namespace holdfast::format
