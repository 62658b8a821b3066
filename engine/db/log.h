// Log: the write-ahead log of an open database: which lane gets what, who flushes it, and what is durable.
//
// The leader of a group of commits appends the group to a lane as one record. Whoever waits for a csn flushes a lane
// that holds it, or an earlier one, and that nobody else is flushing; so lanes are flushed beside each other, and one
// flush serves everybody in the lane's buffer. The *durable watermark* is the highest csn such that no csn up to it is
// missing from durable storage; nothing above it is ever acknowledged.
//
// Owns:       the lanes, the mutex of the commit path (the Committer's queue is under it too).
// Threads:    any. Who calls a method that takes a sync::Lock holds the mutex.
// Invariants: (1) a lane has at most one flush in flight;
//             (2) durable() only goes up, and never over a csn that a lane has not made durable;
//             (3) states are shown in the page store only up to durable(), but for those of deferred commits.
// Fails:      a failed flush ends the log: the page store becomes read-only, and everybody who waits is told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "env/sync.h"
#include "format/log_start.h"
#include "page/page_store.h"
#include "wal/lane.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

struct LogStats {
  uint64_t live_bytes = 0;                  // of frames that no checkpoint has made superfluous
  uint64_t bytes_written = 0, flushes = 0;  // since open
};

class Log {
 public:
  // What is durable is the store's newest state. `start` describes the lanes; without any, every commit is a
  // checkpoint.
  Log(Env& env, PageStore& store, const format::LogStart& start, std::vector<std::unique_ptr<wal::Lane>> lanes);

  sync::Mutex& mutex() { return mutex_; }
  bool has_lanes() const { return !lanes_.empty(); }
  uint16_t lane_count() const { return static_cast<uint16_t>(lanes_.size()); }

  // --- the leader
  // Makes room for a record of so many bytes, in a lane that is chosen for the calling thread. Errors: no_space, io;
  // nothing has changed then.
  Result<uint32_t> reserve(uint64_t bytes);
  // Pre: reserve() returned `lane`; the csns follow on those that were appended or committed before.
  void append(uint32_t lane, Csn first, uint32_t csn_count, std::span<const std::byte> redo);
  // These are durable without the log.
  void landed(Csn first, Csn last);
  // The log that leads on from a state of this csn, for its meta page.
  format::LogStart start_behind(Csn csn);
  // Pre: a meta page with this start is durable.
  void recycle(const format::LogStart& start);
  // The same for the last time: files that the next open does not need go. Pre: nobody appends any more.
  void recycle_and_give_back(const format::LogStart& start);

  // --- everybody
  Csn durable(const sync::Lock& lock) const;
  // Why nothing becomes durable any more.
  const std::optional<Error>& failure(const sync::Lock& lock) const;
  // Woken when the csn is durable, when the log has failed, or when it should flush.
  void add_waiter(const sync::Lock& lock, Csn csn, sync::CondVar& wake);
  // Flushes a lane that holds a csn up to `csn` and that nobody is flushing; false if there is none. Unlocks meanwhile.
  bool flush_one(sync::Lock& lock, Csn csn);
  // Somebody who waits flushes what can be flushed.
  void wake_flusher(const sync::Lock& lock);
  // Until the csn is durable; flushes what it needs. Unlocks meanwhile. Pre: add_waiter(lock, csn, wake), which this
  // undoes. Errors: outcome_unknown.
  Result<void> await(sync::Lock& lock, Csn csn, sync::CondVar& wake);
  // The same, for who is no waiter. Errors: outcome_unknown.
  Result<void> wait_durable(Csn csn);
  // Calls `done` when the csn is durable, or never will be (outcome_unknown), on whatever thread finds out; at once, on
  // this one, if it is known already.
  void when_durable(Csn csn, std::function<void(Result<void>)> done);
  Csn newest_appended(const sync::Lock& lock) const;
  uint64_t buffered_bytes();
  // Looks at everything that is live in the lanes, while no flush is in flight. Errors: io.
  Result<void> verify(Directory& directory, const format::DatabaseId& id,
                      const std::function<void(std::string file, uint64_t offset, std::string what)>& damage);

  uint64_t live_bytes() const { return live_bytes_.load(std::memory_order_relaxed); }
  LogStats stats() const;

 private:
  struct LaneState {
    std::unique_ptr<wal::Lane> lane;
    std::optional<Csn> first_buffered;  // nullopt: nothing to flush
    bool is_flushing = false;
  };

  void remove_waiter(Csn csn, sync::CondVar& wake);
  void land(Csn first, Csn last);
  void fail_for_ever(const Error& error);
  // Shows what is durable, wakes who waited for it, and takes out the callbacks that are due.
  void tell(sync::Lock& lock);
  std::optional<uint32_t> lane_to_flush(Csn csn) const;
  uint32_t home_lane();

  Env& env_;
  PageStore& store_;
  std::vector<LaneState> lanes_;

  sync::Mutex mutex_;  // guards what follows, and LaneState but for the lane
  format::LogStart start_;
  Csn durable_;
  Csn newest_;
  std::map<Csn, Csn> islands_;  // first to last: durable beyond a gap
  std::optional<Error> failure_;
  std::multimap<Csn, sync::CondVar*> waiters_;
  std::multimap<Csn, std::function<void(Result<void>)>> callbacks_;
  uint32_t flushes_in_flight_ = 0;
  sync::CondVar quiet_;  // no flush is in flight any more

  sync::Atomic<uint64_t> live_bytes_{0}, bytes_written_{0}, flush_count_{0};
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
