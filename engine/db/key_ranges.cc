#include "db/key_ranges.h"

#include <algorithm>
#include <iterator>

namespace holdfast {

namespace {

// Whether `key` lies below the end `hi` (none: no end), or on it.
bool reaches(const std::optional<std::string>& hi, std::string_view key) { return !hi || *hi >= key; }

}  // namespace

void KeyRanges::add(std::string_view lo, std::optional<std::string_view> hi, Change* change) {
  if (hi && *hi <= lo) {
    return;
  }
  auto at = ranges_.upper_bound(lo);
  if (at != ranges_.begin() && reaches(std::prev(at)->second, lo)) {
    --at;
    if (!at->second || (hi && *at->second >= *hi)) {
      return;
    }
    // The common case of a scan: the range before grows, and meets no other.
    const auto after = std::next(at);
    if (change == nullptr && hi && (after == ranges_.end() || after->first > *hi)) {
      at->second->assign(*hi);
      return;
    }
  }
  std::string new_lo(lo);
  std::optional<std::string> new_hi;
  if (hi) {
    new_hi.emplace(*hi);
  }
  while (at != ranges_.end() && (!new_hi || at->first <= *new_hi)) {
    new_lo = std::min(new_lo, at->first);
    if (!at->second) {
      new_hi.reset();
    } else if (new_hi) {
      *new_hi = std::max(*new_hi, *at->second);
    }
    if (change != nullptr) {
      change->removed.emplace_back(at->first, at->second);
    }
    at = ranges_.erase(at);
  }
  if (change != nullptr) {
    change->added = new_lo;
  }
  ranges_.insert_or_assign(at, std::move(new_lo), std::move(new_hi));
}

void KeyRanges::undo(Change&& change) {
  if (change.added) {
    ranges_.erase(*change.added);
  }
  for (auto& [lo, hi] : change.removed) {
    ranges_.emplace(lo, std::move(hi));
  }
}

const KeyRanges::Map::value_type* KeyRanges::find(std::string_view key) const {
  if (ranges_.empty()) {
    return nullptr;
  }
  auto at = ranges_.upper_bound(key);
  if (at == ranges_.begin()) {
    return nullptr;
  }
  --at;
  return !at->second || key < *at->second ? &*at : nullptr;
}

bool KeyRanges::overlaps(std::string_view lo, std::optional<std::string_view> hi) const {
  if (hi && *hi <= lo) {
    return false;
  }
  if (find(lo) != nullptr) {
    return true;
  }
  const auto at = ranges_.lower_bound(lo);
  return at != ranges_.end() && (!hi || at->first < *hi);
}

}  // namespace holdfast
