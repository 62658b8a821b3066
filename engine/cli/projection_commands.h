// What the files of the `projection` commands share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace holdfast::cli {

// A projection that is not there is an error here, with its name. Errors: not_found, io, corruption.
Result<ProjectionView> existing_projection(const Snapshot& snapshot, const std::string& name);
// The same, before it is changed.
Result<void> check_projection_exists(const Database& database, const std::string& name);
// A table that nothing was ever put into is an error here, with its name. Errors: not_found, io, corruption.
Result<TableView> existing_table(const ProjectionView& projection, const TableName& name);

// How a table is named on the command line, and is printed: `#7` is the one with the number 7, other text is itself;
// text that begins with a # can always be written with one more, and is printed so. Printed names are escaped.
TableName table_of_argument(std::string_view argument);
std::string table_text(const TableName& name);

// Adds PROJECTION, the first argument behind the database.
void add_projection_argument(CLI::App& command, std::string& name);
// Adds TABLE, the one behind it.
void add_table_argument(CLI::App& command, std::string& table);

// Writes to standard output.
Result<ExitCode> print_done(std::string_view text);

// Each file of subcommands.
void add_projection_read_commands(CLI::App& projection, Chosen& chosen);    // get, scan, history, diff
void add_projection_follow_commands(CLI::App& projection, Chosen& chosen);  // follow, rebuild
void add_projection_upkeep_commands(CLI::App& projection, Chosen& chosen);  // prune, purge, drop, pin, unpin, pins

}  // namespace holdfast::cli
