// WriteSet: what one transaction wants to change, in memory: rows by bucket, and events by stream.
//
// Owns:       copies of all keys and values, in an arena that lives as long as the WriteSet: a view of a key or a value
//             stays good when the key is written again, erased or rolled back.
// Threads:    one at a time (the transaction's; from commit on the committer's).
// Invariants: (1) a bucket's state is: dropped (what the snapshot held is gone), then erased ranges, then points;
//                 a point wins over a range that holds it, because a range removes the points that it meets;
//             (2) `version` changes whenever an iterator into `points` may have become invalid or may miss a row;
//                 `rollbacks` whenever rows of the snapshot that were erased or dropped may be back;
//             (3) rolling back to a mark leaves exactly the state that was marked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "db/key_ranges.h"
#include "log/event.h"

namespace holdfast {

// A new value, or none: erased.
using PointWrite = std::optional<std::string_view>;
using PointWrites = std::pmr::map<std::string_view, PointWrite>;

struct BucketWrites {
  BucketWrites(std::string_view bucket_name, std::pmr::memory_resource* arena) : name(bucket_name), points(arena) {}

  // Whether the transaction changes nothing here.
  bool empty() const { return !dropped && !created && !implied && points.empty() && erased.empty(); }

  std::string name;
  bool dropped = false;  // the bucket of the snapshot is dropped
  bool created = false;  // by create_bucket: must not be there already
  bool implied = false;  // by a put: comes to be if it is not there
  // Its rows can be made again from elsewhere: they are not logged. That it comes to be, or goes, is.
  bool unlogged = false;
  PointWrites points;
  KeyRanges erased;
  uint64_t version = 0;
  uint64_t rollbacks = 0;
};

// What a transaction appends to one stream.
struct StreamWrites {
  explicit StreamWrites(std::string_view stream_name) : name(stream_name) {}
  bool empty() const { return events.empty() && !seals; }

  std::string name;
  std::optional<uint64_t> expected;  // the offset that its first event must get
  bool seals = false;                // the segment ends behind the events
  // Segments end before they grow beyond it. Told when it is committed, and kept in the redo: a replay under another
  // option must end them where they ended.
  uint32_t segment_bytes = 0;
  std::vector<log::PreparedEvent> events;
  uint64_t first_offset = 0;  // of its first event: told when it was committed
};

// Rows of the stream tree that the upkeep of streams changes (trim, redact, compact); nullopt: gone.
using StreamRows = std::map<std::string, std::optional<std::string>, std::less<>>;

class WriteSet {
 public:
  WriteSet();
  WriteSet(const WriteSet&) = delete;
  WriteSet& operator=(const WriteSet&) = delete;

  // Index of the bucket's writes, which are empty if it is new here. Indices are dense, from 0, and never change.
  uint32_t index_of(std::string_view name);
  uint32_t bucket_count() const { return static_cast<uint32_t>(buckets_.size()); }
  const BucketWrites& bucket(uint32_t index) const { return *buckets_[index]; }
  BucketWrites& bucket(uint32_t index) { return *buckets_[index]; }
  // Whether committing it changes nothing. It may still expect something of streams: see expects().
  bool empty() const;
  // Whether a stream must have a certain number of records for it to be committed.
  bool expects() const;

  void put(uint32_t bucket, std::string_view key, std::string_view value);
  void erase(uint32_t bucket, std::string_view key);
  void erase_range(uint32_t bucket, std::string_view lo, std::optional<std::string_view> hi);
  void set_implied(uint32_t bucket);
  void create(uint32_t bucket);
  // `in_snapshot`: the snapshot holds a bucket of this name, which must go.
  void drop(uint32_t bucket, bool in_snapshot);

  // The stream's writes, empty if it is new here. The reference lives as long as the WriteSet.
  StreamWrites& stream(std::string_view name);
  uint32_t stream_count() const { return static_cast<uint32_t>(streams_.size()); }
  const StreamWrites& stream(uint32_t index) const { return *streams_[index]; }
  StreamWrites& stream(uint32_t index) { return *streams_[index]; }
  // Pre: event.stored lives as long as the WriteSet; see keep().
  void append(StreamWrites& stream, const log::PreparedEvent& event);
  void expect(StreamWrites& stream, uint64_t offset);
  // A copy that lives as long as the WriteSet.
  std::span<const std::byte> keep(std::span<const std::byte> bytes);
  StreamRows& stream_rows() { return stream_rows_; }
  const StreamRows& stream_rows() const { return stream_rows_; }

  // From the first mark on, changes are logged so that they can be undone.
  uint64_t mark();
  void roll_back_to(uint64_t mark);

 private:
  struct PointUndo {
    std::string_view key;
    bool was_there = false;
    PointWrite was;
  };
  struct BucketUndo {
    bool dropped = false, created = false, implied = false;
    std::optional<PointWrites> points;  // what drop() took away
    KeyRanges erased;
  };
  struct ExpectUndo {
    std::optional<uint64_t> expected;
  };
  struct AppendUndo {};
  struct Undo {
    uint32_t index = 0;  // of the bucket, or of the stream
    std::variant<PointUndo, KeyRanges::Change, BucketUndo, ExpectUndo, AppendUndo> what;
  };

  std::string_view copy(std::string_view text);
  void set_point(uint32_t bucket, std::string_view key, PointWrite write);
  void log_flags(uint32_t bucket);
  void undo_bucket(Undo undo);
  uint32_t index_of(const StreamWrites& stream) const;

  std::array<std::byte, 1024> first_block_;
  std::pmr::monotonic_buffer_resource arena_;
  std::vector<std::unique_ptr<BucketWrites>> buckets_;
  std::map<std::string_view, uint32_t> index_;
  std::vector<std::unique_ptr<StreamWrites>> streams_;  // few: searched one by one
  StreamRows stream_rows_;
  std::vector<Undo> undo_;
  bool logging_ = false;
};

}  // namespace holdfast
