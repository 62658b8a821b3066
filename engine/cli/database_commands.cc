// create, buckets, stat: the database as a whole.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "db/log_inspection.h"

namespace holdfast::cli {
namespace {

// --- create

struct CreateArgs {
  std::string path;
  uint32_t page_bytes = kPageBytesDefault;
};

Result<ExitCode> run_create(const CreateArgs& args) {
  // A look first: opening would take an existing database as it is, and the page size would be silently ignored.
  Options look;
  look.create_if_missing = false;
  look.read_only = true;
  const Result<Database> there = Database::open(args.path, look);
  if (there || there.error().code() == ErrorCode::kReadOnly) {
    return fail(ErrorCode::kAlreadyExists, fmt::format("there is a database in \"{}\" already", args.path));
  }
  if (there.error().code() != ErrorCode::kNotFound) return fail(there.error());
  Options options;
  options.page_bytes = args.page_bytes;
  HOLDFAST_TRY_ASSIGN(Database created, Database::open(args.path, options));
  HOLDFAST_TRY(created.close());
  return ExitCode::kDone;
}

void define_create(CLI::App& command, CreateArgs& args) {
  command
      .add_option("--page-bytes", args.page_bytes,
                  "Page size, for ever: larger pages read faster, smaller ones write less per commit")
      ->check(CLI::IsMember({4096, 8192, 16384, 32768, 65536}))
      ->capture_default_str();
  command.footer(
      "Makes an empty database in a new directory, or in an empty one. Its parent must be there.\n\n"
      "Example: holdfast create orders.db --page-bytes 4096");
}

// --- buckets

struct BucketsArgs {
  std::string path;
  bool count = false;
  bool json = false;
};

Result<uint64_t> count_rows(const Snapshot& snapshot, const std::string& bucket) {
  uint64_t rows = 0;
  Cursor cursor = snapshot.bucket(bucket).cursor();
  for (bool on = cursor.first(); on; on = cursor.next()) rows += 1;
  HOLDFAST_TRY(cursor.status());
  return rows;
}

Result<ExitCode> run_buckets(const BucketsArgs& args) {
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  Output output;
  HOLDFAST_TRY(database.view([&](const Snapshot& snapshot) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.buckets());
    for (const std::string& name : names) {
      nlohmann::ordered_json object;
      set_json_bytes(object, "bucket", name);
      std::string line = escaped(name);
      if (args.count) {
        HOLDFAST_TRY_ASSIGN(const uint64_t rows, count_rows(snapshot, name));
        object["rows"] = rows;
        line += fmt::format("\t{}", rows);
      }
      output.write((args.json ? object.dump() : line) + "\n");
    }
    return {};
  }));
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_buckets(CLI::App& command, BucketsArgs& args) {
  command.add_flag("--count", args.count, "Also the number of rows of each (reads them all)");
  command.add_flag("--json", args.json, "One JSON object per line");
  command.footer(
      "Prints one bucket per line, in order: the name, escaped like `scan` does, and with --count TAB and rows.");
}

// --- stat

struct StatArgs {
  std::string path;
  bool json = false;
};

struct ProjectionTotals {
  uint64_t projections = 0;
  uint64_t lag_max = 0;  // events that the slowest of them has not applied
};

Result<ProjectionTotals> projection_totals(const Snapshot& snapshot) {
  ProjectionTotals totals;
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.projections());
  for (const std::string& name : names) {
    HOLDFAST_TRY_ASSIGN(const ProjectionStats stats, snapshot.projection(name).stats());
    totals.projections += 1;
    totals.lag_max = std::max(totals.lag_max, stats.lag);
  }
  return totals;
}

Result<ExitCode> run_stat(const StatArgs& args) {
  RecoveryReport recovered;
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path, &recovered));
  HOLDFAST_TRY_ASSIGN(const Stats stats, database.stats());
  const Snapshot snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> buckets, snapshot.buckets());
  HOLDFAST_TRY_ASSIGN(const StreamTotals streams, snapshot.stream_totals());
  HOLDFAST_TRY_ASSIGN(const ProjectionTotals projections, projection_totals(snapshot));
  HOLDFAST_TRY_ASSIGN(const LogInspection log, LogInspection::open(posix_env(), args.path));
  const uint64_t used_pages = stats.page_count - stats.free_pages - stats.awaiting_pages;
  Output output;
  if (args.json) {
    const nlohmann::ordered_json object = {
        {"csn", to_int(stats.csn)},
        {"durable_csn", to_int(stats.durable_csn)},
        {"buckets", buckets.size()},
        {"streams", streams.streams},
        {"stream_records", streams.records},
        {"stream_files", streams.files},
        {"stream_file_bytes", streams.file_bytes},
        {"stream_tail_bytes", stats.stream_tail_bytes},
        {"projections", projections.projections},
        {"projection_lag_max", projections.lag_max},
        {"page_bytes", stats.page_bytes},
        {"file_bytes", stats.file_bytes},
        {"page_count", stats.page_count},
        {"used_pages", used_pages},
        {"free_pages", stats.free_pages},
        {"key_bytes_max", key_bytes_max(stats.page_bytes)},
        {"lanes", log.start().lane_count},
        {"wal_epoch", to_int(log.start().epoch)},
        {"wal_segments", log.segment_count()},
        {"wal_bytes", log.frame_bytes()},
        {"replayed_commits", recovered.replayed_commits},
        {"replayed_bytes", recovered.replayed_bytes},
        {"cut_records", recovered.cut_records},
    };
    output.write(object.dump() + "\n");
  } else {
    output.write(fmt::format("commits      {}\n", to_int(stats.csn)));
    output.write(fmt::format("buckets      {}\n", buckets.size()));
    output.write(fmt::format("streams      {}: {} records, {} bytes in {} files, {} bytes in memory\n", streams.streams,
                             streams.records, streams.file_bytes, streams.files, stats.stream_tail_bytes));
    output.write(
        fmt::format("projections  {}: the greatest lag is {} events\n", projections.projections, projections.lag_max));
    output.write(fmt::format("file         {} bytes\n", stats.file_bytes));
    output.write(fmt::format("pages        {} of {} bytes: {} used, {} free\n", stats.page_count, stats.page_bytes,
                             used_pages, stats.free_pages));
    output.write(fmt::format("longest key  {} bytes\n", key_bytes_max(stats.page_bytes)));
    output.write(fmt::format("log          {} lanes, wal epoch {}: {} bytes in {} segments\n", log.start().lane_count,
                             to_int(log.start().epoch), log.frame_bytes(), log.segment_count()));
    if (recovered.replayed_commits > 0) {
      output.write(
          fmt::format("recovered    {} commits, which a crash had left in the log\n", recovered.replayed_commits));
    }
  }
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_stat(CLI::App& command, StatArgs& args) {
  command.add_flag("--json", args.json, "One JSON object");
  command.footer(
      "What the database holds and how much room it takes, without reading its rows. After a crash the log is "
      "replayed\n"
      "first, and the last line says how many commits that brought back. `holdfast wal stat` says more about the log.");
}

}  // namespace

void add_database_commands(CLI::App& app, Chosen& chosen) {
  add_command<CreateArgs>(app, chosen, "create", "Make an empty database", run_create, define_create);
  add_command<BucketsArgs>(app, chosen, "buckets", "List the buckets", run_buckets, define_buckets);
  add_command<StatArgs>(app, chosen, "stat", "Show size and state", run_stat, define_stat);
}

}  // namespace holdfast::cli
