// RunConfig: everything about one run that is drawn once, from Stream::kConfig and Stream::kFaultPlan.
//
// Swarm: each seed switches a random part of the operations off and gives the others random weights, so that rare
// combinations get whole seeds to themselves.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/options.h>

#include "fault/plan.h"
#include "sim/random.h"

namespace holdfast::sim {

enum class Profile : uint8_t {
  kDefault,   // every legal fault, and sometimes a damaged copy of the disk
  kCrash,     // power cuts and kills only
  kRot,       // damaged copies of the disk at every opportunity
  kSmall,     // few operations on few keys: many states of a small tree
  kPeaceful,  // no faults at all: schedules and answers
};
std::optional<Profile> profile_named(std::string_view name);
std::string_view name_of(Profile profile);
constexpr std::array<Profile, 5> kProfiles = {Profile::kDefault, Profile::kCrash, Profile::kRot, Profile::kSmall,
                                              Profile::kPeaceful};

// What a client can do next.
enum class Action : uint8_t {
  kTransaction,   // begin, steps, commit or rollback
  kExec,          // exec with retries
  kExecBucket,    // exec on one bucket
  kView,          // view, and view of one bucket
  kKeepSnapshot,  // takes a snapshot, to be read again much later
  kReadSnapshot,  // reads one that was kept
  kDropSnapshot,
  kSinglePut,
  kSingleErase,
  kSingleGet,
  kBulk,   // many rows in one transaction
  kClear,  // erases all or much of a bucket
  kBadArgument,
  kCheck,
  kCheckpoint,
  kWaitDurable,  // for a commit that was deferred; or asks to be told
  kAppendBatch,  // events to one stream, with and without an expected offset
  kReadStream,   // in pieces, or to verify it
  kProve,        // a record, and that a stream only grew
  kWaitStream,
  kSealStream,
  kRedact,
  kTrim,
  kCompactStream,
  kFollow,        // a projection, up to the end or not
  kApplyBatches,  // to one that no stream feeds
  kReadProjection,
  kRebuild,
  kPrune,
  kPin,  // or takes one off
  kPurgeTable,
  kDropProjection,
  kPinState,  // a whole state: makes a pin, reads it, lets it go
  kCount,
};
// A step inside a transaction.
enum class Move : uint8_t {
  kPut,
  kInsert,
  kUpdate,
  kErase,
  kEraseRange,
  kGet,
  kContains,
  kScan,
  kPrefix,
  kWalk,  // a cursor
  kCreateBucket,
  kDropBucket,
  kListBuckets,
  kSavepoint,
  kRollbackTo,
  kAppend,
  kStreamHead,  // and sometimes expects it
  kCount,
};

enum class KeyShape : uint8_t { kNumbered, kLongPrefix, kBinary, kNearLimit, kBigEndian, kDecimal, kCount };

struct RunConfig {
  static RunConfig draw(Decisions& decisions, Profile profile);
  std::string describe() const;
  // How a process of this run opens the database; `background` only where fibers run.
  Options draw_options(Decisions& decisions, Env& env) const;

  Profile profile = Profile::kDefault;
  uint32_t clients = 1;
  uint32_t operations = 1000;  // steps of all clients, in all lives of the database
  uint32_t page_bytes = 4096;
  uint64_t cache_bytes = uint64_t{1} << 20;
  uint32_t bucket_count = 2;
  uint32_t key_count = 100;
  KeyShape key_shape = KeyShape::kNumbered;
  uint32_t hot_percent = 0;  // of the draws of a key, how many go to a handful
  uint32_t value_bytes_max = 64;
  uint32_t large_value_one_in = 0;
  uint32_t large_value_bytes_max = 20'000;
  uint32_t steps_max = 10;  // of a transaction
  uint32_t serializable_percent = 0;
  uint32_t lanes_max = 0;  // each open draws; 0: every commit is a checkpoint
  uint64_t checkpoint_wal_bytes = uint64_t{1} << 20;
  bool background = false;
  uint32_t deferred_percent = 0;
  uint32_t stream_count = 0;
  uint32_t followed_count = 0;    // projections, each of a stream
  uint32_t fed_count = 0;         // projections that batches are applied to
  bool scattered_ledger = false;  // marker keys all over the ledger instead of at its end
  std::array<uint32_t, static_cast<size_t>(Action::kCount)> action_weights{};
  std::array<uint32_t, static_cast<size_t>(Move::kCount)> move_weights{};

  fault::FaultPlan faults;
  uint32_t crashes = 0;
  uint32_t crash_probe_one_in = 0;  // operations of the disk; 0: none
  uint32_t crash_probes_max = 0;
  uint32_t segment_probes_max = 0;  // where a file of the log begins anew
  uint32_t rot_probes = 0;          // damaged copies, at each end of a life of the database
  uint32_t loss_probes = 0;         // copies whose log is damaged, where a life ends without close()
};

}  // namespace holdfast::sim
