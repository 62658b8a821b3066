#include "db/cursor_core.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

CursorCore::CursorCore(ReadState& state, BucketSlot& slot, const BucketWrites* writes, ReadSet* reads)
    : state_(&state), slot_(&slot), writes_(writes), reads_(reads) {
  state.attach(*this);
}

CursorCore::~CursorCore() {
  if (state_ != nullptr) {
    state_->detach(*this);
  }
}

void CursorCore::state_ended() {
  base_.reset();
  place_ = Place::kNowhere;
  state_ = nullptr;
}

bool CursorCore::ready() {
  if (error_) {
    return false;
  }
  if (base_) [[likely]] {
    return true;
  }
  if (state_ == nullptr || state_->ended()) {
    return fail_with(fail_over().error());
  }
  if (auto resolved = state_->resolve(*slot_); !resolved) {
    return fail_with(std::move(resolved).error());
  }
  if (!slot_->exists && writes_ == nullptr) {
    return fail_with(Error(ErrorCode::kNotFound, "there is no bucket named " + slot_->name));
  }
  base_.emplace(state_->reader(), slot_->record.root);
  return true;
}

bool CursorCore::fail_with(Error error) {
  place_ = Place::kNowhere;
  base_.reset();
  if (state_ != nullptr) {
    state_->note(error);
  }
  error_ = std::move(error);
  return false;
}

bool CursorCore::take(Result<bool> moved) {
  if (!moved) [[unlikely]] {
    return fail_with(std::move(moved).error());
  }
  place_ = *moved ? Place::kBase : Place::kNowhere;
  return *moved;
}

bool CursorCore::base_moved(Result<bool> moved) {
  if (!moved) [[unlikely]] {
    return fail_with(std::move(moved).error());
  }
  base_on_row_ = *moved;
  return true;
}

bool CursorCore::first() { return seek({}); }

bool CursorCore::last() {
  if (!ready()) {
    return false;
  }
  if (writes_ == nullptr) {
    return take(base_->last());
  }
  if (base_is_used() && !base_moved(base_->last())) {
    return false;
  }
  faces(base_is_used() ? Facing::kBackward : Facing::kNeither);
  return record_backward(std::nullopt, settle_backward(writes_->points.end()));
}

bool CursorCore::seek(std::string_view key) {
  if (!ready()) {
    return false;
  }
  target_.assign(key);
  if (writes_ == nullptr) {
    return take(base_->seek(target_));
  }
  if (base_is_used() && !base_moved(base_->seek(target_))) {
    return false;
  }
  faces(base_is_used() ? Facing::kForward : Facing::kNeither);
  return record_forward(target_, settle_forward(writes_->points.lower_bound(target_)));
}

bool CursorCore::seek_before(std::string_view key) {
  if (!ready()) {
    return false;
  }
  target_.assign(key);
  if (writes_ == nullptr) {
    return take(base_->seek_before(target_));
  }
  if (base_is_used() && !base_moved(base_->seek_before(target_))) {
    return false;
  }
  faces(base_is_used() ? Facing::kBackward : Facing::kNeither);
  return record_backward(target_, settle_backward(writes_->points.lower_bound(target_)));
}

bool CursorCore::next() {
  if (writes_ == nullptr && place_ == Place::kBase) [[likely]] {
    return take(base_->next());
  }
  if (place_ == Place::kFresh) {
    return first();
  }
  if (!valid()) {
    return false;
  }
  remember_start();
  const Point point = first_point_above();
  if (!face_forward()) {
    return false;
  }
  return record_forward(start_, settle_forward(point));
}

bool CursorCore::prev() {
  if (writes_ == nullptr && place_ == Place::kBase) [[likely]] {
    return take(base_->prev());
  }
  if (!valid()) {
    return false;
  }
  remember_start();
  const Point point = first_point_from();
  if (!face_backward()) {
    return false;
  }
  return record_backward(start_, settle_backward(point));
}

// Turns the base. Says whether it stood right: facing that way, and past nothing that a rollback brought back.
bool CursorCore::faces(Facing facing) {
  const bool right = facing_ == facing && seen_rollbacks_ == writes_->rollbacks;
  facing_ = facing;
  seen_rollbacks_ = writes_->rollbacks;
  return right;
}

// The base on the first of its rows above the current one. False: an error.
bool CursorCore::face_forward() {
  if (!base_is_used()) {
    facing_ = Facing::kNeither;
    return true;
  }
  if (place_ == Place::kBase) {
    faces(Facing::kForward);
    return base_moved(base_->next());
  }
  if (!faces(Facing::kForward)) {
    if (!base_moved(base_->seek(point_key_))) {
      return false;
    }
  }
  return base_on_row_ && base_->key() == point_key_ ? base_moved(base_->next()) : true;
}

