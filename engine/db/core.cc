#include "db/core.h"

#include <utility>

#include "db/check.h"
#include "db/limits.h"
#include "db/pins.h"
#include "db/projection_check.h"
#include "db/stream_check.h"
#include "db/stream_head.h"
#include "db/transaction_core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// A group of commits whose redo is a larger part of the log is no record in it but a checkpoint.
constexpr uint64_t kLogShareMax = 4;

UpkeepLimits limits_of(const Options& options) {
  return {.wal_bytes = options.checkpoint_wal_bytes, .dirty_bytes = options.cache_bytes / 8 * 3};
}

}  // namespace

DatabaseCore::DatabaseCore(OpenFiles files, std::unique_ptr<Streams> streams, std::unique_ptr<Log> log,
                           RecoveryReport recovery, Env& env, const Options& options)
    : files_(std::move(files)),
      read_only_(options.read_only),
      threads_(options.background ? &env.threads() : nullptr),
      clock_(env.clock()),
      recovery_(std::move(recovery)),
      streams_(std::move(streams)),
      log_(std::move(log)),
      checkpointer_(*files_.store, *log_, *streams_),
      committer_(*files_.store, *log_, *streams_, checkpointer_, active_,
                 read_only_ ? Committer::Writes::kRefused : Committer::Writes::kAllowed,
                 options.checkpoint_wal_bytes / kLogShareMax),
      upkeep_(env, *log_, committer_, checkpointer_, limits_of(options)) {}

Result<std::unique_ptr<DatabaseCore>> DatabaseCore::open(std::string_view path, const Options& options,
                                                         OnDamage on_damage) {
  HOLDFAST_TRY(check_options(options));
  Env& env = options.env != nullptr ? *options.env : posix_env();
  HOLDFAST_TRY_ASSIGN(OpenFiles files, open_files(env, path, options));
  auto streams =
      std::make_unique<Streams>(*files.directory, files.store->meta().database_id, options.stream_segment_bytes);
  if (!options.read_only) {
    HOLDFAST_TRY(load_pins(*files.store));
  }
  RecoveryReport recovery;
  HOLDFAST_TRY_ASSIGN(std::unique_ptr<Log> log,
                      open_log(env, *files.directory, *files.store, *streams, options, on_damage, recovery));
  std::unique_ptr<DatabaseCore> core(
      new DatabaseCore(std::move(files), std::move(streams), std::move(log), std::move(recovery), env, options));
  if (core->log_->has_lanes() && options.background) {
    HOLDFAST_TRY(core->upkeep_.start());
  }
  return core;
}

std::unique_ptr<TransactionCore> DatabaseCore::begin(Isolation isolation) {
  std::unique_ptr<TransactionCore> transaction;
  active_.add([&] {
    // After a failure the newest state may be one that never becomes durable.
    PageReader reader = takes_writes() ? store().new_reader_of_newest() : store().new_reader();
    transaction = std::make_unique<TransactionCore>(*this, std::move(reader), isolation);
    return transaction->snapshot_csn();
  });
  return transaction;
}

Result<Commit> DatabaseCore::commit(PendingCommit& pending) {
  const bool changes = !pending.writes.empty();
  if (!read_only_ && changes) {
    if (auto room = upkeep_.make_room(); !room) {
      if (pending.snapshot) {
        active_.remove(*pending.snapshot);
      }
      return fail(std::move(room).error());
    }
  }
  auto committed = committer_.commit(pending);
  if (!changes) {
    return committed;
  }
  if (pending.writes.stream_count() > 0) {
    streams_->tell_growth();  // a failure too: who waits must not wait for ever
  }
  if (committed) {
    upkeep_.committed(pending.durability);
  }
  return committed;
}

Csn DatabaseCore::durable_csn() {
  const sync::Lock lock(log_->mutex());
  return log_->durable(lock);
}

Result<void> DatabaseCore::check_csn(Csn csn) {
  const Csn newest = store().new_reader_of_newest().state().csn;
  if (csn > newest) {
    return fail(ErrorCode::kInvalidArgument, "there is no commit " + std::to_string(to_int(csn)) + "; the newest is " +
                                                 std::to_string(to_int(newest)));
  }
  return {};
}

