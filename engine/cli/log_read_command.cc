// log read, log tail: records of a stream, in order.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/log_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

// Payloads that are in memory at a time, apart from a larger one.
constexpr uint64_t kReadBytes = uint64_t{1} << 20;

struct ReadArgs {
  std::string path;
  std::string stream;
  std::optional<uint64_t> from;
  std::optional<uint64_t> limit;
  std::string format = "text";
};
struct TailArgs : ReadArgs {
  uint64_t records = 10;
};

void append_json(std::string& line, const StreamRecord& record) {
  nlohmann::ordered_json object = {{"offset", record.offset}, {"payload_bytes", record.payload_bytes}};
  if (record.redacted) {
    object["redacted"] = true;
  } else {
    set_json_bytes(object, "payload", record.payload);
  }
  line += object.dump() + "\n";
}

void append_record(std::string& line, const std::string& format, const StreamRecord& record) {
  if (format == "json") return append_json(line, record);
  if (format == "raw") {
    if (record.redacted) say(fmt::format("holdfast: record {} was redacted", record.offset));
    line += record.payload;
    return;
  }
  line += fmt::format("{}\t", record.offset);
  if (record.redacted) {
    // No escaped text begins like this.
    line += fmt::format("\\- redacted, {} bytes", record.payload_bytes);
  } else if (format == "hex") {
    append_hex(line, record.payload);
  } else {
    append_escaped(line, record.payload);
  }
  line += '\n';
}

// Prints the records from `from` on. Those before a damaged one are printed, too.
Result<ExitCode> print(const ReadArgs& args, const StreamView& stream, uint64_t from, uint64_t to) {
  Output output;
  std::string line;
  Result<void> status;
  uint64_t bytes_max = kReadBytes;
  for (uint64_t next = from; next < to;) {
    const Result<std::vector<StreamRecord>> records = stream.read(next, bytes_max);
    if (!records && std::exchange(bytes_max, 0) == 0) {
      status = fail(records.error());
      break;
    }
    if (!records) continue;  // one by one up to the one that is damaged
    for (const StreamRecord& record : *records) {
      if (next == to) break;
      line.clear();
      append_record(line, args.format, record);
      output.write(line);
      next = record.offset + 1;
    }
  }
  HOLDFAST_TRY(output.flush());
  HOLDFAST_TRY(status);
  return ExitCode::kDone;
}

Result<ExitCode> run_read(const ReadArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const StreamView stream, existing_stream(snapshot, args.stream));
  HOLDFAST_TRY_ASSIGN(const StreamHead head, stream.head());
  const uint64_t from = args.from.value_or(head.first_offset);
  if (from > head.next_offset) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--from {} is behind the {} records of the stream", from, head.next_offset));
  }
  const uint64_t count = std::min(args.limit.value_or(UINT64_MAX), head.next_offset - from);
  return print(args, stream, from, from + count);
}

Result<ExitCode> run_tail(const TailArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const StreamView stream, existing_stream(snapshot, args.stream));
  HOLDFAST_TRY_ASSIGN(const StreamHead head, stream.head());
  const uint64_t count = std::min(args.records, head.next_offset - head.first_offset);
  return print(args, stream, head.next_offset - count, head.next_offset);
}

void add_format_option(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "How records are printed")
      ->type_name("text|json|raw|hex")
      ->check(CLI::IsMember({"text", "json", "raw", "hex"}).description(""))
      ->capture_default_str();
}

void define_read(CLI::App& command, ReadArgs& args) {
  add_stream_argument(command, args.stream);
  command.add_option("--from", args.from, "First record; by default the oldest one")
      ->type_name("OFFSET")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--limit", args.limit, "At most this many records")
      ->type_name("RECORDS")
      ->check(CLI::NonNegativeNumber);
  add_format_option(command, args.format);
  command.footer(
      "text  offset, TAB, payload, escaped like `scan` does\n"
      "hex   offset, TAB, payload in hexadecimal\n"
      "json  one object per line: offset, payload_bytes, and payload, or payload_hex for what is not UTF-8\n"
      "raw   the payloads, byte for byte, with nothing between them\n"
      "A record whose payload was redacted says so: `\\- redacted, 14 bytes`, \"redacted\":true, or, with raw, a line "
      "on\n"
      "standard error. Exit code 1: the record was trimmed; the message names the oldest that is there.\n\n"
      "Examples:\n"
      "  holdfast log read orders.db audit --from 100 --limit 10\n"
      "  holdfast log read orders.db invoices --from 17 --limit 1 --format raw > invoice-17.pdf");
}

void define_tail(CLI::App& command, TailArgs& args) {
  add_stream_argument(command, args.stream);
  command.add_option("-n", args.records, "So many records")
      ->type_name("RECORDS")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_format_option(command, args.format);
  command.footer(
      "Prints the last records, as `log read` does. There is no --follow: while this command has the database open, "
      "no\n"
      "other process can append to it, so there would be nothing to wait for. A program that appends can follow its "
      "own\n"
      "streams with Stream::wait.");
}

}  // namespace

void add_log_read_commands(CLI::App& log, Chosen& chosen) {
  add_command<ReadArgs>(log, chosen, "read", "Print records", run_read, define_read);
  add_command<TailArgs>(log, chosen, "tail", "Print the last records", run_tail, define_tail);
}

}  // namespace holdfast::cli
