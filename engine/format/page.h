// What every page but the meta pages starts with, and how pages refer to each other.
//
// A page is trusted after `find_damage` found none: its checksum, number and birth stamp are those that its parent
// holds, and its body passed the validator of its kind. Everything that reads pages above this layer relies on that and
// checks nothing twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <holdfast/options.h>
#include <holdfast/result.h>

#include "base/ids.h"
#include "base/little_endian.h"

namespace holdfast::format {

enum class PageKind : uint8_t {
  kLeaf = 1,          // keys and values; format/leaf.h
  kBranch = 2,        // separators and children; format/branch.h
  kOverflow = 3,      // a run of pages with one large value, or a part of one; format/overflow.h
  kFreeMap = 4,       // one bit per page of the file; format/free_map.h
  kFreeMapIndex = 5,  // references to free map pages; format/free_map.h
};

// The page header.
//   offset size field         rule
//        0    4 checksum      CRC32C, seeded with the database's checksum seed, of bytes [4, end of page or run).
//                             A foreign page, a zeroed page and a torn page fail here
//        4    4 page_number   its own; a misdirected write or read fails here
//        8    8 birth         csn of the commit that wrote it; with the epoch it is the stamp that the parent also
//        holds:
//       16    4 epoch         a stale page, or one of an attempt that never committed, fails here
//       20    1 kind          PageKind; 0 is never written
//       21    1 level         0 for leaves; a branch is one above its children
//       22    2 count         entries
//       24    4 body          leaf, branch: offset of the lowest cell; overflow: payload bytes in the run; else 0
//       28    2 prefix_bytes  leaf, branch: length of the prefix stored at the end of the page; else 0
//       30    2 reserved      0; anything else is refused
struct PageHeader {
  Le<uint32_t> checksum;
  Le<uint32_t> page_number;
  Le<uint64_t> birth;
  Le<uint32_t> epoch;
  uint8_t kind;
  uint8_t level;
  Le<uint16_t> count;
  Le<uint32_t> body;
  Le<uint16_t> prefix_bytes;
  Le<uint16_t> reserved;
};
static_assert(is_on_disk_struct<PageHeader>);
static_assert(sizeof(PageHeader) == 32);
static_assert(offsetof(PageHeader, page_number) == 4);
static_assert(offsetof(PageHeader, birth) == 8);
static_assert(offsetof(PageHeader, epoch) == 16);
static_assert(offsetof(PageHeader, kind) == 20);
static_assert(offsetof(PageHeader, level) == 21);
static_assert(offsetof(PageHeader, count) == 22);
static_assert(offsetof(PageHeader, body) == 24);
static_assert(offsetof(PageHeader, prefix_bytes) == 28);
static_assert(offsetof(PageHeader, reserved) == 30);

constexpr uint32_t kPageHeaderBytes = sizeof(PageHeader);

constexpr bool is_page_size(uint64_t bytes) {
  return bytes >= kPageBytesMin && bytes <= kPageBytesMax && (bytes & (bytes - 1)) == 0;
}

// A tree of more levels than this cannot be built (fan-out is at least 2 at 2^32 pages), so it is refused.
constexpr uint8_t kLevelMax = 32;

// How a parent names its child: where it is, and the stamp that it must bear.
struct PageRef {
  PageNumber page = kNoPage;
  Epoch epoch{};
  Csn birth{};
  // The subtree holds (or held) references to overflow runs, so that freeing it must look inside.
  bool has_overflow = false;

  bool is_null() const { return page == kNoPage; }
  friend bool operator==(const PageRef&, const PageRef&) = default;
};

// PageRef on disk.
//   offset size field   rule
//        0    4 page    0 only for "none", and then the rest is 0 too; never 1
//        4    4 epoch
//        8    8 birth   low 56 bits: csn; bit 56: has_overflow; bits 57 to 63: 0, anything else is refused
struct PageRefOnDisk {
  Le<uint32_t> page;
  Le<uint32_t> epoch;
  Le<uint64_t> birth;
};
static_assert(is_on_disk_struct<PageRefOnDisk>);
static_assert(sizeof(PageRefOnDisk) == 16);

constexpr uint64_t kCsnMax = (uint64_t{1} << 56) - 1;

constexpr uint64_t kHasOverflowBit = uint64_t{1} << 56;

// Pre: birth <= kCsnMax, and the page is not meta page 1.
PageRefOnDisk encode(const PageRef& ref);
// Total. Says whether the rules above hold (null is allowed).
bool decode(const PageRefOnDisk& bytes, PageRef& ref);
// The same for a reference that decode() has accepted before: in a page without damage.
inline PageRef decode_trusted(const PageRefOnDisk& bytes) {
  const uint32_t page = bytes.page;
  const uint32_t epoch = bytes.epoch;
  const uint64_t birth = bytes.birth;
  return {PageNumber{page}, Epoch{epoch}, Csn{birth & kCsnMax}, (birth & kHasOverflowBit) != 0};
}

inline const PageHeader& header_of(const std::byte* page) { return *reinterpret_cast<const PageHeader*>(page); }
inline PageHeader& header_of(std::byte* page) { return *reinterpret_cast<PageHeader*>(page); }

// What a page must be for its parent's reference to be honoured.
struct PageExpectation {
  PageRef ref;
  PageKind kind{};
  uint8_t level = 0;
  uint32_t checksum_seed = 0;
};

// Writes who the page is into its header: page number, stamp, kind and level. Leaves the rest of the header alone.
void stamp_page(std::span<std::byte> page, const PageRef& self, PageKind kind, uint8_t level);
// Writes the checksum over the whole of `page` (a page, or a run of them); the last thing before it is written.
void seal_page(std::span<std::byte> page, uint32_t checksum_seed);
// Total, bounded, allocates nothing. Null if `page` is what is expected and its body is valid; else what is wrong with
// it, in words ("checksum", "page number", "birth stamp", "level", or the validator's). For kOverflow only the header
// of the run is known; see format/overflow.h.
const char* find_damage(std::span<const std::byte> page, const PageExpectation& expected);

}  // namespace holdfast::format
