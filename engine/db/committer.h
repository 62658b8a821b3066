// Committer: takes transactions in, gives them commit numbers, and makes them durable, several at a time.
//
// Whoever commits queues up. The first becomes the leader: it takes everybody who waits, checks each for conflicts
// against the commits since its snapshot and against the members before it, numbers those that pass, applies them in
// order to one generation of pages, commits that once, and wakes the others with their results.
//
// Threads:    any; one leads at a time. exclusively() keeps leaders out.
// Invariants: (1) commit numbers have no gaps: only members of a generation that commits get theirs for good;
//             (2) a member is told of its success after the whole group is durable and published;
//             (3) whatever happens, every member of a group gets a result.
// Fails:      a member whose own writes cannot be applied (a damaged page in its way) fails alone, and the others are
//             tried again without it. A full disk or a failed write fails the whole group.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "db/conflicts.h"
#include "db/read_set.h"
#include "db/write_set.h"
#include "env/sync.h"
#include "page/page_store.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// A transaction on its way. Lives on the stack of the thread that commits.
struct PendingCommit {
  // `snapshot_csn` nullopt: the writes depend on nothing that was read, and are not checked. Otherwise it is registered
  // as active, and the committer takes it off.
  PendingCommit(WriteSet& write_set, const ReadSet* read_set, std::optional<Csn> snapshot_csn)
      : writes(write_set), reads(read_set), snapshot(snapshot_csn) {}

  WriteSet& writes;
  const ReadSet* reads;
  std::optional<Csn> snapshot;
  std::optional<Result<Commit>> result;
  bool done = false;  // under the committer's mutex
  sync::CondVar wake;
};

class Committer {
 public:
  enum class Writes : uint8_t { kAllowed, kRefused };
  Committer(PageStore& store, ActiveTransactions& active, Writes allowed)
      : store_(store), active_(active), allowed_(allowed) {}

  // Pre: the writes are not empty. Errors: those of Transaction::commit.
  Result<Commit> commit(PendingCommit& pending);
  // Runs `body` while no commit runs.
  void exclusively(const std::function<void()>& body);
  using Group = std::vector<PendingCommit*>;
  // Gives every member a result. Pre: inside exclusively(), or leading.
  void commit_together(Group group);

  uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  uint64_t conflicts() const { return conflicts_.load(std::memory_order_relaxed); }

 private:
  void release(sync::Lock& lock);
  // Checks the members for conflicts and tells those that lose. The others are returned.
  Group accept(const Group& group);
  // Applies and commits. False: some member failed alone (its result is set), and the rest is to be tried again.
  bool write(const Group& accepted);
  void record(const Group& accepted, Csn first);
  static void tell_all(const Group& group, const Error& error);

  PageStore& store_;
  ActiveTransactions& active_;
  const Writes allowed_;

  sync::Mutex mutex_;
  bool leading_ = false;              // under mutex_
  std::deque<PendingCommit*> queue_;  // under mutex_
  sync::CondVar idle_;                // for exclusively()

  CommitHistory history_;  // the leader's
  sync::Atomic<uint64_t> commits_{0};
  sync::Atomic<uint64_t> conflicts_{0};
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
