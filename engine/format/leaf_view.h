// LeafView: reads a leaf page that has no damage (format/leaf.h has the layout). Inline: a point read is little else.
//
// Nothing is checked here that find_leaf_damage has checked.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/bytes.h"
#include "base/little_endian.h"
#include "format/key_bytes.h"
#include "format/overflow.h"
#include "format/page.h"
#include "format/varint.h"

namespace holdfast::format {

// Bytes of index (fingerprint and slot) per row.
constexpr uint32_t kLeafIndexBytesPerRow = 3;

// A value in a leaf: its bytes, or where they are.
struct LeafValue {
  std::string_view bytes;               // inline: the value; overflow: empty
  std::optional<OverflowRef> overflow;  // total_bytes says how long the value is
};

// A cell taken apart; borrows the page.
struct LeafCell {
  std::string_view suffix;
  const std::byte* value = nullptr;  // the value's bytes, or an OverflowRefOnDisk
  uint32_t value_bytes = 0;          // of the value, wherever it is
  bool is_overflow = false;

  uint32_t bytes_in_page() const {
    return is_overflow ? static_cast<uint32_t>(sizeof(OverflowRefOnDisk)) : value_bytes;
  }
};

// Reads a valid leaf. Borrows the page.
class LeafView {
 public:
  LeafView(const std::byte* page, uint32_t page_bytes) : page_(page), page_bytes_(page_bytes) {}

  uint32_t count() const { return header_of(page_).count; }
  std::string_view prefix() const {
    const uint32_t bytes = header_of(page_).prefix_bytes;
    return as_text(page_ + page_bytes_ - bytes, bytes);
  }
  // Offset of cell `index` in the page.
  uint32_t slot(uint32_t index) const { return load_le<uint16_t>(slots() + 2 * size_t{index}); }
  // One row, taken apart once; for scans.
  LeafCell cell(uint32_t index) const;
  std::string_view suffix(uint32_t index) const { return cell(index).suffix; }
  LeafValue value(uint32_t index) const;
  // Bytes that cell `index` takes in the page.
  uint32_t cell_bytes(uint32_t index) const;
  // Compares the whole key of row `index` with `key`: <0, 0, >0.
  int compare(uint32_t index, std::string_view key) const;
  // Asks for the lines of cell `index` behind its first, as far as cells of this leaf reach on average: whoever reads
  // the first one goes on to the value. Any index below count().
  void prefetch_end(uint32_t index) const;
  // Row with exactly this key. By fingerprint.
  std::optional<uint32_t> find(std::string_view key) const;
  // First row whose key is >= key; count() if there is none.
  uint32_t lower_bound(std::string_view key) const;
  // Header, index, prefix and cells, without holes: what a rewrite with the same prefix would need.
  uint32_t live_bytes() const;
  // Bytes between index and cells.
  uint32_t gap_bytes() const { return header_of(page_).body - (kPageHeaderBytes + kLeafIndexBytesPerRow * count()); }

 private:
  const std::byte* fingerprints() const { return page_ + kPageHeaderBytes; }
  const std::byte* slots() const { return page_ + kPageHeaderBytes + count(); }

  const std::byte* page_;
  uint32_t page_bytes_;
};

namespace leaf_internal {

constexpr uint32_t kFingerprintsAtOnce = 64;

// Bit i says whether byte i of the 64 bytes at `at` is `wanted`.
inline uint64_t match_fingerprints(const std::byte* at, uint8_t wanted) {
#if defined(__SSE2__)
  const __m128i pattern = _mm_set1_epi8(static_cast<char>(wanted));
  const auto match_16 = [&](uint32_t offset) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + offset));
    return uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, pattern)))} << offset;
  };
  return match_16(0) | match_16(16) | match_16(32) | match_16(48);
#else
  uint64_t matches = 0;
  for (uint32_t index = 0; index < kFingerprintsAtOnce; ++index) {
    matches |= uint64_t{static_cast<uint8_t>(at[index]) == wanted} << index;
  }
  return matches;
#endif
}

}  // namespace leaf_internal

inline LeafCell LeafView::cell(uint32_t index) const {
  uint32_t tag = 0;
  LeafCell cell;
  const std::byte* at = read_varint_trusted(page_ + slot(index), tag);
  at = read_varint_trusted(at, cell.value_bytes);
  const uint32_t suffix_bytes = tag >> 1;
  cell.suffix = as_text(at, suffix_bytes);
  cell.value = at + suffix_bytes;
  cell.is_overflow = (tag & 1) != 0;
  return cell;
}

inline LeafValue LeafView::value(uint32_t index) const {
  const LeafCell found = cell(index);
  if (!found.is_overflow) [[likely]] {
    return {as_text(found.value, found.value_bytes), std::nullopt};
  }
  const auto& bytes = *reinterpret_cast<const OverflowRefOnDisk*>(found.value);
  return {{}, OverflowRef{decode_trusted(bytes.first), bytes.page_count, found.value_bytes}};
}

inline uint32_t LeafView::cell_bytes(uint32_t index) const {
  const LeafCell found = cell(index);
  return static_cast<uint32_t>(found.value - (page_ + slot(index))) + found.bytes_in_page();
}

inline int LeafView::compare(uint32_t index, std::string_view key) const {
  const std::string_view start = prefix();
  const int place = compare_with_prefix(key, start);
  return place != 0 ? -place : suffix(index).compare(key.substr(start.size()));
}

// Always inline: g++ takes a function that only prefetches for one without effect, and drops calls of it.
[[gnu::always_inline]] inline void LeafView::prefetch_end(uint32_t index) const {
  // Compared without a division: the average is short of 64 bytes, of 128, or not.
  const uint32_t cells = page_bytes_ - header_of(page_).body;
  const std::byte* cell = page_ + slot(index);
  if (cells > 32 * count()) {
    __builtin_prefetch(cell + 64);
  }
  if (cells > 96 * count()) {
    __builtin_prefetch(cell + 128);
  }
}

inline std::optional<uint32_t> LeafView::find(std::string_view key) const {
  const std::string_view start = prefix();
  if (key.size() < start.size() || !equal_bytes(key.data(), start.data(), start.size())) {
    return std::nullopt;
  }
  key.remove_prefix(start.size());
  const uint8_t wanted = leaf_fingerprint(key);
  const uint32_t rows = count();
  // Reads up to 63 bytes behind the fingerprints. They are in the page: 16 rows or more have slots and cells of 64
  // bytes or more, and fewer rows than that leave the reads in the first 96 bytes.
  for (uint32_t first = 0; first < rows; first += leaf_internal::kFingerprintsAtOnce) {
    uint64_t matches = leaf_internal::match_fingerprints(fingerprints() + first, wanted);
    if (rows - first < leaf_internal::kFingerprintsAtOnce) {
      matches &= (uint64_t{1} << (rows - first)) - 1;
    }
    for (; matches != 0; matches &= matches - 1) {
      const uint32_t index = first + static_cast<uint32_t>(std::countr_zero(matches));
      prefetch_end(index);
      const std::string_view found = suffix(index);
      if (found.size() == key.size() && equal_bytes(found.data(), key.data(), key.size())) [[likely]] {
        return index;
      }
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::format
