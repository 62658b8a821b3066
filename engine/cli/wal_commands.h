// What the files of the `wal` commands share.
#pragma once

#include <string>

#include "cli/command.h"
#include "db/log_inspection.h"

namespace holdfast::cli {

// Errors: those of LogInspection::open, with what to do about them.
Result<LogInspection> inspect_log(const std::string& path);

void add_wal_dump_command(CLI::App& wal, Chosen& chosen);

}  // namespace holdfast::cli
