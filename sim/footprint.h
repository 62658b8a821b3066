// Footprint: what one transaction or snapshot saw of others, and what it left to them, from its log alone.
//
// What a transaction reads of its own writes says nothing about others; it is judged here at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/txn_log.h"

namespace holdfast::sim {

// Keys [lo, hi) of a bucket.
struct KeyRange {
  BucketId bucket = 0;
  std::string_view lo;
  std::optional<std::string_view> hi;
  bool holds(std::string_view key) const { return key >= lo && (!hi || key < *hi); }
};

// What a transaction has written so far, as it sees it.
class OwnWrites {
 public:
  struct Own {
    const ValueMark* value = nullptr;  // nullptr: erased
  };
  void put(BucketId bucket, std::string_view key, const ValueMark& value) { points_[{bucket, key}] = {&value}; }
  void erase(BucketId bucket, std::string_view key) { points_[{bucket, key}] = {}; }
  void erase_range(const KeyRange& range);
  // Nullopt: it never touched the key.
  std::optional<Own> find(BucketId bucket, std::string_view key) const;

 private:
  std::map<std::pair<BucketId, std::string_view>, Own> points_;
  std::vector<KeyRange> erased_;  // but for later points
};

// An answer that depends on what others wrote.
struct OutsideRead {
  BucketId bucket = 0;
  std::string_view key;
  const ValueMark* value = nullptr;  // nullptr: there was none
};
// A scan that gave the rows, and no others, of a range.
struct OutsideScan {
  KeyRange range;
  const std::vector<Row>* rows = nullptr;
  const OwnWrites* own = nullptr;  // what it says of these keys it says of itself
};

struct ReadVisitor {
  std::function<void(const OutsideRead&)> read;
  std::function<void(const OutsideScan&)> scan;
};
// Tells the visitor what was read of others. Objects if the transaction did not see its own writes.
// The views last as long as the log, but for OutsideScan::own.
std::optional<std::string> visit_reads(const TxnLog& log, const ReadVisitor& visitor);

}  // namespace holdfast::sim
