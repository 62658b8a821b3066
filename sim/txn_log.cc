#include "sim/txn_log.h"

#include <algorithm>
#include <cstring>

#include "sim/random.h"
#include "sim/stream_audit.h"

namespace holdfast::sim {

ValueMark ValueMark::of(std::string_view value) {
  ValueMark mark;
  mark.bytes = static_cast<uint32_t>(value.size());
  uint64_t hash = value.size();
  const char* at = value.data();
  size_t left = value.size();
  while (left >= sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    hash = (hash ^ word) * 0x9fb21c651e98df25U;
    hash ^= hash >> 29U;
    at += sizeof word;
    left -= sizeof word;
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);
    hash = (hash ^ word) * 0x9fb21c651e98df25U;
  }
  mark.hash = mix(hash, value.size());
  // Not memcpy, which may not be given the null pointer of an empty view.
  std::ranges::copy(value.substr(0, mark.head.size()), mark.head.begin());
  return mark;
}

std::string ValueMark::to_string() const {
  std::string text = "\"";
  for (size_t index = 0; index < std::min<size_t>(head.size(), bytes); ++index) {
    const auto byte = static_cast<unsigned char>(head[index]);
    text += byte >= 0x20 && byte < 0x7f && byte != '"' ? head[index] : '.';
  }
  text += bytes > head.size() ? "...\"" : "\"";
  return text + " (" + std::to_string(bytes) + " bytes)";
}

std::string quoted(std::string_view key) {
  std::string text = "\"";
  for (const char character : key.substr(0, 48)) {
    const auto byte = static_cast<unsigned char>(character);
    text += byte >= 0x20 && byte < 0x7f ? character : '.';
  }
  text += key.size() > 48 ? "...\"" : "\"";
  return key.size() > 48 ? text + " (" + std::to_string(key.size()) + " bytes)" : text;
}

Step& TxnLog::add(Step::Kind kind, BucketId bucket, std::string_view key) {
  Step& step = steps.emplace_back();
  step.kind = kind;
  step.bucket = bucket;
  step.key = key;
  return step;
}

void TxnLog::write(Write::Kind kind, BucketId bucket, std::string_view key, std::string_view value) {
  Write& added = writes.emplace_back();
  added.kind = kind;
  added.bucket = bucket;
  added.key = key;
  if (kind == Write::Kind::kPut) {
    added.value = ValueMark::of(value);
  }
}

void TxnLog::put(BucketId bucket, std::string_view key, std::string_view value) {
  write(Write::Kind::kPut, bucket, key, value);
  add(Step::Kind::kPut, bucket, key).value = writes.back().value;
}

void TxnLog::insert(BucketId bucket, std::string_view key, std::string_view value, bool done) {
  Step& step = add(Step::Kind::kInsert, bucket, key);
  step.found = done;
  step.value = ValueMark::of(value);
  if (done) {
    write(Write::Kind::kPut, bucket, key, value);
  }
}

void TxnLog::update(BucketId bucket, std::string_view key, std::string_view value, bool done) {
  Step& step = add(Step::Kind::kUpdate, bucket, key);
  step.found = done;
  step.value = ValueMark::of(value);
  if (done) {
    write(Write::Kind::kPut, bucket, key, value);
  }
}

void TxnLog::erase(BucketId bucket, std::string_view key, bool found) {
  add(Step::Kind::kErase, bucket, key).found = found;
  if (found) {
    write(Write::Kind::kErase, bucket, key, {});
  }
}

void TxnLog::erase_range(BucketId bucket, std::string_view lo, std::optional<std::string_view> hi) {
  add(Step::Kind::kEraseRange, bucket, lo).hi = hi;
  write(Write::Kind::kEraseRange, bucket, lo, {});
  writes.back().hi = hi;
}

void TxnLog::create_bucket(BucketId bucket, bool done) {
  add(Step::Kind::kCreateBucket, bucket, {}).found = done;
  if (done) {
    write(Write::Kind::kCreateBucket, bucket, {}, {});
  }
}

void TxnLog::drop_bucket(BucketId bucket, bool done) {
  add(Step::Kind::kDropBucket, bucket, {}).found = done;
  if (done) {
    write(Write::Kind::kDropBucket, bucket, {}, {});
  }
}

void TxnLog::get(BucketId bucket, std::string_view key, std::optional<std::string_view> value) {
  Step& step = add(Step::Kind::kGet, bucket, key);
  step.found = value.has_value();
  if (value) {
    step.value = ValueMark::of(*value);
  }
}

void TxnLog::contains(BucketId bucket, std::string_view key, bool found) {
  add(Step::Kind::kContains, bucket, key).found = found;
}

void TxnLog::exists(BucketId bucket, bool found) { add(Step::Kind::kExists, bucket, {}).found = found; }

EventMark EventMark::of(std::string_view event) { return {ValueMark::of(event), audit::sha256(event)}; }

void TxnLog::append(StreamId stream, std::string_view event) {
  stream_writes.push_back({StreamWrite::Kind::kAppend, stream, 0, EventMark::of(event)});
}

void TxnLog::stream_write(StreamWrite::Kind kind, StreamId stream, uint64_t offset) {
  stream_writes.push_back({kind, stream, offset, {}});
}

void TxnLog::stream_head(StreamId stream, uint64_t first_offset, uint64_t next_offset) {
  Step& step = add(Step::Kind::kStreamHead, stream, {});
  step.offset = first_offset;
  step.limit = next_offset;
}

void TxnLog::savepoint() {
  add(Step::Kind::kSavepoint, 0, {});
  savepoints.push_back({writes.size(), stream_writes.size()});
}

void TxnLog::rollback_to(uint64_t savepoint) {
  add(Step::Kind::kRollbackTo, 0, {}).limit = savepoint;
  writes.resize(savepoints[savepoint].writes);
  stream_writes.resize(savepoints[savepoint].stream_writes);
  savepoints.resize(savepoint + 1);
}

bool TxnLog::changes_nothing() const {
  const auto changes = [](const StreamWrite& write) { return write.kind != StreamWrite::Kind::kExpect; };
  return writes.empty() && batches.empty() && std::ranges::none_of(stream_writes, changes);
}

}  // namespace holdfast::sim
