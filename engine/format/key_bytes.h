// Small operations on key bytes that every read runs: comparing, heads of branches, fingerprints of leaves.
//
// They are here, inline and free of calls for short keys, because a point read is little else.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/little_endian.h"

namespace holdfast::format {

template <std::unsigned_integral T>
T load_text(const char* at) {
  return load_le<T>(reinterpret_cast<const std::byte*>(at));
}

// Up to 8 bytes as a little-endian number, zero-padded. Reads nothing behind them. Pre: bytes <= 8.
inline uint64_t load_short_le(const char* at, size_t bytes) {
  if (bytes >= 8) {
    return load_text<uint64_t>(at);
  }
  if (bytes >= 4) {  // the two loads overlap and agree there
    const uint64_t high = load_text<uint32_t>(at + bytes - 4);
    return load_text<uint32_t>(at) | high << (8 * (bytes - 4));
  }
  if (bytes == 0) {
    return 0;
  }
  const auto byte_at = [at](size_t index) { return uint64_t{static_cast<unsigned char>(at[index])} << (8 * index); };
  return byte_at(0) | byte_at(bytes / 2) | byte_at(bytes - 1);
}

// The first 8 bytes, zero-padded, as a big-endian number: comparing heads compares keys, but for ties.
inline uint64_t key_head(std::string_view key) {
  return std::byteswap(load_short_le(key.data(), key.size() < 8 ? key.size() : 8));
}

inline bool equal_bytes(const char* a, const char* b, size_t bytes) {
  constexpr size_t kCallPaysOff = 64;
  if (bytes > kCallPaysOff) {
    return std::memcmp(a, b, bytes) == 0;
  }
  if (bytes < 8) {
    return load_short_le(a, bytes) == load_short_le(b, bytes);
  }
  uint64_t difference = load_text<uint64_t>(a + bytes - 8) ^ load_text<uint64_t>(b + bytes - 8);
  for (size_t offset = 0; offset + 8 < bytes; offset += 8) {
    difference |= load_text<uint64_t>(a + offset) ^ load_text<uint64_t>(b + offset);
  }
  return difference == 0;
}

// The fingerprint of a suffix in a leaf. Part of the format; it depends on every byte and on the length:
//   hash = length * kFingerprintSeed                                              (all modulo 2^64)
//   while more than 8 bytes are left: hash = (hash ^ next 8 bytes) * kFingerprintMultiplier; hash ^= hash >> 32
//   word = the last 8 bytes of the suffix (they may overlap bytes already read); all of a shorter one, zero-padded
//   the fingerprint is the top byte of (hash ^ word) * kFingerprintMultiplier
// Words are little-endian.
constexpr uint64_t kFingerprintSeed = 0xA0761D6478BD642F;
constexpr uint64_t kFingerprintMultiplier = 0x9E3779B97F4A7C15;

inline uint8_t leaf_fingerprint(std::string_view suffix) {
  const char* at = suffix.data();
  const size_t bytes = suffix.size();
  uint64_t hash = bytes * kFingerprintSeed;
  if (bytes < 8) {
    hash ^= load_short_le(at, bytes);
  } else {
    for (size_t offset = 0; offset + 8 < bytes; offset += 8) {
      hash = (hash ^ load_text<uint64_t>(at + offset)) * kFingerprintMultiplier;
      hash ^= hash >> 32;
    }
    hash ^= load_text<uint64_t>(at + bytes - 8);
  }
  return static_cast<uint8_t>((hash * kFingerprintMultiplier) >> 56);
}

// Where `key` stands to the keys that begin with `prefix`: <0 before all of them, 0 among them, >0 behind all of them.
inline int compare_with_prefix(std::string_view key, std::string_view prefix) {
  if (key.size() >= prefix.size() && equal_bytes(key.data(), prefix.data(), prefix.size())) {
    return 0;
  }
  return key < prefix ? -1 : 1;
}

}  // namespace holdfast::format
