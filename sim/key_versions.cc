#include "sim/key_versions.h"

#include <algorithm>

namespace holdfast::sim {

KeyVersions::KeyVersions(const LifeHistory& life) {
  for (const Contents::Bucket& bucket : life.before.buckets) {
    buckets_[bucket.bucket].before = &bucket.rows;
  }
  for (AttemptIndex writer = 0; writer < life.attempts.size(); ++writer) {
    if (life.attempts[writer].fate != Fate::kLooked) {
      take(writer, *life.attempts[writer].log);
    }
  }
  for (auto& [id, bucket] : buckets_) {
    std::ranges::sort(bucket.sorted, {}, [this](uint32_t number) { return keys_[number].key; });
    for (const auto& [range, writer] : bucket.erased) {
      auto at =
          std::ranges::lower_bound(bucket.sorted, range.lo, {}, [this](uint32_t each) { return keys_[each].key; });
      for (; at != bucket.sorted.end() && range.holds(keys_[*at].key); ++at) {
        Key& key = keys_[*at];
        const bool is_point = std::ranges::find(key.finals, writer, &Final::writer) != key.finals.end();
        if (!is_point && (key.erasers.empty() || key.erasers.back() != writer)) {
          key.erasers.push_back(writer);
        }
      }
    }
  }
}

void KeyVersions::take(AttemptIndex writer, const TxnLog& log) {
  std::vector<uint32_t> touched;
  for (const Write& write : log.writes) {
    switch (write.kind) {
      case Write::Kind::kPut:
      case Write::Kind::kErase: {
        const uint32_t number = number_of(write.bucket, write.key);
        std::vector<Final>& finals = keys_[number].finals;
        if (finals.empty() || finals.back().writer != writer) {
          finals.push_back({writer, nullptr});
          touched.push_back(number);
        }
        finals.back().value = write.kind == Write::Kind::kPut ? &write.value : nullptr;
        break;
      }
      case Write::Kind::kEraseRange:
        erase_own(writer,
                  {write.bucket, write.key, write.hi ? std::optional<std::string_view>(*write.hi) : std::nullopt},
                  touched);
        break;
      case Write::Kind::kDropBucket: erase_own(writer, {write.bucket, {}, std::nullopt}, touched); break;
      case Write::Kind::kCreateBucket: break;
    }
  }
}

// What the transaction itself wrote there is gone, and it may not count as a write of the key any more.
void KeyVersions::erase_own(AttemptIndex writer, const KeyRange& range, std::vector<uint32_t>& touched) {
  std::erase_if(touched, [&](uint32_t number) {
    const bool inside = keys_[number].bucket == range.bucket && range.holds(keys_[number].key);
    if (inside) {
      keys_[number].finals.pop_back();
    }
    return inside;
  });
  buckets_[range.bucket].erased.emplace_back(range, writer);
}

uint32_t KeyVersions::number_of(BucketId id, std::string_view key) {
  BucketKeys& bucket = buckets_[id];
  const auto [at, is_new] = bucket.numbers.emplace(key, static_cast<uint32_t>(keys_.size()));
  if (is_new) {
    bucket.sorted.push_back(at->second);
    keys_.push_back({id, key, before(id, key), {}, {}});
  }
  return at->second;
}

std::optional<uint32_t> KeyVersions::find(BucketId id, std::string_view key) const {
  const auto bucket = buckets_.find(id);
  if (bucket == buckets_.end()) {
    return std::nullopt;
  }
  const auto at = bucket->second.numbers.find(key);
  return at == bucket->second.numbers.end() ? std::nullopt : std::optional(at->second);
}

const std::vector<uint32_t>& KeyVersions::keys_of(BucketId id) const {
  static const std::vector<uint32_t> kNone;
  const auto bucket = buckets_.find(id);
  return bucket == buckets_.end() ? kNone : bucket->second.sorted;
}

const ValueMark* KeyVersions::before(BucketId id, std::string_view key) const {
  const auto bucket = buckets_.find(id);
  if (bucket == buckets_.end() || bucket->second.before == nullptr) {
    return nullptr;
  }
  const auto row = std::ranges::lower_bound(*bucket->second.before, key, {}, &Row::key);
  return row != bucket->second.before->end() && row->key == key ? &row->value : nullptr;
}

bool KeyVersions::may_be(BucketId id, std::string_view key, const ValueMark* value) const {
  const ValueMark* was = before(id, key);
  if (value != nullptr || was == nullptr) {
    return value == nullptr || (was != nullptr && *was == *value);
  }
  return std::ranges::any_of(buckets_.at(id).erased, [key](const auto& each) { return each.first.holds(key); });
}

void KeyVersions::candidates(AttemptIndex reader, uint32_t number, const ValueMark* value,
                             std::vector<AttemptIndex>& found) const {
  const Key& key = keys_[number];
  const auto same = [value](const ValueMark* other) {
    return value == nullptr ? other == nullptr : other != nullptr && *other == *value;
  };
  found.clear();
  if (same(key.before)) {
    found.push_back(kBeforeLife);
  }
  for (const Final& each : key.finals) {
    if (each.writer != reader && same(each.value)) {
      found.push_back(each.writer);
    }
  }
  if (value == nullptr) {
    std::ranges::copy_if(key.erasers, std::back_inserter(found),
                         [reader](AttemptIndex each) { return each != reader; });
  }
}

}  // namespace holdfast::sim
