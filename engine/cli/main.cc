// The holdfast command: looks into a database, fills it, and checks it, from a shell.
//
// Results go to standard output in a form that scripts can rely on; errors, progress and everything else for people go
// to standard error. The exit code comes from the fixed table in exit_code.h.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/marked_event.h"
#include "cli/terminal.h"

namespace holdfast::cli {
namespace {

constexpr const char* kDescription =
    "holdfast: work with a Holdfast database from the shell.\n"
    "A database is a directory; it holds buckets; a bucket holds rows: keys and values, any bytes, in key order.\n"
    "It also holds event streams, which only grow, and of which nothing can be changed unnoticed; and projections:\n"
    "tables made from a stream, which can be read as they were after any of its events.\n"
    "What a command has changed is on disk when it returns.";

constexpr const char* kFooter =
    "Examples:\n"
    "  holdfast create orders.db\n"
    "  holdfast put orders.db users id:100 Alice\n"
    "  holdfast get orders.db users id:100\n"
    "  holdfast scan orders.db users --prefix id: --limit 10\n"
    "  holdfast load orders.db users.tsv --bucket users\n"
    "  holdfast dump orders.db > orders.dump && holdfast create copy.db && holdfast load copy.db orders.dump\n"
    "  holdfast check orders.db && echo sound\n"
    "  holdfast wal stat orders.db\n"
    "  holdfast log append orders.db audit 'created id:100'\n"
    "  holdfast log verify orders.db audit && echo untouched\n"
    "  holdfast projection follow orders.db by-audit --stream audit\n"
    "  holdfast projection get orders.db by-audit users id:100 --at 17\n"
    "  holdfast verify-proof --key audit.pub --payload event.json event.tlog-proof\n"
    "\n"
    "`holdfast COMMAND --help` says more. After `--` every argument is taken as it is: holdfast put db b -- -key -1\n"
    "\n";

int report(const Error& error, const std::string& path) {
  say(fmt::format("holdfast: {}", error.to_string()));
  if (const std::string hint = hint_for(error, path); !hint.empty()) say(fmt::format("  hint: {}", hint));
  return static_cast<int>(exit_code_of(error.code()));
}

// The arguments, last one first, as CLI11 takes them. It takes one in brackets for a list wherever several may be said,
// and so would make two events of '[1,2]'; what is marked it leaves alone.
std::vector<std::string> arguments_of(int argc, char** argv) {
  std::vector<std::string> all(argv + std::min(argc, 1), argv + argc);
  if (all.size() > 2 && all[0] == "log" && all[1] == "append") {
    std::ranges::for_each(all, mark_event);
  }
  std::ranges::reverse(all);
  return all;
}

int run(int argc, char** argv) {
  CLI::App app(kDescription, "holdfast");
  app.footer(kFooter + std::string(exit_code_table()));
  app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  Chosen chosen;
  add_database_commands(app, chosen);
  add_row_commands(app, chosen);
  add_scan_command(app, chosen);
  add_load_command(app, chosen);
  add_dump_command(app, chosen);
  add_check_command(app, chosen);
  add_recover_command(app, chosen);
  add_wal_commands(app, chosen);
  add_log_commands(app, chosen);
  add_projection_commands(app, chosen);
  add_proof_commands(app, chosen);
  add_pin_commands(app, chosen);

  try {
    app.parse(arguments_of(argc, argv));
  } catch (const CLI::Success& asked_for_help) {
    return app.exit(asked_for_help);
  } catch (const CLI::ParseError& wrong) {
    say(fmt::format("holdfast: usage: {}", wrong.what()));
    std::string command;
    for (auto chain = app.get_subcommands(); !chain.empty(); chain = chain.front()->get_subcommands()) {
      command += chain.front()->get_name() + " ";
    }
    say(fmt::format("  hint: `holdfast {}--help` lists what can be said", command));
    return static_cast<int>(ExitCode::kUsage);
  }
  const Result<ExitCode> done = chosen.run();
  return done ? static_cast<int>(*done) : report(done.error(), chosen.database_path);
}

}  // namespace
}  // namespace holdfast::cli

int main(int argc, char** argv) { return holdfast::cli::run(argc, argv); }
