// projection prune, purge, drop, pin, unpin, pins: what is kept of a projection's past.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/log_commands.h"
#include "cli/projection_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

Error only_with_yes(std::string_view what) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}: say --yes if you mean it", what)};
}

// --- prune

struct PruneArgs {
  std::string path;
  std::string projection;
  uint64_t before = 0;
};

Result<ExitCode> run_prune(const PruneArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(check_projection_exists(database, args.projection));
  Progress progress("pruning");
  PruneOptions options;
  options.progress = [&](uint64_t versions) {
    if (progress.due()) progress.update(versions, 0, fmt::format("{} looked at", counted(versions, "version")));
    return !interrupted();
  };
  const Result<PruneReport> report = database.projection(args.projection).prune(args.before, options);
  progress.clear();
  HOLDFAST_TRY(report);
  HOLDFAST_TRY(database.close());
  HOLDFAST_TRY(print_done(fmt::format("pruned: {} dropped; the oldest position is now {}\n{}",
                                      counted(report->versions, "version"), report->floor,
                                      report->floor < args.before ? "a pin holds those behind it\n" : "")));
  if (!report->stopped) return ExitCode::kDone;
  say("holdfast: interrupted; nothing before the oldest position can be read, run it again to drop the rest");
  return ExitCode::kInterrupted;
}

void define_prune(CLI::App& command, PruneArgs& args) {
  add_projection_argument(command, args.projection);
  command.add_option("--before", args.before, "Oldest position that must stay readable")
      ->type_name("POSITION")
      ->required();
  command.footer(
      "Drops what can be read only at earlier positions. What is read at POSITION and later is the same as before. A "
      "pin\n"
      "below POSITION holds everything from there on. Looks at every superseded version, in many commits; Ctrl-C stops "
      "it\n"
      "between two. `rebuild` brings the past back, as long as the stream was not trimmed.\n\n"
      "Example: holdfast projection prune orders.db by-audit --before 1000000");
}

// --- purge

struct PurgeArgs {
  std::string path;
  std::string projection;
  std::string table;
  bool yes = false;
};

Result<ExitCode> run_purge(const PurgeArgs& args) {
  const TableName table = table_of_argument(args.table);
  if (!args.yes) {
    return fail(only_with_yes(fmt::format("this empties table \"{}\", now and for all positions", table_text(table))));
  }
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(check_projection_exists(database, args.projection));
  HOLDFAST_TRY_ASSIGN(const bool held, database.projection(args.projection).purge_table(table));
  HOLDFAST_TRY(database.close());
  return print_done(held ? fmt::format("purged: table \"{}\"\n", table_text(table))
                         : fmt::format("table \"{}\" was empty already\n", table_text(table)));
}

void define_purge(CLI::App& command, PurgeArgs& args) {
  add_projection_argument(command, args.projection);
  add_table_argument(command, args.table);
  command.add_flag("--yes", args.yes, "Yes, empty it");
  command.footer(
      "Empties a table, with all that it held before, and gives its pages back. Position and other tables stay. "
      "Events\n"
      "that are applied later fill it again; those that were applied before are told again by `rebuild` alone.\n\n"
      "Example: holdfast projection purge orders.db by-audit sessions --yes");
}

// --- drop

struct DropArgs {
  std::string path;
  std::string projection;
  bool yes = false;
};

Result<ExitCode> run_drop(const DropArgs& args) {
  if (!args.yes) {
    return fail(only_with_yes(
        fmt::format("this removes projection \"{}\" with all its tables and pins", escaped(args.projection))));
  }
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(check_projection_exists(database, args.projection));
  HOLDFAST_TRY(database.projection(args.projection).drop());
  HOLDFAST_TRY(database.close());
  return print_done(fmt::format("dropped: projection \"{}\"\n", escaped(args.projection)));
}

void define_drop(CLI::App& command, DropArgs& args) {
  add_projection_argument(command, args.projection);
  command.add_flag("--yes", args.yes, "Yes, remove it");
  command.footer(
      "Removes a projection with all its tables and pins. The stream stays, and `follow` can make it again, as long "
      "as\n"
      "the stream was not trimmed; what a program fed to it by batches is gone.\n\n"
      "Example: holdfast projection drop orders.db by-audit --yes");
}

