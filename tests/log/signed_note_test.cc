// Keys, notes and checkpoints.
#include "log/signed_note.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <holdfast/memory_env.h>

#include "log/checkpoint_note.h"
#include "tests/log/samples.h"

namespace holdfast::log {
namespace {

using proof::open_note;
using proof::VerifierKey;
using samples::signer;

// The key, text and signature of the examples of Go's golang.org/x/mod/sumdb/note.
const std::string kPublished = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const std::string kPublishedPrivate = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const std::string kPublishedText =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const std::string kPublishedSignature =
    "\xE2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
// The key and note of c2sp.org/signed-note.
const std::string kSpecified = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const std::string kSpecifiedNote =
    "This is an example message.\n\n\xE2\x80\x94 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

VerifierKey key_of(std::string_view text) { return parse_verifier_text(text).value(); }
std::string signed_by(std::string_view text, std::vector<SignerKey> keys) { return sign_note(text, keys).value(); }
bool is_opened(std::string_view note, std::vector<VerifierKey> trusted) { return open_note(note, trusted).has_value(); }

TEST(SignedNote, published_notes_are_opened) {
  const std::string note = kPublishedText + "\n" + kPublishedSignature;
  const VerifierKey key = key_of(kPublished);
  EXPECT_EQ(open_note(note, std::span(&key, 1)).value(), kPublishedText);
  const VerifierKey specified = key_of(kSpecified);
  EXPECT_EQ(open_note(kSpecifiedNote, std::span(&specified, 1)).value(), "This is an example message.\n");
}

TEST(SignedNote, signs_as_published) {
  const Result<SignerKey> key = SignerKey::parse(kPublishedPrivate);
  ASSERT_TRUE(key);
  EXPECT_EQ(verifier_text(key->verifier()), kPublished);
  EXPECT_EQ(key->private_text(), kPublishedPrivate);
  EXPECT_EQ(signed_by(kPublishedText, {*key}), kPublishedText + "\n" + kPublishedSignature);
}

TEST(SignedNote, a_changed_or_cut_key_is_refused) {
  for (const std::string& text : {kPublished, kPublishedPrivate}) {
    const auto is_key = [&](const std::string& changed) {
      return text == kPublished ? parse_verifier_text(changed).has_value() : SignerKey::parse(changed).has_value();
    };
    ASSERT_TRUE(is_key(text));
    for (size_t at = 0; at < text.size(); ++at) {
      std::string changed = text;
      ++changed[at];
      EXPECT_FALSE(is_key(changed)) << changed;
      for (size_t bytes = 0; at + bytes <= text.size(); ++bytes) {
        if (bytes != text.size()) {
          ASSERT_FALSE(is_key(text.substr(at, bytes))) << text.substr(at, bytes);
        }
      }
    }
    EXPECT_FALSE(is_key(text + "\n"));
  }
}

TEST(SignedNote, a_new_key_signs_what_its_verifier_opens) {
  const std::unique_ptr<Env> env = new_memory_env();
  const Result<SignerKey> key = SignerKey::generate("example.com/log", env->random());
  ASSERT_TRUE(key);
  const SignerKey read = SignerKey::parse(key->private_text()).value();
  EXPECT_EQ(read.verifier(), key->verifier());
  EXPECT_TRUE(is_opened(signed_by("text\n", {*key}), {key_of(verifier_text(read.verifier()))}));
}

// The base64 of a key may have a '+' of its own.
RC_GTEST_PROP(SignedNote, keys_of_any_seed_read_back, ()) {
  std::array<std::byte, 32> seed;
  for (std::byte& byte : seed) {
    byte = std::byte{*rc::gen::arbitrary<uint8_t>()};
  }
  const SignerKey key = SignerKey::of_seed("name", seed).value();
  const Result<SignerKey> read = SignerKey::parse(key.private_text());
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->private_text() == key.private_text());
  const Result<VerifierKey> verifier = parse_verifier_text(verifier_text(key.verifier()));
  RC_ASSERT(verifier.has_value());
  RC_ASSERT(*verifier == key.verifier());
}

TEST(SignedNote, names_are_words) {
  for (const char* name : {"", " ", "a b", "a+b", "a\n", "a\t", "a\xC2\xA0", "a\xE2\x80\x83", "a\xE3\x80\x80", "\xFF",
                           "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\x7F\xC2\x85"}) {
    EXPECT_FALSE(SignerKey::of_seed(name, samples::seed_of(1))) << name;
  }
  for (const char* name : {"a", "example.com/log", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    EXPECT_TRUE(SignerKey::of_seed(name, samples::seed_of(1))) << name;
  }
}

TEST(SignedNote, signatures_of_others_are_passed_over) {
  const SignerKey ours = signer("ours", 1), other = signer("other", 2);
  const std::string both = signed_by("text\n", {other, ours});
  EXPECT_TRUE(is_opened(both, {ours.verifier()}));
  EXPECT_TRUE(is_opened(both, {other.verifier()}));
  EXPECT_TRUE(is_opened(both, {other.verifier(), ours.verifier()}));
  // Of an unknown kind, with a signature of another length.
  EXPECT_TRUE(is_opened(both + "\xE2\x80\x94 third AAAAAAA=\n", {ours.verifier()}));
}

TEST(SignedNote, one_signature_by_a_trusted_key_is_demanded) {
  const SignerKey ours = signer("ours", 1);
  EXPECT_FALSE(is_opened(signed_by("text\n", {signer("other", 2)}), {ours.verifier()}));
  EXPECT_FALSE(is_opened(signed_by("text\n", {signer("ours", 2)}), {ours.verifier()})) << "the same name";
  EXPECT_FALSE(is_opened(signed_by("text\n", {signer("other", 1)}), {ours.verifier()})) << "the same key";
  EXPECT_FALSE(is_opened(signed_by("text\n", {ours}), {}));
}

TEST(SignedNote, a_wrong_signature_under_a_trusted_name_spoils_the_note) {
  const SignerKey ours = signer("ours", 1), other = signer("other", 2);
  const std::string line = ours.signature_line("another text\n").value();
  const std::string note = signed_by("text\n", {ours, other}) + line;
  EXPECT_FALSE(is_opened(note, {ours.verifier()}));
  EXPECT_TRUE(is_opened(note, {other.verifier()}));
}

TEST(SignedNote, any_changed_byte_is_noticed) {
  const SignerKey key = signer();
  const std::string note = signed_by("example.com/orders/audit\n5\nsome text\n", {key});
  for (size_t at = 0; at < note.size(); ++at) {
    std::string changed = note;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(is_opened(changed, {key.verifier()})) << at;
    changed = note;
    changed.erase(at, 1);
    EXPECT_FALSE(is_opened(changed, {key.verifier()})) << at;
  }
}

TEST(SignedNote, the_text_ends_at_the_last_empty_line) {
  const SignerKey key = signer();
  const std::string text = "first\n\nsecond\n\n\nthird\n";
  const VerifierKey verifier = key.verifier();
  const std::string note = signed_by(text, {key});
  EXPECT_EQ(open_note(note, std::span(&verifier, 1)).value(), text);
}

TEST(SignedNote, what_is_no_note_is_refused) {
  const SignerKey key = signer();
  const std::string good = signed_by("text\n", {key});
  const std::string line = key.signature_line("text\n").value();
  std::string many = "text\n\n";
  for (size_t count = 0; count <= proof::kSignaturesMax; ++count) {
    many += line;
  }
  EXPECT_TRUE(is_opened(many.substr(0, many.size() - line.size()), {key.verifier()}));
  for (const std::string& note : std::vector<std::string>{
           std::string(), std::string("\n\n"), std::string("text\n"), std::string("text\n\n"), "\x01" + good,
           "\xFF" + good, "\t" + good, good + "a line\n", good + "\n", good.substr(0, good.size() - 1), many,
           "text\n\n\xE2\x80\x94 two words " + line.substr(line.rfind(' ') + 1), "text\n\n\xE2\x80\x94 name \n",
           "text\n\n\xE2\x80\x94 name\n", "text\n\n\xE2\x80\x94  AAAAAAA=\n",
           std::string(proof::kTextBytesMax, 'x') + good}) {
    EXPECT_FALSE(is_opened(note, {key.verifier()})) << note.substr(0, 200);
  }
}

TEST(SignedNote, only_texts_of_notes_are_signed) {
  const SignerKey key = signer();
  for (const char* text : {"", "no line feed", "a\tb\n", "\xFF\n"}) {
    EXPECT_FALSE(sign_note(text, std::span(&key, 1))) << text;
  }
  EXPECT_FALSE(sign_note("text\n", {}));
  EXPECT_TRUE(sign_note("\n", std::span(&key, 1)));
}

// --- checkpoints

TEST(Checkpoint, is_three_lines_and_reads_back) {
  const SignerKey key = signer();
  proof::Checkpoint checkpoint = {samples::kOrigin, 42, sha256({}), ""};
  EXPECT_EQ(encode_checkpoint(checkpoint).value(),
            "example.com/orders/audit\n42\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
  for (const char* extensions : {"", "one line\n", "one\ntwo\n"}) {
    checkpoint.extensions = extensions;
    checkpoint.size = ~checkpoint.size;
    const std::string note = sign_checkpoint(checkpoint, std::span(&key, 1)).value();
    const auto opened = open_checkpoint(note, key.verifier(), samples::kOrigin);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(*opened, checkpoint);
    EXPECT_FALSE(open_checkpoint(note, key.verifier(), "another"));
  }
}

TEST(Checkpoint, what_does_not_read_back_is_not_written) {
  EXPECT_FALSE(encode_checkpoint({"", 1, {}, ""}));
  EXPECT_FALSE(encode_checkpoint({"two\nlines", 1, {}, ""}));
  EXPECT_FALSE(encode_checkpoint({"origin", 1, {}, "no line feed"}));
  EXPECT_FALSE(encode_checkpoint({"origin", 1, {}, "\n"}));
}

TEST(Checkpoint, has_one_text) {
  const std::string root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  EXPECT_TRUE(proof::parse_checkpoint("o\n0\n" + root + "\n"));
  EXPECT_TRUE(proof::parse_checkpoint("o\n18446744073709551615\n" + root + "\n"));
  for (const std::string& text : std::vector<std::string>{
           "o\n00\n" + root + "\n", "o\n01\n" + root + "\n", "o\n+1\n" + root + "\n", "o\n-1\n" + root + "\n",
           "o\n 1\n" + root + "\n", "o\n\n" + root + "\n", "\n1\n" + root + "\n",
           "o\n18446744073709551616\n" + root + "\n", "o\n1\n" + root, "o\n1\n" + root + "\n\n",
           "o\n1\n" + root + "\nx\n\ny\n", "o\n1\n" + root + "\nx", std::string("o\n1\nAAAA\n"),
           "o\n1\n" + root.substr(0, 43) + "\n", std::string("o\n1\n"), std::string()}) {
    EXPECT_FALSE(proof::parse_checkpoint(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast::log
