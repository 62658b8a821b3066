// LogInspection: what the write-ahead log of a database holds, for people, without opening the database.
//
// It takes the lock that readers share, looks at meta pages and lanes, and asks the recovery plan what an open would
// do. It writes nothing. Where the tree or the log is damaged it goes on with what is left, and says what is missing.
//
// Owns:    the directory and the lock, as long as it lives.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <holdfast/database.h>
#include <holdfast/env.h>
#include <holdfast/result.h>

#include "db/write_set.h"
#include "format/log_start.h"
#include "wal/lane_contents.h"
#include "wal/record_reader.h"
#include "wal/recovery_plan.h"

namespace holdfast {

struct InspectedLane {
  wal::LaneContents contents;
  // Why the lane's files are not all there. Contents then are those of the segments before the first that is missing.
  std::optional<Error> damage;
  // There are none before it: contents are those of the segments that lie together at the lane's end, and recovery
  // replays no record of them.
  bool is_behind_gap = false;
};

struct InspectedRecord {
  enum class Fate : uint8_t {
    kInTree,    // a checkpoint holds it
    kReplayed,  // by the next open
    kCut,       // by the next open, or by an explicit recovery
    kUnknown,   // the tree does not say what it holds
  };
  wal::RecordRef ref;
  uint16_t lane = 0;
  Csn first_csn{};
  Csn last_csn{};
  uint64_t body_bytes = 0;
  // Where its redo begins. It may go on in later frames and segments.
  std::string_view file = {};
  uint64_t offset = 0;
  Fate fate = Fate::kUnknown;
};

class LogInspection {
 public:
  // Errors: not_found, busy, io, unsupported; corruption where not even the identity of the log can be told.
  static Result<LogInspection> open(Env& env, std::string_view path);

  // Why the tree does not say where its log begins; then that is guessed from the headers of the log's files, and the
  // checkpoint is not known (0).
  const std::optional<Error>& tree_damage() const { return tree_damage_; }
  const format::LogStart& start() const { return start_; }
  uint32_t page_bytes() const { return page_bytes_; }
  Csn checkpoint_csn() const { return checkpoint_csn_; }
  // Highest csn of which a frame says that no csn up to it was missing from durable storage.
  Csn watermark() const;
  const std::vector<InspectedLane>& lanes() const { return lanes_; }
  // What the next open, or if there is damage an explicit recovery, would do. Nothing if the log is closed, or if the
  // tree is damaged.
  const wal::RecoveryPlan& plan() const { return plan_; }
  uint64_t segment_count() const;
  uint64_t frame_bytes() const;

  // All that lie whole in the lanes, in order of csn. They, and their `file`, live as long as this.
  const std::vector<InspectedRecord>& records() const { return records_; }
  // The redo of a record. Fastest in the order of a lane's records. Errors: io; corruption (with file and offset), if
  // it is not what was written.
  Result<std::vector<std::byte>> read(const InspectedRecord& record);
  // The same, decoded: one write set per csn. Errors: as above, and corruption if the redo breaks its format.
  Result<std::vector<std::unique_ptr<WriteSet>>> decode(const InspectedRecord& record);

  // Everything that is wrong: with the tree's account of the log, the lanes' files, their frames, and with every
  // record, each of which is read. `progress` (records done, in all) returns false to stop. Errors: io.
  Result<std::vector<CheckReport::Damage>> verify(const std::function<bool(uint64_t done, uint64_t total)>& progress);

 private:
  LogInspection() = default;
  Result<void> find_start();
  // From the headers of the log's files; there is tree_damage_.
  Result<void> guess_start();
  Result<void> scan();
  void plan_and_list();

  // In this order: what the later ones use goes last.
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<FileLock> lock_;
  format::DatabaseId database_id_{};
  uint32_t page_bytes_ = 0;
  Csn checkpoint_csn_{};
  format::LogStart start_;
  std::optional<Error> tree_damage_;
  std::vector<InspectedLane> lanes_;
  std::vector<wal::RecordReader> readers_;  // of the lanes
  wal::RecoveryPlan plan_;
  std::vector<InspectedRecord> records_;
};

}  // namespace holdfast
