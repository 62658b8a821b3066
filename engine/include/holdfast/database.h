// Database, Snapshot, Transaction and what they hand out: the whole public API of the engine.
//
// Keys, values and bucket names are bytes; a std::string_view holds them. Keys have 1 to key_bytes_max(page size) bytes
// and order bytewise (memcmp), values 0 to kValueBytesMax, bucket names 1 to kBucketNameBytesMax.
//
// Threads: a Database may be used from any number of threads. A Snapshot, a Transaction, and every Bucket, Range and
// Cursor that came from it, belong to one thread at a time; Snapshot::clone() gives another thread the same state.
// Readers never block, and are never blocked by, writers.
//
// Lifetime: a view returned by get() lives until its Snapshot or Transaction ends (in a Transaction: or until the key
// is written again); a view returned by a Range or Cursor until it moves. A Database outlives everything that came from
// it.
//
// Errors: everything that can fail returns a Result. An error met while iterating ends the iteration; it is kept in the
// Cursor or Range (status()), and in its Snapshot or Transaction, where view() reports it and commit() refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <holdfast/flavor.h>
#include <holdfast/ids.h>
#include <holdfast/options.h>
#include <holdfast/projection.h>
#include <holdfast/result.h>
#include <holdfast/stream.h>

namespace holdfast {

class PageReader;  // private

inline namespace HOLDFAST_FLAVOR {

class Database;
class DatabaseCore;     // private
class ReadState;        // private
class TransactionCore;  // private
class CursorCore;       // private
struct BucketSlot;      // private

struct KeyValue {
  std::string_view key;
  std::string_view value;
};

// Moves over the rows of a bucket in key order, in both directions. Starts before any row, so that next() goes to the
// first; every move says whether it stands on a row afterwards, and one that ran off an end needs first(), last() or a
// seek to go on. In a Transaction it sees the transaction's own writes, also those made after it was created. It ends
// with its Snapshot or Transaction.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  bool first();
  bool last();
  bool seek(std::string_view key);         // the first row whose key is >= key
  bool seek_before(std::string_view key);  // the last row whose key is < key
  bool next();
  bool prev();
  bool valid() const;
  // Pre: valid(). The views live until the cursor moves. A large value is read when it is asked for; if that fails the
  // view is empty, the cursor is valid() no longer, and status() says why.
  std::string_view key() const;
  std::string_view value() const;
  // The error that ended the iteration, if one did.
  Result<void> status() const;

 private:
  friend class Bucket;
  friend class BucketView;
  friend class Range;
  explicit Cursor(std::unique_ptr<CursorCore> core);
  std::unique_ptr<CursorCore> core_;
};

// Rows of a bucket between two keys, for range-for, forwards or backwards.
class Range {
 public:
  class Iterator {
   public:
    using value_type = KeyValue;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;
    KeyValue operator*() const;
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.done(); }

   private:
    friend class Range;
    explicit Iterator(Range* range) : range_(range) {}
    bool done() const;
    Range* range_;
  };

  Range(Range&&) noexcept;
  Range& operator=(Range&&) noexcept;
  ~Range();

  Iterator begin();
  std::default_sentinel_t end() const { return {}; }
  // The same rows, last first. Call it before begin().
  Range reversed() &&;
  // At most `rows` rows. Call it before begin().
  Range limited(uint64_t rows) &&;
  // The error that ended the iteration, if one did.
  Result<void> status() const;

 private:
  friend class Bucket;
  friend class BucketView;
  Range(Cursor cursor, std::string lo, std::optional<std::string> hi);
  void advance();
  void take(bool moved);
  Cursor cursor_;
  std::string lo_;
  std::optional<std::string> hi_;
  KeyValue current_;
  uint64_t rows_left_;
  bool reversed_ = false;
  bool done_ = false;
};

// One bucket as a Snapshot sees it. A bucket that is not there answers not_found to everything.
class BucketView {
 public:
  // nullopt: no such key. Errors: invalid_argument, not_found (the bucket), io, corruption.
  Result<std::optional<std::string_view>> get(std::string_view key) const;
  // The same, copied into `value` (its capacity is reused), and no page is kept for it. False: no such key.
  Result<bool> get(std::string_view key, std::string& value) const;
  Result<bool> contains(std::string_view key) const;
  // Keys in [lo, hi); without hi to the end of the bucket.
  Range range(std::string_view lo, std::optional<std::string_view> hi = std::nullopt) const;
  // Keys that start with `prefix`.
  Range prefix(std::string_view prefix) const;
  Range all() const;
  Cursor cursor() const;
  bool exists() const;

