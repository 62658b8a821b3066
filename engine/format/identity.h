// The identity file: says that a directory is a Holdfast database, and which.
//
// Written last when a database is created. A directory that has it but no tree file has lost its tree file: that is an
// error, never an empty database. A tree file whose database id differs came from elsewhere.
//
//   offset size field
//        0    8 magic           "HOLDFAST"
//        8    4 format_version
//       12    4 checksum        CRC32C of all other bytes
//       16   16 database_id
//       32    4 page_bytes
//       36  476 reserved        0; anything else is refused
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <holdfast/result.h>

#include "format/meta.h"

namespace holdfast::format {

constexpr uint32_t kIdentityBytes = 512;

struct IdentityOnDisk {
  std::array<char, 8> magic;
  Le<uint32_t> format_version;
  Le<uint32_t> checksum;
  DatabaseId database_id;
  Le<uint32_t> page_bytes;
  std::array<std::byte, 476> reserved;
};
static_assert(is_on_disk_struct<IdentityOnDisk>);
static_assert(sizeof(IdentityOnDisk) == kIdentityBytes);
static_assert(offsetof(IdentityOnDisk, format_version) == 8);
static_assert(offsetof(IdentityOnDisk, checksum) == 12);
static_assert(offsetof(IdentityOnDisk, database_id) == 16);
static_assert(offsetof(IdentityOnDisk, page_bytes) == 32);
static_assert(offsetof(IdentityOnDisk, reserved) == 36);

struct Identity {
  DatabaseId database_id{};
  uint32_t page_bytes = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

std::array<std::byte, kIdentityBytes> encode_identity(const Identity& identity);
// Total: any number of bytes. Errors: corruption, unsupported.
Result<Identity> decode_identity(std::span<const std::byte> bytes);

}  // namespace holdfast::format
