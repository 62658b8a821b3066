#include "db/projection_upkeep.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/planted.h"
#include "db/cursor_core.h"
#include "db/limits.h"
#include "db/projection_slot.h"
#include "db/projection_writer.h"
#include "projection/table.h"
#include "tree/cursor.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// A commit of prune() looks at so many versions.
constexpr uint64_t kPruneStepVersions = 32768;
// So many versions side by side are dropped as one range.
constexpr size_t kRangeVersionsMin = 16;
constexpr int kPurgeAttemptsMax = 100;

using format::ProjectionRow;
using format::TableTree;

Result<ProjectionRow> existing_projection(TransactionCore& transaction, const std::string& name) {
  HOLDFAST_TRY_ASSIGN(const auto found, find_projection(transaction, name));
  if (!found) {
    return fail(ErrorCode::kNotFound, "there is no projection named " + name);
  }
  return *found;
}

uint32_t pins_bucket(TransactionCore& transaction) {
  return transaction.own_bucket(format::projection_pins_bucket(), Logging::kLogged);
}

Result<std::vector<ProjectionPin>> pins_of(TransactionCore& transaction, uint32_t projection_id) {
  const std::string prefix = format::pins_prefix(projection_id);
  const auto cursor = transaction.cursor(pins_bucket(transaction));
  std::vector<ProjectionPin> pins;
  for (bool there = cursor->seek(prefix); there && cursor->key().starts_with(prefix); there = cursor->next()) {
    ProjectionPin pin{.name = std::string(cursor->key().substr(prefix.size())), .position = 0};
    if (!format::decode_position(cursor->value(), pin.position)) {
      HOLDFAST_TRY(cursor->status());
      return projection::bad_row("a pin that cannot be");
    }
    pins.push_back(std::move(pin));
  }
  HOLDFAST_TRY(cursor->status());
  return pins;
}

class Prune {
 public:
  Prune(DatabaseCore& database, const std::string& name, uint64_t before, const PruneOptions& options)
      : database_(database), name_(name), before_(before), options_(options) {}

  Result<PruneReport> run() {
    HOLDFAST_TRY(exec_own(database_, Isolation::kSerializable, Durability::kDurable,
                          [&](TransactionCore& transaction) { return raise_floor(transaction); }));
    ReadState state(database_, database_.store().new_reader());
    HOLDFAST_TRY_ASSIGN(const auto tables, list_tables(state, row_.projection_id, row_.generation));
    state.end();
    for (const std::string& table : tables) {
      HOLDFAST_TRY(prune_table(table));
      if (report_.stopped) {
        break;
      }
    }
    return report_;
  }

 private:
  Result<void> raise_floor(TransactionCore& transaction) {
    HOLDFAST_TRY_ASSIGN(row_, existing_projection(transaction, name_));
    HOLDFAST_TRY_ASSIGN(ProjectionWriter writer, ProjectionWriter::open(transaction, name_, row_, row_.generation));
    if (before_ > writer.state().applied) {
      return fail(ErrorCode::kInvalidArgument, "projection " + name_ + " has applied position " +
                                                   std::to_string(writer.state().applied) +
                                                   "; there is nothing to prune before " + std::to_string(before_));
    }
    report_.floor = before_;
    HOLDFAST_TRY_ASSIGN(const auto pins, pins_of(transaction, row_.projection_id));
    for (const ProjectionPin& pin : pins) {
      report_.floor = PLANTED(kPinsNotAsked) ? report_.floor : std::min(report_.floor, pin.position);
    }
    if (report_.floor <= writer.state().floor) {
      report_.floor = writer.state().floor;
      return {};
    }
    writer.set_floor(report_.floor);
    return PLANTED(kFloorNotRaised) ? Result<void>() : writer.put_state();
  }

  Result<void> prune_table(const std::string& table) {
    std::string from;
    while (true) {
      Step step;
      HOLDFAST_TRY(exec_own(database_, Isolation::kSnapshot, Durability::kDeferred,
                            [&](TransactionCore& transaction) -> Result<void> {
                              HOLDFAST_TRY_ASSIGN(step, prune_some(transaction, table, from));
                              return {};
                            }));
      looked_at_ += step.looked_at;
      report_.versions += step.dropped;
      if (options_.progress && !options_.progress(looked_at_)) {
        report_.stopped = true;
        return {};
      }
      if (!step.next) {
        return {};
      }
      from = *step.next;
    }
  }

