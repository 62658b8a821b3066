// Model: what the database should hold, as plain maps: each key with all the versions that commits gave it.
//
// It answers for the state after any commit, and judges a transaction's log against one: every answer that the engine
// gave is computed again from the maps and the transaction's own writes. It knows nothing of crashes (Oracle does).
//
// Threads:    one at a time.
// Invariants: (1) commits are applied in order, without gaps; undo() takes back the newest;
//             (2) the versions of a key are in ascending order of csn, at most one per csn;
//             (3) no version is ever changed, so that the state after a csn is the same whenever it is asked for.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/pin_model.h"
#include "sim/projection_model.h"
#include "sim/stream_model.h"
#include "sim/txn_log.h"

namespace holdfast::sim {

// Verdict (sim/stream_model.h): nullopt: no objection. Otherwise what was expected and what was found.

class Model {
 public:
  // The number of a bucket name, from now on.
  BucketId bucket(std::string_view name);
  const std::string& bucket_name(BucketId bucket) const { return buckets_[bucket].name; }
  size_t bucket_count() const { return buckets_.size(); }
  StreamModel& streams() { return streams_; }
  const StreamModel& streams() const { return streams_; }
  PinModel& pins() { return pins_; }
  const PinModel& pins() const { return pins_; }
  ProjectionModel& projections() { return projections_; }
  const ProjectionModel& projections() const { return projections_; }

  // --- history
  uint64_t newest_csn() const { return commits_.size(); }
  // Applies a transaction as the next commit. The verdict objects if an earlier commit that the transaction did not see
  // changed something that it changes (first committer wins), or if events did not get the place that they expected.
  Verdict apply(const TxnLog& transaction);
  // Takes the newest commit back.
  void undo();
  // For people: who made commit `csn`.
  std::string describe_commit(uint64_t csn) const;

  // --- states
  struct Found {
    std::string_view key;
    const ValueMark* value = nullptr;
  };
  const ValueMark* get(BucketId bucket, std::string_view key, uint64_t csn) const;
  bool exists(BucketId bucket, uint64_t csn) const;
  std::vector<std::string> bucket_names(uint64_t csn) const;
  // The first row after `key` (or at it); the last row before `key` (nullopt: the very last).
  std::optional<Found> at_or_after(BucketId bucket, std::string_view key, bool strictly, uint64_t csn) const;
  std::optional<Found> before(BucketId bucket, std::optional<std::string_view> key, uint64_t csn) const;
  uint64_t row_count(uint64_t csn) const;
  uint64_t payload_bytes(uint64_t csn) const;
  // For people: which commit gave the key the value that it has after `csn`.
  std::string describe_value(BucketId bucket, std::string_view key, uint64_t csn) const;

  // Whether all answers in the log are those of the state after `csn`, with the log's own writes over it.
  // Pre: csn <= newest_csn().
  Verdict judge(const TxnLog& log, uint64_t csn) const;

  // Whether `rows` are exactly those of the bucket after `csn`; if not `complete`, a beginning of them.
  Verdict judge_rows(BucketId bucket, std::span<const Row> rows, bool reversed, bool complete, uint64_t csn) const;

 private:
  struct Version {
    uint64_t csn = 0;
    bool erased = false;
    ValueMark value;
  };
  using Versions = std::vector<Version>;
  using Rows = std::map<std::string, Versions, std::less<>>;
  struct Existence {
    uint64_t csn = 0;
    bool there = false;
    bool was_dropped = false;  // at this csn, even if it was made again at once
  };
  struct Bucket {
    std::string name;
    Rows rows;
    std::vector<Existence> existence;
  };
  struct Applied {
    uint64_t id = 0;
    std::string who;
    std::vector<Versions*> touched;  // nodes of a map stay where they are
    std::vector<BucketId> existence_changed;
  };
  static const Version* version_at(const Versions& versions, uint64_t csn);
  void set(Applied& applied, Versions& versions, Version version);
  void set_existence(Applied& applied, BucketId bucket, bool there);
  void erase_rows(Applied& applied, Bucket& bucket, std::string_view lo, const std::optional<std::string>& hi);
  // The writes that take effect: dropping a bucket takes back what the transaction itself did to it before, and all
  // that is left of it is the drop of the bucket that the snapshot showed, if it did.
  std::vector<const Write*> effective_writes(const TxnLog& transaction) const;
  Verdict lost_update(const TxnLog& transaction, const std::vector<const Write*>& writes, const Applied& applied) const;

  StreamModel streams_;
  PinModel pins_;
  ProjectionModel projections_;
  std::deque<Bucket> buckets_;  // whose names stay where they are: clients hold on to them
  std::map<std::string, BucketId, std::less<>> ids_;
  std::vector<Applied> commits_;  // commit csn is at csn - 1
};

}  // namespace holdfast::sim
