#include "format/page.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "format/branch.h"
#include "format/free_map.h"
#include "format/leaf.h"
#include "format/overflow.h"

namespace holdfast::format {

namespace {

constexpr PageNumber kSecondMetaPage{1};

bool is_size_of(PageKind kind, uint64_t bytes) {
  if (kind != PageKind::kOverflow) {
    return is_page_size(bytes);
  }
  return bytes >= kPageBytesMin && bytes % kPageBytesMin == 0 && bytes <= uint64_t{kRunPagesMax} * kPageBytesMax;
}

// The levels on which a kind of page can stand.
bool is_level_of(PageKind kind, uint8_t level) {
  const bool stands_above_others = kind == PageKind::kBranch || kind == PageKind::kFreeMapIndex;
  return stands_above_others ? level >= 1 && level <= kLevelMax : level == 0;
}

uint32_t checksum_of(std::span<const std::byte> page, uint32_t seed) {
  return crc32c(page.subspan(sizeof(PageHeader::checksum)), seed);
}

// The rest of a run is for decode_run.
const char* find_run_header_damage(const PageHeader& header) {
  return header.count == 0 && header.prefix_bytes == 0 ? nullptr : "overflow: header";
}

const char* find_body_damage(std::span<const std::byte> page, PageKind kind) {
  switch (kind) {
    case PageKind::kLeaf: return find_leaf_damage(page);
    case PageKind::kBranch: return find_branch_damage(page);
    case PageKind::kFreeMap: return find_free_map_damage(page);
    case PageKind::kFreeMapIndex: return find_free_map_index_damage(page);
    case PageKind::kOverflow: return find_run_header_damage(header_of(page.data()));
  }
  return "kind";
}

}  // namespace

PageRefOnDisk encode(const PageRef& ref) {
  CHECK(to_int(ref.birth) <= kCsnMax);
  CHECK(ref.page != kSecondMetaPage);
  PageRefOnDisk bytes;
  if (!ref.is_null()) {
    bytes.page = to_int(ref.page);
    bytes.epoch = to_int(ref.epoch);
    bytes.birth = to_int(ref.birth) | (ref.has_overflow ? kHasOverflowBit : 0);
  }
  return bytes;
}

bool decode(const PageRefOnDisk& bytes, PageRef& ref) {
  ref = decode_trusted(bytes);
  if (ref.is_null()) {
    return bytes.epoch == 0 && bytes.birth == 0;
  }
  return ref.page != kSecondMetaPage && (bytes.birth & ~(kCsnMax | kHasOverflowBit)) == 0;
}

void stamp_page(std::span<std::byte> page, const PageRef& self, PageKind kind, uint8_t level) {
  CHECK(page.size() >= kPageHeaderBytes);
  CHECK(is_level_of(kind, level));
  PageHeader& header = header_of(page.data());
  header.page_number = to_int(self.page);
  header.birth = to_int(self.birth);
  header.epoch = to_int(self.epoch);
  header.kind = static_cast<uint8_t>(kind);
  header.level = level;
}

void seal_page(std::span<std::byte> page, uint32_t checksum_seed) {
  CHECK(page.size() >= kPageBytesMin);
  header_of(page.data()).checksum = checksum_of(page, checksum_seed);
}

const char* find_damage(std::span<const std::byte> page, const PageExpectation& expected) {
  if (!is_size_of(expected.kind, page.size())) {
    return "page size";
  }
  const PageHeader& header = header_of(page.data());
  if (header.checksum != checksum_of(page, expected.checksum_seed) && !PLANTED(kPageChecksum)) {
    return "checksum";
  }
  if (header.page_number != to_int(expected.ref.page) && !PLANTED(kPageNumber)) {
    return "page number";
  }
  if ((header.birth != to_int(expected.ref.birth) || header.epoch != to_int(expected.ref.epoch)) &&
      !PLANTED(kPageStamp)) {
    return "birth stamp";
  }
  if (header.kind != static_cast<uint8_t>(expected.kind)) {
    return "kind";
  }
  if (header.level != expected.level || !is_level_of(expected.kind, expected.level)) {
    return "level";
  }
  if (header.reserved != 0) {
    return "reserved header bytes";
  }
  return find_body_damage(page, expected.kind);
}

}  // namespace holdfast::format