  struct Step {
    uint64_t looked_at = 0;
    uint64_t dropped = 0;
    std::optional<std::string> next;  // version key to go on from
  };
  Result<Step> prune_some(TransactionCore& transaction, const std::string& table, const std::string& from) {
    HOLDFAST_TRY_ASSIGN(const auto row, find_projection(transaction, name_));
    Step step;
    if (!row || row->generation != row_.generation) {
      return step;  // dropped, or made anew: there is nothing left to be pruned
    }
    HOLDFAST_TRY_ASSIGN(ProjectionWriter writer, ProjectionWriter::open(transaction, name_, *row, row->generation));
    const uint32_t history = writer.tree_of(table, TableTree::kHistory);
    // A cursor of the transaction would merge the rows that it erases: this one sees the snapshot alone.
    std::string name = format::tables_prefix(row->projection_id, row->generation, TableTree::kHistory);
    BucketSlot& slot = transaction.read_state().own_slot(name += table);
    HOLDFAST_TRY(transaction.read_state().resolve(slot));
    tree::Cursor versions(transaction.read_state().reader(), slot.record.root);
    HOLDFAST_TRY_ASSIGN(bool there, versions.seek(from));
    run_.clear();
    for (; there; ++step.looked_at) {
      if (step.looked_at == kPruneStepVersions) {
        step.next = versions.key();
        break;
      }
      HOLDFAST_TRY_ASSIGN(const std::string_view value, versions.value());
      format::VersionRow version;
      if (!format::decode(value, version)) {
        return projection::bad_row("a superseded version that cannot be");
      }
      if (version.position <= report_.floor + (PLANTED(kPrunesOneMore) ? 1 : 0)) {
        run_.emplace_back(versions.key());
        ++step.dropped;
      } else {
        HOLDFAST_TRY(drop_run(transaction, history));
      }
      HOLDFAST_TRY_ASSIGN(there, versions.next());
    }
    HOLDFAST_TRY(drop_run(transaction, history));
    return step;
  }

  // What stands side by side.
  Result<void> drop_run(TransactionCore& transaction, uint32_t history) {
    if (run_.size() >= kRangeVersionsMin) {
      HOLDFAST_TRY(transaction.erase_range(history, run_.front(), run_.back() + '\0'));
    } else {
      for (const std::string& key : run_) {
        HOLDFAST_TRY(transaction.erase(history, key));
      }
    }
    run_.clear();
    return {};
  }

  DatabaseCore& database_;
  const std::string& name_;
  const uint64_t before_;
  const PruneOptions& options_;
  ProjectionRow row_;
  uint64_t looked_at_ = 0;
  std::vector<std::string> run_;
  PruneReport report_;
};

// False: the projection has gone on since `applied`.
Result<bool> purge_now(TransactionCore& transaction, const std::string& name, const TableName& table, uint64_t applied,
                       bool& held) {
  HOLDFAST_TRY_ASSIGN(const ProjectionRow row, existing_projection(transaction, name));
  HOLDFAST_TRY_ASSIGN(ProjectionWriter writer, ProjectionWriter::open(transaction, name, row, row.generation));
  if (row.from_stream && writer.state().applied != applied) {
    return false;
  }
  held = false;
  for (const TableTree tree : {TableTree::kCurrent, TableTree::kHistory}) {
    const auto dropped = transaction.drop_bucket(writer.tree_of(table.stored(), tree));
    if (!dropped && dropped.error().code() != ErrorCode::kNotFound) {
      return fail(dropped.error());
    }
    held = held || dropped.has_value();
  }
  // Whoever applies meanwhile conflicts.
  if (held) {
    HOLDFAST_TRY(writer.put_state());
  }
  return true;
}

}  // namespace

Result<PruneReport> prune_projection(DatabaseCore& database, const std::string& name, uint64_t before,
                                     const PruneOptions& options) {
  return Prune(database, name, before, options).run();
}