Result<void> DatabaseCore::wait_durable(Csn csn) {
  HOLDFAST_TRY(check_csn(csn));
  return log_->wait_durable(csn);
}

Result<void> DatabaseCore::when_durable(Csn csn, std::function<void(Result<void>)> done) {
  HOLDFAST_TRY(check_csn(csn));
  log_->when_durable(csn, std::move(done));
  return {};
}

Result<bool> DatabaseCore::wait_for_record(std::string_view stream, uint64_t offset, uint64_t timeout_ns) {
  const uint64_t start_ns = clock_.monotonic_ns();
  for (;;) {
    const uint64_t seen = streams_->growth();
    PageReader reader = store().new_reader();
    HOLDFAST_TRY_ASSIGN(const StreamHead head, find_head(reader, stream));
    if (head.next_offset > offset) {
      return true;
    }
    if (const std::string failure = store().failure(); !failure.empty()) {
      return fail(ErrorCode::kReadOnly, failure);
    }
    const uint64_t passed_ns = clock_.monotonic_ns() - start_ns;
    if (passed_ns >= timeout_ns || !streams_->wait_for_growth(seen, timeout_ns - passed_ns)) {
      return false;
    }
  }
}

void DatabaseCore::exclusively(const std::function<void(Committer&)>& body) {
  committer_.exclusively([&] { body(committer_); });
}

Result<void> DatabaseCore::checkpoint_now() {
  if (read_only_) {
    return fail(ErrorCode::kReadOnly, "the database was opened read-only");
  }
  checkpointer_.finish();
  return checkpointer_.make();
}

Stats DatabaseCore::stats() {
  const PageStoreStats pages = store().stats();
  const LogStats log = log_->stats();
  Stats stats;
  stats.csn = store().new_reader().state().csn;
  stats.durable_csn = durable_csn();
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
  stats.lanes = log_->lane_count();
  stats.wal_bytes = log.live_bytes;
  stats.wal_bytes_written = log.bytes_written;
  stats.wal_flushes = log.flushes;
  stats.checkpoints = checkpointer_.count();
  stats.stream_tail_bytes = streams_->tail_bytes();
  stats.stream_bytes_written = streams_->bytes_written();
  stats.recovery = recovery_;
  stats.live_snapshots = pages.live_readers;
  stats.oldest_snapshot = pages.live_readers > 0 ? pages.oldest_reader : stats.csn;
  stats.read_only_reason = read_only_ ? "the database was opened read-only" : store().failure();
  return stats;
}

Result<CheckReport> DatabaseCore::check(const std::function<bool(uint64_t done, uint64_t total)>& progress) {
  Result<CheckReport> report = CheckReport{};
  committer_.exclusively([&] {
    checkpointer_.finish();
    if (takes_writes()) {
      // What is checked is then what the file holds.
      if (auto made = checkpointer_.make(); !made) {
        report = fail(std::move(made).error());
        return;
      }
    } else if (store().newest().csn != store().meta().csn) {
      report = fail(ErrorCode::kReadOnly,
                    "what is in memory is not in the file, and cannot be written any more; open the database again "
                    "to check it: " +
                        store().failure());
      return;
    }
    report = check_database(store(), *files_.directory, *log_, progress);
    if (report && !report->stopped) {
      const auto go_on = [&] { return !progress || progress(report->page_count, report->page_count); };
      auto checked = check_streams(*this, *report, go_on);
      if (checked && !report->stopped) {
        checked = check_projections(*this, *report, go_on);
      }
      if (!checked) {
        report = fail(std::move(checked).error());
      }
    }
  });
  return report;
}

Result<void> DatabaseCore::close() {
  Result<void> result;
  committer_.exclusively([&] {
    if (const uint64_t readers = store().stats().live_readers; readers > 0) {
      result = fail(ErrorCode::kBusy, std::to_string(readers) + " snapshots or transactions are still open");
    }
  });
  if (!result || read_only_) {
    return result;
  }
  upkeep_.stop();
  result = log_->wait_durable(store().newest().csn);
  if (takes_writes()) {
    // Without room for it the log keeps everything.
    committer_.exclusively([&] { static_cast<void>(checkpointer_.close()); });
  }
  return result;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
