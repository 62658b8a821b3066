// Redo: what the commits of one group changed, as the body of a log record (format/wal_record.h) carries it.
//
// One member behind the other, one per commit, in the order of their csns. Numbers are varints (format/varint.h).
//
//   member  bucket_count, buckets, stream_count, streams, row_count, rows
//   bucket  name_bytes, name, flags (1 byte), range_count, ranges, point_count, points
//   range   lo_bytes, lo, hi_bytes + 1 (0: to the end), hi            erased: keys in [lo, hi)
//   point   key_bytes, key, value_bytes + 1 (0: erased), value
//   stream  name_bytes, name, flags (1 byte), segment_bytes, event_count, events
//           flags: bit 0 its segment ends behind the events; segment_bytes: where segments ended when it was written
//   event   how it is stored (1 byte, format/stream_record.h), stored_bytes, stored
//   row     as a point: of the stream tree (format/stream_rows.h)
//
// flags: bit 0 the bucket that was there is dropped, bit 1 it is created, bit 2 it comes to be if it is not there. They
// take effect first, then the ranges, then the points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "format/stream_record.h"

namespace holdfast::format {

struct RedoBucket {
  std::string_view name;
  bool dropped = false, created = false, implied = false;
  friend bool operator==(const RedoBucket&, const RedoBucket&) = default;
};

struct RedoStream {
  std::string_view name;
  bool seals = false;
  uint32_t segment_bytes = 0;
  friend bool operator==(const RedoStream&, const RedoStream&) = default;
};

// Appends to `out`. The caller keeps the counts. Pre: no string is longer than 2^31 - 1 bytes.
class RedoWriter {
 public:
  explicit RedoWriter(std::vector<std::byte>& out) : out_(out) {}

  // Of buckets, ranges, points, streams, events or rows.
  void count(uint32_t count);
  void bucket(const RedoBucket& bucket);
  void range(std::string_view lo, std::optional<std::string_view> hi);
  void point(std::string_view key, std::optional<std::string_view> value);
  void stream(const RedoStream& stream);
  void event(StoredAs stored_as, std::span<const std::byte> stored);

 private:
  void string(std::string_view text);
  void optional_string(std::optional<std::string_view> text);
  std::vector<std::byte>& out_;
};

// Total. Every read answers false where the bytes are not what the writer writes; then nothing more may be read.
// The views live as long as the bytes.
class RedoReader {
 public:
  explicit RedoReader(std::span<const std::byte> bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool done() const { return at_ == end_; }
  bool count(uint32_t& count);
  bool bucket(RedoBucket& bucket);
  bool range(std::string_view& lo, std::optional<std::string_view>& hi);
  bool point(std::string_view& key, std::optional<std::string_view>& value);
  bool stream(RedoStream& stream);
  bool event(StoredAs& stored_as, std::span<const std::byte>& stored);

 private:
  bool take(uint32_t bytes, std::string_view& text);
  bool string(std::string_view& text);
  bool optional_string(std::optional<std::string_view>& text);
  const std::byte* at_;
  const std::byte* end_;
};

}  // namespace holdfast::format
