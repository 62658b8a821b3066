// LeafEditor: changes a leaf in place with a few moves of its small arrays.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "format/leaf.h"
#include "format/leaf_cell.h"

namespace holdfast::format {

namespace {

void store_slot(std::byte* page, uint32_t count, uint32_t index, uint32_t offset) {
  store_le(page + kPageHeaderBytes + count + 2 * size_t{index}, static_cast<uint16_t>(offset));
}

// Makes room for row `index` in both arrays. The slots move first, away from the fingerprints.
void open_index(std::byte* page, uint32_t count, uint32_t index) {
  std::byte* const fingerprints = page + kPageHeaderBytes;
  std::byte* const slots = fingerprints + count;
  std::memmove(slots + 1 + 2 * size_t{index + 1}, slots + 2 * size_t{index}, 2 * size_t{count - index});
  std::memmove(slots + 1, slots, 2 * size_t{index});
  std::memmove(fingerprints + index + 1, fingerprints + index, count - index);
}

void close_index(std::byte* page, uint32_t count, uint32_t index) {
  std::byte* const fingerprints = page + kPageHeaderBytes;
  std::byte* const slots = fingerprints + count;
  std::memmove(fingerprints + index, fingerprints + index + 1, count - index - 1);
  std::memmove(slots - 1, slots, 2 * size_t{index});
  std::memmove(slots - 1 + 2 * size_t{index}, slots + 2 * size_t{index + 1}, 2 * size_t{count - index - 1});
}

uint32_t lowest_cell(const LeafView& leaf) {
  uint32_t lowest = kPageBytesMax;
  for (uint32_t index = 0; index < leaf.count(); ++index) {
    lowest = std::min(lowest, leaf.slot(index));
  }
  return lowest;
}

}  // namespace

bool LeafEditor::insert(uint32_t index, std::string_view key, const LeafValue& value) {
  const LeafView leaf = view();
  const uint32_t count = leaf.count();
  CHECK(index <= count);
  CHECK(!key.empty() && key.size() <= key_bytes_max(page_bytes_));
  const std::string_view prefix = leaf.prefix();
  if (!key.starts_with(prefix)) {
    return false;
  }
  const std::string_view suffix = key.substr(prefix.size());
  VERIFY(index == 0 || leaf.suffix(index - 1) < suffix);
  VERIFY(index == count || suffix < leaf.suffix(index));
  const uint32_t cell_bytes = leaf_cell_bytes(suffix.size(), value);
  if (leaf.gap_bytes() < cell_bytes + kLeafIndexBytesPerRow) {
    return false;
  }
  PageHeader& header = header_of(page_);
  const uint32_t offset = header.body - cell_bytes;
  write_leaf_cell(page_ + offset, suffix, value);
  open_index(page_, count, index);
  header.body = offset;
  header.count = static_cast<uint16_t>(count + 1);
  page_[kPageHeaderBytes + index] = std::byte{leaf_fingerprint(suffix)};
  store_slot(page_, count + 1, index, offset);
  return true;
}

bool LeafEditor::replace(uint32_t index, const LeafValue& value) {
  const LeafView leaf = view();
  CHECK(index < leaf.count());
  const std::string_view suffix = leaf.suffix(index);
  const uint32_t new_bytes = leaf_cell_bytes(suffix.size(), value);
  const uint32_t old_bytes = leaf.cell_bytes(index);
  PageHeader& header = header_of(page_);
  if (new_bytes > old_bytes) {
    if (leaf.gap_bytes() < new_bytes) {
      return false;
    }
    const uint32_t offset = header.body - new_bytes;
    write_leaf_cell(page_ + offset, suffix, value);
    header.body = offset;
    store_slot(page_, leaf.count(), index, offset);
    return true;
  }
  write_leaf_cell(page_ + leaf.slot(index), suffix, value);
  return true;
}

void LeafEditor::erase(uint32_t index) {
  const LeafView leaf = view();
  const uint32_t count = leaf.count();
  CHECK(count > 1 && index < count);
  PageHeader& header = header_of(page_);
  const bool was_lowest = leaf.slot(index) == header.body;
  close_index(page_, count, index);
  header.count = static_cast<uint16_t>(count - 1);
  if (was_lowest) {
    header.body = lowest_cell(view());
  }
}

}  // namespace holdfast::format
