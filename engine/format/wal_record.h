// Record of the write-ahead log: what one group of commits wrote, as a lane's stream carries it.
//
// The stream of a lane is its records one after the other. Frames cut it where they end (format/wal_frame.h), so that a
// record, and also its header, may span frames and segments. The body is opaque here.
//
//   offset size field       rule
//        0    4 checksum    CRC32C of bytes [4, 24) and the body, seeded with the database's checksum seed
//        4    4 csn_count   commits in the group; at least 1
//        8    8 first_csn   of the group; at least 1; the last one is at most kCsnMax
//       16    8 body_bytes  at most kRecordBytesMax
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/page.h"

namespace holdfast::format {

constexpr uint32_t kRecordHeaderBytes = 24;
constexpr uint64_t kRecordBytesMax = uint64_t{8} << 30;

struct RecordHeaderOnDisk {
  Le<uint32_t> checksum;
  Le<uint32_t> csn_count;
  Le<uint64_t> first_csn;
  Le<uint64_t> body_bytes;
};
static_assert(is_on_disk_struct<RecordHeaderOnDisk>);
static_assert(sizeof(RecordHeaderOnDisk) == kRecordHeaderBytes);
static_assert(offsetof(RecordHeaderOnDisk, csn_count) == 4);
static_assert(offsetof(RecordHeaderOnDisk, first_csn) == 8);
static_assert(offsetof(RecordHeaderOnDisk, body_bytes) == 16);

struct RecordHeader {
  uint32_t checksum = 0;  // encode_record_header computes it
  uint32_t csn_count = 0;
  Csn first_csn{};
  uint64_t body_bytes = 0;

  // Pre: decoded, or csn_count > 0.
  Csn last_csn() const { return Csn{to_int(first_csn) + csn_count - 1}; }
  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

// Pre: the fields keep the rules above, and body.size() == header.body_bytes.
RecordHeaderOnDisk encode_record_header(const RecordHeader& header, std::span<const std::byte> body,
                                        uint32_t checksum_seed);
// Total. Null if the rules hold (the checksum is for is_record_intact); else the field that breaks one.
const char* decode_record_header(std::span<const std::byte, kRecordHeaderBytes> bytes, RecordHeader& header);
// Whether header and body are what was written. Pre: body.size() == header.body_bytes.
bool is_record_intact(const RecordHeader& header, std::span<const std::byte> body, uint32_t checksum_seed);

}  // namespace holdfast::format
