#include "tree/cursor.h"

#include <cstring>
#include <optional>

#include "base/check.h"
#include "base/planted.h"
#include "format/branch.h"
#include "format/leaf.h"
#include "tree/error.h"

namespace holdfast::tree {

Cursor::Cursor(PageReader& reader, const format::PageRef& root)
    : reader_(&reader), root_(root), page_bytes_(reader.page_bytes()) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

// False: the tree is empty.
Result<bool> Cursor::open_root() {
  leave();
  if (root_.is_null()) {
    return false;
  }
  if (path_[root_level_].pin && path_[root_level_].ref == root_) {
    return true;
  }
  HOLDFAST_TRY_ASSIGN(PagePin pin, reader_->pin_root(root_));
  root_level_ = format::header_of(pin.data()).level;
  path_[root_level_].pin = std::move(pin);
  path_[root_level_].ref = root_;
  return true;
}

// Pins the child of path_[level] that its index names, unless it is the one already pinned there.
Result<void> Cursor::open_child(uint8_t level) {
  const Step& parent = path_[level];
  Step& child = path_[level - 1];
  const format::PageRef ref = format::BranchView(parent.pin.data(), page_bytes_).child(parent.index);
  if (child.pin && child.ref == ref) {
    return {};
  }
  child.pin = PagePin();
  HOLDFAST_TRY_ASSIGN(child.pin, reader_->pin(ref, static_cast<uint8_t>(level - 1)));
  child.ref = ref;
  return {};
}

// Whether the page at `level` keeps within the separators above it. They are on the nearest levels that have one.
Result<void> Cursor::check_fences(uint8_t level) {
  const std::byte* page = path_[level].pin.data();
  const uint32_t count = format::header_of(page).count;
  if (level > 0 && count == 1) {
    return {};
  }
  std::string own;
  for (uint8_t above = static_cast<uint8_t>(level + 1); above <= root_level_; ++above) {
    if (path_[above].index == 0) {
      continue;
    }
    const format::BranchView branch(path_[above].pin.data(), page_bytes_);
    const std::string_view low = branch.separator(path_[above].index, separator_);
    const bool inside = level == 0 ? format::LeafView(page, page_bytes_).compare(0, low) >= 0
                                   : format::BranchView(page, page_bytes_).separator(1, own) > low;
    if (!inside) {
      return corrupt(path_[level].ref.page, page_bytes_, "keys below its parent's separator");
    }
    break;
  }
  for (uint8_t above = static_cast<uint8_t>(level + 1); above <= root_level_; ++above) {
    const format::BranchView branch(path_[above].pin.data(), page_bytes_);
    if (path_[above].index + 1 >= branch.count()) {
      continue;
    }
    const std::string_view high = branch.separator(path_[above].index + 1, separator_);
    const bool inside = level == 0 ? format::LeafView(page, page_bytes_).compare(count - 1, high) < 0
                                   : format::BranchView(page, page_bytes_).separator(count - 1, own) < high;
    if (!inside) {
      return corrupt(path_[level].ref.page, page_bytes_, "keys beyond its parent's separator");
    }
    break;
  }
  return {};
}

void Cursor::enter_leaf() {
  leaf_ = path_[0].pin.data();
  const format::LeafView leaf(leaf_, page_bytes_);
  count_ = leaf.count();
  const std::string_view prefix = leaf.prefix();
  prefix_bytes_ = static_cast<uint32_t>(prefix.size());
  if (key_.size() < prefix.size()) {
    key_.resize(prefix.size());
  }
  std::memcpy(key_.data(), prefix.data(), prefix.size());
}

Result<bool> Cursor::descend_to_end(Direction direction) {
  HOLDFAST_TRY_ASSIGN(const bool any, open_root());
  if (!any) {
    return false;
  }
  for (uint8_t level = root_level_; level > 0; --level) {
    path_[level].index =
        direction == Direction::kForward ? 0 : format::BranchView(path_[level].pin.data(), page_bytes_).count() - 1;
    HOLDFAST_TRY(open_child(level));
  }
  enter_leaf();
  index_ = direction == Direction::kForward ? 0 : count_ - 1;
  return true;
}

Result<void> Cursor::descend_to(std::string_view key) {
  for (uint8_t level = root_level_; level > 0; --level) {
    path_[level].index = format::BranchView(path_[level].pin.data(), page_bytes_).find_child(key);
    HOLDFAST_TRY(open_child(level));
  }
  enter_leaf();
  return {};
}

// Up to the nearest level that has another child on that side, and down along its near edge.
Result<bool> Cursor::find_next_leaf(Direction direction) {
  uint8_t level = 1;
  for (; level <= root_level_; ++level) {
    const uint32_t children = format::BranchView(path_[level].pin.data(), page_bytes_).count();
    if (direction == Direction::kForward ? path_[level].index + 1 < children : path_[level].index > 0) {
      break;
    }
  }
  if (level > root_level_) {
    return false;
  }
  path_[level].index = direction == Direction::kForward ? path_[level].index + 1 : path_[level].index - 1;
  for (; level > 0; --level) {
    HOLDFAST_TRY(open_child(level));
    HOLDFAST_TRY(check_fences(static_cast<uint8_t>(level - 1)));
    Step& child = path_[level - 1];
    child.index = direction == Direction::kForward ? 0 : format::header_of(child.pin.data()).count - 1u;
  }
  return true;
}

Result<bool> Cursor::move_leaf(Direction direction) {
  CHECK(valid());
  leave();
  HOLDFAST_TRY_ASSIGN(const bool found, find_next_leaf(direction));
  if (found) {
    enter_leaf();
    index_ = direction == Direction::kForward ? 0 : count_ - (PLANTED(kCursorSkips) && count_ > 1 ? 2 : 1);
    for (uint32_t ahead = 0; ahead < kRowsAhead; ++ahead) {
      prefetch_row(direction == Direction::kForward ? index_ + ahead : index_ - ahead);
    }
  }
  return found;
}

Result<bool> Cursor::first() { return descend_to_end(Direction::kForward); }
Result<bool> Cursor::last() { return descend_to_end(Direction::kBackward); }

Result<bool> Cursor::seek(std::string_view key) {
  HOLDFAST_TRY_ASSIGN(const bool any, open_root());
  if (!any) {
    return false;
  }
  HOLDFAST_TRY(descend_to(key));
  const format::LeafView leaf(leaf_, page_bytes_);
  // A key that is there is found by its fingerprint, without the cells on the way of a binary search.
  if (const std::optional<uint32_t> row = leaf.find(key)) {
    index_ = *row;
    return true;
  }
  index_ = leaf.lower_bound(key);
  if (index_ == count_) {
    return move_leaf(Direction::kForward);
  }
  return true;
}

Result<bool> Cursor::seek_before(std::string_view key) {
  HOLDFAST_TRY_ASSIGN(const bool any, open_root());
  if (!any) {
    return false;
  }
  HOLDFAST_TRY(descend_to(key));
  const uint32_t bound = format::LeafView(leaf_, page_bytes_).lower_bound(key);
  if (bound == 0) {
    return move_leaf(Direction::kBackward);
  }
  index_ = bound - 1;
  return true;
}

std::string_view Cursor::key() const {
  CHECK(valid());
  const std::string_view suffix = format::LeafView(leaf_, page_bytes_).suffix(index_);
  if (prefix_bytes_ == 0) {
    return suffix;
  }
  const size_t bytes = prefix_bytes_ + suffix.size();
  if (key_.size() < bytes) [[unlikely]] {
    key_.resize(bytes);
  }
  std::memcpy(key_.data() + prefix_bytes_, suffix.data(), suffix.size());
  return {key_.data(), bytes};
}

Result<std::string_view> Cursor::value() {
  CHECK(valid());
  const format::LeafValue value = format::LeafView(leaf_, page_bytes_).value(index_);
  if (!value.overflow) [[likely]] {
    return value.bytes;
  }
  HOLDFAST_TRY(reader_->read_overflow(*value.overflow, value_));
  return value_;
}

}  // namespace holdfast::tree
