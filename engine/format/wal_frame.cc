#include "format/wal_frame.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace holdfast::format {

namespace {

// Null, or the field that breaks its rule.
const char* find_bad_field(const FrameHeader& header) {
  if (header.body_bytes == 0 || header.body_bytes > kFrameBodyBytesMax) {
    return "body_bytes";
  }
  if (header.unit == 0) {
    return "unit";
  }
  if (to_int(header.first_csn) == 0 || header.first_csn > header.last_csn) {
    return "first_csn";
  }
  if (to_int(header.last_csn) > kCsnMax) {
    return "last_csn";
  }
  if (header.watermark >= header.first_csn) {
    return "watermark";
  }
  if (header.frame_number == 0) {
    return "frame_number";
  }
  if (header.flush_segments_back >= kSlotsMax) {
    return "flush_segments_back";
  }
  if (header.flush_unit == 0 || (header.flush_segments_back == 0 && header.flush_unit > header.unit)) {
    return "flush_unit";
  }
  const bool begins_flush = header.flush_segments_back == 0 && header.flush_unit == header.unit;
  if (header.continued_bytes > header.body_bytes || (begins_flush && header.continued_bytes > 0)) {
    return "continued_bytes";
  }
  return nullptr;
}

uint32_t header_checksum_of(std::span<const std::byte, kFrameHeaderBytes> header, uint32_t frame_seed) {
  return crc32c(header.subspan(offsetof(FrameHeaderOnDisk, body_checksum)), frame_seed);
}

}  // namespace

uint32_t frame_seed_of(const SegmentHeader& segment) {
  std::array<std::byte, 14> rest;
  store_le(rest.data(), PLANTED(kFrameSeed) ? 0 : to_int(segment.epoch));
  store_le(rest.data() + 4, segment.lane);
  store_le(rest.data() + 6, segment.sequence);
  return crc32c(rest, checksum_seed_of(segment.database_id));
}

void seal_frame(std::span<std::byte> frame, const FrameHeader& header, uint32_t frame_seed) {
  CHECK(find_bad_field(header) == nullptr);
  CHECK(frame.size() == frame_bytes(header.body_bytes));
  const auto body = frame.subspan(kFrameHeaderBytes, header.body_bytes);
  std::ranges::fill(frame.subspan(kFrameHeaderBytes + header.body_bytes), std::byte{0});
  FrameHeaderOnDisk fields{};
  fields.body_checksum = crc32c(body, frame_seed);
  fields.body_bytes = header.body_bytes;
  fields.flags = header.ends_inside ? kEndsInsideBit : uint16_t{0};
  fields.unit = header.unit;
  fields.first_csn = to_int(header.first_csn);
  fields.last_csn = to_int(header.last_csn);
  fields.watermark = to_int(header.watermark);
  fields.wall_ns = static_cast<uint64_t>(header.wall_ns);
  fields.frame_number = header.frame_number;
  fields.flush_segments_back = header.flush_segments_back;
  fields.flush_unit = header.flush_unit;
  fields.continued_bytes = header.continued_bytes;
  std::memcpy(frame.data(), &fields, sizeof fields);
  fields.header_checksum = header_checksum_of(frame.first<kFrameHeaderBytes>(), frame_seed);
  std::memcpy(frame.data(), &fields, sizeof fields);
}

const char* decode_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes, uint32_t frame_seed, uint16_t unit,
                                FrameHeader& header) {
  FrameHeaderOnDisk fields;
  std::memcpy(&fields, bytes.data(), sizeof fields);
  if (fields.header_checksum != header_checksum_of(bytes, frame_seed) && !PLANTED(kFrameHeaderChecksum)) {
    return "header checksum";
  }
  if (fields.flags > kEndsInsideBit) {
    return "flags";
  }
  header.body_checksum = fields.body_checksum;
  header.body_bytes = fields.body_bytes;
  header.ends_inside = fields.flags == kEndsInsideBit;
  header.unit = fields.unit;
  header.first_csn = static_cast<Csn>(uint64_t{fields.first_csn});
  header.last_csn = static_cast<Csn>(uint64_t{fields.last_csn});
  header.watermark = static_cast<Csn>(uint64_t{fields.watermark});
  header.wall_ns = static_cast<int64_t>(static_cast<uint64_t>(fields.wall_ns));
  header.frame_number = fields.frame_number;
  header.flush_segments_back = fields.flush_segments_back;
  header.flush_unit = fields.flush_unit;
  header.continued_bytes = fields.continued_bytes;
  if (const char* field = find_bad_field(header)) {
    return field;
  }
  return header.unit == unit ? nullptr : "unit";
}

const char* find_body_damage(std::span<const std::byte> rest, const FrameHeader& header, uint32_t frame_seed) {
  const uint32_t bytes = frame_bytes(header.body_bytes) - kFrameHeaderBytes;
  if (bytes > rest.size()) {
    return "body_bytes";
  }
  if (crc32c(rest.first(header.body_bytes), frame_seed) != header.body_checksum && !PLANTED(kFrameBodyChecksum)) {
    return "body checksum";
  }
  const auto padding = rest.first(bytes).subspan(header.body_bytes);
  const bool is_zero = std::ranges::all_of(padding, [](std::byte byte) { return byte == std::byte{0}; });
  return is_zero ? nullptr : "padding";
}

}  // namespace holdfast::format
