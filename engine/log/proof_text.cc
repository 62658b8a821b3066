#include "log/proof_text.h"

#include <span>
#include <utility>

#include "base/base64.h"
#include "base/check.h"
#include "log/signed_note.h"

namespace holdfast::log {

namespace {

void append_path_and_note(std::string& text, std::span<const proof::Hash> path, std::string_view note) {
  CHECK(path.size() <= proof::kPathHashesMax);
  for (const proof::Hash& hash : path) {
    text += base64_encode(hash) + "\n";
  }
  text += "\n";
  text += note;
}

template <class Proof>
Result<Proof> as_result(proof::Checked<Proof> parsed) {
  if (!parsed) {
    return fail(to_error(ErrorCode::kCorruption, parsed.error()));
  }
  return *std::move(parsed);
}

}  // namespace

std::string encode_proof(const proof::InclusionProof& proof) {
  std::string text(proof::kInclusionTitle);
  if (!proof.extra.empty()) {
    text += "extra " + base64_encode(proof.extra) + "\n";
  }
  text += "index " + std::to_string(proof.index) + "\n";
  append_path_and_note(text, proof.path, proof.note);
  return text;
}

std::string encode_proof(const proof::ConsistencyProof& proof) {
  std::string text(proof::kConsistencyTitle);
  text += "old " + std::to_string(proof.old_size) + "\n";
  text += "new " + std::to_string(proof.new_size) + "\n";
  append_path_and_note(text, proof.path, proof.note);
  return text;
}

Result<proof::InclusionProof> decode_inclusion_proof(std::string_view text) {
  return as_result(proof::parse_inclusion_proof(text));
}

Result<proof::ConsistencyProof> decode_consistency_proof(std::string_view text) {
  return as_result(proof::parse_consistency_proof(text));
}

}  // namespace holdfast::log
