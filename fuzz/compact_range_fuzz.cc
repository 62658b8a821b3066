// Edges of trees of any bytes: what is accepted encodes to the same, has a root, and can be appended to.
#include "base/check.h"
#include "fuzz/input.h"
#include "log/compact_range.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  auto range = log::CompactRange::decode(block);
  if (!range) {
    CHECK(!range.error().message().empty());
    return 0;
  }
  CHECK(range->encode() == block);
  const Hash root = range->root();
  if (range->size() < log::kLeavesMax) {
    range->append(Hash{});
    CHECK(range->root() != root);
    CHECK(log::CompactRange::decode(range->encode()).value() == *range);
  }
  return 0;
}
