#include "db/read_state.h"

#include <utility>

#include "db/catalog.h"
#include "db/limits.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

ReadState::ReadState(const DatabaseCore& database, PageReader reader)
    : database_(database), reader_(std::move(reader)), csn_(reader_->state().csn), page_bytes_(reader_->page_bytes()) {}

ReadState::~ReadState() { end(); }

void ReadState::end() {
  while (cursors_ != nullptr) {
    OpenCursor& cursor = *cursors_;
    detach(cursor);
    cursor.state_ended();
  }
  reader_.reset();
}

BucketSlot& ReadState::slot(std::string_view name) {
  // A name that is too long stays too long when it is cut, and its slot stays small.
  const std::string_view key = name.substr(0, size_t{kBucketNameBytesMax} + 1);
  if (const auto found = slots_.find(key); found != slots_.end()) {
    return found->second;
  }
  return slots_.try_emplace(std::string(key), key, BucketOwner::kUser).first->second;
}

BucketSlot& ReadState::own_slot(const std::string& name) {
  return own_slots_.try_emplace(name, name, BucketOwner::kEngine).first->second;
}

ProjectionSlot& ReadState::projection_slot(std::string_view name) {
  const std::string_view key = name.substr(0, size_t{kProjectionNameBytesMax} + 1);
  return projections_.try_emplace(std::string(key), key).first->second;
}

Result<void> ReadState::resolve(BucketSlot& slot) {
  if (slot.resolved) [[likely]] {
    return {};
  }
  if (slot.owner == BucketOwner::kUser) {
    HOLDFAST_TRY(check_bucket_name(slot.name));
  }
  if (ended()) {
    return fail_over();
  }
  HOLDFAST_TRY_ASSIGN(const std::optional<format::BucketRecord> record,
                      catalog::find(*reader_, reader_->state().catalog, slot.name));
  slot.exists = record.has_value();
  slot.record = record.value_or(format::BucketRecord{});
  slot.resolved = true;
  return {};
}

void ReadState::note(const Error& error) {
  if (!first_error_) {
    first_error_ = error;
  }
}

Result<void> ReadState::status() const {
  if (first_error_) {
    return fail(*first_error_);
  }
  return {};
}

void ReadState::attach(OpenCursor& cursor) {
  cursor.next_open_ = cursors_;
  cursor.previous_open_ = nullptr;
  if (cursors_ != nullptr) {
    cursors_->previous_open_ = &cursor;
  }
  cursors_ = &cursor;
}

void ReadState::detach(OpenCursor& cursor) {
  if (cursor.previous_open_ != nullptr) {
    cursor.previous_open_->next_open_ = cursor.next_open_;
  } else {
    cursors_ = cursor.next_open_;
  }
  if (cursor.next_open_ != nullptr) {
    cursor.next_open_->previous_open_ = cursor.previous_open_;
  }
  cursor.next_open_ = cursor.previous_open_ = nullptr;
}

std::unexpected<Error> fail_over() { return fail(ErrorCode::kInvalidArgument, "the transaction or snapshot is over"); }

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
