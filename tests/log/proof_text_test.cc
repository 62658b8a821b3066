// Proof files, and what their reader may conclude from them.
#include "log/proof_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "base/base64.h"
#include "tests/log/samples.h"

namespace holdfast::log {
namespace {

using proof::check_growth;
using proof::check_record;
using samples::kOrigin;
using samples::payload_of;
using samples::signer;
using samples::Stream;

constexpr std::nullopt_t kNoPayload = std::nullopt;

// --- the format

// Files that other programs check too (tests/examples/verify_proof_test.py). HOLDFAST_UPDATE_GOLDEN=1 writes them.
TEST(ProofText, has_the_text_that_it_always_had) {
  const Stream stream(23);
  const std::map<std::string, std::string> files = {
      {"record-7-of-23.tlog-proof", encode_proof(stream.inclusion(7, 23))},
      {"record-0-of-1.tlog-proof", encode_proof(stream.inclusion(0, 1))},
      {"growth-6-to-23.proof", encode_proof(stream.consistency(6, 23))},
      {"growth-8-to-23.proof", encode_proof(stream.consistency(8, 23))},
      {"growth-0-to-23.proof", encode_proof(stream.consistency(0, 23))},
      {"checkpoint-0.note", stream.checkpoint(0)},
      {"checkpoint-6.note", stream.checkpoint(6)},
      {"checkpoint-8.note", stream.checkpoint(8)},
      {"key.pub", verifier_text(signer().verifier()) + "\n"},
      {"payload-7", payload_of(7)},
  };
  for (const auto& [name, text] : files) {
    const std::string path = std::string(HOLDFAST_TESTS_DIR) + "/golden/proof/" + name;
    if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(path, std::ios::binary) << text;
    }
    std::ifstream file(path, std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text) << path;
  }
}

TEST(ProofText, reads_back_what_was_written) {
  const Stream stream(20);
  for (uint64_t size = 1; size <= 20; ++size) {
    for (uint64_t number = 0; number < size; ++number) {
      const std::string inclusion = encode_proof(stream.inclusion(number, size));
      ASSERT_EQ(encode_proof(decode_inclusion_proof(inclusion).value()), inclusion);
      const std::string consistency = encode_proof(stream.consistency(number, size));
      ASSERT_EQ(encode_proof(decode_consistency_proof(consistency).value()), consistency);
    }
  }
}

TEST(ProofText, a_proof_without_a_leaf_is_one_of_the_specification) {
  proof::InclusionProof proof = Stream(3).inclusion(1, 3);
  proof.extra.clear();
  const std::string text = encode_proof(proof);
  EXPECT_TRUE(text.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n"));
  EXPECT_TRUE(decode_inclusion_proof(text).value().extra.empty());
  EXPECT_FALSE(check_record(text, signer().verifier(), kOrigin, kNoPayload)) << "but shows nothing of a stream";
}

TEST(ProofText, has_one_text_for_each_proof) {
  const std::string hash = base64_encode(Hash{}) + "\n";
  const std::string title(proof::kInclusionTitle);
  ASSERT_TRUE(decode_inclusion_proof(title + "extra AAAA\nindex 5\n" + hash + hash + "\nnote"));
  ASSERT_TRUE(decode_inclusion_proof(title + "index 0\n\n"));
  std::string many;
  for (size_t count = 0; count <= proof::kPathHashesMax; ++count) {
    many += hash;
  }
  for (const std::string& text : std::vector<std::string>{"",
                                                          title,
                                                          title + "index 5",
                                                          title + "index 5\n",
                                                          title + "index 5\n" + hash,
                                                          title + "index 05\n\n",
                                                          title + "index -5\n\n",
                                                          title + "index  5\n\n",
                                                          title + "index 5 \n\n",
                                                          title + "index 5\r\n\n",
                                                          title + "Index 5\n\n",
                                                          title + "index 18446744073709551616\n\n",
                                                          title + "extra \nindex 5\n\n",
                                                          title + "extra AAA\nindex 5\n\n",
                                                          title + "extra AAAA\nextra AAAA\nindex 5\n\n",
                                                          title + "index 5\nextra AAAA\n\n",
                                                          title + "index 5\nAAAA\n\n",
                                                          title + "index 5\n " + hash + "\n",
                                                          title + "index 5\n" + many + "\n",
                                                          "\n" + title + "index 5\n\n",
                                                          "c2sp.org/tlog-proof@v2\nindex 5\n\n",
                                                          "c2sp.org/tlog-proof@v1 \nindex 5\n\n",
                                                          std::string(proof::kConsistencyTitle) + "index 5\n\n"}) {
    EXPECT_FALSE(decode_inclusion_proof(text)) << text;
  }
  const std::string growth(proof::kConsistencyTitle);
  ASSERT_TRUE(decode_consistency_proof(growth + "old 5\nnew 7\n" + hash + "\n"));
  for (const std::string& text : std::vector<std::string>{
           "", growth, growth + "old 5\n\n", growth + "new 7\nold 5\n\n", growth + "old 5\nnew 07\n\n",
           growth + "extra AAAA\nold 5\nnew 7\n\n", growth + "old 5\nnew 7\n" + hash, growth + "old 5\nnew 7\n\t\n",
           growth + "old 5\nnew 7\n" + many + "\n", title + "old 5\nnew 7\n\n"}) {
    EXPECT_FALSE(decode_consistency_proof(text)) << text;
  }
}

// --- what it proves

// An auditor takes the header and nothing else.
TEST(ProofHeader, includes_nothing_of_the_engine) {
  std::ifstream header(std::string(HOLDFAST_TESTS_DIR) + "/../engine/include/holdfast/proof.h");
  size_t includes = 0;
  for (std::string line; std::getline(header, line);) {
    if (line.starts_with("#include")) {
      ++includes;
      EXPECT_TRUE(line.starts_with("#include <openssl/") || line.find('/') == std::string::npos) << line;
      EXPECT_EQ(line.find('"'), std::string::npos) << line;
    }
  }
  EXPECT_GT(includes, 10U);
}

TEST(CheckRecord, accepts_every_record_of_a_stream) {
  const Stream stream(20);
  for (uint64_t size = 1; size <= 20; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      const std::string payload = payload_of(static_cast<int64_t>(index));
      const std::string text = encode_proof(stream.inclusion(index, size));
      const auto checked = check_record(text, signer().verifier(), kOrigin, as_bytes(payload));
      ASSERT_TRUE(checked) << checked.error().message;
      EXPECT_EQ(checked->checkpoint.size, size);
      EXPECT_EQ(checked->leaf.offset, index);
      EXPECT_EQ(checked->chain_hash, stream.tree().leaves()[index]);
      EXPECT_TRUE(check_record(text, signer().verifier(), kOrigin, kNoPayload));
    }
  }
}

TEST(CheckRecord, refuses_another_payload_key_or_log) {
  const Stream stream(20);
  const std::string text = encode_proof(stream.inclusion(7, 20));
  const auto key = signer().verifier();
  for (const std::string& payload :
       {std::string(), payload_of(8), payload_of(7) + " ", std::string("Event number 7")}) {
    EXPECT_FALSE(check_record(text, key, kOrigin, as_bytes(payload))) << payload;
  }
  EXPECT_FALSE(check_record(text, signer(kOrigin, 2).verifier(), kOrigin, kNoPayload));
  EXPECT_FALSE(check_record(text, signer("example.com/orders", 1).verifier(), kOrigin, kNoPayload));
  EXPECT_FALSE(check_record(text, key, "example.com/orders", kNoPayload));
}

TEST(CheckRecord, notices_any_changed_byte) {
  const std::string text = encode_proof(Stream(20).inclusion(7, 20));
  for (size_t at = 0; at < text.size(); ++at) {
    for (const int flip : {1, 4, 32}) {
      std::string changed = text;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      ASSERT_FALSE(check_record(changed, signer().verifier(), kOrigin, kNoPayload)) << at << "\n" << changed;
    }
    ASSERT_FALSE(check_record(text.substr(0, at), signer().verifier(), kOrigin, kNoPayload)) << at;
  }
}

TEST(CheckRecord, refuses_the_leaf_of_another_offset) {
  const Stream stream(20);
  proof::InclusionProof proof = stream.inclusion(7, 20);
  proof.extra = stream.inclusion(8, 20).extra;
  EXPECT_FALSE(check_record(encode_proof(proof), signer().verifier(), kOrigin, kNoPayload));
  // A tree that holds a leaf at a place that is not its offset's proves nothing of a stream.
  samples::Tree tree;
  tree.append(stream.tree().leaves()[7]);
  const SignerKey key = signer();
  proof.extra = stream.inclusion(7, 20).extra;
  proof.index = 0;
  proof.path.clear();
  proof.note = sign_checkpoint({kOrigin, 1, tree.range().root(), ""}, std::span(&key, 1)).value();
  EXPECT_FALSE(check_record(encode_proof(proof), key.verifier(), kOrigin, kNoPayload));
}

TEST(CheckGrowth, accepts_every_pair_of_sizes) {
  const Stream stream(20);
  for (uint64_t size = 0; size <= 20; ++size) {
    for (uint64_t old_size = 0; old_size <= size; ++old_size) {
      const auto checked = check_growth(encode_proof(stream.consistency(old_size, size)), stream.checkpoint(old_size),
                                        signer().verifier(), kOrigin);
      ASSERT_TRUE(checked) << old_size << " " << size << checked.error().message;
      EXPECT_EQ(checked->before.size, old_size);
      EXPECT_EQ(checked->after.size, size);
    }
  }
}

TEST(CheckGrowth, notices_any_changed_byte) {
  const Stream stream(20);
  const std::string text = encode_proof(stream.consistency(6, 20));
  const std::string old_note = stream.checkpoint(6);
  const auto is_growth = [](std::string_view proof, std::string_view note) {
    return check_growth(proof, note, signer().verifier(), kOrigin).has_value();
  };
  ASSERT_TRUE(is_growth(text, old_note));
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    ASSERT_FALSE(is_growth(changed, old_note)) << at << "\n" << changed;
    ASSERT_FALSE(is_growth(text.substr(0, at), old_note)) << at;
  }
  for (size_t at = 0; at < old_note.size(); ++at) {
    std::string changed = old_note;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    ASSERT_FALSE(is_growth(text, changed)) << at << "\n" << changed;
  }
}

