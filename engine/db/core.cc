#include "db/core.h"

#include <utility>

#include "db/check.h"
#include "db/limits.h"
#include "db/transaction_core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

DatabaseCore::DatabaseCore(OpenFiles files, bool read_only)
    : files_(std::move(files)),
      read_only_(read_only),
      committer_(*files_.store, active_, read_only ? Committer::Writes::kRefused : Committer::Writes::kAllowed) {}

Result<std::unique_ptr<DatabaseCore>> DatabaseCore::open(std::string_view path, const Options& options) {
  HOLDFAST_TRY(check_options(options));
  Env& env = options.env != nullptr ? *options.env : posix_env();
  HOLDFAST_TRY_ASSIGN(OpenFiles files, open_files(env, path, options));
  return std::unique_ptr<DatabaseCore>(new DatabaseCore(std::move(files), options.read_only));
}

std::unique_ptr<TransactionCore> DatabaseCore::begin(Isolation isolation) {
  std::unique_ptr<TransactionCore> transaction;
  active_.add([&] {
    transaction = std::make_unique<TransactionCore>(*this, store().new_reader(), isolation);
    return transaction->snapshot_csn();
  });
  return transaction;
}

Stats DatabaseCore::stats() const {
  const PageStoreStats pages = store().stats();
  Stats stats;
  stats.csn = store().new_reader().state().csn;
  stats.page_bytes = store().page_bytes();
  stats.file_bytes = pages.file_bytes;
  stats.page_count = pages.page_count;
  stats.free_pages = pages.free_pages;
  stats.awaiting_pages = pages.awaiting_pages;
  stats.cache_bytes = pages.cache_bytes;
  stats.cache_hits = pages.cache_hits;
  stats.cache_misses = pages.cache_misses;
  stats.cache_evictions = pages.cache_evictions;
  stats.commits = committer_.commits();
  stats.conflicts = committer_.conflicts();
  stats.pages_written = pages.pages_written;
  stats.bytes_written = pages.bytes_written;
  stats.syncs = pages.syncs;
  stats.live_snapshots = pages.live_readers;
  stats.oldest_snapshot = pages.live_readers > 0 ? pages.oldest_reader : stats.csn;
  stats.read_only_reason = read_only_ ? "the database was opened read-only" : store().failure();
  return stats;
}

Result<CheckReport> DatabaseCore::check(const std::function<bool(uint64_t done, uint64_t total)>& progress) {
  Result<CheckReport> report = CheckReport{};
  committer_.exclusively([&] { report = check_database(store(), directory(), progress); });
  return report;
}

Result<void> DatabaseCore::prepare_close() {
  Result<void> result;
  committer_.exclusively([&] {
    if (const uint64_t readers = store().stats().live_readers; readers > 0) {
      result = fail(ErrorCode::kBusy, std::to_string(readers) + " snapshots or transactions are still open");
    }
  });
  return result;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
