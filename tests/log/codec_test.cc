// Codecs: what is stored is never larger than the payload, and comes back bounded.
#include "log/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "base/bytes.h"

namespace holdfast::log {
namespace {

RC_GTEST_PROP(Codec, gives_back_what_was_stored_and_stores_no_more_than_that, ()) {
  const auto codec = *rc::gen::element(Codec::kNone, Codec::kLz4, Codec::kZstd);
  std::string payload = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  if (*rc::gen::arbitrary<bool>()) {
    payload.append(static_cast<size_t>(*rc::gen::inRange(0, 5000)), 'x');
  }
  CodecBuffer buffer;
  const PreparedEvent event = prepare(as_bytes(payload), codec, buffer);
  RC_ASSERT(event.stored.size() <= payload.size());
  RC_ASSERT(event.length == payload.size());
  RC_ASSERT(event.digest == sha256(as_bytes(payload)));
  CodecBuffer out;
  const format::Record record{.offset = 0, .prev_hash = {}, .stored_as = event.stored_as, .stored = event.stored};
  uint32_t bytes = 0;
  RC_ASSERT(format::payload_bytes(record, bytes));
  RC_ASSERT(bytes == payload.size());
  const auto back = payload_of(record, out);
  RC_ASSERT(back.has_value());
  RC_ASSERT(as_text(*back) == payload);
}

TEST(Codec, a_payload_that_claims_more_than_it_holds_is_corruption_and_allocates_no_more_than_the_limit) {
  const std::string payload(100'000, 'x');
  for (const Codec codec : {Codec::kLz4, Codec::kZstd}) {
    CodecBuffer buffer;
    const PreparedEvent event = prepare(as_bytes(payload), codec, buffer);
    ASSERT_NE(event.stored_as, format::StoredAs::kPlain);
    for (const uint32_t claim : {99'999U, 100'001U, 1U, 0U, kEventBytesMax, kEventBytesMax + 1, UINT32_MAX}) {
      std::vector<std::byte> bomb(event.stored.begin(), event.stored.end());
      store_le<uint32_t>(bomb.data(), claim);
      CodecBuffer out;
      const auto read = payload_of({.offset = 0, .prev_hash = {}, .stored_as = event.stored_as, .stored = bomb}, out);
      ASSERT_FALSE(read.has_value()) << claim;
      EXPECT_EQ(read.error().code(), ErrorCode::kCorruption);
      EXPECT_LE(out.bytes().capacity(), kEventBytesMax);
    }
    for (size_t cut = 0; cut < event.stored.size(); ++cut) {
      CodecBuffer out;
      EXPECT_FALSE(
          payload_of({.offset = 0, .prev_hash = {}, .stored_as = event.stored_as, .stored = event.stored.first(cut)},
                     out)
              .has_value());
    }
  }
}

}  // namespace
}  // namespace holdfast::log
