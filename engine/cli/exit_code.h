// Exit codes of the command: a small fixed table that scripts can rely on. A code never changes its meaning.
#pragma once

#include <string>
#include <string_view>

#include <holdfast/result.h>

namespace holdfast::cli {

enum class ExitCode : int {
  kDone = 0,
  kNotFound = 1,
  kUsage = 2,
  kBusy = 3,
  kDamaged = 4,
  kIo = 5,
  kNoSpace = 6,
  kReadOnly = 7,
  kOutcomeUnknown = 8,
  kAlreadyExists = 9,
  kUnsupported = 10,
  kInterrupted = 130,
};

ExitCode exit_code_of(ErrorCode code);

// What a person can do about an error; empty where the message says it all. `path` is the database of the command.
std::string hint_for(const Error& error, std::string_view path);

// The table as --help prints it.
std::string_view exit_code_table();

}  // namespace holdfast::cli
