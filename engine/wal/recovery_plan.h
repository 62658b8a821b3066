// What to do with what the lanes hold. Pure: no I/O.
//
// The state after recovery is the checkpoint and the longest run of csns without gaps behind it. What lies beyond the
// run was never acknowledged, unless a watermark says so: then acknowledged commits are lost, and that is damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <holdfast/result.h>

#include "wal/lane_contents.h"

namespace holdfast::wal {

// The csns of one record: [first_csn, first_csn + csn_count).
struct RecordCsns {
  Csn first_csn{};
  uint32_t csn_count = 0;
};

struct LaneSummary {
  uint16_t lane = 0;
  std::vector<RecordCsns> records;
  Csn watermark{};
  Csn last_csn_seen{};
  LaneEnd end;
};

LaneSummary summary_of(const LaneContents& contents);

// Names a record: lanes[lane_index].records[record_index].
struct RecordRef {
  size_t lane_index = 0;
  size_t record_index = 0;
  friend bool operator==(const RecordRef&, const RecordRef&) = default;
};

struct Damage {
  uint16_t lane = 0;
  std::string file;
  uint64_t offset = 0;
  // The csns that are lost for certain, or may be; none if first > last.
  Csn first_lost{};
  Csn last_lost{};
  std::string text;

  Error to_error() const;
};

struct RecoveryPlan {
  Csn last{};                     // the end of the run; the checkpoint's if nothing is replayed
  std::vector<RecordRef> replay;  // in order of csn
  std::vector<RecordRef> cut;     // in order of csn: what lies behind the run
  // If it is there, opening must refuse; replay and cut say what an explicit recovery would do.
  std::optional<Damage> damage;
};

// Total for any summaries. Pre: checkpoint <= kCsnMax. Records up to the checkpoint are neither replayed nor cut. Cost:
// O(n log n) of all records.
RecoveryPlan plan_recovery(Csn checkpoint, std::span<const LaneSummary> lanes);

}  // namespace holdfast::wal
