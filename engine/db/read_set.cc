#include "db/read_set.h"

namespace holdfast {

ReadSet::BucketReads& ReadSet::reads_of(std::string_view bucket) {
  const auto found = buckets_.find(bucket);
  return found != buckets_.end() ? found->second : buckets_[std::string(bucket)];
}

void ReadSet::add_key(std::string_view bucket, std::string_view key) {
  BucketReads& reads = reads_of(bucket);
  if (!reads.keys.contains(key)) {
    reads.keys.emplace(key);
  }
}

void ReadSet::add_range(std::string_view bucket, std::string_view lo, std::optional<std::string_view> hi) {
  reads_of(bucket).ranges.add(lo, hi);
}

void ReadSet::add_existence(std::string_view bucket) { reads_of(bucket).existence = true; }

const ReadSet::BucketReads* ReadSet::find(std::string_view bucket) const {
  const auto found = buckets_.find(bucket);
  return found != buckets_.end() ? &found->second : nullptr;
}

}  // namespace holdfast
