// keygen, verify-proof: keys that sign a log's checkpoints, and what somebody can check who has only the public key.
//
// Neither opens a database: verify-proof is for people who have none.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sys/stat.h>

#include <fmt/format.h>

#include <holdfast/proof.h>

#include "base/bytes.h"
#include "cli/command.h"
#include "cli/key_file.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "log/signed_note.h"

namespace holdfast::cli {
namespace {

constexpr uint64_t kPayloadBytesMax = UINT32_MAX;

// --- keygen

struct KeygenArgs {
  std::string name;
  std::string out;
};

// Makes the file, with `text` in it, and with no permission that is in `mask`; it is on disk when this returns.
Result<void> write_new_file(Directory& directory, const std::string& name, std::string_view text, mode_t mask) {
  const mode_t before = umask(mask);
  Result<std::unique_ptr<File>> file = directory.open_file(name, OpenMode::kCreateNew);
  umask(before);
  if (!file) return fail(std::move(file).error());
  Result<void> written = (*file)->write_at(0, as_bytes(text));
  if (written) written = (*file)->sync();
  if (written) written = directory.sync();
  if (!written) static_cast<void>(directory.remove(name));  // half a key is worse than none; the error is told
  return written;
}

Result<ExitCode> run_keygen(const KeygenArgs& args) {
  const std::filesystem::path path(args.out);
  const std::string name = path.filename().string();
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  HOLDFAST_TRY_ASSIGN(const log::SignerKey key, log::SignerKey::generate(args.name, posix_env().random()));
  HOLDFAST_TRY_ASSIGN(const auto directory, posix_env().open_directory(folder, DirectoryMode::kMustExist));
  const std::string public_text = log::verifier_text(key.verifier()) + "\n";
  const mode_t usual = umask(0);
  umask(usual);
  // The public key first: if it is there already, its private half must not change.
  HOLDFAST_TRY(write_new_file(*directory, name + ".pub", public_text, usual));
  if (Result<void> written = write_new_file(*directory, name, key.private_text() + "\n", 0177); !written) {
    static_cast<void>(directory->remove(name + ".pub"));  // it is nobody's; the error is told
    return fail(std::move(written).error());
  }
  Output output;
  output.write(public_text);
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_keygen(CLI::App& command, KeygenArgs& args) {
  command
      .add_option("--name", args.name, "Name of the log that it signs for, best like a URL: example.com/orders/audit")
      ->required();
  command.add_option("--out", args.out, "File for the private key; the public one goes beside it, as FILE.pub")
      ->required();
  command.footer(
      "Makes an Ed25519 key pair in the text form of Go's sumdb/note, and prints the public key. Files that are there\n"
      "already are never overwritten. The private key is readable by its owner only: who has it can sign any "
      "history.\n\n"
      "Example: holdfast keygen --name example.com/orders/audit --out audit.key");
}

// --- verify-proof

struct VerifyProofArgs {
  std::string proof;
  std::string key;
  std::string payload;
  std::string old_note;
  std::string origin;
};

ExitCode refused(const std::string& message) {
  say(fmt::format("holdfast: not proved: {}", escaped(message)));
  return ExitCode::kDamaged;
}

// What was proved, on standard output.
Result<ExitCode> proved(const std::string& text) {
  Output output;
  output.write(text);
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

Result<ExitCode> verify_record(const VerifyProofArgs& args, const std::string& text, const proof::VerifierKey& key) {
  std::optional<std::string> payload;
  if (!args.payload.empty()) {
    HOLDFAST_TRY_ASSIGN(payload, read_file(args.payload, kPayloadBytesMax));
  }
  const auto checked = proof::check_record(text, key, args.origin.empty() ? key.name : args.origin,
                                           payload ? std::optional(as_bytes(*payload)) : std::nullopt);
  if (!checked) return refused(checked.error().message);
  std::string digits;
  append_hex(digits, as_text(checked->chain_hash));
  return proved(fmt::format(
      "proved: record {} of {} is among the {} records of its checkpoint\n"
      "payload: {} bytes, {}\nchain hash: {}\n",
      checked->leaf.offset, escaped(checked->checkpoint.origin), checked->checkpoint.size, checked->leaf.length,
      payload ? "as recorded" : "not looked at (--payload FILE compares it)", digits));
}

Result<ExitCode> verify_growth(const VerifyProofArgs& args, const std::string& text, const proof::VerifierKey& key) {
  HOLDFAST_TRY_ASSIGN(const std::string old_note, read_file(args.old_note, proof::kTextBytesMax));
  const auto checked = proof::check_growth(text, old_note, key, args.origin.empty() ? key.name : args.origin);
  if (!checked) return refused(checked.error().message);
  return proved(fmt::format("proved: {} only grew, from {} records to {}\n", escaped(checked->after.origin),
                            checked->before.size, checked->after.size));
}

Result<ExitCode> run_verify_proof(const VerifyProofArgs& args) {
  HOLDFAST_TRY_ASSIGN(const proof::VerifierKey key, read_public_key(args.key));
  HOLDFAST_TRY_ASSIGN(const std::string text, read_file(args.proof, 2 * proof::kTextBytesMax));
  if (text.starts_with(proof::kConsistencyTitle)) {
    if (args.old_note.empty() || !args.payload.empty()) {
      return fail(
          ErrorCode::kInvalidArgument,
          "this proof says that a log only grew: it goes with the checkpoint that you kept, --old NOTE, and with "
          "no payload");
    }
    return verify_growth(args, text, key);
  }
  if (text.starts_with(proof::kInclusionTitle)) {
    if (!args.old_note.empty()) {
      return fail(ErrorCode::kInvalidArgument, "this proof is about one record: it does not go with --old");
    }
    return verify_record(args, text, key);
  }
  return refused("this is neither the proof of a record nor that of a log's growth");
}

void define_verify_proof(CLI::App& command, VerifyProofArgs& args) {
  command.add_option("PROOF", args.proof, "The proof file; - is standard input")->required();
  command.add_option("--key", args.key, "File with the public key, which you must have from somebody you trust")
      ->required();
  command.add_option("--payload", args.payload, "File with the record's payload, to see that it is the one recorded");
  command.add_option("--old", args.old_note, "An older checkpoint that you kept: for a proof that the log only grew");
  command.add_option("--origin", args.origin, "The log that the proof must be of, if it is not the key's name");
  command.footer(
      "Checks signature and hashes; needs no database. Exit code 0: proved; 4: not proved, and standard error says "
      "why;\n"
      "others as below `holdfast --help`, for example 2 for a key file that holds no public key.\n\n"
      "`holdfast log prove` and `holdfast log head --key` make what this checks.\n\n"
      "Example: holdfast verify-proof --key audit.key.pub --payload event.json event.tlog-proof");
}

}  // namespace

void add_proof_commands(CLI::App& app, Chosen& chosen) {
  add_command<KeygenArgs>(app, chosen, "keygen", "Make a key pair that signs a log's checkpoints", run_keygen,
                          define_keygen);
  add_command<VerifyProofArgs>(app, chosen, "verify-proof", "Check that a record is in a log, or that a log only grew",
                               run_verify_proof, define_verify_proof);
}

}  // namespace holdfast::cli
