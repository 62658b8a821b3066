#include "db/replay_batch.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "db/limits.h"
#include "db/redo.h"
#include "format/key_bytes.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
// What a row takes beside its redo: as it was read, its place in the order, and in order.
constexpr uint64_t kBytesPerRow = 2 * sizeof(tree::Op) + 16;

}  // namespace

std::span<std::byte> ReplayBatch::body_of(uint64_t bytes) {
  if (bytes > chunk_left_.size() || chunks_.empty()) {
    const size_t chunk_bytes = std::max<size_t>(bytes, kChunkBytes);
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_bytes));
    chunk_left_ = {chunks_.back().get(), chunk_bytes};
  }
  const std::span<std::byte> body = chunk_left_.first(bytes);
  chunk_left_ = chunk_left_.subspan(bytes);
  bytes_ += bytes;
  return body;
}

Result<void> ReplayBatch::add(std::span<const std::byte> body, uint32_t csn_count) {
  format::RedoReader reader(body);
  for (; csn_count > 0; --csn_count) {
    const format::RedoReader member = reader;
    if (!take(reader)) {
      HOLDFAST_TRY(apply_rows());
      reader = member;
      WriteSet writes;
      HOLDFAST_TRY(decode_redo(reader, page_bytes_, writes));
      HOLDFAST_TRY(applier_.apply(writes));
    }
  }
  if (!reader.done()) {
    return fail(ErrorCode::kCorruption, "the log's record holds more than its commits");
  }
  return bytes_ < kReplayBatchBytes ? Result<void>() : apply();
}

Result<void> ReplayBatch::apply() {
  HOLDFAST_TRY(apply_rows());
  chunks_.clear();
  chunk_left_ = {};
  bytes_ = 0;
  return {};
}

// False: the commit does more than change rows, or is not what encode_redo writes; nothing of it was taken.
bool ReplayBatch::take(format::RedoReader& reader) {
  marks_.clear();
  const size_t buckets_before = buckets_.size();
  uint32_t buckets = 0;
  bool taken = reader.count(buckets);
  for (; taken && buckets > 0; --buckets) {
    taken = take_bucket(reader);
  }
  // Events get their places from what came before: such a commit is applied by itself.
  uint32_t streams = 0;
  uint32_t stream_rows = 0;
  taken = taken && reader.count(streams) && streams == 0 && reader.count(stream_rows) && stream_rows == 0;
  if (taken) {
    return true;
  }
  for (; !marks_.empty(); marks_.pop_back()) {
    marks_.back().bucket->rows.resize(marks_.back().row_count);
  }
  for (; buckets_.size() > buckets_before; buckets_.pop_back()) {
    by_name_.erase(buckets_.back().name);
  }
  return false;
}

bool ReplayBatch::take_bucket(format::RedoReader& reader) {
  format::RedoBucket bucket;
  uint32_t ranges = 0;
  if (!reader.bucket(bucket) || bucket.dropped || bucket.created || !reader.count(ranges) || ranges > 0) {
    return false;
  }
  BucketRows* const found = bucket_for(bucket);
  if (found == nullptr) {
    return false;
  }
  marks_.push_back({found, found->rows.size()});
  return take_rows(reader, found->rows);
}

// Null where the batch must end first: what an earlier commit found no bucket for does not come to be by this one.
ReplayBatch::BucketRows* ReplayBatch::bucket_for(const format::RedoBucket& bucket) {
  const auto found = by_name_.find(bucket.name);
  if (found != by_name_.end()) {
    BucketRows* const rows = found->second;
    return rows->implied || !bucket.implied ? rows : nullptr;
  }
  if (!is_bucket_name(bucket.name)) {
    return nullptr;
  }
  BucketRows& made = buckets_.emplace_back(std::string(bucket.name), bucket.implied, std::vector<tree::Op>());
  by_name_.emplace(made.name, &made);
  return &made;
}

bool ReplayBatch::take_rows(format::RedoReader& reader, std::vector<tree::Op>& rows) {
  uint32_t points = 0;
  if (!reader.count(points)) {
    return false;
  }
  for (; points > 0; --points) {
    tree::Op row;
    if (!reader.point(row.key, row.value) || !check_key(row.key, page_bytes_) ||
        (row.value && !check_value(*row.value))) {
      return false;
    }
    rows.push_back(row);
    bytes_ += kBytesPerRow;
  }
  return true;
}

Result<void> ReplayBatch::apply_rows() {
  for (const BucketRows& bucket : buckets_) {
    sort(bucket.rows);
    HOLDFAST_TRY(applier_.apply_rows(bucket.name, bucket.implied, sorted_));
  }
  by_name_.clear();
  buckets_.clear();
  return {};
}

// Fills sorted_: by key, of each key the last row.
void ReplayBatch::sort(std::span<const tree::Op> rows) {
  sorted_.clear();
  if (rows.empty()) {
    return;
  }
  const std::string_view first = rows.front().key;
  size_t shared_bytes = first.size();
  for (const tree::Op& row : rows) {
    if (!row.key.starts_with(first.substr(0, shared_bytes))) {
      shared_bytes = common_prefix_bytes(first.substr(0, shared_bytes), row.key);
    }
  }
  places_.clear();
  for (uint32_t index = 0; index < rows.size(); ++index) {
    places_.push_back({format::key_head(rows[index].key.substr(shared_bytes)), index});
  }
  std::ranges::sort(places_, [&](const Place& a, const Place& b) {
    if (a.head != b.head) {
      return a.head < b.head;
    }
    const int order = rows[a.index].key.compare(rows[b.index].key);
    return order != 0 ? order < 0 : a.index < b.index;
  });
  for (const Place& place : places_) {
    const tree::Op& row = rows[place.index];
    if (!sorted_.empty() && sorted_.back().key == row.key) {
      sorted_.back() = row;
    } else {
      sorted_.push_back(row);
    }
  }
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
