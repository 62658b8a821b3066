#include "log/signed_note.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/base64.h"

namespace holdfast::log {

namespace {

constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";
constexpr std::string_view kSignaturePrefix = "\xE2\x80\x94 ";  // an em dash
constexpr std::byte kEd25519{1};
constexpr size_t kKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;

using KeyHandle = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

KeyHandle private_key(std::span<const std::byte, kKeyBytes> seed) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(seed.data());
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes, seed.size()), &EVP_PKEY_free};
}

std::array<std::byte, 4> big_endian(uint32_t value) {
  return {static_cast<std::byte>(value >> 24), static_cast<std::byte>(value >> 16 & 0xFF),
          static_cast<std::byte>(value >> 8 & 0xFF), static_cast<std::byte>(value & 0xFF)};
}

// "name+id+base64" with the id of the verifier, and 01 before the bytes.
std::string key_text(const proof::VerifierKey& verifier, std::span<const std::byte, kKeyBytes> bytes) {
  std::string text = verifier.name + "+";
  for (int shift = 28; shift >= 0; shift -= 4) {
    text += "0123456789abcdef"[verifier.id >> shift & 15];
  }
  std::vector<std::byte> typed = {kEd25519};
  typed.insert(typed.end(), bytes.begin(), bytes.end());
  return text + "+" + base64_encode(typed);
}

}  // namespace

Error to_error(ErrorCode code, const proof::Refusal& refusal) { return Error(code, refusal.message); }

std::string verifier_text(const proof::VerifierKey& key) { return key_text(key, key.public_key); }

Result<proof::VerifierKey> parse_verifier_text(std::string_view text) {
  auto key = proof::parse_verifier_key(text);
  if (!key) {
    return fail(to_error(ErrorCode::kInvalidArgument, key.error()));
  }
  return *std::move(key);
}

SignerKey::SignerKey(proof::VerifierKey verifier, std::span<const std::byte, kKeyBytes> seed)
    : verifier_(std::move(verifier)) {
  std::ranges::copy(seed, seed_.begin());
}

Result<SignerKey> SignerKey::generate(std::string_view name, Random& random) {
  std::array<std::byte, kKeyBytes> seed;
  random.fill(seed);
  return of_seed(name, seed);
}

Result<SignerKey> SignerKey::of_seed(std::string_view name, std::span<const std::byte, kKeyBytes> seed) {
  if (!proof::is_key_name(name)) {
    return fail(ErrorCode::kInvalidArgument,
                "a key's name is UTF-8 without spaces, control characters and '+', and not empty");
  }
  const KeyHandle key = private_key(seed);
  std::array<std::byte, kKeyBytes> public_key;
  size_t bytes = public_key.size();
  if (!key ||
      EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(public_key.data()), &bytes) != 1) {
    return fail(ErrorCode::kIo, "libcrypto cannot make an Ed25519 key");
  }
  return SignerKey(proof::verifier_key(name, public_key), seed);
}

Result<SignerKey> SignerKey::parse(std::string_view text) {
  const auto malformed = fail(ErrorCode::kInvalidArgument, "this is no private key PRIVATE+KEY+name+id+base64");
  if (!proof::take_prefix(text, kPrivatePrefix)) {
    return malformed;
  }
  const std::string_view name = text.substr(0, text.find('+'));
  const size_t id_end = text.find('+', name.size() + 1);  // the base64 behind it may have another '+'
  const auto bytes = proof::base64_decode(id_end == std::string_view::npos ? "" : text.substr(id_end + 1));
  if (!bytes || bytes->size() != 1 + kKeyBytes || bytes->front() != kEd25519) {
    return malformed;
  }
  Result<SignerKey> key = of_seed(name, std::span(*bytes).last<kKeyBytes>());
  if (key && key->private_text().substr(kPrivatePrefix.size()) != text) {
    return malformed;  // the id is not that of the key
  }
  return key;
}

std::string SignerKey::private_text() const { return std::string(kPrivatePrefix) + key_text(verifier_, seed_); }

Result<std::string> SignerKey::signature_line(std::string_view text) const {
  const KeyHandle key = private_key(seed_);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<std::byte, kSignatureBytes> signature;
  size_t bytes = signature.size();
  if (!key || !context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &bytes,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    return fail(ErrorCode::kIo, "libcrypto cannot sign");
  }
  const std::array<std::byte, 4> id = big_endian(verifier_.id);
  std::vector<std::byte> all(id.begin(), id.end());
  all.insert(all.end(), signature.begin(), signature.end());
  return std::string(kSignaturePrefix) + verifier_.name + " " + base64_encode(all) + "\n";
}

Result<std::string> sign_note(std::string_view text, std::span<const SignerKey> keys) {
  std::string note = std::string(text) + "\n";
  std::vector<proof::VerifierKey> verifiers;
  for (const SignerKey& key : keys) {
    HOLDFAST_TRY_ASSIGN(const std::string line, key.signature_line(text));
    note += line;
    verifiers.push_back(key.verifier());
  }
  // A text that is no note's shows when the note is opened.
  const auto opened = proof::open_note(note, verifiers);
  if (!opened) {
    return fail(to_error(ErrorCode::kInvalidArgument, opened.error()));
  }
  if (*opened != text) {
    return fail(ErrorCode::kInvalidArgument, "the text of a note ends with a line feed");
  }
  return note;
}

}  // namespace holdfast::log
