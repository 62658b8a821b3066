// Upkeep: what an open database does beside its commits: checkpoints when they are due, and deferred commits made
// durable after a while; in a thread of its own, or in the threads that commit.
//
// A checkpoint is due when the log holds `wal_bytes`, when the pages that only memory holds fill much of the cache, or
// when there is something to write and the last one was long ago (with a thread of its own).
//
// Threads:    any.
// Fails:      a checkpoint without room (no_space) is tried again when more has been committed; meanwhile the log keeps
//             everything, up to twice `wal_bytes`: then each commit tries a checkpoint first, and answers no_space if
//             there is no room for it either.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <holdfast/env.h>
#include <holdfast/options.h>
#include <holdfast/result.h>

#include "db/checkpointer.h"
#include "db/committer.h"
#include "db/log.h"
#include "env/sync.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

struct UpkeepLimits {
  uint64_t wal_bytes = 0;
  uint64_t dirty_bytes = 0;
};

class Upkeep {
 public:
  Upkeep(Env& env, Log& log, Committer& committer, Checkpointer& checkpointer, const UpkeepLimits& limits)
      : env_(env), log_(log), committer_(committer), checkpointer_(checkpointer), limits_(limits) {}
  ~Upkeep() { stop(); }

  // With a thread of its own from here on. Errors: io.
  Result<void> start();
  void stop();

  // Before a commit: waits as long as it takes to keep the log bounded, first a little, then more. Errors: those of
  // checkpoint(), if the log is full.
  Result<void> make_room();
  // After a commit.
  void committed(Durability durability);
  // Everything that was committed before is in the tree when it returns. Errors: no_space, read_only, outcome_unknown,
  // corruption.
  Result<void> checkpoint() { return checkpoint(When::kNow); }

 private:
  enum class When : uint8_t { kNow, kIfDue, kIfFull };
  Result<void> checkpoint(When when);
  bool is_due() const;
  // Nothing may be added to the log any more.
  bool is_full() const { return log_.live_bytes() >= 2 * limits_.wal_bytes; }
  bool is_time(When when) const;
  void run();
  // Under the mutex of the log: how long to wait for the next thing to do; nullopt: until somebody says so.
  std::optional<uint64_t> wait_ns() const;
  void signal(bool& what);

  Env& env_;
  Log& log_;
  Committer& committer_;
  Checkpointer& checkpointer_;
  const UpkeepLimits limits_;
  std::unique_ptr<Thread> thread_;

  // Under the mutex of the log.
  bool stopping_ = false, checkpoint_wanted_ = false, flush_wanted_ = false, commits_since_ = false;
  sync::CondVar work_;

  sync::Mutex mutex_;
  bool is_checkpointing_ = false;  // under mutex_
  sync::CondVar checkpointed_;
  sync::Atomic<uint64_t> failed_at_bytes_{0};  // of the log, when the last checkpoint found no space; 0: it did not
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
