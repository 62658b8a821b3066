#include "db/redo.h"

#include <string>
#include <utility>

#include "db/limits.h"

namespace holdfast {

namespace {

std::unexpected<Error> malformed(const char* what) {
  return fail(ErrorCode::kCorruption, std::string("the log's record holds ") + what);
}

Result<void> decode_points(format::RedoReader& reader, uint32_t page_bytes, uint32_t bucket, WriteSet& writes) {
  uint32_t points = 0;
  if (!reader.count(points)) {
    return malformed("no count of rows");
  }
  for (; points > 0; --points) {
    std::string_view key;
    std::optional<std::string_view> value;
    if (!reader.point(key, value) || !check_key(key, page_bytes) || (value && !check_value(*value))) {
      return malformed("a row that cannot be");
    }
    if (value) {
      writes.put(bucket, key, *value);
    } else {
      writes.erase(bucket, key);
    }
  }
  return {};
}

Result<void> decode_bucket(format::RedoReader& reader, uint32_t page_bytes, WriteSet& writes) {
  format::RedoBucket bucket;
  uint32_t ranges = 0;
  if (!reader.bucket(bucket) || !check_bucket_name(bucket.name) || !reader.count(ranges)) {
    return malformed("a bucket that cannot be");
  }
  const uint32_t index = writes.index_of(bucket.name);
  if (bucket.dropped) {
    writes.drop(index, true);
  }
  if (bucket.created) {
    writes.create(index);
  }
  if (bucket.implied) {
    writes.set_implied(index);
  }
  for (; ranges > 0; --ranges) {
    std::string_view lo;
    std::optional<std::string_view> hi;
    if (!reader.range(lo, hi) || lo.size() > page_bytes || (hi && hi->size() > page_bytes)) {
      return malformed("an erased range that cannot be");
    }
    writes.erase_range(index, lo, hi);
  }
  return decode_points(reader, page_bytes, index, writes);
}

}  // namespace

bool encode_redo(const WriteSet& writes, uint64_t bytes_max, std::vector<std::byte>& redo) {
  format::RedoWriter writer(redo);
  uint32_t buckets = 0;
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    buckets += writes.bucket(index).empty() ? 0U : 1U;
  }
  writer.count(buckets);
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    const BucketWrites& bucket = writes.bucket(index);
    if (bucket.empty()) {
      continue;
    }
    writer.bucket({bucket.name, bucket.dropped, bucket.created, bucket.implied});
    writer.count(static_cast<uint32_t>(bucket.erased.size()));
    for (const auto& [lo, hi] : bucket.erased) {
      writer.range(lo, hi);
    }
    writer.count(static_cast<uint32_t>(bucket.points.size()));
    for (const auto& [key, value] : bucket.points) {
      writer.point(key, value);
      if (redo.size() > bytes_max) {
        redo.clear();
        return false;
      }
    }
  }
  return redo.size() <= bytes_max;
}

Result<void> decode_redo(format::RedoReader& reader, uint32_t page_bytes, WriteSet& writes) {
  uint32_t buckets = 0;
  if (!reader.count(buckets)) {
    return malformed("no count of buckets");
  }
  for (; buckets > 0; --buckets) {
    HOLDFAST_TRY(decode_bucket(reader, page_bytes, writes));
  }
  return {};
}

Result<void> decode_group(std::span<const std::byte> body, uint32_t csn_count, uint32_t page_bytes,
                          const std::function<Result<void>(std::unique_ptr<WriteSet>)>& each) {
  format::RedoReader reader(body);
  for (; csn_count > 0; --csn_count) {
    auto writes = std::make_unique<WriteSet>();
    HOLDFAST_TRY(decode_redo(reader, page_bytes, *writes));
    HOLDFAST_TRY(each(std::move(writes)));
  }
  return reader.done() ? Result<void>() : malformed("more than its commits");
}

}  // namespace holdfast
