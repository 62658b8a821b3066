// projection get, scan, history, diff: what a table holds, or held.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/projection_commands.h"
#include "cli/row_options.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

struct TableArgs {
  std::string path;
  std::string projection;
  std::string table;
};

void add_table_arguments(CLI::App& command, TableArgs& args) {
  add_projection_argument(command, args.projection);
  add_table_argument(command, args.table);
}

void add_at_option(CLI::App& command, std::optional<uint64_t>& at) {
  command.add_option("--at", at, "As of this position; by default as of the newest")->type_name("POSITION");
}

Result<TableView> table_of(const Snapshot& snapshot, const TableArgs& args) {
  HOLDFAST_TRY_ASSIGN(const ProjectionView projection, existing_projection(snapshot, args.projection));
  return existing_table(projection, table_of_argument(args.table));
}

// --- get

struct GetArgs : TableArgs {
  std::string key;
  std::optional<uint64_t> at;
  bool hex = false;
  bool raw = false;
};

Result<ExitCode> run_get(const GetArgs& args) {
  HOLDFAST_TRY_ASSIGN(const std::string key, bytes_of_argument(args.key, args.hex));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const TableView table, table_of(snapshot, args));
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool is_there, args.at ? table.get_at(key, *args.at, value) : table.get(key, value));
  if (!is_there) {
    return fail(ErrorCode::kNotFound, fmt::format("no key \"{}\" in table \"{}\"{}", escaped(key), escaped(args.table),
                                                  args.at ? fmt::format(" at position {}", *args.at) : std::string()));
  }
  return print_done(value_text(value, args.raw ? ValueForm::kRaw : args.hex ? ValueForm::kHex : ValueForm::kForPeople));
}

void define_get(CLI::App& command, GetArgs& args) {
  add_table_arguments(command, args);
  command.add_option("KEY", args.key, "Key")->required();
  add_at_option(command, args.at);
  CLI::Option* hex = command.add_flag("--hex", args.hex, "KEY is hexadecimal, and the value is printed so");
  command.add_flag("--raw", args.raw, "Print the value and nothing else, not even a line feed")->excludes(hex);
  command.footer(
      "Prints the value like `holdfast get`. Exit code 1: the key held nothing, or the position is below the floor, "
      "and\n"
      "was pruned; 2: the position was not applied yet.\n\n"
      "Example: holdfast projection get orders.db by-audit users id:100 --at 17");
}

// --- scan

struct ScanArgs : TableArgs, RowOptions {
  std::optional<uint64_t> at;
};

void append_row(std::string& line, const ScanArgs& args, const TableRow& row) {
  if (args.json) {
    nlohmann::ordered_json object;
    set_json_bytes(object, "key", row.key);
    if (!args.keys) set_json_bytes(object, "value", row.value);
    object["created_at"] = row.created_at;
    line += object.dump();
  } else {
    append_row_text(line, args, row.key, row.value);
  }
  line += '\n';
}

Result<ExitCode> run_scan(const ScanArgs& args) {
  HOLDFAST_TRY_ASSIGN(const KeyBounds bounds, bounds_of(args));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const TableView table, table_of(snapshot, args));
  TableRange rows = args.at ? table.scan_at(*args.at, bounds.lo, bounds.hi) : table.scan(bounds.lo, bounds.hi);
  if (args.reverse) rows = std::move(rows).reversed();
  if (args.limit) rows = std::move(rows).limited(*args.limit);
  Output output;
  std::string line;
  for (const TableRow& row : rows) {
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
  add_table_arguments(command, args);
  add_at_option(command, args.at);
  add_row_options(command, args);
  command.footer(
      "Prints one line per row, like `holdfast scan`; JSON says also since which position the key holds its value\n"
      "(\"created_at\").\n\n"
      "Examples:\n"
      "  holdfast projection scan orders.db by-audit users --prefix id:1 --limit 20\n"
      "  holdfast projection scan orders.db by-audit users --at 1000 > users-then.tsv");
}

// --- history

struct HistoryArgs : TableArgs {
  std::string key;
  std::optional<uint64_t> limit;
  bool hex = false;
  bool json = false;
};

std::string version_line(const HistoryArgs& args, const TableVersion& version) {
  const bool is_current = version.deleted_at == kNeverDeleted;
  if (args.json) {
    nlohmann::ordered_json object = {{"created_at", version.created_at}, {"deleted_at", nullptr}};
    if (!is_current) object["deleted_at"] = version.deleted_at;
    set_json_bytes(object, "value", version.value);
    return object.dump() + "\n";
  }
  std::string line =
      fmt::format("{}\t{}\t", version.created_at, is_current ? std::string("-") : std::to_string(version.deleted_at));
  args.hex ? append_hex(line, version.value) : append_escaped(line, version.value);
  return line + "\n";
}

