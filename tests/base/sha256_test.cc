#include "base/sha256.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "base/bytes.h"

namespace holdfast {
namespace {

std::string hex_of(const Hash& hash) {
  std::string text;
  for (const std::byte byte : hash) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

TEST(Sha256, agrees_with_the_examples_of_fips_180) {
  EXPECT_EQ(hex_of(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(sha256(as_bytes(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, of_pieces_is_that_of_the_whole_for_every_cut) {
  const std::string text = std::string(100, 'x') + std::string(100, 'y');
  const std::string_view view(text);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    ASSERT_EQ(sha256({as_bytes(view.substr(0, cut)), as_bytes(view.substr(cut))}), sha256(as_bytes(text))) << cut;
  }
}

RC_GTEST_PROP(Sha256, of_any_pieces_is_that_of_the_whole, (std::vector<std::string> pieces)) {
  Sha256 digest;
  std::string whole;
  for (const std::string& piece : pieces) {
    digest.update(as_bytes(piece));
    whole += piece;
  }
  RC_ASSERT(digest.finish() == sha256(as_bytes(whole)));
}

TEST(Sha256, starts_anew_after_finish) {
  Sha256 digest;
  digest.update(as_bytes("something else")).finish();
  EXPECT_EQ(digest.update(as_bytes("abc")).finish(), sha256(as_bytes("abc")));
  EXPECT_EQ(digest.finish(), sha256({}));
}

TEST(Sha256, a_copy_goes_on_by_itself) {
  Sha256 first;
  first.update(as_bytes("a"));
  Sha256 second = first;
  EXPECT_EQ(first.update(as_bytes("b")).finish(), sha256(as_bytes("ab")));
  EXPECT_EQ(second.update(as_bytes("c")).finish(), sha256(as_bytes("ac")));
}

}  // namespace
}  // namespace holdfast
