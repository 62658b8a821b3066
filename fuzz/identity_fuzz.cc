// Identity files of any length: as they come, and with the checksum made right.
#include "base/check.h"
#include "base/crc32c.h"
#include "format/identity.h"
#include "fuzz/input.h"

namespace {

void try_decode(std::span<const std::byte> bytes) {
  const auto identity = holdfast::format::decode_identity(bytes);
  if (identity) {
    CHECK(std::ranges::equal(holdfast::format::encode_identity(*identity), bytes));
  } else {
    CHECK(!identity.error().message().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  try_decode(block);
  block.resize(format::kIdentityBytes);
  const std::span<std::byte> all(block);
  const uint32_t checksum = crc32c(all.subspan(16), crc32c(all.first(12)));
  store_le(block.data() + offsetof(format::IdentityOnDisk, checksum), checksum);
  try_decode(block);
  return 0;
}
