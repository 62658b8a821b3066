#include "base/base64.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <holdfast/proof.h>

#include "base/bytes.h"

namespace holdfast {
namespace {

using proof::base64_decode;

TEST(Base64, agrees_with_the_vectors_of_rfc_4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(as_bytes(bytes)), text);
    const auto decoded = base64_decode(text);
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(as_text(*decoded), bytes);
  }
}

TEST(Base64, refuses_everything_that_the_encoder_never_writes) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zm8", "Zh==", "Zm9=", "====", "=g==", "Z===", "Zg==Zg==", "Zm9v\n",
                           "Zm 9v", "Zm9-", "Zm_v", "Zm9vYg==\n", "Zg=A", "Zm9v===="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

RC_GTEST_PROP(Base64, gives_back_any_bytes, (const std::string& bytes)) {
  const auto decoded = base64_decode(base64_encode(as_bytes(bytes)));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(as_text(*decoded) == bytes);
}

// Every text of four characters out of a few that matter: each content has one text.
TEST(Base64, accepts_one_text_for_each_content) {
  constexpr std::string_view kSome = "AQgwZ/+=";
  std::string text(4, 'A');
  size_t accepted = 0;
  for (size_t number = 0; number < kSome.size() * kSome.size() * kSome.size() * kSome.size(); ++number) {
    size_t rest = number;
    for (char& digit : text) {
      digit = kSome[rest % kSome.size()];
      rest /= kSome.size();
    }
    if (const auto bytes = base64_decode(text)) {
      ++accepted;
      ASSERT_EQ(base64_encode(*bytes), text);
    }
  }
  EXPECT_GT(accepted, 7U * 7 * 7 * 7);
}

}  // namespace
}  // namespace holdfast