// The base on the last of its rows below the current one. False: an error.
bool CursorCore::face_backward() {
  if (!base_is_used()) {
    facing_ = Facing::kNeither;
    return true;
  }
  if (place_ == Place::kBase) {
    faces(Facing::kBackward);
    return base_moved(base_->prev());
  }
  if (!faces(Facing::kBackward)) {
    return base_moved(base_->seek_before(point_key_));
  }
  return base_on_row_ && base_->key() == point_key_ ? base_moved(base_->prev()) : true;
}

bool CursorCore::skip_erased_forward() {
  while (facing_ == Facing::kForward && base_on_row_) {
    const auto* const range = writes_->erased.find(base_->key());
    if (range == nullptr) {
      break;
    }
    if (!range->second) {
      base_on_row_ = false;
    } else if (!base_moved(base_->seek(*range->second))) {
      return false;
    }
  }
  return true;
}

bool CursorCore::skip_erased_backward() {
  while (facing_ == Facing::kBackward && base_on_row_) {
    const auto* const range = writes_->erased.find(base_->key());
    if (range == nullptr) {
      break;
    }
    if (!base_moved(base_->seek_before(range->first))) {
      return false;
    }
  }
  return true;
}

bool CursorCore::settle_forward(Point point) {
  const Point end = writes_->points.end();
  while (true) {
    if (!skip_erased_forward()) {
      return false;
    }
    const bool base = facing_ == Facing::kForward && base_on_row_;
    if (point != end && (!base || point->first <= base_->key())) {
      if (point->second) {
        return stand_on_point(point);
      }
      if (base && point->first == base_->key() && !base_moved(base_->next())) {
        return false;
      }
      ++point;
      continue;
    }
    if (base) {
      return stand_on_base(point);
    }
    place_ = Place::kNowhere;
    return false;
  }
}

bool CursorCore::settle_backward(Point point) {
  const Point begin = writes_->points.begin();
  while (true) {
    if (!skip_erased_backward()) {
      return false;
    }
    const bool base = facing_ == Facing::kBackward && base_on_row_;
    if (point != begin && (!base || std::prev(point)->first >= base_->key())) {
      --point;
      if (point->second) {
        return stand_on_point(point);
      }
      if (base && point->first == base_->key() && !base_moved(base_->prev())) {
        return false;
      }
      continue;
    }
    if (base) {
      return stand_on_base(point);
    }
    place_ = Place::kNowhere;
    return false;
  }
}

bool CursorCore::stand_on_point(Point point) {
  place_ = Place::kPoint;
  point_key_ = point->first;
  point_value_ = *point->second;
  point_ = point;
  seen_version_ = writes_->version;
  return true;
}

bool CursorCore::stand_on_base(Point first_point_above) {
  place_ = Place::kBase;
  point_ = first_point_above;
  seen_version_ = writes_->version;
  return true;
}

CursorCore::Point CursorCore::first_point_above() const {
  CHECK(writes_ != nullptr);
  if (seen_version_ == writes_->version) {
    return place_ == Place::kPoint ? std::next(point_) : point_;
  }
  return writes_->points.upper_bound(key());
}

CursorCore::Point CursorCore::first_point_from() const {
  CHECK(writes_ != nullptr);
  return seen_version_ == writes_->version ? point_ : writes_->points.lower_bound(key());
}

std::string_view CursorCore::key() const { return place_ == Place::kBase ? base_->key() : point_key_; }

std::string_view CursorCore::value() {
  if (place_ != Place::kBase) {
    return point_value_;
  }
  auto read = base_->value();
  if (!read) [[unlikely]] {
    fail_with(std::move(read).error());
    return {};
  }
  return *read;
}

Result<void> CursorCore::status() const {
  if (error_) {
    return fail(*error_);
  }
  return {};
}

void CursorCore::limit_recorded_reads(std::string_view lo, std::optional<std::string_view> hi) {
  if (reads_ != nullptr) {
    clip_lo_ = lo;
    clip_hi_ = hi;
  }
}

void CursorCore::remember_start() {
  if (reads_ != nullptr) {
    start_.assign(key());
  }
}

// Reads are recorded also where they met the transaction's own writes: that is more than needed, and never wrong.
bool CursorCore::record_forward(std::string_view from, bool moved) {
  if (reads_ == nullptr || error_) {
    return moved;
  }
  std::optional<std::string> to;
  if (moved) {
    to = std::string(key());
    to->push_back('\0');
  }
  if (clip_hi_ && (!to || *clip_hi_ < *to)) {
    to = clip_hi_;
  }
  reads_->add_range(slot_->name, std::max(from, std::string_view(clip_lo_)), to);
  return moved;
}

bool CursorCore::record_backward(std::optional<std::string_view> to, bool moved) {
  if (reads_ == nullptr || error_) {
    return moved;
  }
  if (clip_hi_ && (!to || *clip_hi_ < *to)) {
    to = clip_hi_;
  }
  reads_->add_range(slot_->name, std::max(moved ? key() : std::string_view(), std::string_view(clip_lo_)), to);
  return moved;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
