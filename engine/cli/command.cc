#include "cli/command.h"

#include <cstdio>

#include <fmt/format.h>

#include "cli/text.h"

namespace holdfast::cli {
namespace {

Result<Database> open_existing(const std::string& path, bool read_only) {
  Options options;
  options.create_if_missing = false;
  options.read_only = read_only;
  Result<Database> database = Database::open(path, options);
  if (!database && database.error().code() == ErrorCode::kNotFound) {
    return fail(Error(ErrorCode::kNotFound, fmt::format("{} (`holdfast create {}` makes an empty database)",
                                                        database.error().message(), path))
                    .os(database.error().os_error()));
  }
  return database;
}

}  // namespace

Result<Database> open_to_read(const std::string& path) {
  Result<Database> database = open_existing(path, true);
  if (database || database.error().code() != ErrorCode::kReadOnly) {
    return database;
  }
  // The last process that wrote did not close it: its log is brought into the tree first.
  HOLDFAST_TRY_ASSIGN(Database recovering, open_existing(path, false));
  HOLDFAST_TRY_ASSIGN(const Stats stats, recovering.stats());
  HOLDFAST_TRY(recovering.close());
  fmt::print(stderr, "holdfast: {} was not closed; recovered {} commits from its log\n", path,
             stats.recovery.replayed_commits);
  return open_existing(path, true);
}
Result<Database> open_to_write(const std::string& path) { return open_existing(path, false); }

Result<BucketView> existing_bucket(const Snapshot& snapshot, const std::string& name) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.buckets());
  for (const std::string& known : names) {
    if (known == name) return snapshot.bucket(name);
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("no bucket \"{}\" (`holdfast buckets DATABASE` lists them)", escaped(name)));
}

}  // namespace holdfast::cli
