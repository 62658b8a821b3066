// LeafBuilder: writes whole leaves, cells without holes and in key order.
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "format/leaf.h"
#include "format/leaf_cell.h"

namespace holdfast::format {

LeafBuilder::LeafBuilder(uint32_t page_bytes) : page_bytes_(page_bytes) { CHECK(is_page_size(page_bytes)); }

uint32_t LeafBuilder::prefix_bytes_with(std::string_view key) const {
  if (rows_.empty()) {
    return static_cast<uint32_t>(key.size());
  }
  // Keys come in order, so what the first and the last share is shared by all.
  const std::string_view shared = rows_.front().key.substr(0, prefix_bytes_);
  if (key.starts_with(shared)) [[likely]] {
    return prefix_bytes_;
  }
  return static_cast<uint32_t>(common_prefix_bytes(shared, key));
}

uint32_t LeafBuilder::cells_bytes_for(uint32_t prefix_bytes) const {
  if (prefix_bytes == prefix_bytes_) [[likely]] {
    return cells_bytes_;
  }
  uint32_t bytes = 0;
  for (const Row& row : rows_) {
    bytes += leaf_cell_bytes(row.key.size() - prefix_bytes, row.value);
  }
  return bytes;
}

uint32_t LeafBuilder::bytes_with(std::string_view key, const LeafValue& value) const {
  const uint32_t prefix_bytes = prefix_bytes_with(key);
  return kPageHeaderBytes + kLeafIndexBytesPerRow * (count() + 1) + prefix_bytes + cells_bytes_for(prefix_bytes) +
         leaf_cell_bytes(key.size() - prefix_bytes, value);
}

void LeafBuilder::add(std::string_view key, const LeafValue& value) {
  CHECK(!key.empty() && key.size() <= key_bytes_max(page_bytes_));
  CHECK(value.overflow ? value.overflow->total_bytes > inline_value_bytes_max(page_bytes_)
                       : value.bytes.size() <= inline_value_bytes_max(page_bytes_));
  CHECK(rows_.empty() || rows_.back().key < key);
  const uint32_t prefix_bytes = prefix_bytes_with(key);
  cells_bytes_ = cells_bytes_for(prefix_bytes) + leaf_cell_bytes(key.size() - prefix_bytes, value);
  prefix_bytes_ = prefix_bytes;
  rows_.push_back({key, value});
  CHECK(bytes() <= page_bytes_);
}

uint32_t LeafBuilder::count() const { return static_cast<uint32_t>(rows_.size()); }

uint32_t LeafBuilder::bytes() const {
  return kPageHeaderBytes + kLeafIndexBytesPerRow * count() + prefix_bytes_ + cells_bytes_;
}

void LeafBuilder::finish(std::byte* page) {
  CHECK(!rows_.empty());
  PageHeader& header = header_of(page);
  const uint32_t prefix_at = page_bytes_ - prefix_bytes_;
  const uint32_t body = prefix_at - cells_bytes_;
  header.count = static_cast<uint16_t>(rows_.size());
  header.body = body;
  header.prefix_bytes = static_cast<uint16_t>(prefix_bytes_);
  header.reserved = 0;
  std::byte* const fingerprints = page + kPageHeaderBytes;
  std::byte* const slots = fingerprints + rows_.size();
  std::byte* const index_end = slots + 2 * rows_.size();
  uint32_t offset = body;
  for (size_t index = 0; index < rows_.size(); ++index) {
    const Row& row = rows_[index];
    const std::string_view suffix = row.key.substr(prefix_bytes_);
    fingerprints[index] = std::byte{leaf_fingerprint(suffix)};
    store_le(slots + 2 * index, static_cast<uint16_t>(offset));
    write_leaf_cell(page + offset, suffix, row.value);
    offset += leaf_cell_bytes(suffix.size(), row.value);
  }
  CHECK(offset == prefix_at);
  std::memcpy(page + prefix_at, rows_.front().key.data(), prefix_bytes_);
  std::fill(index_end, page + body, std::byte{0});
  clear();
}

void LeafBuilder::clear() {
  rows_.clear();
  prefix_bytes_ = 0;
  cells_bytes_ = 0;
}

}  // namespace holdfast::format
