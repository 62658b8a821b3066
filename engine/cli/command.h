// What the subcommands share: how each is added to the command line, and how it opens its database.
//
// Every subcommand is an arguments struct, a function that runs it, and a line that adds it. Parsing only chooses; main
// runs the chosen one afterwards, so that nothing is opened before the whole command line has been understood.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <holdfast/holdfast.hpp>

#include "cli/exit_code.h"

namespace holdfast::cli {

// The subcommand that the command line chose.
struct Chosen {
  std::function<Result<ExitCode>()> run;
  std::string database_path;  // for hints
};

// Adds a subcommand whose arguments are an `Args`. One with a `path` works on a database, which is the first argument.
// `define` adds the other options to the App.
template <class Args>
CLI::App* add_command(CLI::App& app, Chosen& chosen, const std::string& name, const std::string& description,
                      Result<ExitCode> (*run)(const Args&), void (*define)(CLI::App&, Args&)) {
  constexpr bool kHasDatabase = requires(Args args) { args.path; };
  CLI::App* command = app.add_subcommand(name, description);
  auto args = std::make_shared<Args>();
  if constexpr (kHasDatabase) command->add_option("DATABASE", args->path, "The database's directory")->required();
  define(*command, *args);
  command->callback([&chosen, args, run] {
    if constexpr (kHasDatabase) chosen.database_path = args->path;
    chosen.run = [args, run] { return run(*args); };
  });
  return command;
}

// Opens an existing database to read; other readers may have it open too. If its last user was killed it is opened for
// writing first, so that its log is replayed, and `recovered` is what that did. Errors: those of Database::open.
Result<Database> open_to_read(const std::string& path, RecoveryReport* recovered = nullptr);
// Opens an existing database to change it; nobody else may have it open. `lanes`: see Options. Errors: those of
// Database::open.
Result<Database> open_to_write(const std::string& path, uint16_t lanes = 0);
// Draws a progress line while a log is replayed, which ends with the last copy of the function.
std::function<void(uint64_t done, uint64_t total)> recovery_progress();
// `error`, which says that there is no database, with what to do about it; another one as it is.
Error with_create_hint(const Error& error, const std::string& path);
// The newest state, or the one that --as-of names: a pin, csn:N or time:SECONDS. Errors: not_found, invalid_argument.
Result<Snapshot> snapshot_as_of(const Database& database, const std::optional<std::string>& as_of);
CLI::Option* add_as_of_option(CLI::App& command, std::optional<std::string>& as_of);
// A missing bucket is an error, with its name. Errors: not_found, io, corruption.
Result<BucketView> existing_bucket(const Snapshot& snapshot, const std::string& name);

// Each file of subcommands.
void add_database_commands(CLI::App& app, Chosen& chosen);  // create, buckets, stat
void add_check_command(CLI::App& app, Chosen& chosen);
void add_recover_command(CLI::App& app, Chosen& chosen);
void add_wal_commands(CLI::App& app, Chosen& chosen);  // wal stat, wal verify, wal dump
void add_log_commands(CLI::App& app, Chosen& chosen);  // log streams, append, read, tail, head, verify, prove, ...
void add_pin_commands(CLI::App& app, Chosen& chosen);  // pin add, pin list, pin drop
void add_projection_commands(CLI::App& app, Chosen& chosen);  // projection list, follow, get, scan, history, ...
void add_row_commands(CLI::App& app, Chosen& chosen);         // put, get, delete
void add_scan_command(CLI::App& app, Chosen& chosen);
void add_load_command(CLI::App& app, Chosen& chosen);
void add_dump_command(CLI::App& app, Chosen& chosen);
void add_proof_commands(CLI::App& app, Chosen& chosen);  // keygen, verify-proof

}  // namespace holdfast::cli
