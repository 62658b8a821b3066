// Frame of the write-ahead log: a piece of a lane's stream of records, as one flush appends it to a segment.
//
// A frame starts at a multiple of kFrameUnitBytes, the first one in the second unit of the segment, and is padded with
// zeros to the next multiple: a disk that garbles a whole unit when its power fails garbles only what was not durable.
// Its checksums are seeded by database, epoch, lane and sequence, so that zeros, frames of an earlier use of the slot
// and frames of other files are never valid. A header fits in one sector, so a valid one was written wholly, whatever
// became of the body.
//
// Everything of a flush is durable before the next flush of the lane begins. A valid header whose flush began behind a
// place that holds no valid frame therefore proves that a frame there was lost after it had been durable.
//
//   offset size field                rule
//        0    4 header_checksum      CRC32C of bytes [4, 64), seeded with the frame seed
//        4    4 body_checksum        CRC32C of the body, seeded with the frame seed
//        8    4 body_bytes           from 1 to kFrameBodyBytesMax
//       12    2 flags                bit 0: ends_inside, the last record goes on in the next frame; others 0
//       14    2 unit                 where the frame starts in its segment, in units; never 0
//       16    8 first_csn            lowest csn of the records of which the frame holds bytes; at least 1
//       24    8 last_csn             highest of them; at least first_csn
//       32    8 watermark            every csn up to it was durable before this was written; below first_csn
//       40    8 wall_ns              when it was written, for people; never used for order
//       48    8 frame_number         per lane and epoch, from 1, without gaps
//       56    2 flush_segments_back  the flush began so many segments before this one (0: in this one),
//       58    2 flush_sector         at this sector; at most `sector` in the same segment
//       60    4 continued_bytes      so many bytes at the start of the body belong to a record that began in an earlier
//                                    frame of the flush; at most body_bytes; 0 in the first frame of a flush
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/wal_segment.h"

namespace holdfast::format {

constexpr uint32_t kFrameHeaderBytes = 64;
constexpr uint32_t kFrameBodyBytesMax = 1024 * 1024;
constexpr uint16_t kEndsInsideBit = 1;

struct FrameHeaderOnDisk {
  Le<uint32_t> header_checksum;
  Le<uint32_t> body_checksum;
  Le<uint32_t> body_bytes;
  Le<uint16_t> flags;
  Le<uint16_t> unit;
  Le<uint64_t> first_csn;
  Le<uint64_t> last_csn;
  Le<uint64_t> watermark;
  Le<uint64_t> wall_ns;
  Le<uint64_t> frame_number;
  Le<uint16_t> flush_segments_back;
  Le<uint16_t> flush_unit;
  Le<uint32_t> continued_bytes;
};
static_assert(is_on_disk_struct<FrameHeaderOnDisk>);
static_assert(sizeof(FrameHeaderOnDisk) == kFrameHeaderBytes);
static_assert(offsetof(FrameHeaderOnDisk, body_checksum) == 4);
static_assert(offsetof(FrameHeaderOnDisk, body_bytes) == 8);
static_assert(offsetof(FrameHeaderOnDisk, flags) == 12);
static_assert(offsetof(FrameHeaderOnDisk, unit) == 14);
static_assert(offsetof(FrameHeaderOnDisk, first_csn) == 16);
static_assert(offsetof(FrameHeaderOnDisk, last_csn) == 24);
static_assert(offsetof(FrameHeaderOnDisk, watermark) == 32);
static_assert(offsetof(FrameHeaderOnDisk, wall_ns) == 40);
static_assert(offsetof(FrameHeaderOnDisk, frame_number) == 48);
static_assert(offsetof(FrameHeaderOnDisk, flush_segments_back) == 56);
static_assert(offsetof(FrameHeaderOnDisk, flush_unit) == 58);
static_assert(offsetof(FrameHeaderOnDisk, continued_bytes) == 60);
static_assert(kSegmentBytesMax / kFrameUnitBytes <= UINT16_MAX);

struct FrameHeader {
  uint32_t body_checksum = 0;  // seal_frame computes it
  uint32_t body_bytes = 0;
  bool ends_inside = false;
  uint16_t unit = 0;
  Csn first_csn{};
  Csn last_csn{};
  Csn watermark{};
  int64_t wall_ns = 0;
  uint64_t frame_number = 0;
  uint16_t flush_segments_back = 0;
  uint16_t flush_unit = 0;
  uint32_t continued_bytes = 0;
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// What seeds the checksums of every frame of this segment.
uint32_t frame_seed_of(const SegmentHeader& segment);

// Bytes that a frame takes in its segment: header, body and padding.
constexpr uint32_t frame_bytes(uint32_t body_bytes) {
  return (kFrameHeaderBytes + body_bytes + kFrameUnitBytes - 1) / kFrameUnitBytes * kFrameUnitBytes;
}

// Writes header and padding around the body, which lies at kFrameHeaderBytes already.
// Pre: the fields keep the rules above, and frame.size() == frame_bytes(header.body_bytes).
void seal_frame(std::span<std::byte> frame, const FrameHeader& header, uint32_t frame_seed);

// Total. Null if `bytes` is the header of a frame at `unit` of the segment; else what is wrong with it.
const char* decode_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes, uint32_t frame_seed, uint16_t unit,
                                FrameHeader& header);
// Null if `rest`, which starts behind the header and goes on at least to the end of the segment's readable bytes, holds
// body and padding; else what is wrong. Total for a header that decode_frame_header accepted.
const char* find_body_damage(std::span<const std::byte> rest, const FrameHeader& header, uint32_t frame_seed);

}  // namespace holdfast::format
