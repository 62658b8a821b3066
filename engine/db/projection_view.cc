// The public ProjectionView and TableView, with what they hand out; TableName and WriteBatch.
#include <array>
#include <utility>

#include <holdfast/database.h>
#include <holdfast/projection.h>

#include "base/bytes.h"
#include "base/little_endian.h"
#include "db/core.h"
#include "db/limits.h"
#include "db/projection_content.h"
#include "db/projection_cursor.h"
#include "db/projection_slot.h"
#include "db/stream_head.h"
#include "projection/table.h"
#include "tree/tree.h"

namespace holdfast {

namespace {

constexpr char kNamed = 'n';
constexpr char kNumbered = 'i';

}  // namespace

TableName::TableName(std::string_view name) : stored_(1, kNamed) { stored_ += name; }

TableName::TableName(TableId id) : stored_(1, kNumbered) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    stored_ += static_cast<char>(static_cast<uint64_t>(id) >> shift);
  }
}

std::optional<TableId> TableName::id() const {
  if (stored_.front() != kNumbered) {
    return std::nullopt;
  }
  uint64_t number = 0;
  for (const char byte : std::string_view(stored_).substr(1)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return TableId{number};
}

std::string TableName::to_string() const {
  const auto number = id();
  return number ? "#" + std::to_string(static_cast<uint64_t>(*number)) : stored_.substr(1);
}

std::optional<TableName> TableName::from_stored(std::string_view stored) {
  TableName name{std::string_view()};
  name.stored_ = stored;
  const bool named = stored.size() > 1 && stored.size() <= 1 + kTableNameBytesMax && stored.front() == kNamed;
  const bool numbered = stored.size() == 1 + sizeof(uint64_t) && stored.front() == kNumbered;
  return named || numbered ? std::optional(name) : std::nullopt;
}

WriteBatch& WriteBatch::put(const TableName& table, std::string_view key, std::string_view value) {
  writes_.push_back({table, std::string(key), std::string(value)});
  return *this;
}

WriteBatch& WriteBatch::erase(const TableName& table, std::string_view key) {
  writes_.push_back({table, std::string(key), std::nullopt});
  return *this;
}

inline namespace HOLDFAST_FLAVOR {

TableCursor::TableCursor(std::unique_ptr<OpenTableCursor> core) : core_(std::move(core)) {}
TableCursor::TableCursor(TableCursor&&) noexcept = default;
TableCursor& TableCursor::operator=(TableCursor&&) noexcept = default;
TableCursor::~TableCursor() = default;

bool TableCursor::first() {
  return core_->move([](projection::TableCursor& rows) { return rows.first(); });
}
bool TableCursor::last() {
  return core_->move([](projection::TableCursor& rows) { return rows.last(); });
}
bool TableCursor::seek(std::string_view key) {
  return core_->move([&](projection::TableCursor& rows) { return rows.seek(key); });
}
bool TableCursor::seek_before(std::string_view key) {
  return core_->move([&](projection::TableCursor& rows) { return rows.seek_before(key); });
}
bool TableCursor::next() {
  return core_->move([](projection::TableCursor& rows) { return rows.valid() ? rows.next() : rows.first(); });
}
bool TableCursor::prev() {
  return core_->move([](projection::TableCursor& rows) { return rows.valid() ? rows.prev() : rows.last(); });
}
bool TableCursor::valid() const { return core_->valid(); }
TableRow TableCursor::row() { return core_->row(); }
Result<void> TableCursor::status() const { return core_->status(); }

TableRange::TableRange(TableCursor cursor, std::string_view lo, std::optional<std::string_view> hi)
    : cursor_(std::move(cursor)), lo_(lo), hi_(hi) {}

TableRange TableRange::reversed() && {
  reversed_ = true;
  return std::move(*this);
}

TableRange TableRange::limited(uint64_t rows) && {
  rows_left_ = rows;
  return std::move(*this);
}

TableRange::Iterator TableRange::begin() {
  done_ = rows_left_ == 0 || (hi_ && *hi_ <= lo_);
  if (!done_) {
    take(!reversed_ ? cursor_.seek(lo_) : hi_ ? cursor_.seek_before(*hi_) : cursor_.last());
  }
  return Iterator(this);
}

TableRange::Iterator& TableRange::Iterator::operator++() {
  if (--range_->rows_left_ == 0) {
    range_->done_ = true;
  } else {
    range_->take(range_->reversed_ ? range_->cursor_.prev() : range_->cursor_.next());
  }
  return *this;
}

// The row that the cursor moved to, unless it is out of bounds, or its value cannot be read.
void TableRange::take(bool moved) {
  done_ = !moved;
  if (done_) {
    return;
  }
  current_ = cursor_.row();
  done_ = !cursor_.valid() || (reversed_ ? current_.key < lo_ : hi_ && current_.key >= *hi_);
}

TableHistory::TableHistory(std::unique_ptr<OpenTableCursor> core) : core_(std::move(core)) {}
TableHistory::TableHistory(TableHistory&&) noexcept = default;
TableHistory& TableHistory::operator=(TableHistory&&) noexcept = default;
TableHistory::~TableHistory() = default;
Result<std::optional<TableVersion>> TableHistory::next() { return core_->next_version(); }

TableDiff::TableDiff(std::unique_ptr<OpenTableCursor> core) : core_(std::move(core)) {}
TableDiff::TableDiff(TableDiff&&) noexcept = default;
TableDiff& TableDiff::operator=(TableDiff&&) noexcept = default;
TableDiff::~TableDiff() = default;
Result<std::optional<TableChange>> TableDiff::next() { return core_->next_change(); }

Result<std::optional<std::string_view>> TableView::get(std::string_view key) const {
  HOLDFAST_TRY(check_table_key(key, state_->page_bytes()));
  HOLDFAST_TRY(resolve(*state_, *projection_, *table_));
  HOLDFAST_TRY(state_->resolve(*table_->current));
  HOLDFAST_TRY_ASSIGN(const auto value, tree::get(state_->reader(), table_->current->record.root, key));
  if (!value) {
    return std::nullopt;
  }
  format::VersionRow row;
  if (!format::decode(*value, row)) {
    return projection::bad_row("a current row that cannot be");
  }
  return row.data;
}

Result<bool> TableView::get(std::string_view key, std::string& value) const {
  HOLDFAST_TRY(check_table_key(key, state_->page_bytes()));
  HOLDFAST_TRY(resolve(*state_, *projection_, *table_));
  HOLDFAST_TRY(state_->resolve(*table_->current));
  HOLDFAST_TRY_ASSIGN(const bool is_there, tree::get(state_->reader(), table_->current->record.root, key, value));
  if (is_there) {
    format::VersionRow row;
    if (!format::decode(value, row)) {
      return projection::bad_row("a current row that cannot be");
    }
    value.erase(0, sizeof row.position);
  }
  return is_there;
}

Result<bool> TableView::get_at(std::string_view key, uint64_t position, std::string& value) const {
  HOLDFAST_TRY(check_table_key(key, state_->page_bytes()));
  HOLDFAST_TRY(resolve(*state_, *projection_, *table_));
  HOLDFAST_TRY(check_position(*projection_, position));
  HOLDFAST_TRY_ASSIGN(const projection::Table roots, roots_of(*state_, *table_));
  projection::Version version;
  HOLDFAST_TRY_ASSIGN(const bool is_there, projection::get_at(state_->reader(), roots, key, position, value, version));
  if (is_there) {
    value.erase(0, value.size() - version.data.size());
  }
  return is_there;
}

Result<std::optional<std::string>> TableView::get_at(std::string_view key, uint64_t position) const {
  std::string value;
  HOLDFAST_TRY_ASSIGN(const bool is_there, get_at(key, position, value));
  return is_there ? std::optional(std::move(value)) : std::nullopt;
}

TableCursor TableView::cursor() const {
  return TableCursor(std::make_unique<OpenTableCursor>(*state_, *projection_, *table_));
}

TableCursor TableView::cursor_at(uint64_t position) const {
  auto core = std::make_unique<OpenTableCursor>(*state_, *projection_, *table_);
  core->set_position(position);
  return TableCursor(std::move(core));
}

TableRange TableView::scan(std::string_view lo, std::optional<std::string_view> hi) const { return {cursor(), lo, hi}; }

TableRange TableView::scan_at(uint64_t position, std::string_view lo, std::optional<std::string_view> hi) const {
  return {cursor_at(position), lo, hi};
}

Result<TableHistory> TableView::history(std::string_view key) const {
  HOLDFAST_TRY(check_table_key(key, state_->page_bytes()));
  HOLDFAST_TRY(resolve(*state_, *projection_, *table_));
  auto core = std::make_unique<OpenTableCursor>(*state_, *projection_, *table_);
  HOLDFAST_TRY(core->open_history(key));
  return TableHistory(std::move(core));
}

Result<TableDiff> TableView::diff(uint64_t from, uint64_t to) const {
  HOLDFAST_TRY(resolve(*state_, *projection_, *table_));
  if (from > to) {
    return fail(ErrorCode::kInvalidArgument, "a difference goes from a position to a later one, and not from " +
                                                 std::to_string(from) + " to " + std::to_string(to));
  }
  HOLDFAST_TRY(check_position(*projection_, from));
  HOLDFAST_TRY(check_position(*projection_, to));
  auto core = std::make_unique<OpenTableCursor>(*state_, *projection_, *table_);
  HOLDFAST_TRY(core->open_diff(from, to));
  return TableDiff(std::move(core));
}

Result<uint64_t> ProjectionView::applied_position() const {
  HOLDFAST_TRY(resolve(*state_, *slot_));
  return slot_->state.applied;
}

Result<Hash> ProjectionView::applied_hash() const {
  HOLDFAST_TRY(resolve(*state_, *slot_));
  return slot_->state.hash;
}

Result<uint64_t> ProjectionView::floor() const {
  HOLDFAST_TRY(resolve(*state_, *slot_));
  return slot_->state.floor;
}

TableView ProjectionView::table(const TableName& name) const {
  return {state_, slot_, &table_slot(*slot_, name.stored())};
}

Result<std::vector<TableName>> ProjectionView::tables() const {
  HOLDFAST_TRY(resolve(*state_, *slot_));
  HOLDFAST_TRY_ASSIGN(const auto stored, list_tables(*state_, slot_->row.projection_id, slot_->row.generation));
  std::vector<TableName> names;
  for (const std::string& name : stored) {
    const auto table = TableName::from_stored(name);
    if (!table) {
      return projection::bad_row("a table with a name that cannot be");
    }
    names.push_back(*table);
  }
  return names;
}

Result<ProjectionStats> ProjectionView::stats() const {
  HOLDFAST_TRY(resolve(*state_, *slot_));
  HOLDFAST_TRY_ASSIGN(const auto stored, list_tables(*state_, slot_->row.projection_id, slot_->row.generation));
  ProjectionStats stats{.name = slot_->name,
                        .stream = slot_->row.stream,
                        .applied_position = slot_->state.applied,
                        .floor = slot_->state.floor,
                        .lag = 0,
                        .generation = slot_->row.generation,
                        .rebuilding = slot_->row.building != 0,
                        .tables = stored.size()};
  if (slot_->row.from_stream) {
    HOLDFAST_TRY_ASSIGN(const StreamHead head, find_head(state_->reader(), slot_->row.stream));
    stats.lag = head.next_offset > stats.applied_position ? head.next_offset - stats.applied_position : 0;
  }
  return stats;
}

Result<Hash> ProjectionView::content_hash(uint64_t from, uint64_t to) const {
  HOLDFAST_TRY(resolve(*state_, *slot_));
  HOLDFAST_TRY(check_position(*slot_, from));
  HOLDFAST_TRY(check_position(*slot_, to));
  return hash_content(*state_, slot_->row, slot_->row.generation, from, to);
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
