#include "db/conflicts.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "format/projection_rows.h"

namespace holdfast {

namespace {

std::optional<std::string_view> view_of(const std::optional<std::string>& hi) {
  return hi ? std::optional<std::string_view>(*hi) : std::nullopt;
}

}  // namespace

std::string_view CommitRecord::BucketRecord::key(size_t index) const {
  const size_t begin = index == 0 ? 0 : key_ends[index - 1];
  return std::string_view(key_bytes).substr(begin, key_ends[index] - begin);
}

size_t CommitRecord::BucketRecord::lower_bound(std::string_view wanted) const {
  const auto indices = std::views::iota(size_t{0}, key_count());
  return *std::ranges::lower_bound(indices, wanted, {}, [this](size_t index) { return key(index); });
}

bool CommitRecord::BucketRecord::has_key(std::string_view wanted) const {
  const size_t at = lower_bound(wanted);
  return at < key_count() && key(at) == wanted;
}

bool CommitRecord::BucketRecord::has_key_in(std::string_view lo, const std::optional<std::string>& hi) const {
  const size_t at = lower_bound(lo);
  return at < key_count() && (!hi || key(at) < *hi);
}

CommitRecord::CommitRecord(Csn csn, const WriteSet& writes) : csn_(csn) {
  memory_bytes_ = sizeof(CommitRecord);
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    const BucketWrites& from = writes.bucket(index);
    if (from.empty()) {
      continue;
    }
    BucketRecord& to = buckets_[from.name];
    to.dropped = from.dropped;
    to.made = from.created || from.implied;
    to.erased = from.erased;
    size_t bytes = 0;
    for (const auto& [key, write] : from.points) {
      bytes += key.size();
    }
    to.key_bytes.reserve(bytes);
    to.key_ends.reserve(from.points.size());
    for (const auto& [key, write] : from.points) {
      to.key_bytes += key;
      to.key_ends.push_back(to.key_bytes.size());
    }
    memory_bytes_ += sizeof(BucketRecord) + from.name.size() + bytes + to.key_ends.size() * sizeof(size_t);
    for (const auto& [lo, hi] : to.erased) {
      memory_bytes_ += sizeof(KeyRanges::Map::value_type) + lo.size() + (hi ? hi->size() : 0);
    }
  }
  for (uint32_t index = 0; index < writes.stream_count(); ++index) {
    // A trim changes the head too: it names the stream, beside the rows.
    if (const StreamWrites& from = writes.stream(index); !from.empty() || !writes.stream_rows().empty()) {
      streams_.push_back(from.name);
      memory_bytes_ += sizeof(std::string) + from.name.size();
    }
  }
}

bool CommitRecord::writes_meet(const BucketRecord& record, const BucketWrites& writes) {
  if (record.dropped && !PLANTED(kDroppedBucket)) {
    return true;
  }
  if (writes.dropped) {
    return record.changes();
  }
  if (writes.created && record.made) {
    return true;
  }
  for (const auto& [lo, hi] : writes.erased) {
    if (record.has_key_in(lo, hi) || record.erased.overlaps(lo, view_of(hi))) {
      return true;
    }
  }
  for (const auto& [lo, hi] : record.erased) {
    const auto at = writes.points.lower_bound(lo);
    if (at != writes.points.end() && (!hi || at->first < *hi) && !PLANTED(kRangeErase)) {
      return true;
    }
  }
  // The smaller side is walked, the larger one searched.
  if (writes.points.size() <= record.key_count()) {
    return std::ranges::any_of(writes.points, [&](const auto& point) { return record.has_key(point.first); });
  }
  for (size_t index = 0; index < record.key_count(); ++index) {
    if (writes.points.contains(record.key(index))) {
      return true;
    }
  }
  return false;
}

bool CommitRecord::reads_meet(const BucketRecord& record, const ReadSet::BucketReads& reads) {
  if (reads.empty()) {
    return false;
  }
  if (record.dropped || (reads.existence && record.made)) {
    return true;
  }
  for (const auto& [lo, hi] : reads.ranges) {
    if ((record.has_key_in(lo, hi) && !PLANTED(kPhantom)) || record.erased.overlaps(lo, view_of(hi))) {
      return true;
    }
  }
  return std::ranges::any_of(
      reads.keys, [&](const std::string& key) { return record.has_key(key) || record.erased.find(key) != nullptr; });
}

bool CommitRecord::conflicts_with(const WriteSet& writes, const ReadSet* reads) const {
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    const BucketWrites& bucket = writes.bucket(index);
    if (bucket.empty()) {
      continue;
    }
    const auto found = buckets_.find(bucket.name);
    if (found != buckets_.end() && writes_meet(found->second, bucket) && !PLANTED(kLostUpdate)) {
      return true;
    }
  }
  if (reads == nullptr) {
    return false;
  }
  for (const auto& [name, record] : buckets_) {
    // The engine's own are in no list.
    const bool is_listed = name.front() != format::kOwnBucketPrefix;
    if (reads->bucket_list() && is_listed && (record.made || record.dropped) && !PLANTED(kBucketList)) {
      return true;
    }
    const ReadSet::BucketReads* const bucket_reads = reads->find(name);
    if (bucket_reads != nullptr && reads_meet(record, *bucket_reads) && !PLANTED(kWriteSkew)) {
      return true;
    }
  }
  return std::ranges::any_of(streams_,
                             [&](const std::string& name) { return reads->has_stream(name) && !PLANTED(kStreamRead); });
}

void CommitHistory::add(CommitRecord record) {
  CHECK(records_.empty() || records_.back().csn() < record.csn());
  memory_bytes_ += record.memory_bytes();
  records_.push_back(std::move(record));
  while (memory_bytes_ > kHistoryBytesMax) {
    drop_front();
  }
}

void CommitHistory::skip(Csn csn) {
  CHECK(records_.empty());
  forgotten_up_to_ = csn;
}

void CommitHistory::forget_up_to(Csn snapshot) {
  while (!records_.empty() && records_.front().csn() <= snapshot) {
    drop_front();
  }
}

void CommitHistory::drop_front() {
  memory_bytes_ -= records_.front().memory_bytes();
  forgotten_up_to_ = records_.front().csn();
  records_.pop_front();
}

bool CommitHistory::conflicts(Csn snapshot, const WriteSet& writes, const ReadSet* reads) const {
  if (snapshot < forgotten_up_to_) {
    return true;
  }
  // The newest first: a conflict is most likely there.
  for (const CommitRecord& record : std::views::reverse(records_)) {
    if (record.csn() <= snapshot) {
      return false;
    }
    if (record.conflicts_with(writes, reads)) {
      return true;
    }
  }
  return false;
}

void ActiveTransactions::remove(Csn snapshot) {
  const sync::Lock lock(mutex_);
  const auto found = snapshots_.find(snapshot);
  CHECK(found != snapshots_.end());
  if (--found->second == 0) {
    snapshots_.erase(found);
  }
}

std::optional<Csn> ActiveTransactions::oldest() const {
  const sync::Lock lock(mutex_);
  return snapshots_.empty() ? std::nullopt : std::optional(snapshots_.begin()->first);
}

}  // namespace holdfast
