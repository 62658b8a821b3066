// DatabaseCore: an open database: its files, its pages, its log, its committer, its upkeep.
//
// Threads:    any number.
// Invariants: (1) it outlives every ReadState and TransactionCore that came from it; close() refuses otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <holdfast/database.h>

#include "db/checkpointer.h"
#include "db/committer.h"
#include "db/conflicts.h"
#include "db/log.h"
#include "db/open.h"
#include "db/recovery.h"
#include "db/streams.h"
#include "db/upkeep.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class DatabaseCore {
 public:
  static Result<std::unique_ptr<DatabaseCore>> open(std::string_view path, const Options& options, OnDamage on_damage);

  PageStore& store() const { return *files_.store; }
  Streams& streams() const { return *streams_; }
  // Nullptr: the database may start none.
  Threads* threads() const { return threads_; }
  Clock& clock() const { return clock_; }
  ActiveTransactions& active() { return active_; }
  const RecoveryReport& recovery() const { return recovery_; }

  std::unique_ptr<TransactionCore> begin(Isolation isolation);
  // Errors: those of Transaction::commit. Takes the snapshot off the active ones.
  Result<Commit> commit(PendingCommit& pending);
  Csn durable_csn();
  // Errors: outcome_unknown, invalid_argument.
  Result<void> wait_durable(Csn csn);
  Result<void> when_durable(Csn csn, std::function<void(Result<void>)> done);
  // Until the stream has more records than `offset`. False: the time is up. Errors: those of find_stream(), read_only.
  Result<bool> wait_for_record(std::string_view stream, uint64_t offset, uint64_t timeout_ns);
  Result<void> checkpoint() { return upkeep_.checkpoint(); }
  // Runs `body` while nobody else commits; it may commit.
  void exclusively(const std::function<void(Committer&)>& body);
  // Everything that was committed is in the tree, and shown, when it returns. Pre: inside exclusively().
  Result<void> checkpoint_now();
  Stats stats();
  Result<CheckReport> check(const std::function<bool(uint64_t done, uint64_t total)>& progress);
  // Waits for what is in flight; nothing may come after it. Errors: busy (snapshots or transactions are alive; nothing
  // is done); outcome_unknown (deferred commits may be lost).
  Result<void> close();

 private:
  DatabaseCore(OpenFiles files, std::unique_ptr<Streams> streams, std::unique_ptr<Log> log, RecoveryReport recovery,
               Env& env, const Options& options);
  Result<void> check_csn(Csn csn);
  bool takes_writes() const { return !read_only_ && store().failure().empty(); }

  OpenFiles files_;
  const bool read_only_;
  Threads* const threads_;
  Clock& clock_;
  const RecoveryReport recovery_;
  ActiveTransactions active_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<Log> log_;
  Checkpointer checkpointer_;
  Committer committer_;
  Upkeep upkeep_;  // last: its thread uses all of them
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
