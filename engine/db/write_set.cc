#include "db/write_set.h"

#include <algorithm>
#include <cstring>
#include <ranges>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/planted.h"

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
  const auto is_empty = [](const auto& writes) { return writes->empty(); };
  return std::ranges::all_of(buckets_, is_empty) && std::ranges::all_of(streams_, is_empty) && stream_rows_.empty();
}

bool WriteSet::expects() const {
  return std::ranges::any_of(streams_, [](const auto& stream) { return stream->expected.has_value(); });
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

StreamWrites& WriteSet::stream(std::string_view name) {
  const auto found =
      std::ranges::find(streams_, name, [](const auto& stream) -> std::string_view { return stream->name; });
  if (found != streams_.end()) {
    return **found;
  }
  return *streams_.emplace_back(std::make_unique<StreamWrites>(name));
}

uint32_t WriteSet::index_of(const StreamWrites& stream) const {
  const auto found =
      std::ranges::find(streams_, &stream, [](const auto& own) -> const StreamWrites* { return own.get(); });
  CHECK(found != streams_.end());
  return static_cast<uint32_t>(found - streams_.begin());
}

void WriteSet::append(StreamWrites& stream, const log::PreparedEvent& event) {
  if (logging_) {
    undo_.push_back({index_of(stream), AppendUndo{}});
  }
  stream.events.push_back(event);
}

void WriteSet::expect(StreamWrites& stream, uint64_t offset) {
  if (logging_) {
    undo_.push_back({index_of(stream), ExpectUndo{stream.expected}});
  }
  stream.expected = offset;
}

std::span<const std::byte> WriteSet::keep(std::span<const std::byte> bytes) { return as_bytes(copy(as_text(bytes))); }

uint64_t WriteSet::mark() {
  logging_ = true;
  return undo_.size();
}

void WriteSet::roll_back_to(uint64_t mark) {
  CHECK(mark <= undo_.size());
  while (undo_.size() > mark) {
    Undo undo = std::move(undo_.back());
    undo_.pop_back();
    if (std::holds_alternative<AppendUndo>(undo.what)) {
      streams_[undo.index]->events.pop_back();
    } else if (const auto* const expect = std::get_if<ExpectUndo>(&undo.what)) {
      streams_[undo.index]->expected = expect->expected;
    } else {
      undo_bucket(std::move(undo));
    }
  }
}

void WriteSet::undo_bucket(Undo undo) {
  BucketWrites& writes = *buckets_[undo.index];
  ++writes.version;
  ++writes.rollbacks;
  if (auto* const point = std::get_if<PointUndo>(&undo.what)) {
    if (point->was_there) {
      writes.points.insert_or_assign(point->key, point->was);
    } else if (!PLANTED(kSavepointKeeps)) {
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

}  // namespace holdfast
