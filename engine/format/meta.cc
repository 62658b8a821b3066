#include "format/meta.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace holdfast::format {

namespace {

uint32_t checksum_of(std::span<const std::byte> copy) {
  const uint32_t seed = crc32c(copy.first(offsetof(MetaOnDisk, checksum)));
  return crc32c(copy.subspan(offsetof(MetaOnDisk, database_id)), seed);
}

bool is_in_file(const PageRef& ref, const Meta& meta) { return to_int(ref.page) < meta.page_count; }

const char* find_bad_field(const LogStart& log) {
  const bool has_lanes = log.lane_count > 0;
  if (log.lane_count > kLanesMax) {
    return "lane_count";
  }
  if (has_lanes && to_int(log.epoch) == 0) {
    return "wal_epoch";
  }
  if (has_lanes ? !is_segment_size(log.segment_bytes) : log.segment_bytes != 0) {
    return "segment_bytes";
  }
  for (uint16_t lane = 0; lane < kLanesMax; ++lane) {
    if ((log.first_sequence[lane] != 0) != (lane < log.lane_count)) {
      return "first_sequence";
    }
  }
  return nullptr;
}

// The rules for the values, the same for those who write and those who read. Null, or the field that breaks one.
const char* find_bad_field(const Meta& meta) {
  if (!is_page_size(meta.page_bytes)) {
    return "page_bytes";
  }
  if (to_int(meta.epoch) == 0) {
    return "epoch";
  }
  if (to_int(meta.csn) > kCsnMax) {
    return "csn";
  }
  if (meta.page_count < kMetaPages) {
    return "page_count";
  }
  if (meta.free_count > meta.page_count - kMetaPages) {
    return "free_count";
  }
  if (!is_in_file(meta.catalog, meta)) {
    return "catalog";
  }
  if (!is_in_file(meta.free_map, meta) || meta.free_map.is_null() != (meta.free_count == 0) ||
      meta.free_map.has_overflow) {
    return "free_map";
  }
  if (!is_in_file(meta.streams, meta)) {
    return "streams";
  }
  if (meta.next_bucket_id == 0) {
    return "next_bucket_id";
  }
  if (meta.free_map_level > kLevelMax || (meta.free_map.is_null() && meta.free_map_level != 0)) {
    return "free_map_level";
  }
  return meta.slot < kMetaPages ? find_bad_field(meta.log) : "slot";
}

std::unexpected<Error> damaged(const char* what) {
  return fail(ErrorCode::kCorruption, std::string("meta copy: ") + what);
}

}  // namespace

uint32_t checksum_seed_of(const DatabaseId& id) { return crc32c(id); }

std::array<std::byte, kMetaCopyBytes> encode_meta(const Meta& meta) {
  CHECK(find_bad_field(meta) == nullptr);
  MetaOnDisk bytes{};
  bytes.magic = kMagic;
  bytes.format_version = kFormatVersion;
  bytes.database_id = meta.database_id;
  bytes.page_bytes = meta.page_bytes;
  bytes.epoch = to_int(meta.epoch);
  bytes.csn = to_int(meta.csn);
  bytes.wall_ns = static_cast<uint64_t>(meta.wall_ns);
  bytes.page_count = meta.page_count;
  bytes.free_count = meta.free_count;
  bytes.catalog = encode(meta.catalog);
  bytes.free_map = encode(meta.free_map);
  bytes.streams = encode(meta.streams);
  bytes.next_bucket_id = meta.next_bucket_id;
  bytes.free_map_level = meta.free_map_level;
  bytes.slot = meta.slot;
  bytes.lane_count = meta.log.lane_count;
  bytes.wal_epoch = to_int(meta.log.epoch);
  bytes.segment_bytes = meta.log.segment_bytes;
  bytes.closed = meta.log.closed ? 1 : 0;
  std::ranges::copy(meta.log.first_sequence, bytes.first_sequence.begin());
  bytes.checksum = checksum_of(std::as_bytes(std::span(&bytes, 1)));
  return std::bit_cast<std::array<std::byte, kMetaCopyBytes>>(bytes);
}

Result<Meta> decode_meta(std::span<const std::byte, kMetaCopyBytes> copy) {
  MetaOnDisk bytes;
  std::ranges::copy(copy, reinterpret_cast<std::byte*>(&bytes));
  if (bytes.magic != kMagic) {
    return damaged("no magic");
  }
  if (bytes.checksum != checksum_of(copy) && !PLANTED(kMetaChecksum)) {
    return damaged("checksum");
  }
  if (bytes.format_version > kFormatVersion) {
    return fail(ErrorCode::kUnsupported, "written in format version " + std::to_string(bytes.format_version) +
                                             ", newer than " + std::to_string(kFormatVersion));
  }
  if (bytes.format_version != kFormatVersion) {
    return damaged("format_version");
  }
  Meta meta;
  meta.database_id = bytes.database_id;
  meta.page_bytes = bytes.page_bytes;
  meta.epoch = static_cast<Epoch>(uint32_t{bytes.epoch});
  meta.csn = static_cast<Csn>(uint64_t{bytes.csn});
  meta.wall_ns = static_cast<int64_t>(static_cast<uint64_t>(bytes.wall_ns));
  meta.page_count = bytes.page_count;
  meta.free_count = bytes.free_count;
  meta.next_bucket_id = bytes.next_bucket_id;
  meta.free_map_level = bytes.free_map_level;
  meta.slot = bytes.slot;
  meta.log.lane_count = bytes.lane_count;
  meta.log.epoch = static_cast<Epoch>(uint32_t{bytes.wal_epoch});
  meta.log.segment_bytes = bytes.segment_bytes;
  meta.log.closed = bytes.closed == 1;
  std::ranges::copy(bytes.first_sequence, meta.log.first_sequence.begin());
  if (bytes.closed > 1) {
    return damaged("closed");
  }
  if (!decode(bytes.catalog, meta.catalog)) {
    return damaged("catalog");
  }
  if (!decode(bytes.free_map, meta.free_map)) {
    return damaged("free_map");
  }
  if (!decode(bytes.streams, meta.streams)) {
    return damaged("streams");
  }
  if (const char* field = find_bad_field(meta)) {
    return damaged(field);
  }
  const auto is_set = [](std::byte byte) { return byte != std::byte{0}; };
  if (std::ranges::any_of(bytes.reserved, is_set) || std::ranges::any_of(bytes.more_reserved, is_set)) {
    return damaged("reserved bytes");
  }
  return meta;
}

}  // namespace holdfast::format
