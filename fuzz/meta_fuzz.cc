// Meta copies: as they come, and with the checksum made right. An accepted copy encodes to the same bytes again.
#include "base/check.h"
#include "base/crc32c.h"
#include "format/meta.h"
#include "fuzz/input.h"

namespace {

void try_decode(std::span<const std::byte, holdfast::format::kMetaCopyBytes> copy) {
  const auto meta = holdfast::format::decode_meta(copy);
  if (meta) {
    CHECK(std::ranges::equal(holdfast::format::encode_meta(*meta), copy));
  } else {
    CHECK(!meta.error().message().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  std::vector<std::byte> block = fuzz::block_of({data, bytes}, format::kMetaCopyBytes);
  const std::span<std::byte, format::kMetaCopyBytes> copy(block);
  try_decode(copy);
  const uint32_t checksum = crc32c(copy.subspan(16), crc32c(copy.first(12)));
  store_le(copy.data() + offsetof(format::MetaOnDisk, checksum), checksum);
  try_decode(copy);
  return 0;
}
