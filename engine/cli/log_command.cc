// log: event streams. Here the command itself, and what only looks: streams, head.
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "cli/key_file.h"
#include "cli/log_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "log/checkpoint_note.h"

namespace holdfast::cli {

Result<StreamView> existing_stream(const Snapshot& snapshot, const std::string& name) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.streams());
  for (const std::string& known : names) {
    if (known == name) return snapshot.stream(name);
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("no stream \"{}\" (`holdfast log streams DATABASE` lists them)", escaped(name)));
}

Error needs_yes(std::string_view what) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}, and nothing brings it back: say --yes if you mean it", what)};
}

std::string hex_of(std::span<const std::byte> bytes) {
  std::string digits;
  append_hex(digits, as_text(bytes));
  return digits;
}

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void add_stream_argument(CLI::App& command, std::string& stream) {
  command.add_option("STREAM", stream, "Stream")->required();
}

CLI::Option* add_codec_option(CLI::App& command, Codec& codec, const std::string& description) {
  const std::map<std::string, Codec> names = {{"none", Codec::kNone}, {"lz4", Codec::kLz4}, {"zstd", Codec::kZstd}};
  return command.add_option("--codec", codec, description)
      ->type_name("none|lz4|zstd")
      ->transform(CLI::Transformer(names).description(""))
      ->default_str("");
}

CLI::Option* add_signer_options(CLI::App& command, std::string& key_file, std::string& origin) {
  CLI::Option* key = command.add_option("--key", key_file, "File with the private key that signs (`holdfast keygen`)");
  command.add_option("--origin", origin, "Name of the log, if it is not the key's name")->needs(key);
  return key->type_name("KEYFILE");
}

namespace {

constexpr size_t kShortHashBytes = 8;

// --- streams

struct StreamsArgs {
  std::string path;
  bool json = false;
};

Result<ExitCode> run_streams(const StreamsArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  Output output;
  HOLDFAST_TRY(database.view([&](const Snapshot& snapshot) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.streams());
    for (const std::string& name : names) {
      HOLDFAST_TRY_ASSIGN(const StreamHead head, snapshot.stream(name).head());
      const uint64_t records = head.next_offset - head.first_offset;
      if (args.json) {
        nlohmann::ordered_json object;
        set_json_bytes(object, "stream", name);
        object["records"] = records;
        object["first_offset"] = head.first_offset;
        object["next_offset"] = head.next_offset;
        object["chain_hash"] = hex_of(head.chain_hash);
        output.write(object.dump() + "\n");
      } else {
        output.write(fmt::format("{}\t{}\t{}\t{}\n", escaped(name), records, head.first_offset,
                                 hex_of(std::span(head.chain_hash).first<kShortHashBytes>())));
      }
    }
    return {};
  }));
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_streams(CLI::App& command, StreamsArgs& args) {
  command.add_flag("--json", args.json, "One JSON object per line, with the whole hash");
  command.footer(
      "Prints one stream per line, in order: the name, escaped like `scan` does, the number of records, the offset of "
      "the\n"
      "oldest one (not 0 once the stream was trimmed), and the beginning of the chain hash of the last.");
}

// --- head

struct HeadArgs {
  std::string path;
  std::string stream;
  std::string key;
  std::string origin;
  bool json = false;
};

std::string head_text(const HeadArgs& args, const StreamHead& head, const TreeHead& tree) {
  if (!args.json) {
    return fmt::format("records      {} to {}\nchain hash   {}\ntree size    {}\ntree root    {}\n", head.first_offset,
                       head.next_offset, hex_of(head.chain_hash), tree.size, hex_of(tree.root));
  }
  nlohmann::ordered_json object;
  set_json_bytes(object, "stream", args.stream);
  object["first_offset"] = head.first_offset;
  object["next_offset"] = head.next_offset;
  object["chain_hash"] = hex_of(head.chain_hash);
  object["tree_size"] = tree.size;
  object["tree_root"] = hex_of(tree.root);
  return object.dump() + "\n";
}

Result<ExitCode> run_head(const HeadArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const StreamView stream, existing_stream(snapshot, args.stream));
  HOLDFAST_TRY_ASSIGN(const TreeHead tree, stream.tree_head());
  std::string text;
  if (args.key.empty()) {
    HOLDFAST_TRY_ASSIGN(const StreamHead head, stream.head());
    text = head_text(args, head, tree);
  } else {
    HOLDFAST_TRY_ASSIGN(const log::SignerKey key, read_private_key(args.key));
    const std::string& origin = args.origin.empty() ? key.verifier().name : args.origin;
    HOLDFAST_TRY_ASSIGN(text, log::sign_checkpoint({origin, tree.size, tree.root, {}}, std::span(&key, 1)));
  }
  Output output;
  output.write(text);
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_head(CLI::App& command, HeadArgs& args) {
  add_stream_argument(command, args.stream);
  CLI::Option* key = add_signer_options(command, args.key, args.origin);
  command.add_flag("--json", args.json, "One JSON object")->excludes(key);
  command.footer(
      "Prints the oldest offset and the next one, the chain hash of the last record, and size and root of the Merkle\n"
      "tree. With --key it prints these last two as a signed checkpoint (C2SP), and nothing else. Keep it where "
      "nobody\n"
      "can change it together with the database: `log verify --note` holds the stream against it later.\n\n"
      "Examples:\n"
      "  holdfast log head orders.db audit\n"
      "  holdfast log head orders.db audit --key audit.key > kept.note");
}

}  // namespace

void add_log_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* log = app.add_subcommand("log", "Event streams: append, read, verify, prove, export, ...");
  log->require_subcommand(1);
  log->footer(
      "A stream is a list of events that only grows. An event becomes a record, named by its offset, from 0. Each "
      "record\n"
      "holds the hash of the one before it, and all are the leaves of a Merkle tree: what was appended cannot be "
      "changed\n"
      "unnoticed. Whoever can rewrite every file of the database can make another consistent history; only a head or "
      "a\n"
      "signed checkpoint that you kept elsewhere tells (`log head --key`, `log verify --note`).\n"
      "`holdfast log COMMAND --help` says more.\n\n"
      "Examples:\n"
      "  holdfast log append orders.db audit 'created id:100'\n"
      "  holdfast log read orders.db audit --from 100 --limit 10\n"
      "  holdfast log verify orders.db audit && echo sound\n"
      "  holdfast log prove orders.db audit 17 --key audit.key > 17.tlog-proof");
  add_command<StreamsArgs>(*log, chosen, "streams", "List the streams", run_streams, define_streams);
  add_log_append_command(*log, chosen);
  add_log_read_commands(*log, chosen);
  add_command<HeadArgs>(*log, chosen, "head", "Print how far a stream reaches, and its hashes; or sign it", run_head,
                        define_head);
  add_log_verify_command(*log, chosen);
  add_log_prove_command(*log, chosen);
  add_log_upkeep_commands(*log, chosen);
  add_log_export_command(*log, chosen);
}

}  // namespace holdfast::cli
