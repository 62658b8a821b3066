// Event leaves: the bytes that chain and tree hash.
#include "format/event_leaf.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include <holdfast/proof.h>

#include "base/bytes.h"
#include "tests/format/golden.h"
#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

EventLeaf first_leaf() {
  EventLeaf leaf;
  for (size_t index = 0; index < leaf.database_id.size(); ++index) {
    leaf.database_id[index] = static_cast<std::byte>(index);
  }
  leaf.stream_id = 1;
  leaf.length = 5;
  leaf.payload_digest = sha256(as_bytes("hello"));
  return leaf;
}
EventLeaf second_leaf() {
  EventLeaf leaf = first_leaf();
  leaf.offset = 1;
  leaf.previous = chain_hash(first_leaf());
  leaf.payload_digest = sha256(as_bytes("world"));
  return leaf;
}

std::string hex_of(const Hash& hash) {
  std::string text;
  for (const std::byte byte : hash) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

// The worked example of the header, whose figures printf, xxd and sha256sum gave.
TEST(EventLeaf, has_the_chain_hashes_of_the_worked_example) {
  EXPECT_EQ(hex_of(chain_hash(first_leaf())), "955224b299fe1f0a9979a4c01c5addeca03d8c5452da47d1eb00f452edb8c918");
  EXPECT_EQ(hex_of(chain_hash(second_leaf())), "6d10db047cc3da2c6d04e8f7b727410772679454e455e55893d6477053392c90");
}

TEST(EventLeaf, has_the_bytes_that_it_always_had) {
  const auto bytes = encode_event_leaf(second_leaf());
  GoldenDump(bytes)
      .field("tag", 16)
      .field("database_id", 16)
      .field("stream_id", 8)
      .field("offset", 8)
      .field("kind", 1)
      .field("length", 4)
      .field("previous", 32)
      .field("payload_digest", 32)
      .compare_with("event_leaf.golden");
}

Hash any_hash() { return sha256(as_bytes(*rc::gen::arbitrary<std::string>())); }

EventLeaf any_leaf() {
  EventLeaf leaf;
  std::ranges::copy_n(any_hash().begin(), 16, leaf.database_id.begin());
  leaf.stream_id = *rc::gen::arbitrary<uint64_t>();
  leaf.offset = *rc::gen::inRange<int64_t>(0, std::numeric_limits<int64_t>::max());
  leaf.kind = *rc::gen::arbitrary<uint8_t>();
  leaf.length = *rc::gen::arbitrary<uint32_t>();
  leaf.previous = leaf.offset == 0 ? Hash{} : any_hash();
  leaf.payload_digest = any_hash();
  return leaf;
}

RC_GTEST_PROP(EventLeaf, reads_back_any_leaf, ()) {
  const EventLeaf leaf = any_leaf();
  const auto bytes = encode_event_leaf(leaf);
  const Result<EventLeaf> read = decode_event_leaf(bytes);
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == leaf);
}

RC_GTEST_PROP(EventLeaf, the_public_verifier_reads_and_hashes_it_alike, ()) {
  const EventLeaf leaf = any_leaf();
  const auto bytes = encode_event_leaf(leaf);
  const auto read = proof::parse_leaf(bytes);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->database_id == leaf.database_id);
  RC_ASSERT(read->stream_id == leaf.stream_id);
  RC_ASSERT(read->offset == static_cast<uint64_t>(leaf.offset));
  RC_ASSERT(read->kind == leaf.kind);
  RC_ASSERT(read->length == leaf.length);
  RC_ASSERT(read->previous == leaf.previous);
  RC_ASSERT(read->payload_digest == leaf.payload_digest);
  RC_ASSERT(proof::chain_hash(bytes) == chain_hash(leaf));
}

TEST(EventLeaf, every_bit_changes_the_chain_hash) {
  const auto bytes = encode_event_leaf(second_leaf());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto changed = bytes;
    changed[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    EXPECT_NE(proof::chain_hash(changed), chain_hash(second_leaf())) << bit;
  }
}

TEST(EventLeaf, decode_refuses_what_is_no_leaf) {
  const auto good = encode_event_leaf(second_leaf());
  const auto is_leaf = [](std::span<const std::byte> bytes) {
    EXPECT_EQ(proof::parse_leaf(bytes).has_value(), decode_event_leaf(bytes).has_value());
    return decode_event_leaf(bytes).has_value();
  };
  ASSERT_TRUE(is_leaf(good));
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_FALSE(is_leaf(std::span(good).first(bytes))) << bytes;
  }
  EXPECT_FALSE(is_leaf(std::vector<std::byte>(good.size() + 1)));
  for (size_t at = 0; at < kEventLeafTag.size(); ++at) {
    auto changed = good;
    changed[at] ^= std::byte{1};
    EXPECT_FALSE(is_leaf(changed)) << at;
  }
  auto negative = good;
  store_le(negative.data() + 40, ~uint64_t{0});
  EXPECT_FALSE(is_leaf(negative));
  auto linked_first = good;
  store_le(linked_first.data() + 40, uint64_t{0});
  EXPECT_FALSE(is_leaf(linked_first)) << "the first record has none before it";
}

}  // namespace
}  // namespace holdfast::format
