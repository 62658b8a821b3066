// Leaves of any bytes: the engine and the public verifier accept the same ones, which encode to the same bytes.
#include <algorithm>

#include <holdfast/proof.h>

#include "base/check.h"
#include "format/event_leaf.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  const auto leaf = format::decode_event_leaf(block);
  const auto read = proof::parse_leaf(block);
  CHECK(leaf.has_value() == read.has_value());
  if (leaf) {
    const auto encoded = format::encode_event_leaf(*leaf);
    CHECK(std::ranges::equal(encoded, block));
    CHECK(proof::chain_hash(encoded) == format::chain_hash(*leaf));
    CHECK(read->length == leaf->length && read->payload_digest == leaf->payload_digest);
  } else {
    CHECK(!leaf.error().message().empty());
  }
  return 0;
}
