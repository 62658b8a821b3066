#include "cli/command.h"

#include <fmt/format.h>

#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

Result<Database> open_existing(const std::string& path, Options options) {
  options.create_if_missing = false;
  options.recovery_progress = recovery_progress();
  Result<Database> database = Database::open(path, options);
  if (!database) return fail(with_create_hint(database.error(), path));
  return database;
}

}  // namespace

std::function<void(uint64_t done, uint64_t total)> recovery_progress() {
  return [progress = std::make_shared<Progress>("recovering")](uint64_t done, uint64_t total) {
    if (progress->due()) progress->update(done, total, fmt::format("commit {} of {}", done, total));
  };
}

Error with_create_hint(const Error& error, const std::string& path) {
  if (error.code() != ErrorCode::kNotFound) return error;
  return Error(ErrorCode::kNotFound,
               fmt::format("{} (`holdfast create {}` makes an empty database)", error.message(), path))
      .os(error.os_error());
}

Result<Database> open_to_read(const std::string& path, RecoveryReport* recovered) {
  Options options;
  options.read_only = true;
  Result<Database> database = open_existing(path, options);
  if (database || database.error().code() != ErrorCode::kReadOnly) return database;
  {
    // The last process that wrote did not close it: its log is brought into the tree first.
    HOLDFAST_TRY_ASSIGN(Database writing, open_to_write(path));
    HOLDFAST_TRY_ASSIGN(const Stats stats, writing.stats());
    if (recovered != nullptr) *recovered = stats.recovery;
    HOLDFAST_TRY(writing.close());
    say(fmt::format("holdfast: {} was not closed; recovered {} commits from its log", path,
                    stats.recovery.replayed_commits));
  }
  return open_existing(path, options);
}

Result<Database> open_to_write(const std::string& path, uint16_t lanes) {
  Options options;
  options.lanes = lanes;
  return open_existing(path, options);
}

Result<BucketView> existing_bucket(const Snapshot& snapshot, const std::string& name) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, snapshot.buckets());
  for (const std::string& known : names) {
    if (known == name) return snapshot.bucket(name);
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("no bucket \"{}\" (`holdfast buckets DATABASE` lists them)", escaped(name)));
}

}  // namespace holdfast::cli
