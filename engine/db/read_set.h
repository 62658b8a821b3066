// ReadSet: what a serializable transaction has looked at, keys that were not there included.
//
// Threads: one at a time (the transaction's; from commit on the committer's).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "db/key_ranges.h"

namespace holdfast {

class ReadSet {
 public:
  struct BucketReads {
    std::set<std::string, std::less<>> keys;
    KeyRanges ranges;
    bool existence = false;  // whether the bucket is there
    bool empty() const { return keys.empty() && ranges.empty() && !existence; }
  };

  void add_key(std::string_view bucket, std::string_view key);
  // [lo, hi), without hi to the end.
  void add_range(std::string_view bucket, std::string_view lo, std::optional<std::string_view> hi);
  void add_existence(std::string_view bucket);
  void add_bucket_list() { bucket_list_ = true; }
  // How far the stream reaches.
  void add_stream(std::string_view name) { streams_.emplace(name); }

  // Null: nothing of the bucket was read.
  const BucketReads* find(std::string_view bucket) const;
  bool bucket_list() const { return bucket_list_; }
  bool has_stream(std::string_view name) const { return streams_.contains(name); }

 private:
  BucketReads& reads_of(std::string_view bucket);
  std::map<std::string, BucketReads, std::less<>> buckets_;
  std::set<std::string, std::less<>> streams_;
  bool bucket_list_ = false;
};

}  // namespace holdfast
