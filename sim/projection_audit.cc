#include "sim/projection_audit.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/random.h"

namespace holdfast::sim {

namespace {

struct ShownRow {
  std::string key;
  uint64_t created_at = 0;
  ValueMark value;
  friend bool operator==(const ShownRow&, const ShownRow&) = default;
};

class Audit {
 public:
  Audit(const ProjectionView& view, const AuditPlan& plan, ProjectionContents& contents, Verdict& broken)
      : view_(view), plan_(plan), contents_(contents), broken_(broken) {}

  Result<void> run() {
    const auto stats = view_.stats();
    if (!stats && stats.error().code() == ErrorCode::kNotFound) {
      contents_.is_there = false;
      return {};
    }
    contents_.is_known = stats.has_value();
    if (!stats) {
      return fail(stats.error());
    }
    contents_.is_there = true;
    contents_.applied = stats->applied_position;
    contents_.floor = stats->floor;
    contents_.generation = stats->generation;
    contents_.stream = stats->stream;
    HOLDFAST_TRY_ASSIGN(contents_.hash, view_.applied_hash());
    HOLDFAST_TRY_ASSIGN(const uint64_t applied, view_.applied_position());
    HOLDFAST_TRY_ASSIGN(const uint64_t floor, view_.floor());
    if (applied != contents_.applied || floor != contents_.floor || floor > applied) {
      object(fmt::format("its statistics say position {} and floor {}, it says {} and {}", contents_.applied,
                         contents_.floor, applied, floor));
      return {};
    }
    for (uint32_t table = 0; table < kProjectionTables; ++table) {
      for (uint32_t key = 0; key < kProjectionKeys; ++key) {
        HOLDFAST_TRY(read_versions(table, key));
      }
    }
    for (uint32_t table = 0; table < kProjectionTables && !broken_; ++table) {
      HOLDFAST_TRY(read_now(table));
      HOLDFAST_TRY(read_positions(table));
      HOLDFAST_TRY(compare_two(table));
      read_refused(table);
    }
    return {};
  }

 private:
  uint64_t draw(uint64_t n) { return mix(plan_.draws, ++drawn_) % n; }
  void object(const std::string& what) {
    if (!broken_) {
      broken_ = "the projection at position " + std::to_string(contents_.applied) + ": " + what;
    }
  }

  Result<void> read_versions(uint32_t table, uint32_t key) {
    HOLDFAST_TRY_ASSIGN(TableHistory history, view_.table(projection_table(table)).history(projection_key(key)));
    ProjectionContents::Versions versions;
    while (true) {
      HOLDFAST_TRY_ASSIGN(const auto version, history.next());
      if (!version) {
        break;
      }
      const ShownVersion shown{version->created_at, version->deleted_at, ValueMark::of(version->value)};
      const bool follows = versions.empty() || shown.deleted_at <= versions.back().created_at;
      if (shown.created_at == 0 || shown.created_at > contents_.applied || shown.deleted_at <= shown.created_at ||
          (shown.deleted_at != kNeverDeleted && shown.deleted_at > contents_.applied) || !follows ||
          shown.deleted_at <= contents_.floor) {
        object(fmt::format("key {} of table {} has a version [{}, {}), which cannot be (floor {})",
                           quoted(projection_key(key)), projection_table(table).to_string(), shown.created_at,
                           shown.deleted_at, contents_.floor));
        return {};
      }
      versions.push_back(shown);
    }
    contents_.tables[table][key] = std::move(versions);
    return {};
  }

  std::vector<ShownRow> rows_at(uint32_t table, uint64_t position, uint32_t from, uint32_t to) const {
    std::vector<ShownRow> rows;
    for (uint32_t key = from; key < to; ++key) {
      if (const ShownVersion* version = version_at(*contents_.tables[table][key], position)) {
        rows.push_back({std::string(projection_key(key)), version->created_at, version->value});
      }
    }
    return rows;
  }

  Result<void> compare_range(uint32_t table, uint64_t position, TableRange range, std::vector<ShownRow> expected,
                             const char* what) {
    std::vector<ShownRow> rows;
    for (const TableRow& row : range) {
      rows.push_back({std::string(row.key), row.created_at, ValueMark::of(row.value)});
    }
    HOLDFAST_TRY(range.status());
    if (rows != expected) {
      object(fmt::format("a {} of table {} at position {} gave {} rows, the histories of the keys {}, or they differ",
                         what, projection_table(table).to_string(), position, rows.size(), expected.size()));
    }
    return {};
  }

  // A part of the keys, backwards or not, all or some.
  Result<void> read_part(uint32_t table, uint64_t position, bool now) {
    const auto from = static_cast<uint32_t>(draw(kProjectionKeys));
    const auto to = from + static_cast<uint32_t>(draw(kProjectionKeys + 1 - from));
    const std::string_view lo = from == 0 ? std::string_view() : projection_key(from);
    const auto hi = to == kProjectionKeys ? std::nullopt : std::optional(projection_key(to));
    std::vector<ShownRow> expected = rows_at(table, position, from, to);
    const TableView view = view_.table(projection_table(table));
    TableRange range = now ? view.scan(lo, hi) : view.scan_at(position, lo, hi);
    const bool reversed = draw(2) == 0;
    if (reversed) {
      range = std::move(range).reversed();
      std::ranges::reverse(expected);
    }
    if (draw(2) == 0) {
      const uint64_t limit = draw(4);
      range = std::move(range).limited(limit);
      expected.resize(std::min<size_t>(expected.size(), limit));
    }
    return compare_range(table, position, std::move(range), std::move(expected),
                         reversed ? "backwards scan of a part" : "scan of a part");
  }

