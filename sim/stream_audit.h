// Stream audit: the hashes of streams, computed with code of the simulator's own: SHA-256 straight from libcrypto, the
// event leaf written again from the comment in engine/format/event_leaf.h, and the Merkle tree hash of RFC 6962 as its
// section 2.1 defines it. It shares nothing with the engine but the formats.
//
// Threads: any; pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace holdfast::sim::audit {

using Hash = std::array<std::byte, 32>;
using DatabaseId = std::array<std::byte, 16>;

Hash sha256(std::string_view bytes);

struct Leaf {
  DatabaseId database_id{};
  uint64_t stream_id = 0;
  uint64_t offset = 0;
  uint32_t payload_bytes = 0;
  Hash previous{};
  Hash payload_digest{};
};
Hash chain_hash(const Leaf& leaf);

// Root of the tree with these leaf hashes. Cost: one hash for each of them.
Hash tree_root(std::span<const Hash> leaves);

}  // namespace holdfast::sim::audit
