// Meta pages: the two alternating roots of the tree file.
//
// Pages 0 and 1 are the meta pages. Each holds the same 512-byte meta copy twice: in its first and in its last 512
// bytes; what lies between is zero. A copy fits in one sector, so a torn write leaves each copy wholly old or wholly
// new, and an invalid copy always means damage, never a crash. A commit writes the meta page that does not hold the
// newest state.
//
//   offset size field             rule
//        0    8 magic             "HOLDFAST"
//        8    4 format_version    kFormatVersion; a newer one is `unsupported`
//       12    4 checksum          CRC32C of bytes [16, 512), seeded with the CRC32C of bytes [0, 12)
//       16   16 database_id       random, drawn at creation; the same in every file of the database
//       32    4 page_bytes        a power of two from 4,096 to 65,536
//       36    4 epoch             of the state; starts at 1
//       40    8 csn               of the state; in a fence (see engine/page) the same as in the other meta page
//       48    8 wall_ns           when it was written, for people; never used for order
//       56    4 page_count        pages of the file that belong to the state, meta pages included; at least 2
//       60    4 free_count        of these, free ones (bits set in the free map)
//       64   16 catalog           PageRef of the catalog's root, within page_count; null in an empty database
//       80   16 free_map          PageRef of the free map's root, within page_count; null exactly if free_count is 0
//       96    8 next_bucket_id    starts at 1; streams take their ids from it too
//      104    1 free_map_level    level of the free map's root: 0 if it is a single free map page
//      105    1 slot              0 or 1: the meta page that it was written to
//      106    2 lane_count        lanes of the log that leads on from here; at most kLanesMax
//      108    4 wal_epoch         of the log; 0 only without lanes
//      112    4 segment_bytes     of the log: a power of two from 65,536 to 4,194,304; 0 exactly without lanes
//      116    1 closed            1: nothing in the log is newer than this state; else 0
//      117    3 reserved          0; anything else is refused
//      120  256 first_sequence    per lane the first segment that is live; not 0 up to lane_count, 0 beyond
//      376   16 streams           PageRef of the stream tree's root, within page_count; null without streams
//      392  120 reserved          0; anything else is refused
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <holdfast/result.h>

#include "format/log_start.h"
#include "format/page.h"

namespace holdfast::format {

constexpr uint32_t kMetaCopyBytes = 512;
constexpr uint32_t kMetaPages = 2;
constexpr uint32_t kFormatVersion = 1;
constexpr std::array<char, 8> kMagic = {'H', 'O', 'L', 'D', 'F', 'A', 'S', 'T'};

using DatabaseId = std::array<std::byte, 16>;

// What seeds every checksum of this database.
uint32_t checksum_seed_of(const DatabaseId& id);

struct MetaOnDisk {
  std::array<char, 8> magic;
  Le<uint32_t> format_version;
  Le<uint32_t> checksum;
  DatabaseId database_id;
  Le<uint32_t> page_bytes;
  Le<uint32_t> epoch;
  Le<uint64_t> csn;
  Le<uint64_t> wall_ns;
  Le<uint32_t> page_count;
  Le<uint32_t> free_count;
  PageRefOnDisk catalog;
  PageRefOnDisk free_map;
  Le<uint64_t> next_bucket_id;
  uint8_t free_map_level;
  uint8_t slot;
  Le<uint16_t> lane_count;
  Le<uint32_t> wal_epoch;
  Le<uint32_t> segment_bytes;
  uint8_t closed;
  std::array<std::byte, 3> reserved;
  std::array<Le<uint64_t>, kLanesMax> first_sequence;
  PageRefOnDisk streams;
  std::array<std::byte, 120> more_reserved;
};
static_assert(is_on_disk_struct<MetaOnDisk>);
static_assert(sizeof(MetaOnDisk) == kMetaCopyBytes);
static_assert(offsetof(MetaOnDisk, checksum) == 12);
static_assert(offsetof(MetaOnDisk, database_id) == 16);
static_assert(offsetof(MetaOnDisk, page_bytes) == 32);
static_assert(offsetof(MetaOnDisk, epoch) == 36);
static_assert(offsetof(MetaOnDisk, csn) == 40);
static_assert(offsetof(MetaOnDisk, wall_ns) == 48);
static_assert(offsetof(MetaOnDisk, page_count) == 56);
static_assert(offsetof(MetaOnDisk, free_count) == 60);
static_assert(offsetof(MetaOnDisk, catalog) == 64);
static_assert(offsetof(MetaOnDisk, free_map) == 80);
static_assert(offsetof(MetaOnDisk, next_bucket_id) == 96);
static_assert(offsetof(MetaOnDisk, free_map_level) == 104);
static_assert(offsetof(MetaOnDisk, slot) == 105);
static_assert(offsetof(MetaOnDisk, lane_count) == 106);
static_assert(offsetof(MetaOnDisk, wal_epoch) == 108);
static_assert(offsetof(MetaOnDisk, segment_bytes) == 112);
static_assert(offsetof(MetaOnDisk, closed) == 116);
static_assert(offsetof(MetaOnDisk, reserved) == 117);
static_assert(offsetof(MetaOnDisk, first_sequence) == 120);
static_assert(offsetof(MetaOnDisk, streams) == 376);
static_assert(offsetof(MetaOnDisk, more_reserved) == 392);

struct Meta {
  DatabaseId database_id{};
  uint32_t page_bytes = 0;
  Epoch epoch{};
  Csn csn{};
  int64_t wall_ns = 0;
  uint32_t page_count = 0;
  uint32_t free_count = 0;
  PageRef catalog;
  PageRef free_map;
  PageRef streams;
  uint64_t next_bucket_id = 1;
  uint8_t free_map_level = 0;
  uint8_t slot = 0;
  LogStart log;
  friend bool operator==(const Meta&, const Meta&) = default;
};

// One copy. Pre: the fields keep the rules above.
std::array<std::byte, kMetaCopyBytes> encode_meta(const Meta& meta);
// Total. Errors: corruption (says which rule failed), unsupported (a newer format version, checksum good).
Result<Meta> decode_meta(std::span<const std::byte, kMetaCopyBytes> copy);

}  // namespace holdfast::format