 private:
  friend class Snapshot;
  BucketView(ReadState* state, BucketSlot* slot) : state_(state), slot_(slot) {}
  ReadState* state_;
  BucketSlot* slot_;  // of the ReadState: its root is looked up once per Snapshot
};

// The database after one commit, unchanging. What it shows is durable, but for what was committed deferred. Costs no
// lock; an old one keeps only the pages that it alone still needs.
class Snapshot {
 public:
  Snapshot(Snapshot&&) noexcept;
  Snapshot& operator=(Snapshot&&) noexcept;
  ~Snapshot();

  Csn csn() const;
  BucketView bucket(std::string_view name) const;
  // Names of all buckets, in order.
  Result<std::vector<std::string>> buckets() const;
  ProjectionView projection(std::string_view name) const;
  // Names of all projections, in order.
  Result<std::vector<std::string>> projections() const;
  StreamView stream(std::string_view name) const;
  // Names of all streams, in order.
  Result<std::vector<std::string>> streams() const;
  // Reads a row of the tree per stream and per segment, and no record.
  Result<StreamTotals> stream_totals() const;
  // The same state, for another thread.
  Snapshot clone() const;
  // The first error that any iteration over this snapshot met.
  Result<void> status() const;

 private:
  friend class Database;
  explicit Snapshot(std::unique_ptr<ReadState> state);
  std::unique_ptr<ReadState> state_;
};

// One bucket in a transaction: reads see the snapshot and the transaction's own writes. Created by its first write.
// A get() or iteration on a bucket that is not there sees an empty bucket.
class Bucket {
 public:
  // Errors of all writes: invalid_argument (which names the limit; nothing is changed).
  Result<void> put(std::string_view key, std::string_view value);
  // Only if the key is absent; says whether it was.
  Result<bool> insert(std::string_view key, std::string_view value);
  // Only if the key is present; says whether it was.
  Result<bool> update(std::string_view key, std::string_view value);
  // Says whether the key was present.
  Result<bool> erase(std::string_view key);
  // Removes all keys in [lo, hi); without hi to the end of the bucket.
  Result<void> erase_range(std::string_view lo, std::optional<std::string_view> hi = std::nullopt);

  Result<std::optional<std::string_view>> get(std::string_view key) const;
  Result<bool> contains(std::string_view key) const;
  Range range(std::string_view lo, std::optional<std::string_view> hi = std::nullopt) const;
  Range prefix(std::string_view prefix) const;
  Range all() const;
  Cursor cursor() const;

 private:
  friend class Transaction;
  Bucket(TransactionCore* core, uint32_t bucket_index) : core_(core), bucket_index_(bucket_index) {}
  TransactionCore* core_;
  uint32_t bucket_index_;
};

// Names a state inside a transaction to which it can return.
enum class Savepoint : uint64_t {};

// Reads one snapshot, collects writes in memory, and commits them all or none. Destroyed before commit: rolled back.
// Its snapshot is the newest commit, durable or not (so that it need not lose against one that is on its way): what it
// reads is certain when its commit() has answered. A Snapshot shows less, and is certain at once.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  // The snapshot that this transaction reads.
  Csn snapshot_csn() const;
  // A name that breaks a limit makes every operation on the bucket answer invalid_argument.
  Bucket bucket(std::string_view name);
  // Errors: already_exists, invalid_argument.
  Result<Bucket> create_bucket(std::string_view name);
  // Errors: not_found, invalid_argument.
  Result<void> drop_bucket(std::string_view name);
  Result<std::vector<std::string>> buckets() const;
  // A name that breaks a limit makes every operation on the stream answer invalid_argument.
  StreamWriter stream(std::string_view name);

  Savepoint savepoint();
  // Undoes every write since `savepoint`, which stays valid; later savepoints end. Errors: invalid_argument.
  Result<void> rollback_to(Savepoint savepoint);

  // Durable when it returns, and so is everything that the transaction has read; deferred: see Durability. A
  // transaction without writes succeeds with its snapshot's csn, or, if it expects something of streams, with that of
  // the newest commit. Errors: conflict, no_space, read_only (nothing is changed); outcome_unknown; io or corruption,
  // met by an iteration of it or by the commit itself (nothing is changed). Whatever it answers, it is over.
  Result<Commit> commit(Durability durability = Durability::kDurable);
  void rollback();

 private:
  friend class Database;
  explicit Transaction(std::unique_ptr<TransactionCore> core);
  std::unique_ptr<TransactionCore> core_;
};

