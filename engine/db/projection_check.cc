#include "db/projection_check.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/catalog.h"
#include "db/open.h"
#include "db/projection_slot.h"
#include "format/projection_rows.h"
#include "tree/cursor.h"
#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// So many rows are looked at between two questions whether to go on.
constexpr uint64_t kRowsPerQuestion = 4096;

class ProjectionChecker {
 public:
  ProjectionChecker(const DatabaseCore& database, CheckReport& report, const std::function<bool()>& go_on)
      : report_(report), go_on_(go_on), state_(database, database.store().new_reader_of_newest()) {}

  Result<void> run() {
    if (auto checked = check_all(); !checked) {
      return note(checked.error());
    }
    return {};
  }

 private:
  // Damage is a finding; anything else ends the check.
  Result<void> note(const Error& error) {
    if (error.code() != ErrorCode::kCorruption) {
      return fail(error);
    }
    finding(error.message());
    return {};
  }
  void finding(std::string what) {
    report_.damage.push_back({.file = std::string(kTreeFileName), .offset = 0, .what = std::move(what)});
  }

  Result<void> check_all() {
    HOLDFAST_TRY_ASSIGN(const auto names, list_projections(state_));
    for (const std::string& name : names) {
      ProjectionSlot& slot = state_.projection_slot(name);
      HOLDFAST_TRY(resolve(state_, slot));
      if (!by_id_.emplace(slot.row.projection_id, &slot).second) {
        finding("projection " + name + " has the id of another one");
      }
    }
    const format::PageRef catalog = state_.reader().state().catalog;
    HOLDFAST_TRY_ASSIGN(const auto buckets, catalog::list_own(state_.reader(), catalog, std::string{'\0', 't'}));
    for (const std::string& bucket : buckets) {
      if (!report_.stopped) {
        HOLDFAST_TRY(check_bucket(bucket));
      }
    }
    return {};
  }

  Result<void> check_bucket(const std::string& bucket) {
    format::TableBucket table;
    if (!format::parse_table_bucket(bucket, table) || !TableName::from_stored(table.table)) {
      finding("a table of a projection has a name that cannot be");
      return {};
    }
    const auto found = by_id_.find(table.projection_id);
    if (found == by_id_.end() ||
        (table.generation != found->second->row.generation && table.generation != found->second->row.building)) {
      finding("a table belongs to no projection that is there");
      return {};
    }
    HOLDFAST_TRY_ASSIGN(const format::StateRow state, state_of(state_, table.projection_id, table.generation));
    BucketSlot& slot = state_.own_slot(bucket);
    HOLDFAST_TRY(state_.resolve(slot));
    where_ = "table " + TableName::from_stored(table.table)->to_string() + " of projection " + found->second->name;
    if (table.tree == format::TableTree::kCurrent) {
      return check_current(slot.record.root, state);
    }
    std::string current = format::tables_prefix(table.projection_id, table.generation, format::TableTree::kCurrent);
    BucketSlot& current_slot = state_.own_slot(current += table.table);
    HOLDFAST_TRY(state_.resolve(current_slot));
    return check_history(slot.record.root, current_slot.record.root, state);
  }

  Result<void> check_current(const format::PageRef& root, const format::StateRow& state) {
    tree::Cursor rows(state_.reader(), root);
    HOLDFAST_TRY_ASSIGN(bool there, rows.first());
    while (there && goes_on()) {
      HOLDFAST_TRY_ASSIGN(const std::string_view value, rows.value());
      format::VersionRow row;
      if (!format::decode(value, row) || row.position == 0 || row.position > state.applied) {
        finding(where_ + ": a row of a position that was not applied");
        return {};
      }
      HOLDFAST_TRY_ASSIGN(there, rows.next());
    }
    return {};
  }

  Result<void> check_history(const format::PageRef& root, const format::PageRef& current,
                             const format::StateRow& state) {
    tree::Cursor versions(state_.reader(), root);
    HOLDFAST_TRY_ASSIGN(bool there, versions.first());
    std::string key;
    std::string last_key;
    uint64_t last_deleted_at = 0;
    while (there && goes_on()) {
      uint64_t created_at = 0;
      format::VersionRow row;
      HOLDFAST_TRY_ASSIGN(const std::string_view value, versions.value());
      const bool is_version = format::decode_version_key(versions.key(), key, created_at) &&
                              format::decode(value, row) && created_at > 0 && created_at < row.position &&
                              row.position <= state.applied;
      if (!is_version || (key == last_key && created_at < last_deleted_at)) {
        finding(where_ + ": a version that cannot be, or overlaps another one");
        return {};
      }
      if (key != last_key) {
        HOLDFAST_TRY(check_newest(current, last_key, last_deleted_at));
      }
      last_key = key;
      last_deleted_at = row.position;
      HOLDFAST_TRY_ASSIGN(there, versions.next());
    }
    return check_newest(current, last_key, last_deleted_at);
  }

  // The row that a key holds still lies behind its last superseded version.
  Result<void> check_newest(const format::PageRef& current, const std::string& key, uint64_t deleted_at) {
    if (key.empty()) {
      return {};
    }
    HOLDFAST_TRY_ASSIGN(const bool is_there, tree::get(state_.reader(), current, key, newest_));
    format::VersionRow row;
    if (is_there && format::decode(newest_, row) && row.position < deleted_at) {
      finding(where_ + ": a superseded version overlaps the current row");
    }
    return {};
  }

  bool goes_on() {
    if (++rows_ % kRowsPerQuestion == 0 && !go_on_()) {
      report_.stopped = true;
    }
    return !report_.stopped;
  }

  CheckReport& report_;
  const std::function<bool()>& go_on_;
  ReadState state_;
  std::map<uint32_t, ProjectionSlot*> by_id_;
  std::string where_;
  std::string newest_;
  uint64_t rows_ = 0;
};

}  // namespace

Result<void> check_projections(const DatabaseCore& database, CheckReport& report, const std::function<bool()>& go_on) {
  return ProjectionChecker(database, report, go_on).run();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
