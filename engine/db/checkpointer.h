// Checkpointer: makes the newest state the durable one beside the commits, and then frees what the log kept for it.
//
// Threads:    begin() and finish() by a leader, or inside Committer::exclusively(); write() by who began.
// Invariants: at most one checkpoint is under way; a leader who needs the store for itself finishes it.
#pragma once

#include <cstdint>
#include <memory>

#include <holdfast/result.h>

#include "db/log.h"
#include "db/streams.h"
#include "env/sync.h"
#include "page/page_store.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class Checkpointer {
 public:
  Checkpointer(PageStore& store, Log& log, Streams& streams) : store_(store), log_(log), streams_(streams) {}

  // False: the newest state is durable in the tree already. Pre: none is under way. Errors: those of
  // PageStore::begin_checkpoint.
  Result<bool> begin();
  // Errors: those of PageStore::write_checkpoint.
  Result<void> write();
  // Ends the one that is under way, if there is one, when it is written.
  void finish();
  // A whole one, at once. Pre: none is under way; inside Committer::exclusively(). Errors: as above.
  Result<void> make();
  // The last one: everything is in the tree, nothing in the log is newer, and what the next open does not need of the
  // log's files is given back. Pre: nobody commits any more, all is
  // durable. Errors: as above.
  Result<void> close();

  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  PageStore& store_;
  // Errors: no_space; outcome_unknown: the store is read-only from here on.
  Result<void> write_streams(const StreamFlush& flush);

  Log& log_;
  Streams& streams_;
  std::unique_ptr<Checkpoint> checkpoint_;
  StreamFlush flush_;  // of it
  sync::Mutex mutex_;
  bool is_writing_ = false;  // under mutex_
  sync::CondVar written_;
  sync::Atomic<uint64_t> count_{0};
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
