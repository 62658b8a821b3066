// TableOracle: drives one projection of the API fuzzer, and keeps every version of it for ever.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <holdfast/holdfast.hpp>

#include "base/check.h"
#include "fuzz/choices.h"

namespace holdfast::fuzz {

class TableOracle {
 public:
  // One batch, or several at once; now and then one of a position that is not the next.
  void apply_something(Choices& input, Database& database) {
    const bool is_wrong = input.below(8) == 0;
    std::vector<WriteBatch> batches;
    for (uint32_t count = 1 + input.below(4); count > 0; --count) {
      batches.push_back(batch_of(input, applied_ + 1 + batches.size() + (is_wrong ? 1 : 0)));
    }
    const auto durability = input.below(3) == 0 ? Durability::kDeferred : Durability::kDurable;
    const auto applied = database.projection(kName).apply(batches, durability);
    exists_ = true;
    if (is_wrong) {
      CHECK(!applied && applied.error().code() == ErrorCode::kConflict);
      return;
    }
    CHECK(applied.has_value());
    for (const WriteBatch& batch : batches) {
      keep(batch);
    }
  }

  void read_something(Choices& input, const Database& database) const {
    if (!exists_) {
      return;
    }
    const Snapshot snapshot = database.snapshot();
    const std::string table = table_of(input);
    const std::string key = key_of(input);
    const uint64_t position = input.below(static_cast<uint32_t>(applied_ + 2));
    const TableView view = snapshot.projection(kName).table(table);
    const auto found = view.get_at(key, position);
    if (position > applied_ || position < floor_) {
      CHECK(!found);
      return;
    }
    const Rows rows = rows_at(table, position);
    const auto wanted = rows.find(key);
    CHECK(found->has_value() == (wanted != rows.end()));
    CHECK(!*found || **found == wanted->second);
    const std::string hi = key_of(input);
    if (key <= hi) {
      expect_rows(view.scan_at(position, key, hi), rows.lower_bound(key), rows.lower_bound(hi));
    }
    expect_history(view, table, key);
    expect_diff(view, table, position);
  }

  // Prunes, pins, purges.
  void tidy(Choices& input, Database& database) {
    if (!exists_) {
      return;
    }
    Projection projection = database.projection(kName);
    const uint64_t position = input.below(static_cast<uint32_t>(applied_ + 1));
    switch (input.below(4)) {
      case 0:
        CHECK(projection.pin("pin", position).has_value() == (position >= floor_));
        pin_ = position >= floor_ ? position : pin_;
        break;
      case 1:
        CHECK(projection.unpin("pin").value() == pin_.has_value());
        pin_.reset();
        break;
      case 2:
        floor_ = std::max(floor_, std::min(position, pin_.value_or(position)));
        CHECK(projection.prune(position).value().floor == floor_);
        break;
      default: {
        const std::string table = table_of(input);
        CHECK(projection.purge_table(table).value() == tables_.contains(table));
        tables_.erase(table);
      }
    }
  }

  void expect_all(const Database& database) const {
    if (!exists_) {
      return;
    }
    const Snapshot snapshot = database.snapshot();
    const ProjectionView view = snapshot.projection(kName);
    CHECK(view.applied_position().value() == applied_);
    CHECK(view.floor().value() == floor_);
    for (const auto& [table, keys] : tables_) {
      for (const uint64_t position : {floor_, (floor_ + applied_) / 2, applied_}) {
        const Rows rows = rows_at(table, position);
        expect_rows(view.table(table).scan_at(position), rows.begin(), rows.end());
        expect_backwards(view.table(table).scan_at(position).reversed(), rows);
      }
      const Rows newest = rows_at(table, applied_);
      expect_rows(view.table(table).scan(), newest.begin(), newest.end());
    }
  }

 private:
  using Rows = std::map<std::string, std::string>;
  struct Version {
    uint64_t created_at = 0;
    uint64_t deleted_at = kNeverDeleted;
    std::string value;
  };
  static constexpr const char* kName = "projection";

