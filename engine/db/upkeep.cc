#include "db/upkeep.h"

#include <algorithm>

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

constexpr uint64_t kMillisecondNs = 1'000'000;
// A deferred commit is durable after about so long, if nothing makes it so before.
constexpr uint64_t kDeferredNs = 20 * kMillisecondNs;
// So long after a commit there is a checkpoint, if nothing makes one before.
constexpr uint64_t kCheckpointNs = 30'000 * kMillisecondNs;
// What a commit waits at most while the log is over its limit and a checkpoint is on its way.
constexpr uint64_t kDelayMaxNs = 2 * kMillisecondNs;

}  // namespace

Result<void> Upkeep::start() {
  HOLDFAST_TRY_ASSIGN(thread_, env_.threads().start("holdfast-upkeep", [this] { run(); }));
  return {};
}

void Upkeep::stop() {
  if (thread_) {
    signal(stopping_);
    thread_->join();
    thread_.reset();
  }
}

void Upkeep::signal(bool& what) {
  const sync::Lock lock(log_.mutex());
  if (!what) {
    what = true;
    work_.notify_one();
  }
}

bool Upkeep::is_due() const {
  const uint64_t live = log_.live_bytes();
  const uint64_t failed_at = failed_at_bytes_.load(std::memory_order_relaxed);
  if (failed_at != 0 && live < failed_at + limits_.wal_bytes / 4) {
    return false;
  }
  return live >= limits_.wal_bytes || committer_.dirty_bytes() >= limits_.dirty_bytes;
}

bool Upkeep::is_time(When when) const {
  switch (when) {
    case When::kNow: return true;
    case When::kIfDue: return is_due();
    case When::kIfFull: return is_full();
  }
  return true;
}

Result<void> Upkeep::make_room() {
  if (!log_.has_lanes()) {
    return {};
  }
  const uint64_t live = log_.live_bytes();
  if (live <= limits_.wal_bytes) [[likely]] {
    return {};
  }
  if (live >= 2 * limits_.wal_bytes) {
    return checkpoint(When::kIfFull);
  }
  if (thread_) {
    // The nearer to twice the limit, the slower; so nobody stands still at once.
    const uint64_t excess = live - limits_.wal_bytes;
    env_.clock().sleep_ns(kDelayMaxNs * excess / limits_.wal_bytes);
  }
  return {};
}

void Upkeep::committed(Durability durability) {
  if (!log_.has_lanes()) {
    return;
  }
  if (!thread_) {
    if (is_due()) {
      // What it answers is told again to whoever finds the log full, or the database read-only.
      static_cast<void>(checkpoint(When::kIfDue));
    }
    return;
  }
  if (is_due()) {
    signal(checkpoint_wanted_);
  } else if (durability == Durability::kDeferred) {
    signal(flush_wanted_);
  } else {
    signal(commits_since_);
  }
}

Result<void> Upkeep::checkpoint(When when) {
  {
    sync::Lock lock(mutex_);
    checkpointed_.wait(lock, [this] { return !is_checkpointing_; });
    is_checkpointing_ = true;
  }
  const uint64_t live = log_.live_bytes();
  Result<bool> begun = false;
  if (is_time(when)) {
    committer_.exclusively([&] { begun = checkpointer_.begin(); });
  }
  Result<void> result;
  if (!begun) {
    result = fail(begun.error());
  } else if (*begun) {
    result = checkpointer_.write();
    committer_.exclusively([&] { checkpointer_.finish(); });
  }
  if (!result || (begun && *begun)) {
    failed_at_bytes_.store(result ? 0 : std::max<uint64_t>(live, 1), std::memory_order_relaxed);
  }
  const sync::Lock lock(mutex_);
  is_checkpointing_ = false;
  checkpointed_.notify_one();
  return result;
}

std::optional<uint64_t> Upkeep::wait_ns() const {
  if (flush_wanted_) {
    return kDeferredNs;
  }
  return commits_since_ ? std::optional(kCheckpointNs) : std::nullopt;
}

void Upkeep::run() {
  sync::Lock lock(log_.mutex());
  while (!stopping_) {
    if (checkpoint_wanted_) {
      checkpoint_wanted_ = commits_since_ = false;
      lock.unlock();
      static_cast<void>(checkpoint());
      lock.lock();
      continue;
    }
    const std::optional<uint64_t> duration_ns = wait_ns();
    if (!duration_ns) {
      work_.wait(lock);
    } else if (!sync::wait_for(work_, lock, *duration_ns)) {
      if (flush_wanted_) {
        flush_wanted_ = false;
        commits_since_ = true;
        // What comes meanwhile waits for the next time.
        const Csn last = log_.newest_appended(lock);
        while (log_.flush_one(lock, last)) {
        }
      } else {
        checkpoint_wanted_ = true;
      }
    }
  }
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
