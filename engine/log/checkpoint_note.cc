#include "log/checkpoint_note.h"

#include "base/base64.h"

namespace holdfast::log {

Result<std::string> encode_checkpoint(const proof::Checkpoint& checkpoint) {
  std::string text = checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
                     base64_encode(checkpoint.root) + "\n" + checkpoint.extensions;
  // An origin with a line feed, or an extension without one, reads back as something else.
  const auto parsed = proof::parse_checkpoint(text);
  if (!parsed || *parsed != checkpoint) {
    return fail(ErrorCode::kInvalidArgument,
                "a checkpoint's origin is one line, and each extension is one line with its line feed");
  }
  return text;
}

Result<std::string> sign_checkpoint(const proof::Checkpoint& checkpoint, std::span<const SignerKey> keys) {
  HOLDFAST_TRY_ASSIGN(const std::string text, encode_checkpoint(checkpoint));
  return sign_note(text, keys);
}

}  // namespace holdfast::log
