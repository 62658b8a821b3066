// scan: the rows of a bucket, or of a part of it, in key order.
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/row_options.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

struct ScanArgs : RowOptions {
  std::string path;
  std::string bucket;
  std::optional<std::string> as_of;
};

Result<Range> chosen_rows(const ScanArgs& args, const BucketView& bucket) {
  HOLDFAST_TRY_ASSIGN(const KeyBounds bounds, bounds_of(args));
  Range rows = bucket.range(bounds.lo, bounds.hi);
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
    append_row_text(line, args, row.key, row.value);
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
  add_row_options(command, args);
  add_as_of_option(command, args.as_of);
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
