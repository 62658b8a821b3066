#include "format/identity.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace holdfast::format {

namespace {

uint32_t checksum_of(std::span<const std::byte> bytes) {
  const uint32_t seed = crc32c(bytes.first(offsetof(IdentityOnDisk, checksum)));
  return crc32c(bytes.subspan(offsetof(IdentityOnDisk, database_id)), seed);
}

std::unexpected<Error> damaged(const char* what) {
  return fail(ErrorCode::kCorruption, std::string("identity: ") + what);
}

}  // namespace

std::array<std::byte, kIdentityBytes> encode_identity(const Identity& identity) {
  CHECK(is_page_size(identity.page_bytes));
  IdentityOnDisk bytes{};
  bytes.magic = kMagic;
  bytes.format_version = kFormatVersion;
  bytes.database_id = identity.database_id;
  bytes.page_bytes = identity.page_bytes;
  bytes.checksum = checksum_of(std::as_bytes(std::span(&bytes, 1)));
  return std::bit_cast<std::array<std::byte, kIdentityBytes>>(bytes);
}

Result<Identity> decode_identity(std::span<const std::byte> bytes) {
  if (bytes.size() != kIdentityBytes) {
    return damaged("length");
  }
  IdentityOnDisk fields;
  std::ranges::copy(bytes, reinterpret_cast<std::byte*>(&fields));
  if (fields.magic != kMagic) {
    return damaged("no magic");
  }
  if (fields.checksum != checksum_of(bytes) && !PLANTED(kIdentityChecksum)) {
    return damaged("checksum");
  }
  if (fields.format_version > kFormatVersion) {
    return fail(ErrorCode::kUnsupported, "written in format version " + std::to_string(fields.format_version) +
                                             ", newer than " + std::to_string(kFormatVersion));
  }
  if (fields.format_version != kFormatVersion) {
    return damaged("format_version");
  }
  if (!is_page_size(fields.page_bytes)) {
    return damaged("page_bytes");
  }
  if (std::ranges::any_of(fields.reserved, [](std::byte byte) { return byte != std::byte{0}; })) {
    return damaged("reserved bytes");
  }
  return Identity{fields.database_id, fields.page_bytes};
}

}  // namespace holdfast::format
