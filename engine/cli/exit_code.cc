#include "cli/exit_code.h"

#include <fmt/format.h>

namespace holdfast::cli {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kIo: return ExitCode::kIo;
    case ErrorCode::kCorruption: return ExitCode::kDamaged;
    case ErrorCode::kNotFound: return ExitCode::kNotFound;
    case ErrorCode::kAlreadyExists: return ExitCode::kAlreadyExists;
    case ErrorCode::kNoSpace: return ExitCode::kNoSpace;
    case ErrorCode::kConflict: return ExitCode::kBusy;
    case ErrorCode::kInvalidArgument: return ExitCode::kUsage;
    case ErrorCode::kReadOnly: return ExitCode::kReadOnly;
    case ErrorCode::kBusy: return ExitCode::kBusy;
    case ErrorCode::kOutcomeUnknown: return ExitCode::kOutcomeUnknown;
    case ErrorCode::kUnsupported: return ExitCode::kUnsupported;
  }
  return ExitCode::kIo;
}

std::string hint_for(const Error& error, std::string_view path) {
  switch (error.code()) {
    case ErrorCode::kBusy: return "wait until that process has closed the database, or stop it, and run this again";
    case ErrorCode::kConflict: return "run the command again";
    case ErrorCode::kCorruption:
      if (error.file().starts_with("wal-")) {
        return fmt::format(
            "`holdfast wal verify {0}` lists the damage of the log; `holdfast recover {0}` says what it costs", path);
      }
      if (error.file().starts_with("stream-")) {
        return fmt::format("`holdfast log verify {} STREAM` says which record it is, and what was done to it", path);
      }
      return fmt::format("`holdfast check {}` lists every damaged place; what it does not name can still be read",
                         path);
    case ErrorCode::kNoSpace:
      return "nothing was changed by the failed commit; free some disk space and run this again";
    case ErrorCode::kOutcomeUnknown: return "look whether the change is there before you make it again";
    case ErrorCode::kReadOnly: return "the reason stands in the message; reopen once it is gone";
    case ErrorCode::kUnsupported: return "use the version of holdfast that wrote this database, or a newer one";
    case ErrorCode::kIo:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kInvalidArgument: return {};
  }
  return {};
}

std::string_view exit_code_table() {
  return "Exit codes:\n"
         "    0  done\n"
         "    1  the key, bucket, stream, projection, database or input file is not there\n"
         "    2  wrong usage: option, argument or input line\n"
         "    3  another process has the database open\n"
         "    4  damage: `check` found some, or a command met it; a proof does not hold\n"
         "    5  the operating system refused a read or write\n"
         "    6  the disk is full; the failed commit changed nothing\n"
         "    7  the database takes no writes\n"
         "    8  a write failed half-way: the commit may or may not survive\n"
         "    9  it is there already\n"
         "   10  written by a newer version\n"
         "  130  interrupted\n";
}

}  // namespace holdfast::cli
