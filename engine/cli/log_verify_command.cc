// log verify: recomputes the hashes of a stream, and holds them against what the tree knows and what somebody kept.
#include <cstdint>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <holdfast/proof.h>

#include "cli/key_file.h"
#include "cli/log_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

struct VerifyArgs {
  std::string path;
  std::string stream;
  uint64_t from = 0;
  uint64_t to = UINT64_MAX;
  std::string note;
  std::string key;
  std::string origin;
  uint32_t threads = 1;
  bool json = false;
};

using Finding = VerifyReport::Finding;

// What somebody can do about it.
std::string advice(const VerifyArgs& args, const Finding& finding) {
  if (finding.file.empty() && finding.kind == Tamper::kTruncated) {
    return "the database is older than what you kept, or its end was taken away: look for a newer copy";
  }
  if (finding.file.empty()) {
    return "the records agree with each other, and not with what you kept: this is another history than the one that\n"
           "  was signed; keep this copy as evidence, and go back to a backup that agrees with the note";
  }
  return fmt::format(
      "records before {0} are sound; keep a copy of {1} as evidence, put the file back from a backup, and verify "
      "again;\n"
      "  `holdfast log read {2} {3} --from {0} --limit 1` shows the record, if it can be read",
      finding.offset, finding.file, args.path, args.stream);
}

std::string as_json(const VerifyReport& report) {
  nlohmann::ordered_json object = {
      {"sound", report.sound()},
      {"from", report.from},
      {"to", report.to},
      {"records", report.records},
      {"redacted", report.redacted},
      {"payload_bytes", report.payload_bytes},
      {"finding", nlohmann::json(nullptr)},
  };
  if (const auto& finding = report.finding) {
    object["finding"] = {{"offset", finding->offset}, {"kind", tamper_name(finding->kind)}};
    if (!finding->file.empty()) {
      object["finding"]["file"] = finding->file;
      object["finding"]["position"] = finding->position;
    }
    set_json_bytes(object["finding"], "what", finding->what);
  }
  return object.dump() + "\n";
}

std::string as_text(const VerifyArgs& args, const VerifyReport& report, const std::optional<TreeHead>& kept) {
  if (const auto& finding = report.finding) {
    const std::string place =
        finding->file.empty() ? "" : fmt::format("{} position {}: ", finding->file, finding->position);
    return fmt::format("tampered with: record {}: {}: {}{}\n  {}\n", finding->offset, tamper_name(finding->kind), place,
                       escaped(finding->what), advice(args, *finding));
  }
  std::string text = "sound: no records\n";
  if (report.from < report.to) {
    text = fmt::format("sound: {} ({} to {}), {} redacted, {} bytes of payloads\n",
                       counted(report.to - report.from, "record"), report.from, report.to - 1, report.redacted,
                       report.payload_bytes);
  }
  if (kept) text += fmt::format("and begins with the {} of the checkpoint\n", counted(kept->size, "record"));
  return text;
}

// The signed checkpoint that somebody kept. Nothing: it does not hold, and standard error says why.
Result<std::optional<TreeHead>> kept_tree(const VerifyArgs& args) {
  HOLDFAST_TRY_ASSIGN(const proof::VerifierKey key, read_public_key(args.key));
  HOLDFAST_TRY_ASSIGN(const std::string note, read_file(args.note, proof::kTextBytesMax));
  const auto checkpoint = proof::open_checkpoint(note, key, args.origin.empty() ? key.name : args.origin);
  if (!checkpoint) {
    say(fmt::format("holdfast: \"{}\" is no checkpoint to trust: {}", args.note, escaped(checkpoint.error().message)));
    return std::nullopt;
  }
  return TreeHead{checkpoint->size, checkpoint->root};
}

Result<ExitCode> run_verify(const VerifyArgs& args) {
  if (args.to < args.from) return fail(ErrorCode::kInvalidArgument, "--to lies before --from");
  catch_interrupts();
  VerifyOptions options{.from = args.from, .to = args.to, .threads = args.threads};
  if (!args.note.empty()) {
    HOLDFAST_TRY_ASSIGN(options.trusted_tree, kept_tree(args));
    if (!options.trusted_tree) return ExitCode::kDamaged;
  }
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const StreamView stream, existing_stream(snapshot, args.stream));
  Progress progress("verifying");
  options.progress = [&](uint64_t done, uint64_t total) {
    if (progress.due()) progress.update(done, total, fmt::format("record {} of {}", done, total));
    return !interrupted();
  };
  const Result<VerifyReport> report = stream.verify(options);
  progress.clear();
  if (!report) return fail(report.error());
  if (report->stopped) {
    say("holdfast: interrupted before every record was read; nothing is known of the rest");
    return ExitCode::kInterrupted;
  }
  Output output;
  output.write(args.json ? as_json(*report) : as_text(args, *report, options.trusted_tree));
  HOLDFAST_TRY(output.flush());
  return report->sound() ? ExitCode::kDone : ExitCode::kDamaged;
}

void define_verify(CLI::App& command, VerifyArgs& args) {
  add_stream_argument(command, args.stream);
  command.add_option("--from", args.from, "First record to look at; trimmed ones are passed over")->type_name("OFFSET");
  command.add_option("--to", args.to, "Record to stop before; by default the end")
      ->type_name("OFFSET")
      ->default_str("");
  CLI::Option* note = command.add_option("--note", args.note, "A signed checkpoint that you kept (`log head --key`)");
  CLI::Option* key = command.add_option("--key", args.key, "File with the public key that the note is signed with");
  note->needs(key)->type_name("FILE");
  key->needs(note)->type_name("PUBFILE");
  command.add_option("--origin", args.origin, "The log that the note must be of, if it is not the key's name")
      ->needs(note);
  command.add_option("--threads", args.threads, "Threads that hash")
      ->type_name("THREADS")
      ->check(CLI::Range(uint32_t{1}, kVerifyThreadsMax))
      ->capture_default_str();
  command.add_flag("--json", args.json, "One JSON object");
  command.footer(
      "Reads every record, recomputes its hashes, and compares them with the next record, and with what the tree "
      "holds\n"
      "apart from the records: one hash in 256, and the last. With --note the stream must also begin with exactly the\n"
      "records that the note was signed for. Says `sound`, or names the first record that is not as it was appended: "
      "its\n"
      "offset, what was done (changed, removed, reordered, truncated, forked, foreign, unreadable), file and "
      "position.\n"
      "Exit code 0: sound; 1: there is no such stream; 4: tampered with, or the note is "
      "not one to trust.\n\n"
      "Examples:\n"
      "  holdfast log verify orders.db audit\n"
      "  holdfast log verify orders.db audit --note kept.note --key audit.key.pub --threads 4");
}

}  // namespace

void add_log_verify_command(CLI::App& log, Chosen& chosen) {
  add_command<VerifyArgs>(log, chosen, "verify", "Say whether anything was tampered with, and what", run_verify,
                          define_verify);
}

}  // namespace holdfast::cli
