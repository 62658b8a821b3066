// log redact, log trim, log compact: what may change in a stream, none of which changes a hash.
#include <cstdint>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "cli/log_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

Result<void> existing_to_change(const Database& database, const std::string& stream) {
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY(existing_stream(snapshot, stream));
  return {};
}

Result<ExitCode> done(const std::string& text) {
  Output output;
  output.write(text);
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

// --- redact

struct RedactArgs {
  std::string path;
  std::string stream;
  uint64_t offset = 0;
  bool yes = false;
};

Result<ExitCode> run_redact(const RedactArgs& args) {
  if (!args.yes) {
    return fail(needs_yes(fmt::format("this removes the payload of record {} for ever", args.offset)));
  }
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(existing_to_change(database, args.stream));
  HOLDFAST_TRY_ASSIGN(const std::optional<Csn> commit, database.stream(args.stream).redact(args.offset));
  HOLDFAST_TRY(database.close());
  if (!commit) return done(fmt::format("record {} was redacted already\n", args.offset));
  return done(
      fmt::format("redacted: record {}; its payload is in no file of the stream any more, its hash stays\n"
                  "the write-ahead log may hold it until its files are used again\n",
                  args.offset));
}

void define_redact(CLI::App& command, RedactArgs& args) {
  add_stream_argument(command, args.stream);
  command.add_option("OFFSET", args.offset, "Record whose payload goes")->required();
  command.add_flag("--yes", args.yes, "Yes, remove it; nothing brings it back");
  command.footer(
      "Writes the file that holds the record anew, without the payload. Length and SHA-256 of the payload stay, so "
      "the\n"
      "chain and all proofs still hold, and the record says that it was redacted. A SHA-256 gives a payload away that\n"
      "can be guessed. The payload was also in the write-ahead log, whose files are written over in time, and in "
      "every\n"
      "copy of the database that somebody made.\n\n"
      "Example: holdfast log redact orders.db audit 17 --yes");
}

// --- trim

struct TrimArgs {
  std::string path;
  std::string stream;
  uint64_t before = 0;
  bool yes = false;
};

Result<ExitCode> run_trim(const TrimArgs& args) {
  if (!args.yes) {
    return fail(needs_yes(fmt::format("this drops files of records before {}", args.before)));
  }
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(existing_to_change(database, args.stream));
  Stream stream = database.stream(args.stream);
  HOLDFAST_TRY_ASSIGN(const StreamHead before, stream.head());
  HOLDFAST_TRY_ASSIGN(const TrimReport report, stream.trim(args.before));
  HOLDFAST_TRY(database.close());
  const uint64_t dropped = report.first_offset - before.first_offset;
  return done(fmt::format(
      "trimmed: {} dropped; the oldest is now {}\n{}", counted(dropped, "record"), report.first_offset,
      report.first_offset < args.before ? "those behind it are in a file that reaches further, or that is written to\n"
                                        : ""));
}

void define_trim(CLI::App& command, TrimArgs& args) {
  add_stream_argument(command, args.stream);
  command.add_option("--before", args.before, "Drop records before this one")->type_name("OFFSET")->required();
  command.add_flag("--yes", args.yes, "Yes, drop them; nothing brings them back");
  command.footer(
      "Drops the oldest files of the stream, as far as every record in them is before OFFSET: some of those records "
      "may\n"
      "stay. Chain and proofs of all that stays still hold. To keep a public copy of what goes, `log export` first.\n\n"
      "Example: holdfast log trim orders.db audit --before 1000000 --yes");
}

// --- compact

struct CompactArgs {
  std::string path;
  std::string stream;
  Codec codec = Codec::kNone;
  bool recompress = false;
};

Result<ExitCode> run_compact(const CompactArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(existing_to_change(database, args.stream));
  Progress progress("compacting");
  CompactOptions options;
  if (args.recompress) options.codec = args.codec;
  options.progress = [&](uint64_t records, uint64_t total) {
    if (progress.due()) progress.update(records, total, fmt::format("record {} of {}", records, total));
    return !interrupted();
  };
  const Result<CompactReport> report = database.stream(args.stream).compact(options);
  progress.clear();
  if (!report) return fail(report.error());
  HOLDFAST_TRY(database.close());
  HOLDFAST_TRY(done(fmt::format("compacted: {} are now {}; of what was written anew, {} bytes are now {}\n",
                                counted(report->segments_before, "file"), report->segments_after, report->bytes_before,
                                report->bytes_after)));
  if (!report->stopped) return ExitCode::kDone;
  say("holdfast: interrupted; what was compacted so far stays, run it again for the rest");
  return ExitCode::kInterrupted;
}

void define_compact(CLI::App& command, CompactArgs& args) {
  add_stream_argument(command, args.stream);
  add_codec_option(command, args.codec, "Store every payload anew, where that makes it smaller; by default as it is")
      ->each([&args](const std::string&) { args.recompress = true; });
  command.footer(
      "Merges small files, apart from the one that is written to, and compresses payloads anew. Nothing that is "
      "hashed\n"
      "changes: chain, proofs and kept checkpoints still hold. Ctrl-C stops it between two files.\n\n"
      "Example: holdfast log compact orders.db audit --codec zstd");
}

}  // namespace

void add_log_upkeep_commands(CLI::App& log, Chosen& chosen) {
  add_command<RedactArgs>(log, chosen, "redact", "Remove a payload, keep its hash", run_redact, define_redact);
  add_command<TrimArgs>(log, chosen, "trim", "Drop the oldest records", run_trim, define_trim);
  add_command<CompactArgs>(log, chosen, "compact", "Merge small files, compress payloads anew", run_compact,
                           define_compact);
}

}  // namespace holdfast::cli
