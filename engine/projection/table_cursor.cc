#include "projection/table_cursor.h"

#include <utility>

#include "base/check.h"
#include "format/projection_rows.h"
#include "tree/tree.h"

namespace holdfast::projection {

namespace {

// So many versions of a key are walked over before the next key is searched.
constexpr int kWalkedVersionsMax = 4;
constexpr size_t kPositionBytes = sizeof(uint64_t);

}  // namespace

TableCursor::TableCursor(PageReader& reader, const Table& table, uint64_t position)
    : current_(reader, table.current),
      history_(reader, table.history),
      position_(position),
      has_history_(position != kNewest && !table.history.is_null()) {}

void TableCursor::leave() {
  place_ = Place::kNowhere;
  current_on_ = history_on_ = false;
}

Result<void> TableCursor::decode_history_key() {
  if (history_on_ && !format::decode_version_key(history_.key(), history_key_, history_created_at_)) {
    leave();
    return bad_row("a version key that cannot be");
  }
  return {};
}

Result<bool> TableCursor::last() {
  leave();
  direction_ = Direction::kBackward;
  HOLDFAST_TRY_ASSIGN(current_on_, current_.last());
  if (has_history_) {
    HOLDFAST_TRY_ASSIGN(history_on_, history_.last());
  }
  HOLDFAST_TRY(decode_history_key());
  return settle();
}

Result<bool> TableCursor::seek(std::string_view key) {
  std::string start(key);  // may be a view of the row
  leave();
  direction_ = Direction::kForward;
  HOLDFAST_TRY_ASSIGN(current_on_, current_.seek(start));
  if (has_history_) {
    if (start.empty()) {
      HOLDFAST_TRY_ASSIGN(history_on_, history_.first());
    } else {
      format::encode_version_key(start, 0, target_);
      HOLDFAST_TRY_ASSIGN(history_on_, history_.seek(target_));
    }
  }
  HOLDFAST_TRY(decode_history_key());
  return settle();
}

Result<bool> TableCursor::seek_before(std::string_view key) {
  const std::string end(key);
  leave();
  direction_ = Direction::kBackward;
  if (end.empty()) {
    return false;
  }
  HOLDFAST_TRY_ASSIGN(current_on_, current_.seek_before(end));
  if (has_history_) {
    format::encode_version_key(end, 0, target_);
    HOLDFAST_TRY_ASSIGN(history_on_, history_.seek_before(target_));
  }
  HOLDFAST_TRY(decode_history_key());
  return settle();
}

Result<bool> TableCursor::next() {
  CHECK(valid());
  HOLDFAST_TRY(face(Direction::kForward));
  HOLDFAST_TRY(leave_key());
  return settle();
}

Result<bool> TableCursor::prev() {
  CHECK(valid());
  HOLDFAST_TRY(face(Direction::kBackward));
  HOLDFAST_TRY(leave_key());
  return settle();
}

// Puts both cursors where a move in this direction would have left them on key_.
Result<void> TableCursor::face(Direction direction) {
  if (direction_ == direction) {
    return {};
  }
  direction_ = direction;
  current_on_ = history_on_ = false;
  const bool forward = direction == Direction::kForward;
  if (forward) {
    HOLDFAST_TRY_ASSIGN(current_on_, current_.seek(key_));
  } else {
    // The key itself, or what is before it.
    const std::string behind = key_ + '\0';
    HOLDFAST_TRY_ASSIGN(current_on_, current_.seek_before(behind));
  }
  key_in_current_ = current_on_ && current_.key() == key_;
  if (has_history_) {
    if (forward) {
      format::encode_version_key(key_, 0, target_);
      HOLDFAST_TRY_ASSIGN(history_on_, history_.seek(target_));
    } else {
      format::encode_version_key_end(key_, target_);
      HOLDFAST_TRY_ASSIGN(history_on_, history_.seek_before(target_));
    }
  }
  HOLDFAST_TRY(decode_history_key());
  key_in_history_ = history_on_ && history_key_ == key_;
  return {};
}

Result<bool> TableCursor::settle() {
  const bool forward = direction_ == Direction::kForward;
  while (current_on_ || history_on_) {
    int order = current_on_ ? -1 : 1;
    if (current_on_ && history_on_) {
      order = current_.key().compare(history_key_);
      order = forward ? order : -order;
    }
    key_in_current_ = order <= 0;
    key_in_history_ = order >= 0;
    key_ = key_in_current_ ? current_.key() : std::string_view(history_key_);
    HOLDFAST_TRY_ASSIGN(const bool stands, settle_on_version());
    if (stands) {
      return true;
    }
    HOLDFAST_TRY(leave_key());
  }
  leave();
  return false;
}

// Whether key_ had a version at the position.
Result<bool> TableCursor::settle_on_version() {
  format::VersionRow row;
  if (key_in_current_) {
    HOLDFAST_TRY_ASSIGN(const std::string_view value, current_.value());
    if (!format::decode(value, row)) {
      leave();
      return bad_row("a current row that cannot be");
    }
    if (row.position <= position_) {
      place_ = Place::kCurrent;
      created_at_ = row.position;
      return true;
    }
  }
  if (!key_in_history_) {
    return false;
  }
  format::encode_version_key(key_, position_ + 1, target_);
  HOLDFAST_TRY_ASSIGN(const bool found, history_.seek_before(target_));
  const std::string_view groups = std::string_view(target_).substr(0, target_.size() - kPositionBytes);
  if (!found || !history_.key().starts_with(groups)) {
    // Back to the group, from which leave_key() goes on.
    if (direction_ == Direction::kForward) {
      format::encode_version_key(key_, 0, target_);
      HOLDFAST_TRY_ASSIGN(history_on_, history_.seek(target_));
    } else {
      history_on_ = found;
    }
    HOLDFAST_TRY(decode_history_key());
    key_in_history_ = history_on_ && history_key_ == key_;
    return false;
  }
  HOLDFAST_TRY(decode_history_key());
  HOLDFAST_TRY_ASSIGN(const std::string_view value, history_.value());
  if (!format::decode(value, row) || row.position <= history_created_at_) {
    leave();
    return bad_row("a superseded version that cannot be");
  }
  if (row.position <= position_) {
    return false;
  }
  place_ = Place::kHistory;
  created_at_ = history_created_at_;
  return true;
}

Result<void> TableCursor::leave_key() {
  place_ = Place::kNowhere;
  if (key_in_current_) {
    HOLDFAST_TRY_ASSIGN(current_on_, direction_ == Direction::kForward ? current_.next() : current_.prev());
  }
  return key_in_history_ ? leave_history_group() : Result<void>();
}

// Pre: history_ stands on a version of key_. Afterwards on the nearest one of another key.
Result<void> TableCursor::leave_history_group() {
  const bool forward = direction_ == Direction::kForward;
  for (int walked = 0; walked < kWalkedVersionsMax; ++walked) {
    HOLDFAST_TRY_ASSIGN(history_on_, forward ? history_.next() : history_.prev());
    HOLDFAST_TRY(decode_history_key());
    if (!history_on_ || history_key_ != key_) {
      return {};
    }
  }
  if (forward) {
    format::encode_version_key_end(key_, target_);
    HOLDFAST_TRY_ASSIGN(history_on_, history_.seek(target_));
  } else {
    format::encode_version_key(key_, 0, target_);
    HOLDFAST_TRY_ASSIGN(history_on_, history_.seek_before(target_));
  }
  return decode_history_key();
}

Result<Version> TableCursor::version() {
  CHECK(valid());
  format::VersionRow row;
  const bool is_current = place_ == Place::kCurrent;
  auto value = is_current ? current_.value() : history_.value();
  if (!value) {
    leave();
    return fail(std::move(value).error());
  }
  CHECK(format::decode(*value, row));  // it was, when the cursor came here
  return Version{created_at_, is_current ? format::kNeverDeleted : row.position, row.data};
}

HistoryCursor::HistoryCursor(PageReader& reader, const Table& table, std::string_view key)
    : reader_(reader), table_(table), key_(key), history_(reader, table.history) {}

Result<bool> HistoryCursor::next() {
  if (step_ == Step::kCurrent) {
    step_ = Step::kFirstSuperseded;
    HOLDFAST_TRY_ASSIGN(const bool is_there, tree::get(reader_, table_.current, key_, buffer_));
    if (is_there) {
      format::VersionRow row;
      if (!format::decode(buffer_, row)) {
        step_ = Step::kDone;
        return bad_row("a current row that cannot be");
      }
      version_ = {row.position, format::kNeverDeleted, row.data};
      return true;
    }
  }
  if (step_ == Step::kDone || table_.history.is_null()) {
    return false;
  }
  const bool is_first = step_ == Step::kFirstSuperseded;
  step_ = Step::kDone;  // unless all goes well
  if (is_first) {
    format::encode_version_key(key_, 0, groups_);
    groups_.resize(groups_.size() - kPositionBytes);
    std::string end;
    format::encode_version_key_end(key_, end);
    HOLDFAST_TRY_ASSIGN(const bool moved, history_.seek_before(end));
    return take(moved);
  }
  HOLDFAST_TRY_ASSIGN(const bool moved, history_.prev());
  return take(moved);
}

Result<bool> HistoryCursor::take(bool moved) {
  if (!moved || !history_.key().starts_with(groups_)) {
    return false;
  }
  std::string key;
  if (!format::decode_version_key(history_.key(), key, version_.created_at)) {
    return bad_row("a version key that cannot be");
  }
  HOLDFAST_TRY_ASSIGN(const std::string_view value, history_.value());
  format::VersionRow row;
  if (!format::decode(value, row) || row.position <= version_.created_at) {
    return bad_row("a superseded version that cannot be");
  }
  version_.deleted_at = row.position;
  version_.data = row.data;
  step_ = Step::kSuperseded;
  return true;
}

DiffCursor::DiffCursor(PageReader& reader, const Table& table, uint64_t from, uint64_t to)
    : before_(reader, table, from), after_(reader, table, to) {}

Result<bool> DiffCursor::seek(std::string_view key) {
  const std::string start(key);  // may be a view of the row
  HOLDFAST_TRY(before_.seek(start));
  HOLDFAST_TRY(after_.seek(start));
  return settle();
}

Result<bool> DiffCursor::next() {
  HOLDFAST_TRY(step());
  return settle();
}

Result<void> DiffCursor::step() {
  if (in_before_) {
    HOLDFAST_TRY(before_.next());
  }
  if (in_after_) {
    HOLDFAST_TRY(after_.next());
  }
  return {};
}

Result<bool> DiffCursor::settle() {
  while (before_.valid() || after_.valid()) {
    int order = before_.valid() ? -1 : 1;
    if (before_.valid() && after_.valid()) {
      order = before_.key().compare(after_.key());
    }
    in_before_ = order <= 0;
    in_after_ = order >= 0;
    if (!in_before_ || !in_after_ || before_.created_at() != after_.created_at()) {
      return true;
    }
    HOLDFAST_TRY(step());
  }
  in_before_ = in_after_ = false;
  return false;
}

std::string_view DiffCursor::key() const {
  CHECK(in_before_ || in_after_);
  return in_before_ ? before_.key() : after_.key();
}

Result<std::optional<Version>> DiffCursor::before() {
  if (!in_before_) {
    return std::nullopt;
  }
  HOLDFAST_TRY_ASSIGN(const Version version, before_.version());
  return version;
}

Result<std::optional<Version>> DiffCursor::after() {
  if (!in_after_) {
    return std::nullopt;
  }
  HOLDFAST_TRY_ASSIGN(const Version version, after_.version());
  return version;
}

}  // namespace holdfast::projection
