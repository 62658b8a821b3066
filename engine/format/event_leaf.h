// Event leaf: all that the hash chain and the Merkle tree of a stream know of a record.
//
// The chain hash of a record is SHA-256(00 || leaf), which is what RFC 6962 calls the hash of the leaf: the chain and
// the tree have their hashes in common, and the preimage is two blocks of SHA-256. As the leaf holds the chain hash of
// the record before, the hash of a record stands for everything before it; as it holds only the digest of the payload,
// the payload can be compressed anew, or taken away, without breaking the chain.
//
//   offset size field            rule
//        0   16 tag              "holdfast event 1"
//       16   16 database_id
//       32    8 stream_id
//       40    8 offset           of the record in its stream, from 0; never negative
//       48    1 kind
//       49    4 length           of the original payload, in bytes
//       53   32 previous         chain hash of the record before; zeros at offset 0
//       85   32 payload_digest   SHA-256 of the original payload
//
// Worked example: the first record of stream 1, kind 0, payload "hello", of the database with the id 00 01 02 ... 0f.
//
//   ( printf 'holdfast event 1'
//     echo 000102030405060708090a0b0c0d0e0f | xxd -r -p
//     echo 0100000000000000 0000000000000000 00 05000000 | xxd -r -p
//     head -c 32 /dev/zero
//     printf hello | sha256sum | cut -c 1-64 | xxd -r -p ) > leaf
//   ( printf '\000'; cat leaf ) | sha256sum
//
// prints 955224b299fe1f0a9979a4c01c5addeca03d8c5452da47d1eb00f452edb8c918.
// The second record, payload "world": 05000000 after offset 0100000000000000, and that hash in place of the zeros; it
// has 6d10db047cc3da2c6d04e8f7b727410772679454e455e55893d6477053392c90.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <holdfast/result.h>

#include "base/sha256.h"
#include "format/meta.h"

namespace holdfast::format {

constexpr uint32_t kEventLeafBytes = 117;
constexpr std::array<char, 16> kEventLeafTag = {'h', 'o', 'l', 'd', 'f', 'a', 's', 't',
                                                ' ', 'e', 'v', 'e', 'n', 't', ' ', '1'};

struct EventLeafOnDisk {
  std::array<char, 16> tag;
  DatabaseId database_id;
  Le<uint64_t> stream_id;
  Le<uint64_t> offset;
  std::byte kind;
  Le<uint32_t> length;
  Hash previous;
  Hash payload_digest;
};
static_assert(is_on_disk_struct<EventLeafOnDisk>);
static_assert(sizeof(EventLeafOnDisk) == kEventLeafBytes);
static_assert(offsetof(EventLeafOnDisk, database_id) == 16);
static_assert(offsetof(EventLeafOnDisk, stream_id) == 32);
static_assert(offsetof(EventLeafOnDisk, offset) == 40);
static_assert(offsetof(EventLeafOnDisk, kind) == 48);
static_assert(offsetof(EventLeafOnDisk, length) == 49);
static_assert(offsetof(EventLeafOnDisk, previous) == 53);
static_assert(offsetof(EventLeafOnDisk, payload_digest) == 85);

struct EventLeaf {
  DatabaseId database_id{};
  uint64_t stream_id = 0;
  int64_t offset = 0;
  uint8_t kind = 0;
  uint32_t length = 0;
  Hash previous{};
  Hash payload_digest{};
  friend bool operator==(const EventLeaf&, const EventLeaf&) = default;
};

// Whether the fields keep the rules above.
bool is_possible(const EventLeaf& leaf);
// Pre: is_possible().
std::array<std::byte, kEventLeafBytes> encode_event_leaf(const EventLeaf& leaf);
// Total: any number of bytes. Errors: corruption (says which rule failed).
Result<EventLeaf> decode_event_leaf(std::span<const std::byte> bytes);

// The chain hash of the record with this leaf, which is also the leaf's hash in the Merkle tree. Cost: one SHA-256 of
// two blocks.
Hash chain_hash(const EventLeaf& leaf);

}  // namespace holdfast::format
