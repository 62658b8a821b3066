#include "db/redo.h"

#include <string>
#include <utility>

#include "db/limits.h"
#include "format/varint.h"
#include "log/codec.h"

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
  if (!reader.bucket(bucket) || !is_bucket_name(bucket.name) || !reader.count(ranges)) {
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

Result<void> decode_events(format::RedoReader& reader, StreamWrites& stream, WriteSet& writes) {
  uint32_t events = 0;
  if (!reader.count(events)) {
    return malformed("no count of events");
  }
  log::CodecBuffer buffer;
  for (; events > 0; --events) {
    format::Record record;
    uint32_t length = 0;
    if (!reader.event(record.stored_as, record.stored) || !format::payload_bytes(record, length)) {
      return malformed("an event that cannot be");
    }
    HOLDFAST_TRY_ASSIGN(const auto payload, log::payload_of(record, buffer));
    writes.append(stream, {.digest = sha256(payload),
                           .length = length,
                           .stored_as = record.stored_as,
                           .stored = writes.keep(record.stored)});
  }
  return {};
}

Result<void> decode_streams(format::RedoReader& reader, WriteSet& writes) {
  uint32_t streams = 0;
  if (!reader.count(streams)) {
    return malformed("no count of streams");
  }
  for (; streams > 0; --streams) {
    format::RedoStream stream;
    if (!reader.stream(stream) || !check_stream_name(stream.name)) {
      return malformed("a stream that cannot be");
    }
    StreamWrites& to = writes.stream(stream.name);
    to.seals = stream.seals;
    to.segment_bytes = stream.segment_bytes;
    HOLDFAST_TRY(decode_events(reader, to, writes));
  }
  uint32_t rows = 0;
  if (!reader.count(rows)) {
    return malformed("no count of stream rows");
  }
  for (; rows > 0; --rows) {
    std::string_view key;
    std::optional<std::string_view> value;
    if (!reader.point(key, value) || key.empty() || key.size() > kStreamNameBytesMax + 1) {
      return malformed("a stream row that cannot be");
    }
    writes.stream_rows().insert_or_assign(std::string(key), value ? std::optional<std::string>(*value) : std::nullopt);
  }
  return {};
}

void encode_streams(const WriteSet& writes, format::RedoWriter& writer) {
  uint32_t streams = 0;
  for (uint32_t index = 0; index < writes.stream_count(); ++index) {
    streams += writes.stream(index).empty() ? 0U : 1U;
  }
  writer.count(streams);
  for (uint32_t index = 0; index < writes.stream_count(); ++index) {
    const StreamWrites& stream = writes.stream(index);
    if (stream.empty()) {
      continue;
    }
    writer.stream({stream.name, stream.seals, stream.segment_bytes});
    writer.count(static_cast<uint32_t>(stream.events.size()));
    for (const log::PreparedEvent& event : stream.events) {
      writer.event(event.stored_as, event.stored);
    }
  }
  writer.count(static_cast<uint32_t>(writes.stream_rows().size()));
  for (const auto& [key, value] : writes.stream_rows()) {
    writer.point(key, value);
  }
}

bool is_logged(const BucketWrites& bucket) {
  return bucket.unlogged ? bucket.dropped || bucket.created || bucket.implied : !bucket.empty();
}

// What the events take, with what stands before each of them.
uint64_t event_bytes(const WriteSet& writes) {
  constexpr uint64_t kBeforeEvent = 1 + format::kVarintBytesMax;
  uint64_t bytes = 0;
  for (uint32_t index = 0; index < writes.stream_count(); ++index) {
    for (const log::PreparedEvent& event : writes.stream(index).events) {
      bytes += event.stored.size() + kBeforeEvent;
    }
  }
  return bytes;
}

}  // namespace

bool encode_redo(const WriteSet& writes, uint64_t bytes_max, std::vector<std::byte>& redo) {
  const uint64_t events = event_bytes(writes);
  if (events > bytes_max) {
    return false;  // before anything is copied
  }
  redo.reserve(redo.size() + events);
  format::RedoWriter writer(redo);
  uint32_t buckets = 0;
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    buckets += is_logged(writes.bucket(index)) ? 1U : 0U;
  }
  writer.count(buckets);
  for (uint32_t index = 0; index < writes.bucket_count(); ++index) {
    const BucketWrites& bucket = writes.bucket(index);
    if (!is_logged(bucket)) {
      continue;
    }
    writer.bucket({bucket.name, bucket.dropped, bucket.created, bucket.implied});
    if (bucket.unlogged) {
      writer.count(0);
      writer.count(0);
      continue;
    }
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
  encode_streams(writes, writer);
  if (redo.size() > bytes_max) {
    redo.clear();
    return false;
  }
  return true;
}

Result<void> decode_redo(format::RedoReader& reader, uint32_t page_bytes, WriteSet& writes) {
  uint32_t buckets = 0;
  if (!reader.count(buckets)) {
    return malformed("no count of buckets");
  }
  for (; buckets > 0; --buckets) {
    HOLDFAST_TRY(decode_bucket(reader, page_bytes, writes));
  }
  return decode_streams(reader, writes);
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
