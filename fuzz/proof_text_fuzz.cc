// Proof files of any text: what is accepted encodes to the same text, and nothing is proved that no trusted key signed.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <holdfast/proof.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/input.h"
#include "log/proof_text.h"
#include "log/signed_note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  const std::string_view text = as_text(block);
  if (const auto proof = log::decode_inclusion_proof(text)) {
    CHECK(log::encode_proof(*proof) == text);
  }
  if (const auto proof = log::decode_consistency_proof(text)) {
    CHECK(log::encode_proof(*proof) == text);
  }
  if (const auto decoded = proof::base64_decode(text)) {
    CHECK(base64_encode(*decoded) == text);
  }
  // A key whose private half no input has.
  const auto key =
      log::SignerKey::of_seed("example.com/orders/audit", std::array<std::byte, 32>{std::byte{0xA5}}).value();
  CHECK(!proof::check_record(text, key.verifier(), "example.com/orders/audit", std::nullopt));
  CHECK(!proof::check_growth(text, text, key.verifier(), "example.com/orders/audit"));
  return 0;
}
