// Segment header of the write-ahead log: the first sector of a segment file.
//
// A lane of the log is a set of slots, files `wal-LL-SSSS` of segment_bytes each. A slot becomes a segment by a header
// written over its first sector; frames follow (format/wal_frame.h). A slot whose header is zero, or older than the
// first live segment that the meta page names, is free.
//
//   offset size field           rule
//        0    8 magic           "HFWALSEG"
//        8    4 format_version  kFormatVersion; a newer one is `unsupported`
//       12    4 checksum        CRC32C of all other bytes, seeded with the checksum seed of database_id
//       16   16 database_id     the same in every file of the database
//       32    4 epoch           wal epoch: raised by every open; never 0
//       36    2 lane            below kLanesMax; as in the file's name
//       38    2 slot            below kSlotsMax; as in the file's name
//       40    8 sequence        per lane, one more for each segment, never used twice in an epoch; never 0
//       48    4 segment_bytes   a power of two from 65,536 to 4,194,304
//       52  460 reserved        0; anything else is refused
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <holdfast/result.h>

#include "format/log_start.h"
#include "format/meta.h"

namespace holdfast::format {

constexpr uint32_t kSectorBytes = 512;
// Frames start at multiples of it, the first one behind the header's. Large enough for the units in which disks write:
// what is durable already does not lie in a unit that is written again.
constexpr uint32_t kFrameUnitBytes = 4096;
constexpr uint16_t kSlotsMax = 4096;
constexpr std::array<char, 8> kSegmentMagic = {'H', 'F', 'W', 'A', 'L', 'S', 'E', 'G'};

struct SegmentHeaderOnDisk {
  std::array<char, 8> magic;
  Le<uint32_t> format_version;
  Le<uint32_t> checksum;
  DatabaseId database_id;
  Le<uint32_t> epoch;
  Le<uint16_t> lane;
  Le<uint16_t> slot;
  Le<uint64_t> sequence;
  Le<uint32_t> segment_bytes;
  std::array<std::byte, 460> reserved;
};
static_assert(is_on_disk_struct<SegmentHeaderOnDisk>);
static_assert(sizeof(SegmentHeaderOnDisk) == kSectorBytes);
static_assert(offsetof(SegmentHeaderOnDisk, format_version) == 8);
static_assert(offsetof(SegmentHeaderOnDisk, checksum) == 12);
static_assert(offsetof(SegmentHeaderOnDisk, database_id) == 16);
static_assert(offsetof(SegmentHeaderOnDisk, epoch) == 32);
static_assert(offsetof(SegmentHeaderOnDisk, lane) == 36);
static_assert(offsetof(SegmentHeaderOnDisk, slot) == 38);
static_assert(offsetof(SegmentHeaderOnDisk, sequence) == 40);
static_assert(offsetof(SegmentHeaderOnDisk, segment_bytes) == 48);
static_assert(offsetof(SegmentHeaderOnDisk, reserved) == 52);

struct SegmentHeader {
  DatabaseId database_id{};
  Epoch epoch{};
  uint16_t lane = 0;
  uint16_t slot = 0;
  uint64_t sequence = 0;
  uint32_t segment_bytes = 0;
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

// Pre: the fields keep the rules above.
std::array<std::byte, kSectorBytes> encode_segment_header(const SegmentHeader& header);
// Total. A header of another database decodes too: whose it is, is for the caller to judge. Errors: corruption (says
// which rule failed), unsupported (a newer format version, checksum good).
Result<SegmentHeader> decode_segment_header(std::span<const std::byte, kSectorBytes> sector);

}  // namespace holdfast::format
