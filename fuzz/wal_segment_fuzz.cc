// Segment headers: as they come, and with the checksum made right. An accepted one encodes to the same bytes again.
#include "base/check.h"
#include "base/crc32c.h"
#include "format/wal_segment.h"
#include "fuzz/input.h"

namespace {

void try_decode(std::span<const std::byte, holdfast::format::kSectorBytes> sector) {
  const auto header = holdfast::format::decode_segment_header(sector);
  if (header) {
    CHECK(std::ranges::equal(holdfast::format::encode_segment_header(*header), sector));
  } else {
    CHECK(!header.error().message().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  std::vector<std::byte> block = fuzz::block_of({data, bytes}, format::kSectorBytes);
  const std::span<std::byte, format::kSectorBytes> sector(block);
  try_decode(sector);
  const uint32_t checksum = crc32c(sector.subspan(16), crc32c(sector.first(12), crc32c(sector.subspan(16, 16))));
  store_le(sector.data() + offsetof(format::SegmentHeaderOnDisk, checksum), checksum);
  try_decode(sector);
  return 0;
}