Result<void> pin_projection(DatabaseCore& database, const std::string& name, std::string_view pin, uint64_t position) {
  HOLDFAST_TRY(check_pin_name(pin));
  const auto put_pin = [&](TransactionCore& transaction) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const ProjectionRow row, existing_projection(transaction, name));
    HOLDFAST_TRY_ASSIGN(const ProjectionWriter writer, ProjectionWriter::open(transaction, name, row, row.generation));
    ProjectionSlot slot(name);
    slot.state = writer.state();
    HOLDFAST_TRY(check_position(slot, position));
    return transaction.put(pins_bucket(transaction), format::pin_key(row.projection_id, pin),
                           format::encode_position(position));
  };
  HOLDFAST_TRY(exec_own(database, Isolation::kSerializable, Durability::kDurable, put_pin));
  return {};
}

Result<bool> unpin_projection(DatabaseCore& database, const std::string& name, std::string_view pin) {
  HOLDFAST_TRY(check_pin_name(pin));
  bool was_there = false;
  const auto erase_pin = [&](TransactionCore& transaction) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const ProjectionRow row, existing_projection(transaction, name));
    HOLDFAST_TRY_ASSIGN(was_there,
                        transaction.erase(pins_bucket(transaction), format::pin_key(row.projection_id, pin)));
    return {};
  };
  HOLDFAST_TRY(exec_own(database, Isolation::kSnapshot, Durability::kDurable, erase_pin));
  return was_there;
}

Result<std::vector<ProjectionPin>> list_projection_pins(DatabaseCore& database, const std::string& name) {
  const auto transaction = database.begin(Isolation::kSnapshot);
  HOLDFAST_TRY_ASSIGN(const ProjectionRow row, existing_projection(*transaction, name));
  return pins_of(*transaction, row.projection_id);
}

Result<bool> purge_projection_table(DatabaseCore& database, const std::string& name, const TableName& table) {
  HOLDFAST_TRY(check_projection_name(name));
  HOLDFAST_TRY(check_table_name(table.stored()));
  for (int attempt = 0; attempt < kPurgeAttemptsMax; ++attempt) {
    // What is not logged must be in a checkpoint: otherwise a crash would bring back what was applied before the purge,
    // and follow() would apply it again behind it.
    ReadState state(database, database.store().new_reader());
    ProjectionSlot& slot = state.projection_slot(name);
    HOLDFAST_TRY(resolve(state, slot));
    const uint64_t applied = slot.state.applied;
    state.end();
    if (slot.row.from_stream && !PLANTED(kPurgeUndurable)) {
      HOLDFAST_TRY(database.checkpoint());
    }
    bool is_done = false;
    bool held = false;
    HOLDFAST_TRY(exec_own(database, Isolation::kSnapshot, Durability::kDurable,
                          [&](TransactionCore& transaction) -> Result<void> {
                            HOLDFAST_TRY_ASSIGN(is_done, purge_now(transaction, name, table, applied, held));
                            return {};
                          }));
    if (is_done) {
      return held;
    }
  }
  return fail(ErrorCode::kConflict, "projection " + name + " is fed faster than a table of it can be purged");
}

Result<void> drop_projection(DatabaseCore& database, const std::string& name) {
  const auto drop_all = [&](TransactionCore& transaction) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const ProjectionRow row, existing_projection(transaction, name));
    HOLDFAST_TRY(drop_generation(transaction, row, row.generation));
    if (row.building != 0) {
      HOLDFAST_TRY(drop_generation(transaction, row, row.building));
    }
    HOLDFAST_TRY_ASSIGN(const auto pins, pins_of(transaction, row.projection_id));
    for (const ProjectionPin& pin : pins) {
      HOLDFAST_TRY(transaction.erase(pins_bucket(transaction), format::pin_key(row.projection_id, pin.name)));
    }
    HOLDFAST_TRY(transaction.erase(transaction.own_bucket(format::projections_bucket(), Logging::kLogged), name));
    return {};
  };
  HOLDFAST_TRY(exec_own(database, Isolation::kSerializable, Durability::kDurable, drop_all));
  return {};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
