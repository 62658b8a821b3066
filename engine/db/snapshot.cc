// The public Snapshot and BucketView.
#include <memory>
#include <utility>

#include <holdfast/database.h>

#include "db/catalog.h"
#include "db/core.h"
#include "db/cursor_core.h"
#include "db/limits.h"
#include "db/prefix.h"
#include "db/projection_slot.h"
#include "db/read_state.h"
#include "db/stream_head.h"
#include "db/stream_rows.h"
#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// The root of a bucket that is there. Errors: not_found, and those of resolve().
Result<format::PageRef> root_of(ReadState& state, BucketSlot& slot) {
  HOLDFAST_TRY(state.resolve(slot));
  if (!slot.exists) [[unlikely]] {
    return fail(ErrorCode::kNotFound, "there is no bucket named " + slot.name);
  }
  return slot.record.root;
}

}  // namespace

Result<std::optional<std::string_view>> BucketView::get(std::string_view key) const {
  HOLDFAST_TRY(check_key(key, state_->page_bytes()));
  HOLDFAST_TRY_ASSIGN(const format::PageRef root, root_of(*state_, *slot_));
  return tree::get(state_->reader(), root, key);
}

Result<bool> BucketView::get(std::string_view key, std::string& value) const {
  HOLDFAST_TRY(check_key(key, state_->page_bytes()));
  HOLDFAST_TRY_ASSIGN(const format::PageRef root, root_of(*state_, *slot_));
  return tree::get(state_->reader(), root, key, value);
}

Result<bool> BucketView::contains(std::string_view key) const {
  HOLDFAST_TRY(check_key(key, state_->page_bytes()));
  HOLDFAST_TRY_ASSIGN(const format::PageRef root, root_of(*state_, *slot_));
  return tree::contains(state_->reader(), root, key);
}

Range BucketView::range(std::string_view lo, std::optional<std::string_view> hi) const {
  const uint32_t page_bytes = state_->page_bytes();
  std::optional<std::string> end;
  if (hi) {
    end = clamp_bound(*hi, page_bytes);
  }
  return {cursor(), std::string(clamp_bound(lo, page_bytes)), std::move(end)};
}

Range BucketView::prefix(std::string_view prefix) const { return {cursor(), std::string(prefix), prefix_end(prefix)}; }

Range BucketView::all() const { return range({}); }

Cursor BucketView::cursor() const { return Cursor(std::make_unique<CursorCore>(*state_, *slot_, nullptr, nullptr)); }

bool BucketView::exists() const {
  if (const auto resolved = state_->resolve(*slot_); !resolved) {
    state_->note(resolved.error());
    return false;
  }
  return slot_->exists;
}

Snapshot::Snapshot(std::unique_ptr<ReadState> state) : state_(std::move(state)) {}
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;
Snapshot::~Snapshot() = default;

Csn Snapshot::csn() const { return state_->csn(); }

BucketView Snapshot::bucket(std::string_view name) const { return {state_.get(), &state_->slot(name)}; }

Result<std::vector<std::string>> Snapshot::buckets() const {
  return catalog::list(state_->reader(), state_->reader().state().catalog);
}

ProjectionView Snapshot::projection(std::string_view name) const {
  return {state_.get(), &state_->projection_slot(name)};
}

Result<std::vector<std::string>> Snapshot::projections() const { return list_projections(*state_); }

StreamView Snapshot::stream(std::string_view name) const { return {state_.get(), name}; }

Result<std::vector<std::string>> Snapshot::streams() const {
  HOLDFAST_TRY_ASSIGN(auto found, stream_rows::list(state_->reader(), state_->reader().state().streams));
  std::vector<std::string> names;
  for (stream_rows::Name& stream : found) {
    names.push_back(std::move(stream.name));
  }
  return names;
}

Result<StreamTotals> Snapshot::stream_totals() const { return total_streams(state_->reader()); }

Snapshot Snapshot::clone() const {
  const DatabaseCore& database = state_->database();
  return Snapshot(std::make_unique<ReadState>(database, database.store().clone_reader(state_->reader())));
}

Result<void> Snapshot::status() const { return state_->status(); }

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
