// Projections: tables that answer as of any position, made from a stream, or from numbered batches.
//
// A projection has tables, named by text or by number, and a *position*: how many batches were applied to it. Each
// batch has the position one above, and what it changes gets that position; what a key held before stays readable as of
// the positions before (a *version* holds in [created_at, deleted_at)), until prune() drops it.
//
// A projection that is made by follow() comes from a stream: the event at offset n is the batch of position n + 1. What
// is applied is not logged, since the stream can tell it again: after a crash the projection is where the last
// checkpoint was, consistent, and the next follow() applies the rest, every event exactly once. One that is made by
// apply() is logged, and a batch is as durable as any commit.
//
// Threads:  a Projection may be used from any number of threads; a ProjectionView, and every TableView, cursor and
//           range of it, belongs to the thread of its Snapshot, and ends with it.
// Lifetime: a view returned by TableView::get() lives until its Snapshot ends; one returned by a cursor or a range
//           until it moves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/flavor.h>
#include <holdfast/ids.h>
#include <holdfast/options.h>
#include <holdfast/result.h>
#include <holdfast/stream.h>

namespace holdfast {

constexpr uint32_t kProjectionNameBytesMax = 255;
constexpr uint32_t kTableNameBytesMax = 200;
constexpr uint32_t kPinNameBytesMax = 200;
// deleted_at of a version that its key holds still.
constexpr uint64_t kNeverDeleted = UINT64_MAX;

enum class TableId : uint64_t {};

// A table is named by text (1 to kTableNameBytesMax bytes) or by number; 7 and "7" are two tables.
class TableName {
 public:
  TableName(std::string_view name);  // NOLINT(google-explicit-constructor): a name is written as text
  TableName(const char* name) : TableName(std::string_view(name)) {}         // NOLINT(google-explicit-constructor)
  TableName(const std::string& name) : TableName(std::string_view(name)) {}  // NOLINT(google-explicit-constructor)
  TableName(TableId id);                                                     // NOLINT(google-explicit-constructor)
  // nullopt: it is named by text.
  std::optional<TableId> id() const;
  // For people: the text, or "#7".
  std::string to_string() const;
  // As it is stored: 'n' and the text, or 'i' and the number. from_stored() takes the same back; nullopt: it is
  // neither.
  const std::string& stored() const { return stored_; }
  static std::optional<TableName> from_stored(std::string_view stored);
  friend bool operator==(const TableName&, const TableName&) = default;

 private:
  std::string stored_;
};

// What one position changes. Of two changes of one key the later one counts.
class WriteBatch {
 public:
  struct Write {
    TableName table;
    std::string key;
    std::optional<std::string> value;  // nullopt: erased
  };
  // `chain_hash`: of the stream at this position (of the event at offset position - 1); zeros where there is none.
  explicit WriteBatch(uint64_t position, const Hash& chain_hash = {}) : position_(position), chain_hash_(chain_hash) {}
  WriteBatch& put(const TableName& table, std::string_view key, std::string_view value);
  WriteBatch& erase(const TableName& table, std::string_view key);

  uint64_t position() const { return position_; }
  const Hash& chain_hash() const { return chain_hash_; }
  const std::vector<Write>& writes() const { return writes_; }