// A state that stays readable until unpin(), also after a reopen.
struct Pin {
  std::string name;
  Csn csn{};
  uint64_t wall_ns = 0;         // when it was pinned, by the wall clock
  uint64_t retained_bytes = 0;  // of pages that the newest state does not need; several pins may need the same
};

// What check() found. `damage` is empty for a sound database.
struct CheckReport {
  struct Damage {
    std::string file;
    uint64_t offset = 0;
    std::string what;
  };
  uint64_t page_count = 0;  // of the tree file; the sum of the five below
  uint64_t meta_pages = 0;
  uint64_t reachable_pages = 0;  // from the newest state, or from a pinned one
  uint64_t free_pages = 0;
  uint64_t awaiting_pages = 0;  // dead, kept for a snapshot that is alive
  uint64_t damaged_pages = 0;
  uint64_t pinned_pages = 0;  // of the reachable ones: from pinned states alone
  uint64_t buckets = 0;
  uint64_t rows = 0;           // of buckets
  uint64_t payload_bytes = 0;  // keys and values
  uint64_t streams = 0;
  uint64_t records = 0;  // of streams
  uint64_t projections = 0;
  uint64_t tables = 0;    // of projections
  uint64_t versions = 0;  // in tables of projections, current and superseded; no rows of buckets
  std::vector<Damage> damage;
  bool stopped = false;  // by `progress`: the report covers only what was read until then
};

// What opening a database found in its log, and did.
struct RecoveryReport {
  Csn checkpoint_csn{};  // of the tree
  Csn last_csn{};        // after the replay
  uint64_t replayed_commits = 0;
  uint64_t replayed_bytes = 0;          // of redo
  uint64_t cut_records = 0;             // behind a gap in the csns; never acknowledged, unless `damage` says so
  std::string damage;                   // accepted by Database::recover; empty if there was none
  Csn first_lost{}, last_lost{};        // csns that are lost, or may be, if there was damage
  std::vector<std::string> kept_files;  // copies of the log as it was, if there was damage
};

struct Stats {
  Csn csn{};
  Csn durable_csn{};
  uint32_t page_bytes = 0;
  uint64_t file_bytes = 0;
  uint64_t page_count = 0;
  uint64_t free_pages = 0;
  uint64_t awaiting_pages = 0;
  uint64_t cache_bytes = 0;  // in use now
  uint64_t cache_hits = 0, cache_misses = 0, cache_evictions = 0;
  uint64_t commits = 0, conflicts = 0;                       // since open
  uint64_t pages_written = 0, bytes_written = 0, syncs = 0;  // since open
  uint16_t lanes = 0;
  uint64_t wal_bytes = 0;                                            // that no checkpoint has made superfluous
  uint64_t wal_bytes_written = 0, wal_flushes = 0, checkpoints = 0;  // since open
  uint64_t stream_tail_bytes = 0;                                    // records in memory that are in no file yet
  uint64_t stream_bytes_written = 0;                                 // to files of streams by checkpoints, since open
  RecoveryReport recovery;                                           // of this open
  uint64_t live_snapshots = 0;
  Csn oldest_snapshot{};
  std::string read_only_reason;  // why the database takes no writes; empty if it does
};

class Database {
 public:
  // Opens, or creates, the database in the directory `path`.
  // Durable when it returns: everything that a reader can see.
  // Errors: not_found, busy (names the owner's pid), corruption, unsupported, invalid_argument, io, no_space.
  static Result<Database> open(std::string_view path, const Options& options = {});

  // Opens a database whose log is damaged, which open() refuses, without the acknowledged commits that this costs, and
  // closes it. Keeps a copy of the log as it was. Does no harm to a sound one. Errors: those of open().
  static Result<RecoveryReport> recover(std::string_view path, const Options& options = {});

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();  // close()

