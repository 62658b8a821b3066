// Overflow runs: values that are too large for a leaf.
//
// A value longer than a quarter page lies in a chain of runs. A run is `page_count` pages that follow each other in the
// file, with one page header at the start of the first and one checksum over all of it. Full layout of a run:
//
//   offset size field
//        0   32 page header     kind kOverflow, level 0, count 0, body = payload bytes in this run
//       32   16 next            PageRefOnDisk of the next run; null in the last
//       48    4 page_count      of this run, 1 to kRunPagesMax
//       52    4 next_page_count of the next run; 0 in the last
//       56    8 value_offset    where this run's payload begins in the value; a run out of place fails here
//       64    . payload         then zeros to the end of the last page; payload fills every page but the last run's
//       last
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/page.h"

namespace holdfast::format {

constexpr uint32_t kRunHeaderBytes = 64;
// At most this many pages in one run, so that one read and one checksum stay bounded (4 MiB at 16 KiB pages).
constexpr uint32_t kRunPagesMax = 256;

// Values longer than this go to overflow runs.
constexpr uint32_t inline_value_bytes_max(uint32_t page_bytes) { return page_bytes / 4; }

// Pages that one run needs to hold this much payload (of a value, or of what is left of it).
constexpr uint32_t run_pages_needed(uint64_t payload_bytes, uint32_t page_bytes) {
  return static_cast<uint32_t>((payload_bytes + kRunHeaderBytes + page_bytes - 1) / page_bytes);
}

// How a leaf cell names an overflow value.
struct OverflowRef {
  PageRef first;             // has_overflow is false here
  uint32_t page_count = 0;   // of the first run
  uint32_t total_bytes = 0;  // of the value; also the cell's value_bytes
  friend bool operator==(const OverflowRef&, const OverflowRef&) = default;
};

// OverflowRef on disk, inside a leaf cell (total_bytes is the cell's varint).
//   offset size field
//        0   16 first
//       16    4 page_count  1 to kRunPagesMax, and no more than the value needs
struct OverflowRefOnDisk {
  PageRefOnDisk first;
  Le<uint32_t> page_count;
};
static_assert(is_on_disk_struct<OverflowRefOnDisk>);
static_assert(sizeof(OverflowRefOnDisk) == 20);

// The run header, after the page header.
struct RunHeader {
  PageRefOnDisk next;
  Le<uint32_t> page_count;
  Le<uint32_t> next_page_count;
  Le<uint64_t> value_offset;
};
static_assert(is_on_disk_struct<RunHeader>);
static_assert(sizeof(RunHeader) == 32);
static_assert(kPageHeaderBytes + sizeof(RunHeader) == kRunHeaderBytes);

struct Run {
  PageRef next;  // null in the last run
  uint32_t next_page_count = 0;
  uint64_t value_offset = 0;
  std::span<const std::byte> payload;  // borrows the run
};

// Writes header, payload and zero padding into `run` (page_count pages), for seal_page. Pre: it fits.
void encode_run(std::span<std::byte> run, const PageRef& self, const Run& fields, uint32_t page_bytes);
// Total. Null and `fields` filled; or what is wrong with it.
const char* decode_run(std::span<const std::byte> run, const PageExpectation& expected, uint32_t page_bytes,
                       Run& fields);

}  // namespace holdfast::format
