// History: what one life of the database answered, for a judge that knows no commit numbers (sim/isolation.h).
//
// Each attempt is one transaction or snapshot with everything that it was answered. Moments order the calls and answers
// of all clients: an attempt that was answered before another asked happened before it, for everybody to see.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "sim/pin_model.h"
#include "sim/projection_audit.h"
#include "sim/stream_model.h"
#include "sim/txn_log.h"

namespace holdfast::sim {

// Everything that a database shows: the newest snapshot, bucket by bucket.
struct Contents {
  uint64_t csn = 0;
  struct Bucket {
    BucketId bucket = 0;
    std::vector<Row> rows;
    bool complete = true;  // false: damage ended the scan
  };
  std::vector<Bucket> buckets;
  bool buckets_complete = true;  // false: damage hid the list of buckets
  std::vector<StreamContents> streams;
  bool streams_complete = true;  // false: damage hid the list of streams
  struct Pinned {
    SeenPin pin;
    std::vector<Bucket> buckets;  // of the pinned state
    bool complete = true;         // false: damage hid the list of its buckets
  };
  std::vector<Pinned> pins;
  bool pins_complete = true;                    // false: damage hid the list of pins
  std::vector<ProjectionContents> projections;  // all that the model knows of
};

enum class Fate : uint8_t {
  kLooked,     // it changed nothing: it only read, gave up, or was refused
  kInDoubt,    // nobody was told; what others saw of it decides
  kCommitted,  // acknowledged
};

struct Attempt {
  std::shared_ptr<const TxnLog> log;
  Fate fate = Fate::kLooked;
  // When its caller was told something that everybody who asks later must be shown, too; 0: it was not.
  uint64_t answered = 0;
  // What it was told must also survive a crash.
  bool is_durable = false;
};

struct LifeHistory {
  Contents before;  // what was shown when the life began
  std::vector<Attempt> attempts;
};

class History {
 public:
  // Each is later than all before it.
  uint64_t next_moment() { return ++moment_; }

  // A commit that no log speaks of may be deferred: it shows those before it, durable or not.
  void deferred() { any_deferred_ = true; }
  void committing(const std::shared_ptr<const TxnLog>& log) {
    open_[log->id] = life_.attempts.size();
    life_.attempts.push_back({log, Fate::kInDoubt, 0, false});
    any_deferred_ = any_deferred_ || log->deferred;
  }
  void committed(uint64_t id) {
    Attempt& attempt = life_.attempts[open_.at(id)];
    attempt.fate = Fate::kCommitted;
    attempt.answered = next_moment();
    attempt.is_durable = !attempt.log->deferred;
  }
  void refused(uint64_t id) { life_.attempts[open_.at(id)].fate = Fate::kLooked; }
  void looked(const std::shared_ptr<const TxnLog>& log) {
    life_.attempts.push_back({log, Fate::kLooked, log->shown, log->shown != 0 && log->id != 0});
  }

  // The life that ends here; the next one begins with `contents`.
  LifeHistory end_life(Contents contents) {
    if (!any_deferred_) {
      // What is shown is durable.
      for (Attempt& attempt : life_.attempts) {
        attempt.is_durable = attempt.answered != 0;
      }
    }
    LifeHistory ended = std::move(life_);
    life_ = {std::move(contents), {}};
    open_.clear();
    any_deferred_ = false;
    return ended;
  }
  const Contents& before() const { return life_.before; }

 private:
  uint64_t moment_ = 0;
  LifeHistory life_;
  std::map<uint64_t, size_t> open_;  // places of the attempts that wrote, by id
  bool any_deferred_ = false;
};

}  // namespace holdfast::sim