  // Runs `body` in a transaction, commits if it returns success, rolls back if it returns an error (or throws).
  // Runs it again, on a newer snapshot, when the commit meets a conflict, kExecAttemptsMax times in all. Errors: those
  // of `body` and of commit().
  Result<Commit> exec(const std::function<Result<void>(Transaction&)>& body, Isolation isolation = Isolation::kSnapshot,
                      Durability durability = Durability::kDurable);
  Result<Commit> exec(std::string_view bucket, const std::function<Result<void>(Bucket&)>& body,
                      Isolation isolation = Isolation::kSnapshot, Durability durability = Durability::kDurable);
  // Runs `body` on a snapshot. Errors: those of `body`, and the first error that an iteration met.
  Result<void> view(const std::function<Result<void>(const Snapshot&)>& body) const;
  Result<void> view(std::string_view bucket, const std::function<Result<void>(const BucketView&)>& body) const;

  Transaction begin(Isolation isolation = Isolation::kSnapshot);
  Snapshot snapshot() const;

  // Keeps the newest state readable, until unpin(): its pages stay, also after a reopen. Makes a checkpoint; commits
  // wait meanwhile. Streams are not kept: of their records, those are readable that were not trimmed or redacted since.
  // Errors: already_exists, invalid_argument (the name, 1 to kPinNameBytesMax bytes), those of checkpoint().
  Result<Pin> pin(std::string_view name);
  // Gives back what only this pin kept, and says whether it was there. Reads the branches of the newest state and of
  // every pinned one; commits wait meanwhile. Snapshots of the pinned state go on. Errors: as of pin().
  Result<bool> unpin(std::string_view name);
  // By name. Reads the branches of the newest state and of every pinned one, to count what they retain.
  Result<std::vector<Pin>> pins() const;
  // The state that was pinned under this name; the state after this commit, if it is pinned or the newest; the newest
  // pinned state that is at least as old as this time. Errors: not_found (says which commits are kept).
  Result<Snapshot> as_of(std::string_view pin) const;
  Result<Snapshot> as_of(Csn csn) const;
  Result<Snapshot> as_of_time(uint64_t wall_ns) const;

  // Single operations, each a transaction of its own.
  Result<std::optional<std::string>> get(std::string_view bucket, std::string_view key) const;
  Result<Commit> put(std::string_view bucket, std::string_view key, std::string_view value,
                     Durability durability = Durability::kDurable);
  Result<bool> erase(std::string_view bucket, std::string_view key);
  // Lives as long as the Database. A stream that is not there is empty, and comes to be with its first event.
  Stream stream(std::string_view name);
  // The same; a projection comes to be with the first batch that is applied, or event that is followed.
  Projection projection(std::string_view name);

  // No csn up to it can be lost any more.
  Csn durable_csn() const;
  // Waits until the csn of a deferred commit is durable. Errors: outcome_unknown; invalid_argument (no such commit).
  Result<void> wait_durable(Csn csn);
  // Calls `done` when it is, or never will be (outcome_unknown): at once, or later on a thread that commits or of the
  // engine's own. It must be quick, and must not use the database. Errors: invalid_argument; then it is not called.
  Result<void> when_durable(Csn csn, std::function<void(Result<void>)> done);
  // Everything that was committed before is in the tree when it returns, and the log that held it is free. Readers and
  // commits go on meanwhile. Errors: no_space, read_only, outcome_unknown, corruption.
  Result<void> checkpoint();

  // Makes a checkpoint, then reads every page and the live log, and accounts for each page. Writers wait meanwhile,
  // readers do not. `progress` (pages done, pages in
  // all) returns false to stop. Errors: io, those of
  // checkpoint(); damage is not an error but a finding.
  Result<CheckReport> check(const std::function<bool(uint64_t done, uint64_t total)>& progress = {});
  Result<Stats> stats() const;
  // Waits for commits in flight, makes deferred ones durable and a last checkpoint, and releases the lock. Closing
  // again does nothing. Errors: busy (a Snapshot or Transaction is alive; the database stays open; the destructor,
  // which cannot answer, aborts the program then); outcome_unknown (deferred commits may be lost; it is closed).
  Result<void> close();

 private:
  explicit Database(std::unique_ptr<DatabaseCore> core);
  void let_go();
  Result<Snapshot> snapshot_of(Result<PageReader> reader) const;
  std::unique_ptr<DatabaseCore> core_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
