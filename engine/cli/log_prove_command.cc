// log prove: what shows somebody who has only the public key that a record is in a stream, or that it only grew.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <holdfast/proof.h>

#include "cli/key_file.h"
#include "cli/log_commands.h"
#include "cli/terminal.h"
#include "log/checkpoint_note.h"
#include "log/proof_text.h"

namespace holdfast::cli {
namespace {

struct ProveArgs {
  std::string path;
  std::string stream;
  std::optional<uint64_t> offset;
  std::optional<uint64_t> from_size;
  std::optional<uint64_t> size;
  std::string key;
  std::string origin;
};

// A proof that does not hold must not leave the house: the hashes of the files and of the tree disagree.
Result<void> must_hold(const proof::Checked<void>& checked) {
  if (checked) return {};
  return fail(ErrorCode::kCorruption,
              fmt::format("the stream disagrees with its own tree head ({}); `holdfast log verify` says where",
                          checked.error().message));
}

Result<std::string> prove_record(const StreamView& stream, uint64_t offset, const TreeHead& tree,
                                 const std::string& note) {
  HOLDFAST_TRY_ASSIGN(const std::vector<Hash> path, stream.prove_inclusion(offset, tree.size));
  HOLDFAST_TRY_ASSIGN(const std::vector<RecordLeaf> leaves, stream.leaves(offset, 1));
  const RecordLeaf& leaf = leaves.front();
  HOLDFAST_TRY(must_hold(proof::check_inclusion(proof::chain_hash(leaf), offset, tree.size, tree.root, path)));
  return log::encode_proof(
      proof::InclusionProof{.extra = {leaf.begin(), leaf.end()}, .index = offset, .path = path, .note = note});
}

Result<std::string> prove_growth(const StreamView& stream, uint64_t old_size, const TreeHead& tree,
                                 const std::string& note) {
  HOLDFAST_TRY_ASSIGN(const std::vector<Hash> path, stream.prove_consistency(old_size, tree.size));
  HOLDFAST_TRY_ASSIGN(const TreeHead old, stream.tree_head_at(old_size));
  HOLDFAST_TRY(must_hold(proof::check_consistency(old_size, old.root, tree.size, tree.root, path)));
  return log::encode_proof(
      proof::ConsistencyProof{.old_size = old_size, .new_size = tree.size, .path = path, .note = note});
}

Result<ExitCode> run_prove(const ProveArgs& args) {
  if (args.offset.has_value() == args.from_size.has_value()) {
    return fail(ErrorCode::kInvalidArgument,
                "say what to prove: OFFSET, that a record is there; or --from-size, that the stream only grew");
  }
  HOLDFAST_TRY_ASSIGN(const log::SignerKey key, read_private_key(args.key));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const StreamView stream, existing_stream(snapshot, args.stream));
  HOLDFAST_TRY_ASSIGN(const TreeHead tree, args.size ? stream.tree_head_at(*args.size) : stream.tree_head());
  const std::string& origin = args.origin.empty() ? key.verifier().name : args.origin;
  HOLDFAST_TRY_ASSIGN(const std::string note,
                      log::sign_checkpoint({origin, tree.size, tree.root, {}}, std::span(&key, 1)));
  HOLDFAST_TRY_ASSIGN(const std::string text, args.offset ? prove_record(stream, *args.offset, tree, note)
                                                          : prove_growth(stream, *args.from_size, tree, note));
  Output output;
  output.write(text);
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_prove(CLI::App& command, ProveArgs& args) {
  add_stream_argument(command, args.stream);
  command.add_option("OFFSET", args.offset, "The record that is proved to be there");
  command.add_option("--from-size", args.from_size, "Prove that the stream began with these records, and only grew")
      ->type_name("RECORDS")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--size", args.size, "In the tree of the first so many records; by default all")
      ->type_name("RECORDS")
      ->check(CLI::NonNegativeNumber);
  add_signer_options(command, args.key, args.origin)->required();
  command.footer(
      "Prints a proof file, signed checkpoint included, which `holdfast verify-proof` checks without the database, "
      "and\n"
      "everybody with <holdfast/proof.h> or the C2SP formats. A proof of growth goes with the checkpoint of the old "
      "size,\n"
      "which its reader has kept. The proof of a record holds the hash of its payload, not the payload: "
      "`log read --format\n"
      "raw` prints that; redacted records can be proved, too.\n\n"
      "Examples:\n"
      "  holdfast log prove orders.db audit 17 --key audit.key > 17.tlog-proof\n"
      "  holdfast verify-proof 17.tlog-proof --key audit.key.pub\n"
      "  holdfast log prove orders.db audit --from-size 1000 --key audit.key > growth.proof\n"
      "  holdfast verify-proof growth.proof --key audit.key.pub --old kept.note");
}

}  // namespace

void add_log_prove_command(CLI::App& log, Chosen& chosen) {
  add_command<ProveArgs>(log, chosen, "prove", "Prove that a record is there, or that the stream only grew", run_prove,
                         define_prove);
}

}  // namespace holdfast::cli