TEST(CheckGrowth, refuses_a_stream_that_took_something_back) {
  const Stream stream(20);
  samples::Tree other;  // the same, but for record 3
  for (size_t index = 0; index < 20; ++index) {
    other.append(index == 3 ? Hash{} : stream.tree().leaves()[index]);
  }
  const SignerKey key = signer();
  const std::string after = sign_checkpoint({kOrigin, 20, other.range().root(), ""}, std::span(&key, 1)).value();
  for (uint64_t old_size = 4; old_size < 20; ++old_size) {
    const proof::ConsistencyProof proof = {old_size, 20, prove_consistency(old_size, 20, other.source()).value(),
                                           after};
    EXPECT_FALSE(check_growth(encode_proof(proof), stream.checkpoint(old_size), key.verifier(), kOrigin)) << old_size;
  }
  // What was appended before is unchanged.
  const proof::ConsistencyProof proof = {3, 20, prove_consistency(3, 20, other.source()).value(), after};
  EXPECT_TRUE(check_growth(encode_proof(proof), stream.checkpoint(3), key.verifier(), kOrigin));
}

TEST(CheckGrowth, refuses_the_checkpoint_of_another_size) {
  const Stream stream(20);
  const std::string text = encode_proof(stream.consistency(6, 20));
  EXPECT_FALSE(check_growth(text, stream.checkpoint(7), signer().verifier(), kOrigin));
  EXPECT_FALSE(check_growth(text, stream.checkpoint(20), signer().verifier(), kOrigin));
}

}  // namespace
}  // namespace holdfast::log
