// scan: the rows of a bucket, or of a part of it, in key order.
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

struct ScanArgs {
  std::string path;
  std::string bucket;
  std::optional<std::string> prefix, from, to;
  std::optional<std::string> as_of;
  std::optional<uint64_t> limit;
  bool reverse = false;
  bool keys = false;
  bool text = false, hex = false, json = false;
};

Result<std::optional<std::string>> bound(const std::optional<std::string>& argument, bool hex) {
  if (!argument || !hex) return argument;
  HOLDFAST_TRY_ASSIGN(std::string bytes, unhex(*argument));
  return std::optional<std::string>(std::move(bytes));
}

Result<Range> chosen_rows(const ScanArgs& args, const BucketView& bucket) {
  HOLDFAST_TRY_ASSIGN(const std::optional<std::string> prefix, bound(args.prefix, args.hex));
  HOLDFAST_TRY_ASSIGN(const std::optional<std::string> from, bound(args.from, args.hex));
  HOLDFAST_TRY_ASSIGN(const std::optional<std::string> to, bound(args.to, args.hex));
  if (from && to && *to < *from) {
    return fail(ErrorCode::kInvalidArgument, "--to lies before --from; --reverse turns the order round");
  }
  Range rows = prefix ? bucket.prefix(*prefix) : bucket.range(from.value_or(std::string()), to);
  Range directed = args.reverse ? std::move(rows).reversed() : std::move(rows);
  return args.limit ? std::move(directed).limited(*args.limit) : std::move(directed);
}

void append_row(std::string& line, const ScanArgs& args, const KeyValue& row) {
  if (args.json) {
    nlohmann::ordered_json object;
    set_json_bytes(object, "key", row.key);
    if (!args.keys) set_json_bytes(object, "value", row.value);
    line += object.dump();
  } else {
    const auto append = [&](std::string_view bytes) {
      args.hex ? append_hex(line, bytes) : append_escaped(line, bytes);
    };
    append(row.key);
    if (!args.keys) {
      line += '\t';
      append(row.value);
    }
  }
  line += '\n';
}

Result<ExitCode> run_scan(const ScanArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  HOLDFAST_TRY_ASSIGN(const Snapshot snapshot, snapshot_as_of(database, args.as_of));
  HOLDFAST_TRY_ASSIGN(const BucketView bucket, existing_bucket(snapshot, args.bucket));
  HOLDFAST_TRY_ASSIGN(Range rows, chosen_rows(args, bucket));
  Output output;
  std::string line;
  for (const KeyValue row : rows) {
    line.clear();
    append_row(line, args, row);
    output.write(line);
  }
  // What was read before an error is true, and is printed.
  HOLDFAST_TRY(output.flush());
  HOLDFAST_TRY(rows.status());
  return ExitCode::kDone;
}

void define_scan(CLI::App& command, ScanArgs& args) {
  command.add_option("BUCKET", args.bucket, "Bucket")->required();
  CLI::Option* prefix = command.add_option("--prefix", args.prefix, "Only keys that start with this");
  command.add_option("--from", args.from, "Only keys from this one on")->excludes(prefix);
  command.add_option("--to", args.to, "Only keys before this one")->excludes(prefix);
  add_as_of_option(command, args.as_of);
  command.add_flag("--reverse", args.reverse, "Last key first");
  command.add_option("--limit", args.limit, "At most this many rows")->type_name("ROWS")->check(CLI::NonNegativeNumber);
  command.add_flag("--keys", args.keys, "Print no values");
  CLI::Option* text = command.add_flag("--text", args.text, "Escaped text, TAB between key and value (default)");
  CLI::Option* hex = command.add_flag("--hex", args.hex, "Hexadecimal, TAB between; --prefix, --from, --to are, too");
  command.add_flag("--json", args.json, "One JSON object per row")->excludes(text)->excludes(hex);
  text->excludes(hex);
  command.footer(
      "Prints one line per row. Text is escaped: \\\\ \\t \\n \\r, and \\xHH for other control characters and bytes "
      "that\n"
      "are not UTF-8; `load` reads it back. JSON has \"key\" and \"value\", or \"key_hex\" and \"value_hex\" for what "
      "is\n"
      "not UTF-8.\n\n"
      "Examples:\n"
      "  holdfast scan orders.db users --prefix id:1 --limit 20\n"
      "  holdfast scan orders.db users --from id:100 --to id:200 --reverse\n"
      "  holdfast scan orders.db users --json | jq -r .value");
}

}  // namespace

void add_scan_command(CLI::App& app, Chosen& chosen) {
  add_command<ScanArgs>(app, chosen, "scan", "Print rows in key order", run_scan, define_scan);
}

}  // namespace holdfast::cli
