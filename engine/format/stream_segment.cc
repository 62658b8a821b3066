#include "format/stream_segment.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/crc32c.h"
#include "format/stream_record.h"

namespace holdfast::format {

namespace {

constexpr uint64_t kOffsetsMax = uint64_t{1} << 63;

uint32_t header_checksum(std::span<const std::byte> bytes, uint32_t checksum_seed) {
  const uint32_t seed = crc32c(bytes.first(offsetof(StreamSegmentHeaderOnDisk, checksum)), checksum_seed);
  return crc32c(bytes.subspan(offsetof(StreamSegmentHeaderOnDisk, database_id)), seed);
}

uint32_t footer_checksum(std::span<const std::byte> bytes, uint32_t checksum_seed) {
  const uint32_t seed = crc32c(bytes.first(offsetof(StreamFooterOnDisk, checksum)), checksum_seed);
  return crc32c(bytes.subspan(offsetof(StreamFooterOnDisk, index_count)), seed);
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

std::unexpected<Error> damaged(const char* what) {
  return fail(ErrorCode::kCorruption, std::string("stream segment: ") + what);
}

}  // namespace

std::array<std::byte, kStreamHeaderBytes> encode_stream_header(const StreamSegmentHeader& header) {
  CHECK(header.file > 0 && header.first_offset < kOffsetsMax);
  StreamSegmentHeaderOnDisk bytes{};
  bytes.magic = kStreamMagic;
  bytes.format_version = kFormatVersion;
  bytes.database_id = header.database_id;
  bytes.stream_id = header.stream_id;
  bytes.file = header.file;
  bytes.revision = header.revision;
  bytes.first_offset = header.first_offset;
  bytes.prev_hash = header.prev_hash;
  bytes.checksum =
      header_checksum(std::as_bytes(std::span(&bytes, 1)), stream_checksum_seed(header.database_id, header.stream_id));
  return std::bit_cast<std::array<std::byte, kStreamHeaderBytes>>(bytes);
}

Result<StreamSegmentHeader> decode_stream_header(std::span<const std::byte, kStreamHeaderBytes> from) {
  StreamSegmentHeaderOnDisk bytes;
  std::memcpy(&bytes, from.data(), sizeof bytes);
  if (bytes.magic != kStreamMagic) {
    return damaged("no magic");
  }
  if (bytes.checksum != header_checksum(from, stream_checksum_seed(bytes.database_id, bytes.stream_id))) {
    return damaged("checksum of the header");
  }
  if (bytes.format_version > kFormatVersion) {
    return fail(ErrorCode::kUnsupported, "written in format version " + std::to_string(bytes.format_version) +
                                             ", newer than " + std::to_string(kFormatVersion));
  }
  StreamSegmentHeader header;
  header.database_id = bytes.database_id;
  header.stream_id = bytes.stream_id;
  header.file = bytes.file;
  header.revision = bytes.revision;
  header.first_offset = bytes.first_offset;
  header.prev_hash = bytes.prev_hash;
  if (bytes.format_version != kFormatVersion || header.file == 0 || header.first_offset >= kOffsetsMax ||
      !is_zero(bytes.reserved)) {
    return damaged("a field of the header");
  }
  return header;
}

std::vector<std::byte> encode_stream_footer(const StreamFooter& footer, uint32_t checksum_seed) {
  CHECK(footer.first_offset < footer.next_offset &&
        footer.index.size() == index_entries(footer.first_offset, footer.next_offset));
  StreamFooterOnDisk fixed{};
  fixed.magic = kSealedMagic;
  fixed.index_count = static_cast<uint32_t>(footer.index.size());
  fixed.first_offset = footer.first_offset;
  fixed.next_offset = footer.next_offset;
  fixed.records_end = footer.records_end;
  fixed.chain_hash = footer.chain_hash;
  std::vector<std::byte> bytes(stream_footer_bytes(footer.first_offset, footer.next_offset));
  std::memcpy(bytes.data(), &fixed, sizeof fixed);
  for (size_t entry = 0; entry < footer.index.size(); ++entry) {
    store_le<uint64_t>(bytes.data() + sizeof fixed + 8 * entry, footer.index[entry]);
  }
  store_le<uint32_t>(bytes.data() + offsetof(StreamFooterOnDisk, checksum), footer_checksum(bytes, checksum_seed));
  return bytes;
}

Result<StreamFooter> decode_stream_footer(std::span<const std::byte> from, uint32_t checksum_seed) {
  if (from.size() < sizeof(StreamFooterOnDisk)) {
    return damaged("the file ends inside the footer");
  }
  StreamFooterOnDisk fixed;
  std::memcpy(&fixed, from.data(), sizeof fixed);
  if (fixed.magic != kSealedMagic) {
    return damaged("no magic in the footer");
  }
  StreamFooter footer;
  footer.first_offset = fixed.first_offset;
  footer.next_offset = fixed.next_offset;
  footer.records_end = fixed.records_end;
  footer.chain_hash = fixed.chain_hash;
  if (footer.first_offset >= footer.next_offset || footer.next_offset > kOffsetsMax ||
      fixed.index_count != index_entries(footer.first_offset, footer.next_offset)) {
    return damaged("a field of the footer");
  }
  const uint64_t size = sizeof fixed + 8 * uint64_t{fixed.index_count};
  if (from.size() < size) {
    return damaged("the file ends inside the footer's index");
  }
  if (fixed.checksum != footer_checksum(from.first(size), checksum_seed) || !is_zero(fixed.reserved)) {
    return damaged("checksum of the footer");
  }
  uint64_t before = 0;
  for (uint32_t entry = 0; entry < fixed.index_count; ++entry) {
    footer.index.push_back(load_le<uint64_t>(from.data() + sizeof fixed + 8 * size_t{entry}));
    if (footer.index.back() <= before || footer.index.back() >= footer.records_end) {
      return damaged("the footer's index");
    }
    before = footer.index.back();
  }
  return footer;
}

}  // namespace holdfast::format