// --- pin, unpin, pins

struct PinArgs {
  std::string path;
  std::string projection;
  std::string pin;
  std::optional<uint64_t> at;
};

Result<ExitCode> run_pin(const PinArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(check_projection_exists(database, args.projection));
  Projection projection = database.projection(args.projection);
  HOLDFAST_TRY_ASSIGN(const uint64_t applied, projection.applied_position());
  HOLDFAST_TRY(projection.pin(args.pin, args.at.value_or(applied)));
  HOLDFAST_TRY(database.close());
  return print_done(fmt::format("{}\t{}\n", escaped(args.pin), args.at.value_or(applied)));
}

void define_pin(CLI::App& command, PinArgs& args) {
  add_projection_argument(command, args.projection);
  command.add_option("PIN", args.pin, "Name of the pin; one that is there already is moved")->required();
  command.add_option("--at", args.at, "This position; by default the newest")->type_name("POSITION");
  command.footer(
      "Nothing that can be read at the pin's position, or later, is pruned, until the pin is taken away. Prints pin "
      "and\n"
      "position.\n\n"
      "Example: holdfast projection pin orders.db by-audit audit-2026 --at 1000000");
}

struct UnpinArgs {
  std::string path;
  std::string projection;
  std::string pin;
};

Result<ExitCode> run_unpin(const UnpinArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(check_projection_exists(database, args.projection));
  HOLDFAST_TRY_ASSIGN(const bool was_there, database.projection(args.projection).unpin(args.pin));
  HOLDFAST_TRY(database.close());
  if (was_there) return ExitCode::kDone;
  return fail(ErrorCode::kNotFound,
              fmt::format("no pin \"{}\" of projection \"{}\"", escaped(args.pin), escaped(args.projection)));
}

void define_unpin(CLI::App& command, UnpinArgs& args) {
  add_projection_argument(command, args.projection);
  command.add_option("PIN", args.pin, "Pin that goes")->required();
  command.footer("Drops nothing by itself: `prune` does. Exit code 1: no such pin.");
}

struct PinsArgs {
  std::string path;
  std::string projection;
  bool json = false;
};

Result<ExitCode> run_pins(const PinsArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  HOLDFAST_TRY(check_projection_exists(database, args.projection));
  HOLDFAST_TRY_ASSIGN(const std::vector<ProjectionPin> pins, database.projection(args.projection).pins());
  std::string text;
  for (const ProjectionPin& pin : pins) {
    if (args.json) {
      nlohmann::ordered_json object;
      set_json_bytes(object, "pin", pin.name);
      object["position"] = pin.position;
      text += object.dump() + "\n";
    } else {
      text += fmt::format("{}\t{}\n", escaped(pin.name), pin.position);
    }
  }
  return print_done(text);
}

void define_pins(CLI::App& command, PinsArgs& args) {
  add_projection_argument(command, args.projection);
  command.add_flag("--json", args.json, "One JSON object per line");
  command.footer("Prints one pin per line, in order: its name, TAB, and its position.");
}

}  // namespace

void add_projection_upkeep_commands(CLI::App& projection, Chosen& chosen) {
  add_command<PruneArgs>(projection, chosen, "prune", "Drop what only old positions show", run_prune, define_prune);
  add_command<PurgeArgs>(projection, chosen, "purge", "Empty a table", run_purge, define_purge);
  add_command<DropArgs>(projection, chosen, "drop", "Remove a projection", run_drop, define_drop);
  add_command<PinArgs>(projection, chosen, "pin", "Keep a position from being pruned", run_pin, define_pin);
  add_command<UnpinArgs>(projection, chosen, "unpin", "Take a pin away", run_unpin, define_unpin);
  add_command<PinsArgs>(projection, chosen, "pins", "List the pins", run_pins, define_pins);
}

}  // namespace holdfast::cli
