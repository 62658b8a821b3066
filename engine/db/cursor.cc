// The public Cursor and Range, which hand on to a CursorCore.
#include <limits>
#include <utility>

#include <holdfast/database.h>

#include "db/cursor_core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

Cursor::Cursor(std::unique_ptr<CursorCore> core) : core_(std::move(core)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

bool Cursor::first() { return core_->first(); }
bool Cursor::last() { return core_->last(); }
bool Cursor::seek(std::string_view key) { return core_->seek(key); }
bool Cursor::seek_before(std::string_view key) { return core_->seek_before(key); }
bool Cursor::next() { return core_->next(); }
bool Cursor::prev() { return core_->prev(); }
bool Cursor::valid() const { return core_->valid(); }
std::string_view Cursor::key() const { return core_->key(); }
std::string_view Cursor::value() const { return core_->value(); }
Result<void> Cursor::status() const { return core_->status(); }

Range::Range(Cursor cursor, std::string lo, std::optional<std::string> hi)
    : cursor_(std::move(cursor)),
      lo_(std::move(lo)),
      hi_(std::move(hi)),
      rows_left_(std::numeric_limits<uint64_t>::max()) {
  cursor_.core_->limit_recorded_reads(lo_, hi_);
}
Range::Range(Range&&) noexcept = default;
Range& Range::operator=(Range&&) noexcept = default;
Range::~Range() = default;

Range Range::reversed() && {
  reversed_ = true;
  return std::move(*this);
}

Range Range::limited(uint64_t rows) && {
  rows_left_ = rows;
  return std::move(*this);
}

Result<void> Range::status() const { return cursor_.status(); }

Range::Iterator Range::begin() {
  done_ = false;
  if (rows_left_ == 0 || (hi_ && *hi_ <= lo_)) {
    done_ = true;
  } else if (reversed_) {
    take(hi_ ? cursor_.core_->seek_before(*hi_) : cursor_.core_->last());
  } else {
    take(cursor_.core_->seek(lo_));
  }
  return Iterator(this);
}

void Range::advance() {
  if (--rows_left_ == 0) {
    done_ = true;
    return;
  }
  take(reversed_ ? cursor_.core_->prev() : cursor_.core_->next());
}

// The row that the cursor moved to, unless it is out of bounds, or its value cannot be read.
void Range::take(bool moved) {
  if (!moved) {
    done_ = true;
    return;
  }
  current_.key = cursor_.core_->key();
  if (reversed_ ? current_.key < lo_ : hi_ && current_.key >= *hi_) {
    done_ = true;
    return;
  }
  current_.value = cursor_.core_->value();
  done_ = !cursor_.core_->valid();
}

KeyValue Range::Iterator::operator*() const { return range_->current_; }

Range::Iterator& Range::Iterator::operator++() {
  range_->advance();
  return *this;
}

bool Range::Iterator::done() const { return range_->done_; }

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
