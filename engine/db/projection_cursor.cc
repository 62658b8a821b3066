#include "db/projection_cursor.h"

#include <utility>

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

TableVersion to_public(const projection::Version& version) {
  return {version.created_at, version.deleted_at, version.data};
}

}  // namespace

Result<projection::Table> roots_of(ReadState& state, const TableSlot& table) {
  HOLDFAST_TRY(state.resolve(*table.current));
  HOLDFAST_TRY(state.resolve(*table.history));
  return projection::Table{.current = table.current->record.root, .history = table.history->record.root};
}

OpenTableCursor::OpenTableCursor(ReadState& state, ProjectionSlot& projection, TableSlot& table)
    : state_(&state), projection_(&projection), table_(&table) {
  state.attach(*this);
}

OpenTableCursor::~OpenTableCursor() {
  if (state_ != nullptr) {
    state_->detach(*this);
  }
}

void OpenTableCursor::state_ended() {
  rows_.reset();
  history_.reset();
  diff_.reset();
  state_ = nullptr;
}

Error OpenTableCursor::fail_with(Error error) {
  rows_.reset();
  history_.reset();
  diff_.reset();
  if (state_ != nullptr) {
    state_->note(error);
  }
  error_ = error;
  return error;
}

Result<void> OpenTableCursor::status() const { return error_ ? Result<void>(fail(*error_)) : Result<void>(); }

// Whether there is a place to move on.
bool OpenTableCursor::ready() {
  if (rows_) [[likely]] {
    return true;
  }
  if (error_) {
    return false;
  }
  if (state_ == nullptr || state_->ended()) {
    fail_with(fail_over().error());
    return false;
  }
  auto found = resolve(*state_, *projection_, *table_);
  if (found && position_ != projection::kNewest) {
    found = check_position(*projection_, position_);
  }
  if (!found) {
    fail_with(std::move(found).error());
    return false;
  }
  const auto roots = roots_of(*state_, *table_);
  if (!roots) {
    fail_with(roots.error());
    return false;
  }
  rows_.emplace(state_->reader(), *roots, position_);
  return true;
}

bool OpenTableCursor::move(const Move& to) {
  if (!ready()) {
    return false;
  }
  auto moved = to(*rows_);
  if (!moved) {
    fail_with(std::move(moved).error());
    return false;
  }
  return *moved;
}

TableRow OpenTableCursor::row() {
  auto version = rows_->version();
  if (!version) {
    fail_with(std::move(version).error());
    return {};
  }
  return {rows_->key(), version->data, version->created_at};
}

Result<void> OpenTableCursor::open_history(std::string_view key) {
  HOLDFAST_TRY_ASSIGN(const projection::Table roots, roots_of(*state_, *table_));
  history_.emplace(state_->reader(), roots, key);
  return {};
}

Result<std::optional<TableVersion>> OpenTableCursor::next_version() {
  HOLDFAST_TRY(status());
  if (!history_) {
    return state_ == nullptr ? Result<std::optional<TableVersion>>(fail_over()) : std::nullopt;
  }
  auto moved = history_->next();
  if (!moved) {
    return fail(fail_with(std::move(moved).error()));
  }
  // Versions that no position can show any more are there until they are pruned.
  if (!*moved || history_->version().deleted_at <= projection_->state.floor) {
    history_.reset();
    return std::nullopt;
  }
  return to_public(history_->version());
}

Result<void> OpenTableCursor::open_diff(uint64_t from, uint64_t to) {
  HOLDFAST_TRY_ASSIGN(const projection::Table roots, roots_of(*state_, *table_));
  diff_.emplace(state_->reader(), roots, from, to);
  return {};
}

Result<std::optional<TableChange>> OpenTableCursor::next_change() {
  HOLDFAST_TRY(status());
  if (!diff_) {
    return state_ == nullptr ? Result<std::optional<TableChange>>(fail_over()) : std::nullopt;
  }
  auto moved = diff_began_ ? diff_->next() : diff_->seek({});
  diff_began_ = true;
  if (!moved) {
    return fail(fail_with(std::move(moved).error()));
  }
  if (!*moved) {
    diff_.reset();
    return std::nullopt;
  }
  auto found = change();
  if (!found) {
    return fail(fail_with(std::move(found).error()));
  }
  return found;
}

Result<std::optional<TableChange>> OpenTableCursor::change() {
  TableChange change;
  change.key = diff_->key();
  HOLDFAST_TRY_ASSIGN(const auto before, diff_->before());
  HOLDFAST_TRY_ASSIGN(const auto after, diff_->after());
  if (before) {
    change.before = to_public(*before);
  }
  if (after) {
    change.after = to_public(*after);
  }
  return change;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
