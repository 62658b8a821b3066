#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace holdfast {

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t seed) {
  // ISA-L works on the bare register: the standard's inversions before and after are ours.
  auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  uint32_t crc = ~seed;
  constexpr size_t kPieceBytes = size_t{1} << 30;  // its length is an int
  while (!bytes.empty()) {
    const size_t piece = bytes.size() < kPieceBytes ? bytes.size() : kPieceBytes;
    crc = crc32_iscsi(data, static_cast<int>(piece), crc);
    data += piece;
    bytes = bytes.subspan(piece);
  }
  return ~crc;
}

}  // namespace holdfast
