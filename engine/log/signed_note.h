// Signed notes (c2sp.org/signed-note) with Ed25519 keys, and the keys' text forms.
//
// A note is a text and signatures of it. Opening one, and verifier keys, are in <holdfast/proof.h>, which is how
// anybody checks a note; here is the other side. Key texts are those of Go's sumdb/note:
//
//   public   name+id+base64(01 || public key)
//   private  PRIVATE+KEY+name+id+base64(01 || seed)
//
// Ed25519 signatures need no entropy; the only random bytes are those of a new key, which come from the environment.
// Threads: all of it from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/proof.h>
#include <holdfast/result.h>

namespace holdfast::log {

// The reason for which proof.h refused something, as an Error.
Error to_error(ErrorCode code, const proof::Refusal& refusal);

// "name+id+base64" of a verifier key.
std::string verifier_text(const proof::VerifierKey& key);
// Errors: invalid_argument.
Result<proof::VerifierKey> parse_verifier_text(std::string_view text);

class SignerKey {
 public:
  // `name`: UTF-8, not empty, without spaces and '+'; best a URL without schema. Errors: invalid_argument.
  static Result<SignerKey> generate(std::string_view name, Random& random);
  static Result<SignerKey> of_seed(std::string_view name, std::span<const std::byte, 32> seed);
  // "PRIVATE+KEY+name+id+base64". Errors: invalid_argument, which does not repeat the text.
  static Result<SignerKey> parse(std::string_view text);

  // Keep it secret.
  std::string private_text() const;
  const proof::VerifierKey& verifier() const { return verifier_; }

  // A signature of `text`, as a line of a note. Errors: io (libcrypto has no memory).
  Result<std::string> signature_line(std::string_view text) const;

 private:
  SignerKey(proof::VerifierKey verifier, std::span<const std::byte, 32> seed);

  proof::VerifierKey verifier_;
  std::array<std::byte, 32> seed_;
};

// A note of `text` with one signature per key. Errors: invalid_argument (no key; the text does not end with a line
// feed, is not UTF-8, has control characters or is longer than a note may be).
Result<std::string> sign_note(std::string_view text, std::span<const SignerKey> keys);

}  // namespace holdfast::log
