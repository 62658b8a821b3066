// dump: the whole database, or one bucket, in the format of dump_format.h.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/dump_format.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

struct DumpArgs {
  std::string path;
  std::optional<std::string> bucket;
};

// Returns the number of rows.
Result<uint64_t> dump_bucket(Output& output, const Snapshot& snapshot, const std::string& name, Progress& progress,
                             uint64_t rows_before) {
  uint64_t rows = 0;
  const std::string start = escaped(name) + "\t";
  Range range = snapshot.bucket(name).all();
  std::string line;
  for (const auto [key, value] : range) {
    line = start;
    append_escaped(line, key);
    line += '\t';
    append_escaped(line, value);
    line += '\n';
    output.write(line);
    rows += 1;
    if (progress.due()) progress.update(0, 0, fmt::format("{} rows", rows_before + rows));
  }
  HOLDFAST_TRY(range.status());
  if (rows == 0) output.write(start + "\n");
  return rows;
}

Result<ExitCode> run_dump(const DumpArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  const Snapshot snapshot = database.snapshot();
  std::vector<std::string> names;
  if (args.bucket) {
    HOLDFAST_TRY(existing_bucket(snapshot, *args.bucket));
    names.push_back(*args.bucket);
  } else {
    HOLDFAST_TRY_ASSIGN(names, snapshot.buckets());
  }
  Output output;
  Progress progress("dumping");
  output.write(fmt::format("{}\n", kDumpFirstLine));
  uint64_t rows = 0;
  for (const std::string& name : names) {
    const Result<uint64_t> dumped = dump_bucket(output, snapshot, name, progress, rows);
    if (!dumped) {
      // Without its last line, nobody will take what was printed for the whole.
      HOLDFAST_TRY(output.flush());
      return fail(dumped.error());
    }
    rows += *dumped;
  }
  output.write(fmt::format("{}{}\n", kDumpEnd, rows));
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_dump(CLI::App& command, DumpArgs& args) {
  command.add_option("--bucket", args.bucket, "Only this bucket")->type_name("BUCKET");
  command.footer(
      "Prints the line `holdfast dump 1`, then one line per row: bucket, key and value, escaped like `scan` does, "
      "with\n"
      "TABs between, and at last `end` and the number of rows. All of it is one state of the database. `load` reads "
      "it\n"
      "back.\n\n"
      "Examples:\n"
      "  holdfast dump orders.db > orders.dump\n"
      "  holdfast dump orders.db | holdfast load copy.db");
}

}  // namespace

void add_dump_command(CLI::App& app, Chosen& chosen) {
  add_command<DumpArgs>(app, chosen, "dump", "Print everything, for load to read back", run_dump, define_dump);
}

}  // namespace holdfast::cli
