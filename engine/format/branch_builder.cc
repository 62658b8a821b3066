// BranchBuilder: writes whole branches, tails without holes and in key order.
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "format/branch.h"
#include "format/branch_entry.h"

namespace holdfast::format {

BranchBuilder::BranchBuilder(uint32_t page_bytes) : page_bytes_(page_bytes) { CHECK(is_page_size(page_bytes)); }

uint32_t BranchBuilder::Shape::prefix_bytes() const {
  return std::min(common_bytes, longest_bytes - std::min(longest_bytes, kBranchHeadBytes));
}

BranchBuilder::Shape BranchBuilder::shape_with(std::string_view separator) const {
  const auto bytes = static_cast<uint32_t>(separator.size());
  if (children_.size() <= 1) {
    return {bytes, bytes};
  }
  // Separators come in order, so what the first and the last share is shared by all.
  const std::string_view common = children_[1].separator.substr(0, shape_.common_bytes);
  const uint32_t common_bytes = separator.starts_with(common)
                                    ? shape_.common_bytes
                                    : static_cast<uint32_t>(common_prefix_bytes(common, separator));
  return {common_bytes, std::max(shape_.longest_bytes, bytes)};
}

uint32_t BranchBuilder::tails_bytes_for(uint32_t prefix_bytes) const {
  if (prefix_bytes == shape_.prefix_bytes()) {
    return tails_bytes_;
  }
  uint32_t bytes = 0;
  for (size_t index = 1; index < children_.size(); ++index) {
    bytes += branch_tail_bytes(children_[index].separator.size() - prefix_bytes);
  }
  return bytes;
}

uint32_t BranchBuilder::bytes_with(std::string_view separator) const {
  const uint32_t index_bytes = kPageHeaderBytes + kBranchIndexBytesPerChild * (count() + 1);
  if (children_.empty()) {
    return index_bytes;
  }
  const uint32_t prefix_bytes = shape_with(separator).prefix_bytes();
  return index_bytes + prefix_bytes + tails_bytes_for(prefix_bytes) +
         branch_tail_bytes(separator.size() - prefix_bytes);
}

void BranchBuilder::add(std::string_view separator, const PageRef& child) {
  CHECK(!child.is_null());
  if (children_.empty()) {
    children_.push_back({{}, child});
    return;
  }
  CHECK(!separator.empty() && separator.size() <= key_bytes_max(page_bytes_));
  CHECK(children_.size() == 1 || children_.back().separator < separator);
  const Shape shape = shape_with(separator);
  const uint32_t prefix_bytes = shape.prefix_bytes();
  tails_bytes_ = tails_bytes_for(prefix_bytes) + branch_tail_bytes(separator.size() - prefix_bytes);
  shape_ = shape;
  children_.push_back({separator, child});
  CHECK(bytes() <= page_bytes_);
}

uint32_t BranchBuilder::count() const { return static_cast<uint32_t>(children_.size()); }

uint32_t BranchBuilder::bytes() const {
  return kPageHeaderBytes + kBranchIndexBytesPerChild * count() + shape_.prefix_bytes() + tails_bytes_;
}

void BranchBuilder::finish(std::byte* page) {
  CHECK(!children_.empty());
  PageHeader& header = header_of(page);
  const uint32_t prefix_bytes = shape_.prefix_bytes();
  const uint32_t prefix_at = page_bytes_ - prefix_bytes;
  const uint32_t body = prefix_at - tails_bytes_;
  header.count = static_cast<uint16_t>(count());
  header.body = body;
  header.prefix_bytes = static_cast<uint16_t>(prefix_bytes);
  header.reserved = 0;
  uint32_t offset = body;
  for (uint32_t index = 0; index < count(); ++index) {
    const Child& child = children_[index];
    const std::string_view suffix = index == 0 ? std::string_view() : child.separator.substr(prefix_bytes);
    const uint32_t tail_bytes = branch_tail_bytes(suffix.size());
    write_branch_entry(page, count(), index, {suffix, child.ref, tail_bytes > 0 ? offset : 0});
    offset += tail_bytes;
  }
  CHECK(offset == prefix_at);
  if (prefix_bytes > 0) {
    std::memcpy(page + prefix_at, children_[1].separator.data(), prefix_bytes);
  }
  std::fill(page + kPageHeaderBytes + kBranchIndexBytesPerChild * size_t{count()}, page + body, std::byte{0});
  clear();
}

void BranchBuilder::clear() {
  children_.clear();
  shape_ = {};
  tails_bytes_ = 0;
}

}  // namespace holdfast::format
