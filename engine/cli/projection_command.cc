// projection: tables made from event streams. Here the command itself, and what only looks around: list, lag.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/projection_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {

Result<ProjectionView> existing_projection(const Snapshot& snapshot, const std::string& name) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.projections());
  if (std::ranges::find(names, name) != names.end()) return snapshot.projection(name);
  return fail(ErrorCode::kNotFound,
              fmt::format("no projection \"{}\" (`holdfast projection list DATABASE` lists them)", escaped(name)));
}

Result<void> check_projection_exists(const Database& database, const std::string& name) {
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY(existing_projection(snapshot, name));
  return {};
}

Result<TableView> existing_table(const ProjectionView& projection, const TableName& name) {
  HOLDFAST_TRY_ASSIGN(const std::vector<TableName> names, projection.tables());
  if (std::ranges::find(names, name) != names.end()) return projection.table(name);
  return fail(ErrorCode::kNotFound, fmt::format("the projection has no table \"{}\" (`holdfast projection list "
                                                "DATABASE` lists them)",
                                                table_text(name)));
}

TableName table_of_argument(std::string_view argument) {
  if (!argument.starts_with('#')) return argument;
  const std::string_view rest = argument.substr(1);
  if (rest.starts_with('#')) return rest;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return error == std::errc() && end == rest.data() + rest.size() ? TableName(TableId{number}) : TableName(argument);
}

std::string table_text(const TableName& name) {
  const std::string text = name.to_string();
  return (!name.id() && text.starts_with('#') ? "#" : "") + escaped(text);
}

void add_projection_argument(CLI::App& command, std::string& name) {
  command.add_option("PROJECTION", name, "Projection")->required();
}

void add_table_argument(CLI::App& command, std::string& table) {
  command.add_option("TABLE", table, "Table; #7 is the one with the number 7")->required();
}

Result<ExitCode> print_done(std::string_view text) {
  Output output;
  output.write(text);
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

namespace {

// --- list

struct ListArgs {
  std::string path;
  bool json = false;
};

std::string list_line(const ProjectionStats& stats, const std::vector<TableName>& tables) {
  std::string line = fmt::format("{}\t{}\t{}\t{}\t{}", escaped(stats.name), escaped(stats.stream),
                                 stats.applied_position, stats.floor, stats.lag);
  for (const TableName& table : tables) line += "\t" + table_text(table);
  return line;
}

std::string list_json(const ProjectionStats& stats, const std::vector<TableName>& tables) {
  nlohmann::ordered_json object;
  set_json_bytes(object, "projection", stats.name);
  if (stats.stream.empty()) {
    object["stream"] = nullptr;
  } else {
    set_json_bytes(object, "stream", stats.stream);
  }
  object["applied_position"] = stats.applied_position;
  object["floor"] = stats.floor;
  object["lag"] = stats.lag;
  object["generation"] = stats.generation;
  object["rebuilding"] = stats.rebuilding;
  object["tables"] = nlohmann::ordered_json::array();
  for (const TableName& table : tables) object["tables"].push_back(table_text(table));
  return object.dump();
}

Result<ExitCode> run_list(const ListArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  Output output;
  HOLDFAST_TRY(database.view([&](const Snapshot& snapshot) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.projections());
    for (const std::string& name : names) {
      const ProjectionView projection = snapshot.projection(name);
      HOLDFAST_TRY_ASSIGN(const ProjectionStats stats, projection.stats());
      HOLDFAST_TRY_ASSIGN(const std::vector<TableName> tables, projection.tables());
      output.write((args.json ? list_json(stats, tables) : list_line(stats, tables)) + "\n");
    }
    return {};
  }));
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_list(CLI::App& command, ListArgs& args) {
  command.add_flag("--json", args.json, "One JSON object per line");
  command.footer(
      "Prints one projection per line, in order: the name, the stream it is made from (nothing: a program feeds it),\n"
      "the position that was applied last, the floor (the oldest position that can be read), the lag (events of the\n"
      "stream that are not applied), and the names of its tables; with TABs between, escaped like `scan` does. A "
      "table\n"
      "with a number is printed as #7, one whose name begins with a # with one # more; so they can be said, too.");
}

// --- lag

struct LagArgs {
  std::string path;
  std::optional<std::string> name;
  bool json = false;
};

Result<ExitCode> run_lag(const LagArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  std::vector<std::string> names;
  if (args.name) {
    HOLDFAST_TRY(existing_projection(snapshot, *args.name));
    names = {*args.name};
  } else {
    HOLDFAST_TRY_ASSIGN(names, snapshot.projections());
  }
  Output output;
  for (const std::string& name : names) {
    HOLDFAST_TRY_ASSIGN(const ProjectionStats stats, snapshot.projection(name).stats());
    if (args.json) {
      nlohmann::ordered_json object;
      set_json_bytes(object, "projection", name);
      object["lag"] = stats.lag;
      output.write(object.dump() + "\n");
    } else {
      output.write(fmt::format("{}\t{}\n", escaped(name), stats.lag));
    }
  }
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_lag(CLI::App& command, LagArgs& args) {
  command.add_option("PROJECTION", args.name, "Only this one");
  command.add_flag("--json", args.json, "One JSON object per line");
  command.footer(
      "Prints per projection its name, TAB, and how many events of its stream are not applied. Exit code 0, whatever "
      "the\n"
      "lag is; 1: there is no such projection. One that a program feeds has no stream, and no lag.\n\n"
      "Example: holdfast projection lag orders.db | awk -F '\\t' '$2 > 1000'");
}

}  // namespace

void add_projection_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* projection =
      app.add_subcommand("projection", "Tables made from event streams, as of any position: follow, get, scan, ...");
  projection->require_subcommand(1);
  projection->footer(
      "A projection is made from a stream: after the event at offset n it has position n + 1, and its tables can be "
      "read\n"
      "as of every position from its floor on. Nothing of it is in the log, since the stream can tell it again: after "
      "a\n"
      "crash it is where the last checkpoint was, and `follow` applies the rest, each event exactly once.\n"
      "`holdfast projection COMMAND --help` says more.\n\n"
      "Examples:\n"
      "  holdfast load orders.db users.tsv --bucket users --audit audit --audit-values\n"
      "  holdfast projection follow orders.db by-audit --stream audit\n"
      "  holdfast projection get orders.db by-audit users id:100 --at 17\n"
      "  holdfast projection history orders.db by-audit users id:100");
  add_command<ListArgs>(*projection, chosen, "list", "List the projections", run_list, define_list);
  add_command<LagArgs>(*projection, chosen, "lag", "Print how many events are not applied", run_lag, define_lag);
  add_projection_read_commands(*projection, chosen);
  add_projection_follow_commands(*projection, chosen);
  add_projection_upkeep_commands(*projection, chosen);
}

}  // namespace holdfast::cli
