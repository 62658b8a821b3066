// Free map: which pages of the file are free, one bit each.
//
// A free map page covers `free_map_pages_covered` consecutive pages; bit b of byte i (least significant first) stands
// for page first + 8 * i + b, and is 1 if that page is free in the state that this map belongs to. A file with more
// pages than one free map page covers has an index above: free map index pages are arrays of PageRefs, and stand
// `level` levels high. A null reference stands for a free map page without a free page in it.
//
//   free map page:   header (32), count 0 | bits to the end of the page
//   index page:      header (32), level >= 1, count = children | count x PageRefOnDisk | zeros
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/page.h"

namespace holdfast::format {

constexpr uint32_t free_map_pages_covered(uint32_t page_bytes) { return (page_bytes - kPageHeaderBytes) * 8; }
constexpr uint32_t free_map_index_fanout(uint32_t page_bytes) {
  return (page_bytes - kPageHeaderBytes) / static_cast<uint32_t>(sizeof(PageRefOnDisk));
}

inline std::span<std::byte> free_map_bits(std::span<std::byte> page) { return page.subspan(kPageHeaderBytes); }
inline std::span<const std::byte> free_map_bits(std::span<const std::byte> page) {
  return page.subspan(kPageHeaderBytes);
}

void encode_free_map_index(std::span<std::byte> page, std::span<const PageRef> children);
// Pre: a valid index page.
PageRef free_map_index_child(std::span<const std::byte> page, uint32_t index);

// Total. Null, or what is wrong.
const char* find_free_map_damage(std::span<const std::byte> page);
const char* find_free_map_index_damage(std::span<const std::byte> page);

}  // namespace holdfast::format
