#include "format/wal_segment.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/check.h"
#include "base/crc32c.h"

namespace holdfast::format {

namespace {

uint32_t checksum_of(std::span<const std::byte> sector, const DatabaseId& id) {
  const uint32_t seed = crc32c(sector.first(offsetof(SegmentHeaderOnDisk, checksum)), checksum_seed_of(id));
  return crc32c(sector.subspan(offsetof(SegmentHeaderOnDisk, database_id)), seed);
}

// Null, or the field that breaks its rule.
const char* find_bad_field(const SegmentHeader& header) {
  if (to_int(header.epoch) == 0) {
    return "epoch";
  }
  if (header.lane >= kLanesMax) {
    return "lane";
  }
  if (header.slot >= kSlotsMax) {
    return "slot";
  }
  if (header.sequence == 0) {
    return "sequence";
  }
  return is_segment_size(header.segment_bytes) ? nullptr : "segment_bytes";
}

std::unexpected<Error> damaged(const char* what) {
  return fail(ErrorCode::kCorruption, std::string("segment header: ") + what);
}

}  // namespace

std::array<std::byte, kSectorBytes> encode_segment_header(const SegmentHeader& header) {
  CHECK(find_bad_field(header) == nullptr);
  SegmentHeaderOnDisk bytes{};
  bytes.magic = kSegmentMagic;
  bytes.format_version = kFormatVersion;
  bytes.database_id = header.database_id;
  bytes.epoch = to_int(header.epoch);
  bytes.lane = header.lane;
  bytes.slot = header.slot;
  bytes.sequence = header.sequence;
  bytes.segment_bytes = header.segment_bytes;
  bytes.checksum = checksum_of(std::as_bytes(std::span(&bytes, 1)), header.database_id);
  return std::bit_cast<std::array<std::byte, kSectorBytes>>(bytes);
}

Result<SegmentHeader> decode_segment_header(std::span<const std::byte, kSectorBytes> sector) {
  SegmentHeaderOnDisk bytes;
  std::ranges::copy(sector, reinterpret_cast<std::byte*>(&bytes));
  if (bytes.magic != kSegmentMagic) {
    return damaged("no magic");
  }
  if (bytes.checksum != checksum_of(sector, bytes.database_id)) {
    return damaged("checksum");
  }
  if (bytes.format_version > kFormatVersion) {
    return fail(ErrorCode::kUnsupported, "written in format version " + std::to_string(bytes.format_version) +
                                             ", newer than " + std::to_string(kFormatVersion));
  }
  if (bytes.format_version != kFormatVersion) {
    return damaged("format_version");
  }
  SegmentHeader header;
  header.database_id = bytes.database_id;
  header.epoch = static_cast<Epoch>(uint32_t{bytes.epoch});
  header.lane = bytes.lane;
  header.slot = bytes.slot;
  header.sequence = bytes.sequence;
  header.segment_bytes = bytes.segment_bytes;
  if (const char* field = find_bad_field(header)) {
    return damaged(field);
  }
  if (std::ranges::any_of(bytes.reserved, [](std::byte byte) { return byte != std::byte{0}; })) {
    return damaged("reserved bytes");
  }
  return header;
}

}  // namespace holdfast::format