 private:
  uint64_t position_;
  Hash chain_hash_;
  std::vector<Write> writes_;
};

// Says what an event changes; the batch has the event's position. It must depend on nothing but the event: a rebuild
// runs it again. Its error ends follow(), and nothing of the event is applied.
using Reducer = std::function<Result<void>(const StreamRecord& event, WriteBatch& batch)>;

struct TableRow {
  std::string_view key;
  std::string_view value;
  uint64_t created_at = 0;
};
struct TableVersion {
  uint64_t created_at = 0;
  uint64_t deleted_at = 0;
  std::string_view value;
};
// A key that is not the same at two positions; nullopt: it was not there.
struct TableChange {
  std::string_view key;
  std::optional<TableVersion> before;
  std::optional<TableVersion> after;
};

struct ProjectionStats {
  std::string name;
  std::string stream;  // empty: it is fed by apply()
  uint64_t applied_position = 0;
  uint64_t floor = 0;  // the oldest position that can be read
  uint64_t lag = 0;    // events of the stream that are not applied
  uint32_t generation = 0;
  bool rebuilding = false;  // a rebuild is under way, or was cut off
  uint64_t tables = 0;
};

struct ProjectionPin {
  std::string name;
  uint64_t position = 0;
};

struct FollowOptions {
  // Ends behind this position, or when everything is applied.
  uint64_t until = UINT64_MAX;
  // Events that are applied in one commit, at most; from 1.
  uint32_t batch_events = 1024;
  // After each commit: position, and that of the newest event. False: stop; what is applied stays.
  std::function<bool(uint64_t position, uint64_t newest)> progress = {};
};
struct FollowReport {
  uint64_t from = 0, to = 0;  // positions: what is applied now are the events (from, to]
  bool stopped = false;       // by `progress`
};
struct RebuildReport {
  uint64_t position = 0;  // of the new tables
  // Of all versions that can be read up to the smaller of the old and the new position, in the old and the new tables.
  Hash content_before{}, content_after{};
  bool stopped = false;  // by `progress`: the old tables stay
  bool same() const { return content_before == content_after; }
};
struct PruneReport {
  uint64_t floor = 0;     // below `before`, if a pin holds it
  uint64_t versions = 0;  // dropped
  bool stopped = false;
};
struct PruneOptions {
  // Versions that were looked at. False: stop; the floor stays, and what is left is dropped by the next prune().
  std::function<bool(uint64_t versions)> progress = {};
};

inline namespace HOLDFAST_FLAVOR {

class DatabaseCore;     // private
class ReadState;        // private
struct ProjectionSlot;  // private
struct TableSlot;       // private
class OpenTableCursor;  // private
class FollowerCore;     // private

// Moves over the rows of a table as of one position, in key order, both ways. Starts before any row; every move says
// whether it stands on a row afterwards, and one that ran off an end needs first(), last() or a seek to go on.
class TableCursor {
 public:
  TableCursor(TableCursor&&) noexcept;
  TableCursor& operator=(TableCursor&&) noexcept;
  ~TableCursor();

  bool first();
  bool last();
  bool seek(std::string_view key);         // the first row whose key is >= key
  bool seek_before(std::string_view key);  // the last row whose key is < key
  bool next();
  bool prev();
  bool valid() const;
  // Pre: valid(). The views live until the cursor moves. If the value cannot be read, it is empty, the cursor is
  // valid() no longer, and status() says why.
  TableRow row();
  // The error that ended the iteration, if one did.
  Result<void> status() const;

 private:
  friend class TableView;
  friend class TableRange;
  explicit TableCursor(std::unique_ptr<OpenTableCursor> core);
  std::unique_ptr<OpenTableCursor> core_;
};

// Rows of a table between two keys, for range-for, forwards or backwards.
class TableRange {
 public:
  class Iterator {
   public:
    using value_type = TableRow;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;
    TableRow operator*() const { return range_->current_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.done(); }

   private:
    friend class TableRange;
    bool done() const { return range_->done_; }
    explicit Iterator(TableRange* range) : range_(range) {}
    TableRange* range_;
  };

  Iterator begin();
  std::default_sentinel_t end() const { return {}; }
  // The same rows, last first. Call it before begin().
  TableRange reversed() &&;
  // At most `rows` rows. Call it before begin().
  TableRange limited(uint64_t rows) &&;
  Result<void> status() const { return cursor_.status(); }

 private:
  friend class TableView;
  TableRange(TableCursor cursor, std::string_view lo, std::optional<std::string_view> hi);
  void take(bool moved);
  TableCursor cursor_;
  std::string lo_;
  std::optional<std::string> hi_;
  TableRow current_;
  uint64_t rows_left_ = UINT64_MAX;
  bool reversed_ = false;
  bool done_ = false;
};

// The versions of one key, the newest first: those that can still be asked for.
class TableHistory {
 public:
  TableHistory(TableHistory&&) noexcept;
  TableHistory& operator=(TableHistory&&) noexcept;
  ~TableHistory();
  // The next one; nullopt: there are no more. Its views live until the next call. Errors: io, corruption.
  Result<std::optional<TableVersion>> next();

 private:
  friend class TableView;
  explicit TableHistory(std::unique_ptr<OpenTableCursor> core);
  std::unique_ptr<OpenTableCursor> core_;
};

// The keys of a table that are not the same at two positions, in order. Reads the whole table.
class TableDiff {
 public:
  TableDiff(TableDiff&&) noexcept;
  TableDiff& operator=(TableDiff&&) noexcept;
  ~TableDiff();
  // The next one; nullopt: there are no more. Its views live until the next call. Errors: io, corruption.
  Result<std::optional<TableChange>> next();

 private:
  friend class TableView;
  explicit TableDiff(std::unique_ptr<OpenTableCursor> core);
  std::unique_ptr<OpenTableCursor> core_;
};

// One table as a Snapshot sees it. A table that nothing was put into is empty.
//
// Errors of all reads: invalid_argument (a name or key beyond its limit, a position that was not applied yet),
// not_found (no such projection; a position below the floor, which is named), io, corruption.
class TableView {
 public:
  // nullopt: no such key.
  Result<std::optional<std::string_view>> get(std::string_view key) const;
  // The same, copied into `value` (its capacity is reused), and no page is kept for it. False: no such key.
  Result<bool> get(std::string_view key, std::string& value) const;
  // What the key held at `position`, into `value`. False: nothing.
  Result<bool> get_at(std::string_view key, uint64_t position, std::string& value) const;
  Result<std::optional<std::string>> get_at(std::string_view key, uint64_t position) const;
  // Keys in [lo, hi); without hi to the end of the table.
  TableRange scan(std::string_view lo = {}, std::optional<std::string_view> hi = std::nullopt) const;
  TableRange scan_at(uint64_t position, std::string_view lo = {},
                     std::optional<std::string_view> hi = std::nullopt) const;
  TableCursor cursor() const;
  TableCursor cursor_at(uint64_t position) const;
  Result<TableHistory> history(std::string_view key) const;
  // Pre: none; errors also: invalid_argument (from > to).
  Result<TableDiff> diff(uint64_t from, uint64_t to) const;

 private:
  friend class ProjectionView;
  TableView(ReadState* state, ProjectionSlot* projection, TableSlot* table)
      : state_(state), projection_(projection), table_(table) {}
  ReadState* state_;
  ProjectionSlot* projection_;
  TableSlot* table_;
};

// A projection as a Snapshot sees it. Errors of all: not_found (no such projection), invalid_argument (the name), io,
// corruption.
class ProjectionView {
 public:
  // 0: nothing was applied.
  Result<uint64_t> applied_position() const;
  // Chain hash of the stream there.
  Result<Hash> applied_hash() const;
  // The oldest position that can be read.
  Result<uint64_t> floor() const;
  TableView table(const TableName& name) const;
  Result<std::vector<TableName>> tables() const;
  Result<ProjectionStats> stats() const;
  // SHA-256 over all tables: every version that can be read at some position in [from, to], with its bounds, in order.
  // Two projections with the same content have the same one. Reads everything.
  Result<Hash> content_hash(uint64_t from, uint64_t to) const;

 private:
  friend class Projection;
  friend class Snapshot;
  ProjectionView(ReadState* state, ProjectionSlot* slot) : state_(state), slot_(slot) {}
  ReadState* state_;
  ProjectionSlot* slot_;
};

// follow() in a thread of its own, as long as it lives. Must end before its Database.
class Follower {
 public:
  Follower(Follower&&) noexcept;
  Follower& operator=(Follower&&) noexcept;
  ~Follower();  // stop()
  // Ends after the commit that is under way, and says why it ended before, if it did: an error of follow().
  Result<void> stop();
  // The same without ending it: success while it runs.
  Result<void> status() const;

 private:
  friend class Projection;
  explicit Follower(std::unique_ptr<FollowerCore> core);
  std::unique_ptr<FollowerCore> core_;
};

// A projection of a Database, by name: each call is a transaction or a snapshot of its own.
class Projection {
 public:
  // Applies one batch, all or nothing, together with position and hash; makes the projection if it is not there.
  // Errors: conflict (the position is not the next one, which is named), and those of Transaction::commit.
  Result<Commit> apply(const WriteBatch& batch, Durability durability = Durability::kDurable);
  // The same with several batches of positions that follow each other, in one commit.
  Result<Commit> apply(std::span<const WriteBatch> batches, Durability durability = Durability::kDurable);

  // Applies what the stream has and the projection has not, in commits of several events; each event is held against
  // the chain before. Makes the projection if it is not there. Errors: those of `reducer`; corruption (the stream is
  // not the one that was applied, says where they part; or it is damaged); not_found (events that are not applied were
  // trimmed), invalid_argument (the projection is fed by another stream, or by apply()); conflict (somebody else feeds
  // it, all the time); those of Transaction::commit.
  Result<FollowReport> follow(std::string_view stream, const Reducer& reducer, const FollowOptions& options = {});
  // Goes on with it for ever, in a thread of its own. Errors: unsupported (the database was opened without background
  // threads), io.
  Result<Follower> follow_in_background(std::string_view stream, Reducer reducer, FollowOptions options = {});
  // Makes all tables anew from the first event on, beside the old ones, which are read meanwhile, and then puts them in
  // their place at once. One that was cut off begins again. Errors: those of follow(); not_found also if the stream was
  // trimmed: the old tables stay.
  Result<RebuildReport> rebuild(const Reducer& reducer, const FollowOptions& options = {});

  Result<uint64_t> applied_position() const;
  Result<Hash> applied_hash() const;
  Result<std::optional<std::string>> get(const TableName& table, std::string_view key) const;
  Result<std::optional<std::string>> get_at(const TableName& table, std::string_view key, uint64_t position) const;
  Result<ProjectionStats> stats() const;

  // Drops the versions that can be read only below `before`, or below the lowest pin: that is the floor from now on.
  // In many commits; who is cut off goes on by asking again. Where the projection comes from a stream, a crash may take
  // the floor back to what the last checkpoint had, with the versions above it. Errors: invalid_argument (behind the
  // applied position), those of commit.
  Result<PruneReport> prune(uint64_t before, const PruneOptions& options = {});
  // Nothing that can be read at `position` is dropped until the pin is. After a crash, what was applied up to there may
  // have to be applied again first. A pin that is there already is moved. Errors:
  // not_found (below the floor), invalid_argument (the name, a position that was not applied yet), those of commit.
  Result<void> pin(std::string_view name, uint64_t position);
  // Says whether it was there.
  Result<bool> unpin(std::string_view name);
  Result<std::vector<ProjectionPin>> pins() const;

  // Empties a table, with all its versions, and gives its pages back; a rebuild makes it again. Says whether it held
  // anything. Errors: those of commit and checkpoint.
  Result<bool> purge_table(const TableName& table);
  // Removes the projection with all its tables. Errors: not_found, those of commit.
  Result<void> drop();

 private:
  friend class Database;
  Projection(DatabaseCore* core, std::string_view name) : core_(core), name_(name) {}
  DatabaseCore* core_;
  std::string name_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
