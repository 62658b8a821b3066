#include "format/wal_record.h"

#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"

namespace holdfast::format {

namespace {

const char* find_bad_field(const RecordHeader& header) {
  if (header.csn_count == 0) {
    return "csn_count";
  }
  if (to_int(header.first_csn) == 0 || to_int(header.first_csn) > kCsnMax ||
      header.csn_count - 1 > kCsnMax - to_int(header.first_csn)) {
    return "first_csn";
  }
  return header.body_bytes <= kRecordBytesMax ? nullptr : "body_bytes";
}

RecordHeaderOnDisk without_checksum(const RecordHeader& header) {
  RecordHeaderOnDisk fields{};
  fields.csn_count = header.csn_count;
  fields.first_csn = to_int(header.first_csn);
  fields.body_bytes = header.body_bytes;
  return fields;
}

uint32_t checksum_of(const RecordHeaderOnDisk& fields, std::span<const std::byte> body, uint32_t checksum_seed) {
  const auto bytes = std::as_bytes(std::span(&fields, 1));
  return crc32c(body, crc32c(bytes.subspan(offsetof(RecordHeaderOnDisk, csn_count)), checksum_seed));
}

}  // namespace

RecordHeaderOnDisk encode_record_header(const RecordHeader& header, std::span<const std::byte> body,
                                        uint32_t checksum_seed) {
  CHECK(find_bad_field(header) == nullptr);
  CHECK(body.size() == header.body_bytes);
  RecordHeaderOnDisk fields = without_checksum(header);
  fields.checksum = checksum_of(fields, body, checksum_seed);
  return fields;
}

const char* decode_record_header(std::span<const std::byte, kRecordHeaderBytes> bytes, RecordHeader& header) {
  RecordHeaderOnDisk fields;
  std::memcpy(&fields, bytes.data(), sizeof fields);
  header.checksum = fields.checksum;
  header.csn_count = fields.csn_count;
  header.first_csn = static_cast<Csn>(uint64_t{fields.first_csn});
  header.body_bytes = fields.body_bytes;
  return find_bad_field(header);
}

bool is_record_intact(const RecordHeader& header, std::span<const std::byte> body, uint32_t checksum_seed) {
  CHECK(body.size() == header.body_bytes);
  return checksum_of(without_checksum(header), body, checksum_seed) == header.checksum;
}

}  // namespace holdfast::format
