#include "cli/key_file.h"

#include <utility>

#include <fmt/format.h>

#include "cli/input.h"

namespace holdfast::cli {
namespace {

constexpr uint64_t kKeyFileBytesMax = 4096;

// What `parse` makes of the one line in the file.
template <class T>
Result<T> read_key(const std::string& path, Result<T> (*parse)(std::string_view)) {
  HOLDFAST_TRY_ASSIGN(std::string text, read_file(path, kKeyFileBytesMax));
  if (text.ends_with('\n')) text.pop_back();
  Result<T> key = parse(text);
  if (!key) return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\": {}", path, key.error().message()));
  return key;
}

}  // namespace

Result<std::string> read_file(const std::string& path, uint64_t bytes_max) {
  HOLDFAST_TRY_ASSIGN(Input input, Input::open(path));
  return input.read_all(bytes_max);
}

Result<proof::VerifierKey> read_public_key(const std::string& path) { return read_key(path, log::parse_verifier_text); }

Result<log::SignerKey> read_private_key(const std::string& path) { return read_key(path, log::SignerKey::parse); }

}  // namespace holdfast::cli
