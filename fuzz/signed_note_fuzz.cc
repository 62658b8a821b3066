// Notes of any text: as they come, and with a signature by a trusted key; and the texts of keys.
#include <array>
#include <span>
#include <string>
#include <vector>

#include <holdfast/proof.h>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/input.h"
#include "log/checkpoint_note.h"
#include "log/signed_note.h"

namespace {

using namespace holdfast;

void try_note(std::string_view note, const log::SignerKey& key) {
  const auto text = proof::open_note(note, std::span(&key.verifier(), 1));
  if (!text) {
    CHECK(!text.error().message.empty());
    return;
  }
  CHECK(note.starts_with(*text) && text->ends_with('\n'));
  if (const auto checkpoint = proof::parse_checkpoint(*text)) {
    CHECK(log::encode_checkpoint(*checkpoint).value() == *text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  const std::string text(as_text(block));
  const log::SignerKey key = log::SignerKey::of_seed("example.com/log", std::array<std::byte, 32>{}).value();
  try_note(text, key);
  // The input as the text of a note, and as what stands between the text and our signature.
  const std::string line = key.signature_line(text).value();
  try_note(text + "\n" + line, key);
  try_note("text\n\n" + text + key.signature_line("text\n").value(), key);
  if (const auto note = log::sign_note(text, std::span(&key, 1))) {
    CHECK(proof::open_note(*note, std::span(&key.verifier(), 1)).value() == text);
  }
  if (const auto checkpoint = proof::parse_checkpoint(text)) {
    CHECK(log::encode_checkpoint(*checkpoint).value() == text);
  }
  if (const auto verifier = log::parse_verifier_text(text)) {
    CHECK(log::verifier_text(*verifier) == text);
  }
  if (const auto signer = log::SignerKey::parse(text)) {
    CHECK(signer->private_text() == text);
  }
  return 0;
}
