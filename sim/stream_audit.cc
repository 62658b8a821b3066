#include "sim/stream_audit.h"

#include <bit>
#include <string>

#include <openssl/sha.h>

namespace holdfast::sim::audit {

namespace {

void put(std::string& text, uint64_t number, int bytes) {
  for (int byte = 0; byte < bytes; ++byte) {
    text += static_cast<char>(number >> static_cast<unsigned>(8 * byte) & 0xffU);
  }
}

template <size_t kSize>
void put(std::string& text, const std::array<std::byte, kSize>& bytes) {
  for (const std::byte byte : bytes) {
    text += static_cast<char>(byte);
  }
}

}  // namespace

Hash sha256(std::string_view bytes) {
  Hash hash;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

Hash chain_hash(const Leaf& leaf) {
  std::string text(1, '\0');
  text += "holdfast event 1";
  put(text, leaf.database_id);
  put(text, leaf.stream_id, 8);
  put(text, leaf.offset, 8);
  put(text, 0, 1);  // kind
  put(text, leaf.payload_bytes, 4);
  put(text, leaf.previous);
  put(text, leaf.payload_digest);
  return sha256(text);
}

// At most 64 deep.
Hash tree_root(std::span<const Hash> leaves) {
  if (leaves.empty()) {
    return sha256({});
  }
  if (leaves.size() == 1) {
    return leaves.front();
  }
  const size_t left = std::bit_floor(leaves.size() - 1);
  std::string text(1, '\1');
  put(text, tree_root(leaves.first(left)));
  put(text, tree_root(leaves.subspan(left)));
  return sha256(text);
}

}  // namespace holdfast::sim::audit