  static std::string table_of(Choices& input) { return std::string(1, static_cast<char>('s' + input.below(2))); }
  static std::string key_of(Choices& input) {
    std::string key(1 + input.below(10), static_cast<char>('a' + input.below(3)));
    key += static_cast<char>(input.below(3) == 0 ? '\0' : 'x');
    return input.below(20) == 0 ? key + std::string(700, 'k') : key;
  }
  static WriteBatch batch_of(Choices& input, uint64_t position) {
    WriteBatch batch(position);
    for (uint32_t writes = input.below(6); writes > 0; --writes) {
      const std::string table = table_of(input);
      const std::string key = key_of(input);
      if (input.below(4) == 0) {
        batch.erase(table, key);
      } else {
        batch.put(table, key,
                  std::string(input.below(input.below(10) == 0 ? 6000 : 60), static_cast<char>('0' + position % 10)));
      }
    }
    return batch;
  }

  void keep(const WriteBatch& batch) {
    applied_ = batch.position();
    for (const WriteBatch::Write& write : batch.writes()) {
      const std::string table = write.table.to_string();
      // A table comes to be with its first row, and not with the removal of one that it never had.
      if (!write.value && !tables_.contains(table)) {
        continue;
      }
      std::vector<Version>& versions = tables_[table][write.key];
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

  const std::map<std::string, std::vector<Version>>& keys_of(const std::string& table) const {
    static const std::map<std::string, std::vector<Version>> kNone;
    const auto found = tables_.find(table);
    return found == tables_.end() ? kNone : found->second;
  }
  Rows rows_at(const std::string& table, uint64_t position) const {
    Rows rows;
    for (const auto& [key, versions] : keys_of(table)) {
      for (const Version& version : versions) {
        if (version.created_at <= position && position < version.deleted_at) {
          rows.emplace(key, version.value);
        }
      }
    }
    return rows;
  }

  static void expect_rows(TableRange range, Rows::const_iterator from, Rows::const_iterator to) {
    for (const TableRow& row : range) {
      CHECK(from != to && from->first == row.key && from->second == row.value);
      ++from;
    }
    CHECK(range.status().has_value());
    CHECK(from == to);
  }
  static void expect_backwards(TableRange range, const Rows& rows) {
    auto at = rows.rbegin();
    for (const TableRow& row : range) {
      CHECK(at != rows.rend() && at->first == row.key && at->second == row.value);
      ++at;
    }
    CHECK(range.status().has_value());
    CHECK(at == rows.rend());
  }
  void expect_history(const TableView& view, const std::string& table, const std::string& key) const {
    auto history = view.history(key).value();
    const auto& keys = keys_of(table);
    const auto found = keys.find(key);
    const std::vector<Version> none;
    const std::vector<Version>& versions = found == keys.end() ? none : found->second;
    for (auto at = versions.rbegin(); at != versions.rend() && at->deleted_at > floor_; ++at) {
      const auto version = history.next().value();
      CHECK(version && version->created_at == at->created_at && version->deleted_at == at->deleted_at &&
            version->value == at->value);
    }
    CHECK(!history.next().value());
  }
  void expect_diff(const TableView& view, const std::string& table, uint64_t from) const {
    const Rows before = rows_at(table, from);
    const Rows after = rows_at(table, applied_);
    auto diff = view.diff(from, applied_).value();
    std::string last;
    while (const auto change = diff.next().value()) {
      CHECK(last < change->key);
      last = change->key;
      const auto was = before.find(last);
      const auto is = after.find(last);
      CHECK(change->before.has_value() == (was != before.end()) && change->after.has_value() == (is != after.end()));
      CHECK(!change->before || change->before->value == was->second);
      CHECK(!change->after || change->after->value == is->second);
    }
  }

  bool exists_ = false;
  uint64_t applied_ = 0;
  uint64_t floor_ = 0;
  std::optional<uint64_t> pin_;
  std::map<std::string, std::map<std::string, std::vector<Version>>> tables_;
};

}  // namespace holdfast::fuzz
