// Segments of a stream: files `stream-<stream id>-<file>-<revision>` (engine/log/segment_file.h).
//
//   header     128 bytes
//   records    one behind the other (format/stream_record.h). Where a checkpoint ended, the next record begins at a
//              multiple of 4,096, and what lies between is zero: nothing durable lies in a unit that is written again
//   footer     128 bytes, then 8 for each entry of the index; only in a sealed segment, which never changes any more
//
// How far the records go is said by the tree, not by the file: what lies behind is of no state, and ignored.
//
// Header:
//   offset size field            rule
//        0    8 magic            "HFSTREAM"
//        8    4 format_version   kFormatVersion; a newer one is `unsupported`
//       12    4 checksum         CRC32C of all other bytes, seeded with the stream's seed
//       16   16 database_id      the same in every file of the database
//       32    8 stream_id
//       40    4 file             counts the segments that were begun; from 1
//       44    4 revision         counts how often the segment was written anew (redact, compact)
//       48    8 first_offset     of its first record
//       56   32 prev_hash        chain hash of the record before it; zeros at offset 0
//       88   40 reserved         0; anything else is refused
//
// Footer, directly behind the last record:
//        0    8 magic            "HFSEALED"
//        8    4 checksum         CRC32C of all other bytes, index included, seeded with the stream's seed
//       12    4 index_count
//       16    8 first_offset     as in the header
//       24    8 next_offset      of the record behind the segment's last; greater than first_offset
//       32    8 records_end      where this footer begins
//       40   32 chain_hash       of the last record
//       72   56 reserved         0; anything else is refused
//      128 8*n  index            where records k*256 lie, for each k with first_offset <= k*256 < next_offset,
//      ascending
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <holdfast/result.h>

#include "base/little_endian.h"
#include "base/sha256.h"
#include "format/meta.h"

namespace holdfast::format {

constexpr uint32_t kStreamUnitBytes = 4096;
// Records of one block of a stream: the step of its index, its verification checkpoints and its stored Merkle nodes.
constexpr uint64_t kBlockRecords = 256;
constexpr std::array<char, 8> kStreamMagic = {'H', 'F', 'S', 'T', 'R', 'E', 'A', 'M'};
constexpr std::array<char, 8> kSealedMagic = {'H', 'F', 'S', 'E', 'A', 'L', 'E', 'D'};

struct StreamSegmentHeaderOnDisk {
  std::array<char, 8> magic;
  Le<uint32_t> format_version;
  Le<uint32_t> checksum;
  DatabaseId database_id;
  Le<uint64_t> stream_id;
  Le<uint32_t> file;
  Le<uint32_t> revision;
  Le<uint64_t> first_offset;
  Hash prev_hash;
  std::array<std::byte, 40> reserved;
};
static_assert(is_on_disk_struct<StreamSegmentHeaderOnDisk>);
static_assert(sizeof(StreamSegmentHeaderOnDisk) == 128);
static_assert(offsetof(StreamSegmentHeaderOnDisk, checksum) == 12);
static_assert(offsetof(StreamSegmentHeaderOnDisk, stream_id) == 32);
static_assert(offsetof(StreamSegmentHeaderOnDisk, first_offset) == 48);
static_assert(offsetof(StreamSegmentHeaderOnDisk, prev_hash) == 56);
static_assert(offsetof(StreamSegmentHeaderOnDisk, reserved) == 88);

constexpr uint32_t kStreamHeaderBytes = sizeof(StreamSegmentHeaderOnDisk);

struct StreamSegmentHeader {
  DatabaseId database_id{};
  uint64_t stream_id = 0;
  uint32_t file = 0;
  uint32_t revision = 0;
  uint64_t first_offset = 0;
  Hash prev_hash{};
  friend bool operator==(const StreamSegmentHeader&, const StreamSegmentHeader&) = default;
};

std::array<std::byte, kStreamHeaderBytes> encode_stream_header(const StreamSegmentHeader& header);
// Total. A header of another stream or database decodes too: whose it is, is for the caller to judge. Errors:
// corruption (says which rule failed), unsupported.
Result<StreamSegmentHeader> decode_stream_header(std::span<const std::byte, kStreamHeaderBytes> bytes);

struct StreamFooterOnDisk {
  std::array<char, 8> magic;
  Le<uint32_t> checksum;
  Le<uint32_t> index_count;
  Le<uint64_t> first_offset;
  Le<uint64_t> next_offset;
  Le<uint64_t> records_end;
  Hash chain_hash;
  std::array<std::byte, 56> reserved;
};
static_assert(is_on_disk_struct<StreamFooterOnDisk>);
static_assert(sizeof(StreamFooterOnDisk) == 128);
static_assert(offsetof(StreamFooterOnDisk, first_offset) == 16);
static_assert(offsetof(StreamFooterOnDisk, records_end) == 32);
static_assert(offsetof(StreamFooterOnDisk, chain_hash) == 40);
static_assert(offsetof(StreamFooterOnDisk, reserved) == 72);

struct StreamFooter {
  uint64_t first_offset = 0;
  uint64_t next_offset = 0;
  uint64_t records_end = 0;
  Hash chain_hash{};
  std::vector<uint64_t> index;
  friend bool operator==(const StreamFooter&, const StreamFooter&) = default;
};

// Entries of the index of a segment that holds these offsets.
constexpr uint64_t index_entries(uint64_t first_offset, uint64_t next_offset) {
  return (next_offset + kBlockRecords - 1) / kBlockRecords - (first_offset + kBlockRecords - 1) / kBlockRecords;
}
constexpr uint64_t stream_footer_bytes(uint64_t first_offset, uint64_t next_offset) {
  return sizeof(StreamFooterOnDisk) + 8 * index_entries(first_offset, next_offset);
}

// Pre: the fields keep the rules above.
std::vector<std::byte> encode_stream_footer(const StreamFooter& footer, uint32_t checksum_seed);
// Total. `bytes` begin with a footer, and may go on behind it. Errors: corruption (says which rule failed).
Result<StreamFooter> decode_stream_footer(std::span<const std::byte> bytes, uint32_t checksum_seed);

}  // namespace holdfast::format
