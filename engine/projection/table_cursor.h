// TableCursor: moves over the rows that a table had at one position, in key order, both ways.
// HistoryCursor: moves over the versions of one key, the newest first.
// DiffCursor: moves over the keys that are not the same at two positions.
//
// None of them collects anything: the memory they take is that of a row and of the pages they stand on. A key with many
// versions costs a search, not a walk over them.
//
// Threads: the reader's, which must outlive them. After an error they stand nowhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "projection/table.h"
#include "tree/cursor.h"

namespace holdfast::projection {

class TableCursor {
 public:
  // `position`: kNewest, or one that the table's generation has not forgotten.
  TableCursor(PageReader& reader, const Table& table, uint64_t position);

  // Each says whether the cursor stands on a row afterwards.
  Result<bool> first() { return seek({}); }
  Result<bool> last();
  Result<bool> seek(std::string_view key);         // first row with key >= key
  Result<bool> seek_before(std::string_view key);  // last row with key < key
  // Pre: valid().
  Result<bool> next();
  Result<bool> prev();
  bool valid() const { return place_ != Place::kNowhere; }
  // Pre: valid(). Live until the cursor moves.
  std::string_view key() const { return key_; }
  uint64_t created_at() const { return created_at_; }
  Result<Version> version();

 private:
  enum class Place : uint8_t { kNowhere, kCurrent, kHistory };
  enum class Direction : uint8_t { kForward, kBackward };

  Result<bool> settle();
  Result<bool> settle_on_version();
  Result<void> leave_key();
  Result<void> leave_history_group();
  Result<void> face(Direction direction);
  Result<void> decode_history_key();
  void leave();

  tree::Cursor current_;
  tree::Cursor history_;
  const uint64_t position_;
  const bool has_history_;
  Direction direction_ = Direction::kForward;
  Place place_ = Place::kNowhere;
  bool current_on_ = false;  // current_ stands on a row at or beyond the place, in the direction of the move
  bool history_on_ = false;  // the same of history_, on any version of a key
  bool key_in_current_ = false;
  bool key_in_history_ = false;
  std::string key_;
  uint64_t created_at_ = 0;
  std::string history_key_;  // of the version that history_ stands on
  uint64_t history_created_at_ = 0;
  std::string target_;
};

class HistoryCursor {
 public:
  HistoryCursor(PageReader& reader, const Table& table, std::string_view key);

  // Goes to the newest version first, then to the one before, ... False: there are no more.
  Result<bool> next();
  // Pre: next() said true. Lives until the cursor moves.
  const Version& version() const { return version_; }

 private:
  Result<bool> take(bool moved);

  PageReader& reader_;
  const Table table_;
  const std::string key_;
  std::string groups_;  // what the version keys of key_ begin with
  tree::Cursor history_;
  enum class Step : uint8_t { kCurrent, kFirstSuperseded, kSuperseded, kDone };
  Step step_ = Step::kCurrent;
  std::string buffer_;
  Version version_;
};

class DiffCursor {
 public:
  // Pre: from <= to.
  DiffCursor(PageReader& reader, const Table& table, uint64_t from, uint64_t to);

  // The first key at or above `key` that differs.
  Result<bool> seek(std::string_view key);
  // Pre: the cursor stands on a key.
  Result<bool> next();
  // Pre: the last move said true. Live until the cursor moves; nullopt: the key was not there.
  std::string_view key() const;
  Result<std::optional<Version>> before();
  Result<std::optional<Version>> after();

 private:
  Result<bool> settle();
  Result<void> step();

  TableCursor before_;
  TableCursor after_;
  bool in_before_ = false;
  bool in_after_ = false;
};

}  // namespace holdfast::projection
