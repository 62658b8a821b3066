// Projection audit: everything that a projection shows, read in all the ways that there are, which must agree.
//
// The versions of each key come from history(). What get, get_at, scan and scan_at (both ways, limited) and diff say at
// a position follows from them; positions below the floor and behind the applied one must be refused.
//
// Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <holdfast/database.h>

#include "sim/projection_events.h"
#include "sim/stream_model.h"
#include "sim/txn_log.h"

namespace holdfast::sim {

using ProjectionId = uint32_t;  // the model's number for the name of a projection

struct ShownVersion {
  uint64_t created_at = 0;
  uint64_t deleted_at = 0;
  ValueMark value;
  friend bool operator==(const ShownVersion&, const ShownVersion&) = default;
};

struct ProjectionContents {
  ProjectionId projection = 0;
  bool is_there = false;
  bool is_known = true;  // false: damage hides even whether it is there
  uint64_t applied = 0;
  uint64_t floor = 0;
  uint32_t generation = 0;
  Sha256 hash{};
  std::string stream;  // empty: it is fed by batches
  // The newest first; nullopt: damage hides them.
  using Versions = std::vector<ShownVersion>;
  std::array<std::array<std::optional<Versions>, kProjectionKeys>, kProjectionTables> tables;
  friend bool operator==(const ProjectionContents&, const ProjectionContents&) = default;
};

struct AuditPlan {
  uint64_t draws = 0;          // which positions, keys and bounds
  uint64_t positions_max = 0;  // that are asked for, of all that there are
};

// What `view` shows, in `contents`. The result is the error that ended it; `broken`: what it contradicted.
Result<void> audit_projection(const ProjectionView& view, const AuditPlan& plan, ProjectionContents& contents,
                              Verdict& broken);

// What the versions say that a key held. nullptr: nothing.
const ShownVersion* version_at(const ProjectionContents::Versions& versions, uint64_t position);

}  // namespace holdfast::sim
