// KeyVersions: who may have written what was read, key by key; for the isolation checker.
//
// Only keys that somebody wrote in this life have a number: about the others there is nothing to order.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/footprint.h"
#include "sim/history.h"

namespace holdfast::sim {

using AttemptIndex = uint32_t;
constexpr AttemptIndex kBeforeLife = ~AttemptIndex{0};  // wrote what was there when the life began

class KeyVersions {
 public:
  struct Final {
    AttemptIndex writer = 0;
    const ValueMark* value = nullptr;  // nullptr: erased
  };
  struct Key {
    BucketId bucket = 0;
    std::string_view key;
    const ValueMark* before = nullptr;  // when the life began; nullptr: it was not there
    std::vector<Final> finals;          // by writer: what each left
    // Who erased a range, or dropped the bucket, around the key: whether that was a write of this key is not known.
    std::vector<AttemptIndex> erasers;
  };

  // Reference to the history is kept.
  explicit KeyVersions(const LifeHistory& life);

  const std::vector<Key>& keys() const { return keys_; }
  std::optional<uint32_t> find(BucketId bucket, std::string_view key) const;
  // Numbers of the bucket's keys, in order of the keys.
  const std::vector<uint32_t>& keys_of(BucketId bucket) const;
  const ValueMark* before(BucketId bucket, std::string_view key) const;
  // Whether the value (nullptr: none) of a key without a number can be explained.
  bool may_be(BucketId bucket, std::string_view key, const ValueMark* value) const;
  // Who may have left the value that `reader` saw: never itself, nor who changed nothing.
  void candidates(AttemptIndex reader, uint32_t key, const ValueMark* value, std::vector<AttemptIndex>& found) const;

 private:
  struct BucketKeys {
    std::unordered_map<std::string_view, uint32_t> numbers;  // looked up, never walked
    std::vector<uint32_t> sorted;
    std::vector<Row> const* before = nullptr;
    std::vector<std::pair<KeyRange, AttemptIndex>> erased;
  };
  void take(AttemptIndex writer, const TxnLog& log);
  uint32_t number_of(BucketId bucket, std::string_view key);
  void erase_own(AttemptIndex writer, const KeyRange& range, std::vector<uint32_t>& touched);

  std::vector<Key> keys_;
  std::map<BucketId, BucketKeys> buckets_;
};

}  // namespace holdfast::sim
