// Small files that commands are given whole: keys, notes, payloads.
#pragma once

#include <cstdint>
#include <string>

#include <holdfast/proof.h>
#include <holdfast/result.h>

#include "log/signed_note.h"

namespace holdfast::cli {

// The whole file; - is standard input. Errors: not_found, io; invalid_argument if it has more than `bytes_max`.
Result<std::string> read_file(const std::string& path, uint64_t bytes_max);
// The public key in a file that `keygen` wrote. Errors: as above; invalid_argument, with the file's name.
Result<proof::VerifierKey> read_public_key(const std::string& path);
// The private one. Errors: the same; they do not repeat what is in the file.
Result<log::SignerKey> read_private_key(const std::string& path);

}  // namespace holdfast::cli
