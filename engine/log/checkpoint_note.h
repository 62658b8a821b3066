// Checkpoints (c2sp.org/tlog-checkpoint): the size and root of a log, as a signed note.
//
//   example.com/orders/audit                        origin: which log
//   42                                              size: number of leaves
//   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    root, in base64
//
// By rule the origin is the name of the key that signs. open_checkpoint() is in <holdfast/proof.h>. Whoever keeps a
// checkpoint can later ask for a proof that the log has only grown since; a log must therefore never sign two that
// contradict each other.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <holdfast/proof.h>
#include <holdfast/result.h>

#include "log/signed_note.h"

namespace holdfast::log {

// The text of the note. Errors: invalid_argument (origin or extensions are not as proof::Checkpoint says).
Result<std::string> encode_checkpoint(const proof::Checkpoint& checkpoint);

// The signed note. Errors: those of encode_checkpoint and sign_note.
Result<std::string> sign_checkpoint(const proof::Checkpoint& checkpoint, std::span<const SignerKey> keys);

}  // namespace holdfast::log
