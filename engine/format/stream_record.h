// Record of a stream: one event, as it lies in a segment (format/stream_segment.h).
//
//   offset size field       rule
//        0    8 offset      position of the event in its stream, from 0; below 2^63
//        8   32 prev_hash   chain hash of the record before (format/event_leaf.h); zeros at offset 0
//       40    4 length      bits 0 to 23: n, the stored bytes; 24 to 27: codec; 28 to 31: kind, 0
//       44    n stored      what the codec made of the payload
//     44+n    4 checksum    CRC32C of bytes [0, 44+n), seeded with the stream's seed (stream_checksum_seed)
//
//   codec      stored
//   0 none     the payload
//   1 lz4      length of the payload (4 bytes), an LZ4 block
//   2 zstd     length of the payload (4 bytes), a Zstandard frame
//   3 redacted length of the payload (4 bytes), its SHA-256 (32 bytes): the payload was removed, the chain still
//   verifies
//
// The chain hash covers the payload through its own SHA-256, and neither codec nor stored bytes: a payload may be
// compressed again, or removed, and the chain stays as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <holdfast/stream.h>

#include "base/little_endian.h"
#include "base/sha256.h"
#include "format/meta.h"

namespace holdfast::format {

enum class StoredAs : uint8_t { kPlain = 0, kLz4 = 1, kZstd = 2, kRedacted = 3 };

constexpr uint8_t kEventKind = 0;
constexpr uint32_t kStoredBytesMax = (uint32_t{1} << 24) - 1;
static_assert(kEventBytesMax == kStoredBytesMax);

struct EventHeaderOnDisk {
  Le<uint64_t> offset;
  Hash prev_hash;
  Le<uint32_t> length;
};
static_assert(is_on_disk_struct<EventHeaderOnDisk>);
static_assert(sizeof(EventHeaderOnDisk) == 44);
static_assert(offsetof(EventHeaderOnDisk, prev_hash) == 8);
static_assert(offsetof(EventHeaderOnDisk, length) == 40);

constexpr uint32_t kEventHeaderBytes = sizeof(EventHeaderOnDisk);
constexpr uint32_t kEventChecksumBytes = 4;
constexpr uint32_t kEventOverheadBytes = kEventHeaderBytes + kEventChecksumBytes;
// In front of what lz4 and zstd made, and of a redacted payload's hash.
constexpr uint32_t kPayloadLengthBytes = 4;

constexpr uint32_t record_bytes(size_t stored_bytes) {
  return kEventOverheadBytes + static_cast<uint32_t>(stored_bytes);
}

struct Record {
  uint64_t offset = 0;
  Hash prev_hash{};
  StoredAs stored_as = StoredAs::kPlain;
  std::span<const std::byte> stored;  // the whole field

  uint32_t bytes() const { return record_bytes(stored.size()); }
};

// What seeds the checksum of every record and segment header of this stream.
uint32_t stream_checksum_seed(const DatabaseId& id, uint64_t stream_id);

// Pre: `out` has record.bytes() bytes; stored is at most kStoredBytesMax long.
void encode_record(const Record& record, uint32_t checksum_seed, std::span<std::byte> out);

enum class RecordProblem : uint8_t {
  kNone,
  kIncomplete,  // the bytes end before the record does
  kLength,      // the length word breaks its rules
  kChecksum,
};
// The bytes of the record that begins here, known from its first kEventHeaderBytes; 0 if the length word breaks its
// rules. Pre: so many are there.
uint32_t record_bytes_at(std::span<const std::byte> bytes);
// Total. Reads one record from the beginning of `bytes`; `record.stored` points into them. With kIncomplete and kLength
// nothing is read; with kChecksum what is there is read all the same.
RecordProblem decode_record(std::span<const std::byte> bytes, uint32_t checksum_seed, Record& record);

// Length of the payload, as the record says it. Total. False: the stored bytes cannot be what the codec writes.
bool payload_bytes(const Record& record, uint32_t& bytes);
// The hash in a redacted record. Pre: payload_bytes() holds, and the record is redacted.
Hash redacted_digest(const Record& record);

}  // namespace holdfast::format
