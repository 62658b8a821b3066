// Conflict check: did a commit since the snapshot change what this transaction changes (or, serializable, has read)?
//
//   CommitRecord        what one commit changed: keys, ranges, buckets made and dropped, streams; without values
//   CommitHistory       the records of recent commits, for as long as an active transaction is older than they are
//   ActiveTransactions  the snapshots of the transactions that may still commit
//
// Threads:    CommitHistory: the committer's leader. ActiveTransactions: any.
// Invariants: (1) the history holds every commit after `forgotten_up_to`; a transaction whose snapshot is older cannot
//                 be checked, and conflicts;
//             (2) a transaction registers in the same critical section in which it takes its snapshot, and the leader
//                 asks for the oldest after it published: so a commit that is not recorded is older than every
//                 transaction that will be checked.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/ids.h>

#include "db/key_ranges.h"
#include "db/read_set.h"
#include "db/write_set.h"
#include "env/sync.h"

namespace holdfast {

// Memory of the history; beyond it the oldest records go, and transactions older than those conflict.
constexpr uint64_t kHistoryBytesMax = uint64_t{16} << 20;

class CommitRecord {
 public:
  CommitRecord(Csn csn, const WriteSet& writes);

  Csn csn() const { return csn_; }
  uint64_t memory_bytes() const { return memory_bytes_; }
  // Whether a transaction with these writes and reads, on a snapshot before this commit, must not commit after it.
  bool conflicts_with(const WriteSet& writes, const ReadSet* reads) const;

 private:
  struct BucketRecord {
    bool dropped = false, made = false;
    KeyRanges erased;
    std::string key_bytes;         // all keys, one behind the other, sorted
    std::vector<size_t> key_ends;  // where each ends in key_bytes
    size_t key_count() const { return key_ends.size(); }
    std::string_view key(size_t index) const;
    size_t lower_bound(std::string_view key) const;
    bool has_key(std::string_view key) const;
    bool has_key_in(std::string_view lo, const std::optional<std::string>& hi) const;
    bool changes() const { return dropped || made || !erased.empty() || !key_ends.empty(); }
  };
  static bool writes_meet(const BucketRecord& record, const BucketWrites& writes);
  static bool reads_meet(const BucketRecord& record, const ReadSet::BucketReads& reads);

  Csn csn_;
  uint64_t memory_bytes_ = 0;
  std::map<std::string, BucketRecord, std::less<>> buckets_;
  std::vector<std::string> streams_;  // appended to, or trimmed
};

class CommitHistory {
 public:
  void add(CommitRecord record);
  // The commit `csn` is not recorded: nobody needs it.
  void skip(Csn csn);
  // Drops what a transaction with this snapshot, or a newer one, does not need.
  void forget_up_to(Csn snapshot);
  bool conflicts(Csn snapshot, const WriteSet& writes, const ReadSet* reads) const;

 private:
  void drop_front();
  std::deque<CommitRecord> records_;
  uint64_t memory_bytes_ = 0;
  Csn forgotten_up_to_{};
};

class ActiveTransactions {
 public:
  // Takes a snapshot with `take` (which returns its csn), and registers it.
  template <class Take>
  void add(const Take& take) {
    const sync::Lock lock(mutex_);
    ++snapshots_[take()];
  }
  void remove(Csn snapshot);
  // Of the oldest; nullopt: there is none.
  std::optional<Csn> oldest() const;

 private:
  mutable sync::Mutex mutex_;
  std::map<Csn, uint32_t> snapshots_;
};

}  // namespace holdfast
