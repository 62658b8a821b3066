#include "format/stream_record.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace holdfast::format {

namespace {

constexpr uint32_t kCodecShift = 24;
constexpr uint32_t kKindShift = 28;
constexpr uint32_t kNibble = 0xF;
constexpr uint32_t kStoredRedactedBytes = kPayloadLengthBytes + sizeof(Hash);

// Whether kind and codec are such as are written.
bool is_length_word(uint32_t word) {
  return word >> kKindShift == kEventKind &&
         (word >> kCodecShift & kNibble) <= static_cast<uint32_t>(StoredAs::kRedacted);
}

}  // namespace

uint32_t stream_checksum_seed(const DatabaseId& id, uint64_t stream_id) {
  std::array<std::byte, 8> bytes{};
  store_le<uint64_t>(bytes.data(), stream_id);
  return crc32c(bytes, checksum_seed_of(id));
}

void encode_record(const Record& record, uint32_t checksum_seed, std::span<std::byte> out) {
  CHECK(record.stored.size() <= kStoredBytesMax && out.size() == record.bytes());
  EventHeaderOnDisk header{};
  header.offset = record.offset;
  header.prev_hash = record.prev_hash;
  header.length = static_cast<uint32_t>(record.stored.size()) | static_cast<uint32_t>(record.stored_as) << kCodecShift |
                  uint32_t{kEventKind} << kKindShift;
  std::memcpy(out.data(), &header, sizeof header);
  if (!record.stored.empty()) {
    std::memcpy(out.data() + kEventHeaderBytes, record.stored.data(), record.stored.size());
  }
  const size_t covered = out.size() - kEventChecksumBytes;
  store_le<uint32_t>(out.data() + covered, crc32c(out.first(covered), checksum_seed));
}

uint32_t record_bytes_at(std::span<const std::byte> bytes) {
  const auto word = load_le<uint32_t>(bytes.data() + offsetof(EventHeaderOnDisk, length));
  return is_length_word(word) ? record_bytes(word & kStoredBytesMax) : 0;
}

RecordProblem decode_record(std::span<const std::byte> bytes, uint32_t checksum_seed, Record& record) {
  if (bytes.size() < kEventOverheadBytes) {
    return RecordProblem::kIncomplete;
  }
  const uint32_t size = record_bytes_at(bytes);
  if (size == 0) {
    return RecordProblem::kLength;
  }
  if (bytes.size() < size) {
    return RecordProblem::kIncomplete;
  }
  EventHeaderOnDisk header;
  std::memcpy(&header, bytes.data(), sizeof header);
  record.offset = header.offset;
  record.prev_hash = header.prev_hash;
  record.stored_as = static_cast<StoredAs>(header.length >> kCodecShift & kNibble);
  record.stored = bytes.subspan(kEventHeaderBytes, size - kEventOverheadBytes);
  const size_t covered = size - kEventChecksumBytes;
  return crc32c(bytes.first(covered), checksum_seed) == load_le<uint32_t>(bytes.data() + covered) ||
                 PLANTED(kEventChecksum)
             ? RecordProblem::kNone
             : RecordProblem::kChecksum;
}

bool payload_bytes(const Record& record, uint32_t& bytes) {
  if (record.stored_as == StoredAs::kPlain) {
    bytes = static_cast<uint32_t>(record.stored.size());
    return true;
  }
  if (record.stored.size() < kPayloadLengthBytes) {
    return false;
  }
  bytes = load_le<uint32_t>(record.stored.data());
  if (record.stored_as == StoredAs::kRedacted) {
    return bytes <= kEventBytesMax && record.stored.size() == kStoredRedactedBytes;
  }
  // Kept only where it was smaller.
  return bytes <= kEventBytesMax && record.stored.size() < bytes;
}

Hash redacted_digest(const Record& record) {
  Hash digest;
  std::ranges::copy(record.stored.subspan(kPayloadLengthBytes, sizeof(Hash)), digest.begin());
  return digest;
}

}  // namespace holdfast::format