  Result<void> read_now(uint32_t table) {
    const TableView view = view_.table(projection_table(table));
    HOLDFAST_TRY(compare_range(table, contents_.applied, view.scan(),
                               rows_at(table, contents_.applied, 0, kProjectionKeys), "scan"));
    HOLDFAST_TRY(read_part(table, contents_.applied, true));
    for (uint32_t key = 0; key < kProjectionKeys; ++key) {
      HOLDFAST_TRY_ASSIGN(const auto value, view.get(projection_key(key)));
      compare_value(table, key, contents_.applied, value, "get");
    }
    return {};
  }

  template <class Text>
  void compare_value(uint32_t table, uint32_t key, uint64_t position, const std::optional<Text>& value,
                     const char* what) {
    const ShownVersion* version = version_at(*contents_.tables[table][key], position);
    if (value.has_value() != (version != nullptr) || (value && !(ValueMark::of(*value) == version->value))) {
      object(fmt::format("{} of key {} of table {} at position {} gave {}, its history {}", what,
                         quoted(projection_key(key)), projection_table(table).to_string(), position,
                         value ? ValueMark::of(*value).to_string() : "nothing",
                         version != nullptr ? version->value.to_string() : "nothing"));
    }
  }

  Result<void> read_positions(uint32_t table) {
    const TableView view = view_.table(projection_table(table));
    const uint64_t positions = contents_.applied - contents_.floor + 1;
    const uint64_t step = (positions + plan_.positions_max - 1) / plan_.positions_max;
    for (uint64_t position = contents_.floor + draw(step); position <= contents_.applied && !broken_;
         position += step) {
      HOLDFAST_TRY(
          compare_range(table, position, view.scan_at(position), rows_at(table, position, 0, kProjectionKeys), "scan"));
      HOLDFAST_TRY(read_part(table, position, false));
      for (uint32_t key = 0; key < kProjectionKeys; ++key) {
        HOLDFAST_TRY_ASSIGN(const auto value, view.get_at(projection_key(key), position));
        compare_value(table, key, position, value, "get_at");
      }
    }
    return {};
  }

  Result<void> compare_two(uint32_t table) {
    const uint64_t from = contents_.floor + draw(contents_.applied - contents_.floor + 1);
    const uint64_t to = from + draw(contents_.applied - from + 1);
    HOLDFAST_TRY_ASSIGN(TableDiff diff, view_.table(projection_table(table)).diff(from, to));
    for (uint32_t key = 0; key <= kProjectionKeys && !broken_; ++key) {
      const ShownVersion* before = key == kProjectionKeys ? nullptr : version_at(*contents_.tables[table][key], from);
      const ShownVersion* after = key == kProjectionKeys ? nullptr : version_at(*contents_.tables[table][key], to);
      const bool same = before == after || (before != nullptr && after != nullptr && *before == *after);
      if (key < kProjectionKeys && same) {
        continue;
      }
      HOLDFAST_TRY_ASSIGN(const auto change, diff.next());
      const auto is = [](const std::optional<TableVersion>& version, const ShownVersion* wanted) {
        return version.has_value() == (wanted != nullptr) &&
               (!version ||
                (version->created_at == wanted->created_at && ValueMark::of(version->value) == wanted->value));
      };
      if (key == kProjectionKeys ? change.has_value()
                                 : !change || change->key != projection_key(key) || !is(change->before, before) ||
                                       !is(change->after, after)) {
        object(fmt::format("the difference of table {} between positions {} and {} is wrong at {}",
                           projection_table(table).to_string(), from, to,
                           key == kProjectionKeys ? "its end" : quoted(projection_key(key))));
      }
    }
    return {};
  }

  void read_refused(uint32_t table) {
    const TableView view = view_.table(projection_table(table));
    const auto ahead = view.get_at(projection_key(0), contents_.applied + 1 + draw(3));
    if (ahead || ahead.error().code() != ErrorCode::kInvalidArgument) {
      object("a position that was not applied yet can be read");
    }
    if (contents_.floor > 0) {
      const uint64_t below = draw(contents_.floor);
      const auto pruned = view.get_at(projection_key(0), below);
      TableRange range = view.scan_at(below);
      const bool shows = range.begin() != range.end();
      const auto scanned = range.status();
      if (shows || pruned || pruned.error().code() != ErrorCode::kNotFound || scanned ||
          scanned.error().code() != ErrorCode::kNotFound) {
        object(fmt::format("position {} can be read, although the floor is {}", below, contents_.floor));
      }
    }
  }

  const ProjectionView& view_;
  const AuditPlan& plan_;
  ProjectionContents& contents_;
  Verdict& broken_;
  uint64_t drawn_ = 0;
};

}  // namespace

const ShownVersion* version_at(const ProjectionContents::Versions& versions, uint64_t position) {
  const auto found = std::ranges::find_if(versions, [&](const ShownVersion& version) {
    return version.created_at <= position && position < version.deleted_at;
  });
  return found == versions.end() ? nullptr : &*found;
}

Result<void> audit_projection(const ProjectionView& view, const AuditPlan& plan, ProjectionContents& contents,
                              Verdict& broken) {
  return Audit(view, plan, contents, broken).run();
}

}  // namespace holdfast::sim
