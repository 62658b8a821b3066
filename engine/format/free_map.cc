#include "format/free_map.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace holdfast::format {

namespace {

// What only leaves, branches and runs use.
bool has_no_body_fields(const PageHeader& header) { return header.body == 0 && header.prefix_bytes == 0; }

PageRefOnDisk child_bytes(std::span<const std::byte> page, uint32_t index) {
  PageRefOnDisk bytes;
  std::memcpy(&bytes, page.data() + kPageHeaderBytes + sizeof bytes * index, sizeof bytes);
  return bytes;
}

}  // namespace

void encode_free_map_index(std::span<std::byte> page, std::span<const PageRef> children) {
  CHECK(is_page_size(page.size()));
  CHECK(!children.empty() && children.size() <= free_map_index_fanout(static_cast<uint32_t>(page.size())));
  PageHeader& header = header_of(page.data());
  header.count = static_cast<uint16_t>(children.size());
  header.body = 0;
  header.prefix_bytes = 0;
  header.reserved = 0;
  std::byte* at = page.data() + kPageHeaderBytes;
  for (const PageRef& child : children) {
    CHECK(!child.has_overflow);
    const PageRefOnDisk bytes = encode(child);
    std::memcpy(at, &bytes, sizeof bytes);
    at += sizeof bytes;
  }
  std::fill(at, page.data() + page.size(), std::byte{0});
}

PageRef free_map_index_child(std::span<const std::byte> page, uint32_t index) {
  CHECK(index < header_of(page.data()).count);
  return decode_trusted(child_bytes(page, index));
}

const char* find_free_map_damage(std::span<const std::byte> page) {
  if (!is_page_size(page.size())) {
    return "page size";
  }
  const PageHeader& header = header_of(page.data());
  return header.count == 0 && has_no_body_fields(header) ? nullptr : "free map: header";
}

const char* find_free_map_index_damage(std::span<const std::byte> page) {
  if (!is_page_size(page.size())) {
    return "page size";
  }
  const PageHeader& header = header_of(page.data());
  const uint32_t count = header.count;
  if (count == 0 || count > free_map_index_fanout(static_cast<uint32_t>(page.size()))) {
    return "free map index: count";
  }
  if (!has_no_body_fields(header)) {
    return "free map index: header";
  }
  for (uint32_t index = 0; index < count; ++index) {
    PageRef child;
    if (!decode(child_bytes(page, index), child) || child.has_overflow) {
      return "free map index: a child reference";
    }
  }
  const std::span<const std::byte> rest = page.subspan(kPageHeaderBytes + sizeof(PageRefOnDisk) * count);
  const bool rest_is_zero = std::ranges::all_of(rest, [](std::byte byte) { return byte == std::byte{0}; });
  return rest_is_zero ? nullptr : "free map index: bytes behind the children";
}

}  // namespace holdfast::format
