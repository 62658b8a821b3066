// What the tests of projections share: a model that keeps every version for ever, and whoever compares with it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/db/log_test.h"
#include "tests/db/stream_test.h"

namespace holdfast {

struct ModelVersion {
  uint64_t created_at = 0;
  uint64_t deleted_at = kNeverDeleted;
  std::string value;
  friend bool operator==(const ModelVersion&, const ModelVersion&) = default;
};

// Tables by name; each key has its versions, oldest first.
class ProjectionModel {
 public:
  using Table = std::map<std::string, std::vector<ModelVersion>>;

  void apply(const WriteBatch& batch) {
    applied_ = batch.position();
    for (const WriteBatch::Write& write : batch.writes()) {
      std::vector<ModelVersion>& versions = tables_[write.table.to_string()][write.key];
      if (!versions.empty() && versions.back().deleted_at == kNeverDeleted) {
        versions.back().deleted_at = applied_;
        if (versions.back().created_at == applied_) {
          versions.pop_back();
        }
      }
      if (write.value) {
        versions.push_back({applied_, kNeverDeleted, *write.value});
      }
    }
  }

  uint64_t applied() const { return applied_; }
  Rows rows_at(const std::string& table, uint64_t position) const {
    Rows rows;
    for (const auto& [key, versions] : table_of(table)) {
      for (const ModelVersion& version : versions) {
        if (version.created_at <= position && position < version.deleted_at) {
          rows.emplace(key, version.value);
        }
      }
    }
    return rows;
  }
  // The newest first; only what can be read at `floor` or later.
  std::vector<ModelVersion> history(const std::string& table, const std::string& key, uint64_t floor = 0) const {
    std::vector<ModelVersion> found;
    const Table all = table_of(table);
    if (const auto versions = all.find(key); versions != all.end()) {
      for (auto at = versions->second.rbegin(); at != versions->second.rend() && at->deleted_at > floor; ++at) {
        found.push_back(*at);
      }
    }
    return found;
  }
  const std::map<std::string, Table>& tables() const { return tables_; }

 private:
  Table table_of(const std::string& name) const {
    const auto found = tables_.find(name);
    return found == tables_.end() ? Table{} : found->second;
  }

  std::map<std::string, Table> tables_;
  uint64_t applied_ = 0;
};

inline Rows rows_of(TableRange range) {
  Rows rows;
  std::string before;
  for (const TableRow& row : range) {
    EXPECT_TRUE(rows.empty() || before < row.key) << row.key;
    before = row.key;
    rows.emplace(row.key, row.value);
  }
  EXPECT_OK(range.status());
  return rows;
}

inline std::vector<ModelVersion> history_of(const TableView& table, std::string_view key) {
  std::vector<ModelVersion> found;
  auto history = table.history(key);
  EXPECT_OK(history);
  while (history) {
    const auto version = history->next();
    EXPECT_OK(version);
    if (!version || !*version) {
      break;
    }
    found.push_back({(*version)->created_at, (*version)->deleted_at, std::string((*version)->value)});
  }
  return found;
}

// Everything that can be asked, held against the model.
inline void expect_same(const Snapshot& snapshot, std::string_view projection, const ProjectionModel& model,
                        uint64_t floor = 0) {
  const ProjectionView view = snapshot.projection(projection);
  ASSERT_OK(view.applied_position());
  ASSERT_EQ(*view.applied_position(), model.applied());
  ASSERT_EQ(*view.floor(), floor);
  for (const auto& [name, keys] : model.tables()) {
    const TableView table = view.table(name);
    EXPECT_EQ(rows_of(table.scan()), model.rows_at(name, model.applied())) << name;
    for (uint64_t position = floor; position <= model.applied(); ++position) {
      const Rows expected = model.rows_at(name, position);
      EXPECT_EQ(rows_of(table.scan_at(position)), expected) << name << " at " << position;
      EXPECT_EQ(rows_of(table.scan_at(position).limited(UINT64_MAX)), expected);
      for (const auto& [key, versions] : keys) {
        const auto found = table.get_at(key, position);
        ASSERT_OK(found);
        const auto wanted = expected.find(key);
        ASSERT_EQ(found->has_value(), wanted != expected.end()) << key << " at " << position;
        if (*found) {
          EXPECT_EQ(**found, wanted->second);
        }
      }
    }
    for (const auto& [key, versions] : keys) {
      EXPECT_EQ(history_of(table, key), model.history(name, key, floor)) << name << " " << key;
    }
  }
}

class ProjectionTest : public LogTest {
 protected:
  Options small() const {
    Options options = logged();
    options.stream_segment_bytes = 16 * 1024;
    return options;
  }
  Database open() { return open_at(kPath, small()); }
  static void append(Database& database, std::string_view stream, const std::vector<std::string>& events) {
    const std::vector<std::string_view> views(events.begin(), events.end());
    ASSERT_OK(database.stream(stream).append_batch(views));
  }
  // Events of a run that is the same each time: puts and erases of few keys in three tables.
  static std::vector<std::string> drawn_events(Draw& draw, size_t count) {
    std::vector<std::string> events;
    for (size_t at = 0; at < count; ++at) {
      const std::string table = "t" + std::to_string(draw.below(3));
      const std::string key = "key-" + std::to_string(draw.below(6)) + std::string(9 * draw.below(2), 'k');
      const size_t bytes = draw.below(20) == 0 ? 5000 : draw.below(40);
      events.push_back(draw.below(4) == 0
                           ? "erase " + table + " " + key
                           : "put " + table + " " + key + " " + std::to_string(at) + ":" + std::string(bytes, 'v'));
    }
    return events;
  }

  // The events of these tests: "put table key value" and "erase table key".
  static Result<void> reduce(const StreamRecord& event, WriteBatch& batch) {
    std::vector<std::string> words;
    for (size_t at = 0; at < event.payload.size();) {
      const size_t end = words.size() == 3 ? event.payload.size() : event.payload.find(' ', at);
      words.push_back(event.payload.substr(at, end == std::string::npos ? end : end - at));
      at = end == std::string::npos ? event.payload.size() : end + 1;
    }
    if (words.size() == 4 && words[0] == "put") {
      batch.put(words[1], words[2], words[3]);
    } else if (words.size() == 3 && words[0] == "erase") {
      batch.erase(words[1], words[2]);
    } else if (words[0] == "fail") {
      return fail(ErrorCode::kInvalidArgument, "the reducer does not like this event");
    }
    return {};
  }
  // The model of a stream up to a position.
  static ProjectionModel model_of(const Database& database, std::string_view stream, uint64_t until = UINT64_MAX) {
    ProjectionModel model;
    const Snapshot snapshot = database.snapshot();
    const StreamView view = snapshot.stream(stream);
    const uint64_t end = std::min(view.head()->next_offset, until);
    for (uint64_t at = 0; at < end; ++at) {
      const auto records = view.read(at, 1);
      EXPECT_OK(records);
      WriteBatch batch(at + 1);
      EXPECT_OK(reduce(records->front(), batch));
      model.apply(batch);
    }
    return model;
  }
};

}  // namespace holdfast
