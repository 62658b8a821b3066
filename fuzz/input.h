// What the fuzz targets do to their input before the decoder sees it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/page.h"

namespace holdfast::fuzz {

constexpr uint32_t kSeed = 0x5EED;

// The input in a block of its own of exactly `bytes` bytes (so that ASan sees every step outside), cut or zero-padded.
inline std::vector<std::byte> block_of(std::span<const uint8_t> input, size_t bytes) {
  std::vector<std::byte> block(bytes);
  std::ranges::copy(std::as_bytes(input.first(std::min(bytes, input.size()))), block.begin());
  return block;
}

// The input as a page of the smallest page size that holds it, at most the largest.
//
// A page that is mostly free space makes a long input that hardly changes: a short input stands for the first half of
// its bytes at the start of the page, and the rest at its end, where prefix and cells are.
inline std::vector<std::byte> page_of(std::span<const uint8_t> input) {
  size_t page_bytes = kPageBytesMin;
  while (page_bytes < input.size() && page_bytes < kPageBytesMax) {
    page_bytes *= 2;
  }
  if (input.size() >= kPageBytesMin) {
    return block_of(input, page_bytes);
  }
  std::vector<std::byte> page(page_bytes);
  const auto bytes = std::as_bytes(input);
  const size_t half = bytes.size() / 2;
  std::ranges::copy(bytes.first(half), page.begin());
  std::ranges::copy(bytes.subspan(half), page.end() - static_cast<std::ptrdiff_t>(bytes.size() - half));
  return page;
}

// Makes the page what its parent expects, so that the fuzzer gets past checksum and stamp: only the body is hostile.
inline format::PageExpectation make_expected(std::span<std::byte> page, format::PageKind kind, uint8_t level) {
  const format::PageExpectation expected{{PageNumber{7}, Epoch{3}, Csn{47}, false}, kind, level, kSeed};
  format::stamp_page(page, expected.ref, kind, level);
  format::header_of(page.data()).reserved = 0;
  format::seal_page(page, kSeed);
  return expected;
}

}  // namespace holdfast::fuzz
