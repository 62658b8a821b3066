// Bucket records of any length. An accepted one encodes to the same bytes again.
#include "base/bytes.h"
#include "base/check.h"
#include "format/bucket.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  format::BucketRecord record;
  if (format::decode(as_text(block), record)) {
    const format::BucketOnDisk again = format::encode(record);
    CHECK(std::ranges::equal(std::as_bytes(std::span(&again, 1)), block));
  }
  return 0;
}
