// TxnLog: what one transaction (or snapshot) did, and what it was answered, so that the model can judge it later: a
// snapshot may show a commit whose caller has not been told yet.
//
// Values are not kept but marked: length, hash, and the first bytes, in which the workload writes who made them. Events
// of streams are marked with their SHA-256 as well, from which their chain hashes follow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::sim {

// What identifies a value: two values with one mark are taken for the same.
struct ValueMark {
  uint64_t hash = 0;
  uint32_t bytes = 0;
  std::array<char, 20> head{};

  static ValueMark of(std::string_view value);
  friend bool operator==(const ValueMark& a, const ValueMark& b) { return a.hash == b.hash && a.bytes == b.bytes; }
  std::string to_string() const;
};

// A key for people: printable, and not too long.
std::string quoted(std::string_view key);

struct Row {
  std::string key;
  ValueMark value;
  friend bool operator==(const Row&, const Row&) = default;
};

using BucketId = uint32_t;  // the model's number for a bucket name

using StreamId = uint32_t;  // the model's number for the name of a stream
using Sha256 = std::array<std::byte, 32>;

struct EventMark {
  ValueMark payload;
  Sha256 digest{};

  static EventMark of(std::string_view event);
};

constexpr uint64_t kUnknownOffset = UINT64_MAX;

// What a transaction does to a stream.
struct StreamWrite {
  enum class Kind : uint8_t {
    kAppend,
    kExpect,  // the stream then has `offset` records; of several the last counts
    kTidy,    // seals, or compacts: a commit that changes nothing that shows
    kRedact,  // record `offset`
    kTrim,    // whole segments before `offset`
  };
  Kind kind = Kind::kAppend;
  StreamId stream = 0;
  uint64_t offset = 0;
  EventMark event;
};

// What a transaction applies to a projection that is fed by batches.
struct ProjectionBatch {
  uint32_t projection = 0;
  uint64_t position = 0;
  uint64_t payload_hash = 0;  // see projection_events.h
  Sha256 chain_hash{};
};

// A record, as a read or an inspection gave it.
struct SeenRecord {
  Sha256 prev_hash{};
  bool redacted = false;
  uint32_t payload_bytes = 0;
  ValueMark payload;
  friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};

// One change, as it is applied to the model when the transaction commits.
struct Write {
  enum class Kind : uint8_t { kPut, kErase, kEraseRange, kCreateBucket, kDropBucket };
  Kind kind = Kind::kPut;
  BucketId bucket = 0;
  std::string key;  // kEraseRange: the lower bound
  std::optional<std::string> hi;
  ValueMark value;
};

struct Step {
  enum class Kind : uint8_t {
    kGet,       // key -> found, value
    kContains,  // key -> found
    kPut,
    kInsert,  // -> found: whether it was done
    kUpdate,  // -> found: whether it was done
    kErase,   // -> found: whether it was there
    kEraseRange,
    kRange,         // [key, hi), at most `limit` rows -> rows; `complete`: the end was reached without an error
    kCreateBucket,  // -> found: whether it was done (false: it was there)
    kDropBucket,    // -> found: whether it was there
    kExists,        // -> found
    kBuckets,       // -> rows, whose keys are the names
    kSavepoint,
    kRollbackTo,   // savepoint number `limit`, counted from 0
    kCursorFirst,  // the cursor's moves -> found, and rows[0] if it stands on a row. One cursor per bucket.
    kCursorLast,
    kCursorSeek,        // key
    kCursorSeekBefore,  // key
    kCursorNext,
    kCursorPrev,
    kStreamHead,  // -> offset: the first record; limit: the next one. `bucket` is the stream.
    kReadStream,  // from `offset`, `limit` bytes -> records, or not found: it was trimmed. `bucket` is the stream.
  };
  Kind kind = Kind::kGet;
  BucketId bucket = 0;
  bool found = false;
  bool complete = true;
  bool reversed = false;
  uint64_t limit = 0;
  uint64_t offset = 0;
  std::string key;
  std::optional<std::string> hi;
  ValueMark value;
  std::vector<Row> rows;
  std::vector<SeenRecord> records;
};

// What a projection must have applied, if the commit is there: a dropped one needs nothing.
struct ProjectionNeed {
  uint32_t projection = 0;  // ProjectionId
  uint64_t incarnation = 0;
  uint64_t position = 0;
};

struct TxnLog {
  uint64_t id = 0;  // unique; 0 for snapshots
  std::string who;  // for people
  uint64_t snapshot_csn = 0;
  bool serializable = false;
  bool deferred = false;  // its commit answers before it is durable
  // The snapshot is not known, only that it is not older than snapshot_csn: the log holds nothing but puts.
  bool blind = false;
  // Moments of the history (sim/history.h): before its snapshot was asked for; and, of what changed nothing, when it
  // was told something that everybody who asks later must be shown, too (0: it was not).
  uint64_t asked = 0;
  uint64_t shown = 0;
  uint64_t cut = 0;  // logs with the same number, but for 0, read one snapshot
  // Key of its row in the ledger, by which its survival is known. Empty: only its effects tell.
  std::string marker;
  std::vector<Step> steps;
  std::vector<Write> writes;
  std::vector<StreamWrite> stream_writes;
  std::vector<ProjectionBatch> batches;
  std::vector<ProjectionNeed> needs;
  // What the answer says: the offset of its first event, or the oldest record that a trim left.
  std::optional<uint64_t> told_offset;
  bool expects_wrongly = false;  // it must meet a conflict, but for others
  struct Savepoint {
    size_t writes = 0;
    size_t stream_writes = 0;
  };
  std::vector<Savepoint> savepoints;
  std::vector<uint64_t> savepoint_ids;  // the engine's names for them

  void put(BucketId bucket, std::string_view key, std::string_view value);
  void insert(BucketId bucket, std::string_view key, std::string_view value, bool done);
  void update(BucketId bucket, std::string_view key, std::string_view value, bool done);
  void erase(BucketId bucket, std::string_view key, bool found);
  void erase_range(BucketId bucket, std::string_view lo, std::optional<std::string_view> hi);
  void create_bucket(BucketId bucket, bool done);
  void drop_bucket(BucketId bucket, bool done);
  void get(BucketId bucket, std::string_view key, std::optional<std::string_view> value);
  void contains(BucketId bucket, std::string_view key, bool found);
  void exists(BucketId bucket, bool found);
  void append(StreamId stream, std::string_view event);
  void stream_write(StreamWrite::Kind kind, StreamId stream, uint64_t offset);
  // `first_offset`: or kUnknownOffset, where only the number of records was told.
  void stream_head(StreamId stream, uint64_t first_offset, uint64_t next_offset);
  void savepoint();
  void rollback_to(uint64_t savepoint);
  // It becomes no commit of its own.
  bool changes_nothing() const;

 private:
  Step& add(Step::Kind kind, BucketId bucket, std::string_view key);
  void write(Write::Kind kind, BucketId bucket, std::string_view key, std::string_view value);
};

}  // namespace holdfast::sim
