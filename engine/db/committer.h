// Committer: takes transactions in, gives them commit numbers, applies them, and waits until they are durable.
//
// Whoever commits queues up. The first becomes the leader: it takes everybody who waits, checks each for conflicts
// against the commits since its snapshot and against the members before it, numbers those that pass, and applies them
// in order to one generation of pages. The generation is published, and its redo appended to a lane of the log as one
// record; then others may lead, and whoever waits flushes (db/log.h). A group that is too large for the log, and every
// group of a database without lanes, is a checkpoint instead.
//
// Threads:    any; one leads at a time. exclusively() keeps leaders out, and goes before them.
// Invariants: (1) commit numbers have no gaps: only members of a generation that is published get theirs for good;
//             (2) a member of a durable commit is told of its success when nothing up to its csn is missing from
//                 durable storage, and its state is shown; one of a deferred commit when its state is shown;
//             (3) whatever happens, every member of a group gets a result.
// Fails:      a member whose own writes cannot be applied (a damaged page in its way) fails alone, and the others are
//             tried again without it. A full disk or a failed write fails the whole group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <holdfast/database.h>
#include <holdfast/result.h>

#include "db/apply.h"
#include "db/checkpointer.h"
#include "db/conflicts.h"
#include "db/log.h"
#include "db/read_set.h"
#include "db/streams.h"
#include "db/write_set.h"
#include "env/sync.h"
#include "page/page_store.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// A transaction on its way. Lives on the stack of the thread that commits.
struct PendingCommit {
  // `snapshot_csn` nullopt: the writes depend on nothing that was read, and are not checked. Otherwise it is registered
  // as active, and the committer takes it off.
  PendingCommit(WriteSet& write_set, const ReadSet* read_set, std::optional<Csn> snapshot_csn,
                Durability how = Durability::kDurable)
      : writes(write_set), reads(read_set), snapshot(snapshot_csn), durability(how) {}

  WriteSet& writes;
  const ReadSet* reads;
  std::optional<Csn> snapshot;
  Durability durability;
  std::vector<std::byte> redo;
  bool fits_log = false;  // `redo` holds the writes
  // Done with the pages of the same generation, behind the writes; for a commit that is not logged. Errors: as of them.
  std::function<Result<void>(PageWriter&)> also = {};

  // Under the mutex of the log.
  enum class Stage : uint8_t { kQueued, kApplied, kDone };
  Stage stage = Stage::kQueued;
  std::optional<Result<Commit>> result;  // from kApplied on
  sync::CondVar wake;
};

class Committer {
 public:
  enum class Writes : uint8_t { kAllowed, kRefused };
  // `log_bytes_max`: a larger group is not logged.
  Committer(PageStore& store, Log& log, Streams& streams, Checkpointer& checkpointer, ActiveTransactions& active,
            Writes allowed, uint64_t log_bytes_max)
      : store_(store),
        log_(log),
        streams_(streams),
        checkpointer_(checkpointer),
        active_(active),
        allowed_(allowed),
        log_bytes_max_(log_bytes_max) {}

  // Pre: the writes are not empty, or expect something. Errors: those of Transaction::commit.
  Result<Commit> commit(PendingCommit& pending);
  // Runs `body` while nobody leads.
  void exclusively(const std::function<void()>& body);
  using Group = std::vector<PendingCommit*>;
  // Gives every member a result. Pre: inside exclusively(), or leading.
  void commit_together(Group group);

  uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  uint64_t conflicts() const { return conflicts_.load(std::memory_order_relaxed); }
  // Of pages that no checkpoint has written, after the last group.
  uint64_t dirty_bytes() const { return dirty_bytes_.load(std::memory_order_relaxed); }

 private:
  void lead(sync::Lock& lock);
  void release(const sync::Lock& lock);
  // Keeps what deferred commits leave in memory bounded, after one of them. May leave the lock unlocked.
  void bound_buffers(sync::Lock& lock, Csn csn);
  // Checks the members for conflicts and tells those that lose. The others are returned.
  Group accept(const Group& group);
  // How far streams reach behind the members accepted so far.
  using StreamEnds = std::map<std::string, uint64_t, std::less<>>;
  // A member that changes nothing, and only expects something of streams, is told at once: it stands before the group,
  // on the newest state, and takes no csn.
  void check_expectations(PendingCommit& member);
  // Whether the streams are where the member expects them; if so, its events count. Errors: conflict, io, corruption.
  Result<void> accept_events(const WriteSet& writes, StreamEnds& ends);
  // Publishes the generation without the log. Errors: those of PageStore::commit.
  Result<void> commit_at_once(WriteSetApplier& applier, const State& state);
  // Applies and commits. False: some member failed alone (its result is set), and the rest is to be tried again.
  bool write(const Group& accepted);
  // Applies everything to one generation. Nullopt: told, or (`again`) to be tried without a member that was told.
  std::optional<State> apply(const Group& accepted, WriteSetApplier& applier, Csn last, bool& again);
  // What a caller is told of an error that ended a generation.
  Error told(const Error& error) const;
  bool is_written_once(const Group& accepted) const;
  // What goes into the log for the group; nullopt: it is not logged.
  std::optional<std::span<const std::byte>> redo_of(const Group& accepted);
  void record(const Group& accepted, Csn first);
  static void tell_all(const Group& group, const Error& error);

  PageStore& store_;
  Log& log_;
  Streams& streams_;
  Checkpointer& checkpointer_;
  ActiveTransactions& active_;
  const Writes allowed_;
  const uint64_t log_bytes_max_;

  // Under the mutex of the log.
  bool leading_ = false;
  uint32_t exclusive_waiting_ = 0;
  std::deque<PendingCommit*> queue_;
  sync::CondVar idle_;  // for exclusively()

  // The leader's.
  CommitHistory history_;
  std::vector<std::byte> joined_redo_;

  sync::Atomic<uint64_t> commits_{0};
  sync::Atomic<uint64_t> conflicts_{0};
  sync::Atomic<uint64_t> dirty_bytes_{0};
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