Result<ExitCode> run_history(const HistoryArgs& args) {
  HOLDFAST_TRY_ASSIGN(const std::string key, bytes_of_argument(args.key, args.hex));
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const TableView table, table_of(snapshot, args));
  HOLDFAST_TRY_ASSIGN(TableHistory history, table.history(key));
  Output output;
  Result<void> status;
  uint64_t versions = 0;
  for (; versions < args.limit.value_or(UINT64_MAX); ++versions) {
    const Result<std::optional<TableVersion>> version = history.next();
    if (!version) status = fail(version.error());
    if (!version || !*version) break;
    output.write(version_line(args, **version));
  }
  HOLDFAST_TRY(output.flush());
  HOLDFAST_TRY(status);
  if (versions == 0 && args.limit != 0) {
    return fail(ErrorCode::kNotFound, fmt::format("table \"{}\" has no version of key \"{}\" that can still be read",
                                                  escaped(args.table), escaped(key)));
  }
  return ExitCode::kDone;
}

void define_history(CLI::App& command, HistoryArgs& args) {
  add_table_arguments(command, args);
  command.add_option("KEY", args.key, "Key")->required();
  command.add_option("--limit", args.limit, "At most this many versions")
      ->type_name("VERSIONS")
      ->check(CLI::NonNegativeNumber);
  CLI::Option* hex = command.add_flag("--hex", args.hex, "KEY is hexadecimal, and values are printed so");
  command.add_flag("--json", args.json, "One JSON object per version")->excludes(hex);
  command.footer(
      "Prints the versions of a key that can still be read, the newest first: the position from which on it was "
      "there,\n"
      "the position from which on it was not (- if it still is), and the value, escaped like `scan` does. Exit code "
      "1:\n"
      "there is none.\n\n"
      "Example: holdfast projection history orders.db by-audit users id:100 --limit 5");
}

// --- diff

struct DiffArgs : TableArgs {
  uint64_t from = 0;
  uint64_t to = 0;
  bool json = false;
};

void set_version(nlohmann::ordered_json& object, const std::string& name, const std::optional<TableVersion>& version) {
  object[name] = nullptr;
  if (!version) return;
  nlohmann::ordered_json side = {{"created_at", version->created_at}};
  set_json_bytes(side, "value", version->value);
  object[name] = std::move(side);
}

void append_change(std::string& text, const DiffArgs& args, const TableChange& change) {
  if (args.json) {
    nlohmann::ordered_json object;
    set_json_bytes(object, "key", change.key);
    set_version(object, "before", change.before);
    set_version(object, "after", change.after);
    text += object.dump() + "\n";
    return;
  }
  for (const auto& [sign, version] : {std::pair('-', &change.before), std::pair('+', &change.after)}) {
    if (!*version) continue;
    text += sign;
    text += '\t';
    append_escaped(text, change.key);
    text += '\t';
    append_escaped(text, (*version)->value);
    text += '\n';
  }
}

Result<ExitCode> run_diff(const DiffArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const TableView table, table_of(snapshot, args));
  HOLDFAST_TRY_ASSIGN(TableDiff diff, table.diff(args.from, args.to));
  Output output;
  Result<void> status;
  std::string text;
  while (true) {
    const Result<std::optional<TableChange>> change = diff.next();
    if (!change) status = fail(change.error());
    if (!change || !*change) break;
    text.clear();
    append_change(text, args, **change);
    output.write(text);
  }
  HOLDFAST_TRY(output.flush());
  HOLDFAST_TRY(status);
  return ExitCode::kDone;
}

void define_diff(CLI::App& command, DiffArgs& args) {
  add_table_arguments(command, args);
  command.add_option("--from", args.from, "Earlier position")->type_name("POSITION")->required();
  command.add_option("--to", args.to, "Later position")->type_name("POSITION")->required();
  command.add_flag("--json", args.json, "One JSON object per key: key, before, after");
  command.footer(
      "Prints the keys that are not the same at both positions, in order: `-`, TAB, key, TAB and value for what was "
      "there\n"
      "at the first, and a line with `+` for what is there at the second. Reads the whole table. Exit code 0, also if\n"
      "something differs.\n\n"
      "Example: holdfast projection diff orders.db by-audit users --from 1000 --to 2000");
}

}  // namespace

void add_projection_read_commands(CLI::App& projection, Chosen& chosen) {
  add_command<GetArgs>(projection, chosen, "get", "Print the value of one key, now or at a position", run_get,
                       define_get);
  add_command<ScanArgs>(projection, chosen, "scan", "Print a table in key order, now or at a position", run_scan,
                        define_scan);
  add_command<HistoryArgs>(projection, chosen, "history", "Print what a key held, and when", run_history,
                           define_history);
  add_command<DiffArgs>(projection, chosen, "diff", "Print what differs between two positions", run_diff, define_diff);
}

}  // namespace holdfast::cli
