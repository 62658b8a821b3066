#include "db/write_set.h"

#include <algorithm>
#include <cstring>
#include <ranges>
#include <utility>

#include "base/check.h"

namespace holdfast {

WriteSet::WriteSet() : arena_(first_block_.data(), first_block_.size()) {}

uint32_t WriteSet::index_of(std::string_view name) {
  if (const auto found = index_.find(name); found != index_.end()) {
    return found->second;
  }
  const auto index = static_cast<uint32_t>(buckets_.size());
  buckets_.push_back(std::make_unique<BucketWrites>(name, &arena_));
  index_.emplace(buckets_.back()->name, index);
  return index;
}

bool WriteSet::empty() const {
  return std::ranges::all_of(buckets_, [](const auto& bucket) { return bucket->empty(); });
}

std::string_view WriteSet::copy(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  auto* const at = static_cast<char*>(arena_.allocate(text.size(), 1));
  std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

void WriteSet::set_point(uint32_t bucket, std::string_view key, PointWrite write) {
  BucketWrites& writes = *buckets_[bucket];
  PointWrites& points = writes.points;
  // Sorted loads append: no search then.
  const bool appends = points.empty() || std::prev(points.end())->first < key;
  const auto at = appends ? points.end() : points.lower_bound(key);
  const bool there = at != points.end() && at->first == key;
  if (write) {
    *write = copy(*write);
  }
  if (there) {
    if (logging_) {
      undo_.push_back({bucket, PointUndo{at->first, true, at->second}});
    }
    at->second = write;
    return;
  }
  const std::string_view own_key = copy(key);
  if (logging_) {
    undo_.push_back({bucket, PointUndo{own_key, false, std::nullopt}});
  }
  points.emplace_hint(at, own_key, write);
  ++writes.version;
}

void WriteSet::put(uint32_t bucket, std::string_view key, std::string_view value) { set_point(bucket, key, value); }

void WriteSet::erase(uint32_t bucket, std::string_view key) { set_point(bucket, key, std::nullopt); }

void WriteSet::erase_range(uint32_t bucket, std::string_view lo, std::optional<std::string_view> hi) {
  if (hi && *hi <= lo) {
    return;
  }
  BucketWrites& writes = *buckets_[bucket];
  const auto first = writes.points.lower_bound(lo);
  const auto last = hi ? writes.points.lower_bound(*hi) : writes.points.end();
  KeyRanges::Change change;
  // The bounds may be views of keys in the points: the range is added while they are there.
  writes.erased.add(lo, hi, logging_ ? &change : nullptr);
  if (logging_) {
    undo_.push_back({bucket, std::move(change)});
    for (auto at = first; at != last; ++at) {
      undo_.push_back({bucket, PointUndo{at->first, true, at->second}});
    }
  }
  writes.points.erase(first, last);
  ++writes.version;
}

void WriteSet::log_flags(uint32_t bucket) {
  if (logging_) {
    const BucketWrites& writes = *buckets_[bucket];
    undo_.push_back({bucket, BucketUndo{writes.dropped, writes.created, writes.implied, std::nullopt, {}}});
  }
}

void WriteSet::set_implied(uint32_t bucket) {
  log_flags(bucket);
  buckets_[bucket]->implied = true;
}

void WriteSet::create(uint32_t bucket) {
  log_flags(bucket);
  buckets_[bucket]->created = true;
}

void WriteSet::drop(uint32_t bucket, bool in_snapshot) {
  BucketWrites& writes = *buckets_[bucket];
  BucketUndo undo{writes.dropped, writes.created, writes.implied, std::nullopt, {}};
  undo.points.emplace(&arena_);
  undo.points->swap(writes.points);
  undo.erased.swap(writes.erased);
  if (logging_) {
    undo_.push_back({bucket, std::move(undo)});
  }
  writes.dropped = in_snapshot;
  writes.created = false;
  writes.implied = false;
  ++writes.version;
}

uint64_t WriteSet::mark() {
  logging_ = true;
  return undo_.size();
}

void WriteSet::roll_back_to(uint64_t mark) {
  CHECK(mark <= undo_.size());
  while (undo_.size() > mark) {
    Undo undo = std::move(undo_.back());
    undo_.pop_back();
    BucketWrites& writes = *buckets_[undo.bucket];
    ++writes.version;
    ++writes.rollbacks;
    if (auto* const point = std::get_if<PointUndo>(&undo.what)) {
      if (point->was_there) {
        writes.points.insert_or_assign(point->key, point->was);
      } else {
        writes.points.erase(point->key);
      }
    } else if (auto* const change = std::get_if<KeyRanges::Change>(&undo.what)) {
      writes.erased.undo(std::move(*change));
    } else {
      auto& flags = std::get<BucketUndo>(undo.what);
      writes.dropped = flags.dropped;
      writes.created = flags.created;
      writes.implied = flags.implied;
      if (flags.points) {
        writes.points.swap(*flags.points);
        writes.erased.swap(flags.erased);
      }
    }
  }
}

}  // namespace holdfast
