#include "format/leaf.h"

#include <algorithm>
#include <cstring>

#include <holdfast/options.h>

#include "base/check.h"
#include "format/byte_marks.h"
#include "format/leaf_cell.h"
#include "format/varint.h"

namespace holdfast::format {

namespace {

uint32_t key_tag(size_t suffix_bytes, const LeafValue& value) {
  return static_cast<uint32_t>(suffix_bytes) << 1 | (value.overflow ? 1U : 0U);
}

// Length of the value, wherever it is.
uint32_t total_value_bytes(const LeafValue& value) {
  return value.overflow ? value.overflow->total_bytes : static_cast<uint32_t>(value.bytes.size());
}

uint32_t lengths_bytes(size_t suffix_bytes, const LeafValue& value) {
  return varint_bytes(key_tag(suffix_bytes, value)) + varint_bytes(total_value_bytes(value));
}

}  // namespace

uint32_t leaf_cell_bytes(size_t suffix_bytes, const LeafValue& value) {
  CHECK(suffix_bytes <= key_bytes_max(kPageBytesMax));
  CHECK(value.bytes.size() <= inline_value_bytes_max(kPageBytesMax));
  const size_t stored = value.overflow ? sizeof(OverflowRefOnDisk) : value.bytes.size();
  return lengths_bytes(suffix_bytes, value) + static_cast<uint32_t>(suffix_bytes + stored);
}

void write_leaf_cell(std::byte* at, std::string_view suffix, const LeafValue& value) {
  // The suffix goes first: it may come from the cell that is being overwritten.
  std::byte* const suffix_at = at + lengths_bytes(suffix.size(), value);
  if (!suffix.empty()) {
    std::memmove(suffix_at, suffix.data(), suffix.size());
  }
  at = write_varint(at, key_tag(suffix.size(), value));
  write_varint(at, total_value_bytes(value));
  std::byte* const value_at = suffix_at + suffix.size();
  if (value.overflow) {
    const OverflowRefOnDisk bytes{encode(value.overflow->first), value.overflow->page_count};
    std::memcpy(value_at, &bytes, sizeof bytes);
  } else if (!value.bytes.empty()) {
    std::memcpy(value_at, value.bytes.data(), value.bytes.size());
  }
}

uint32_t LeafView::lower_bound(std::string_view key) const {
  const std::string_view start = prefix();
  const int place = compare_with_prefix(key, start);
  if (place != 0) {
    return place < 0 ? 0 : count();
  }
  key.remove_prefix(start.size());
  // Cells come from memory one by one: while one is compared, the two that may be next are on their way.
  const auto prefetch_middle = [this](uint32_t begin, uint32_t rows) {
    if (rows > 0) {
      __builtin_prefetch(page_ + slot(begin + rows / 2));
    }
  };
  uint32_t first = 0;
  for (uint32_t rows = count(); rows > 0;) {
    const uint32_t half = rows / 2;
    prefetch_middle(first, half);
    prefetch_middle(first + half + 1, rows - half - 1);
    if (suffix(first + half) < key) {
      first += half + 1;
      rows -= half + 1;
    } else {
      rows = half;
    }
  }
  return first;
}

uint32_t LeafView::live_bytes() const {
  uint32_t bytes = kPageHeaderBytes + kLeafIndexBytesPerRow * count() + header_of(page_).prefix_bytes;
  for (uint32_t index = 0; index < count(); ++index) {
    bytes += cell_bytes(index);
  }
  return bytes;
}

namespace {

// Where cells may lie, and what is known of the page while its rows are walked.
struct Bounds {
  uint32_t page_bytes;
  uint32_t prefix_bytes;
  uint32_t begin;
  uint32_t end;
};

// One row's cell, read without trust. Null and `cell`, `cell_end` filled; or what is wrong.
const char* read_cell(const std::byte* page, const Bounds& bounds, uint32_t offset, LeafCell& cell,
                      uint32_t& cell_end) {
  if (offset < bounds.begin || offset >= bounds.end) {
    return "leaf: a cell is out of bounds";
  }
  const std::byte* const end = page + bounds.end;
  uint32_t tag = 0;
  const std::byte* at = read_varint_bounded(page + offset, end, tag);
  at = at == nullptr ? nullptr : read_varint_bounded(at, end, cell.value_bytes);
  if (at == nullptr) {
    return "leaf: a varint is malformed";
  }
  const uint32_t suffix_bytes = tag >> 1;
  cell.is_overflow = (tag & 1) != 0;
  const uint64_t key_bytes = uint64_t{bounds.prefix_bytes} + suffix_bytes;
  if (key_bytes == 0 || key_bytes > key_bytes_max(bounds.page_bytes)) {
    return "leaf: a key's length";
  }
  const uint32_t inline_max = inline_value_bytes_max(bounds.page_bytes);
  if (cell.is_overflow ? cell.value_bytes <= inline_max || cell.value_bytes > kValueBytesMax
                       : cell.value_bytes > inline_max) {
    return "leaf: a value's length";
  }
  if (suffix_bytes + cell.bytes_in_page() > static_cast<uint64_t>(end - at)) {
    return "leaf: a cell is out of bounds";
  }
  cell.suffix = as_text(at, suffix_bytes);
  cell.value = at + suffix_bytes;
  cell_end = static_cast<uint32_t>(cell.value - page) + cell.bytes_in_page();
  return nullptr;
}

const char* find_overflow_damage(const LeafCell& cell, uint32_t page_bytes) {
  OverflowRefOnDisk bytes;
  std::memcpy(&bytes, cell.value, sizeof bytes);
  PageRef first;
  if (!decode(bytes.first, first) || first.is_null() || first.has_overflow) {
    return "leaf: an overflow reference";
  }
  const uint32_t pages = bytes.page_count;
  if (pages == 0 || pages > kRunPagesMax || pages > run_pages_needed(cell.value_bytes, page_bytes)) {
    return "leaf: an overflow run's page count";
  }
  return nullptr;
}

// Pre: each cell is in bounds by itself.
bool cells_overlap(const LeafView& leaf, uint32_t page_bytes) {
  ByteMarks marks(page_bytes);
  for (uint32_t index = 0; index < leaf.count(); ++index) {
    const uint32_t begin = leaf.slot(index);
    if (!marks.mark(begin, begin + leaf.cell_bytes(index))) {
      return true;
    }
  }
  return false;
}

}  // namespace

const char* find_leaf_damage(std::span<const std::byte> page) {
  if (!is_page_size(page.size())) {
    return "page size";
  }
  const PageHeader& header = header_of(page.data());
  const auto page_bytes = static_cast<uint32_t>(page.size());
  const uint32_t count = header.count;
  const uint32_t index_end = kPageHeaderBytes + kLeafIndexBytesPerRow * count;
  const Bounds bounds{page_bytes, header.prefix_bytes, header.body, page_bytes - header.prefix_bytes};
  if (count == 0) {
    return "leaf: no rows";
  }
  if (bounds.prefix_bytes > key_bytes_max(page_bytes) || bounds.begin < index_end || bounds.begin >= bounds.end) {
    return "leaf: index, cells and prefix do not fit";
  }
  const LeafView leaf(page.data(), page_bytes);
  std::string_view last_suffix;
  uint32_t lowest = bounds.end;
  uint32_t last_end = 0;
  bool cells_are_in_order = true;  // as a builder writes them: then they cannot overlap
  for (uint32_t index = 0; index < count; ++index) {
    const uint32_t offset = leaf.slot(index);
    LeafCell cell;
    uint32_t cell_end = 0;
    if (const char* damage = read_cell(page.data(), bounds, offset, cell, cell_end)) {
      return damage;
    }
    if (leaf_fingerprint(cell.suffix) != static_cast<uint8_t>(page[kPageHeaderBytes + index])) {
      return "leaf: a fingerprint";
    }
    if (index > 0 && cell.suffix <= last_suffix) {
      return "leaf: keys are out of order";
    }
    if (const char* damage = cell.is_overflow ? find_overflow_damage(cell, page_bytes) : nullptr) {
      return damage;
    }
    cells_are_in_order = cells_are_in_order && offset >= last_end;
    last_end = cell_end;
    last_suffix = cell.suffix;
    lowest = std::min(lowest, offset);
  }
  if (lowest != bounds.begin) {
    return "leaf: body is not the lowest cell";
  }
  if (!cells_are_in_order && cells_overlap(leaf, page_bytes)) {
    return "leaf: cells overlap";
  }
  return nullptr;
}

}  // namespace holdfast::format
