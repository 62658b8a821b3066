// Streams: append-only logs of events that nobody can change unnoticed, in the same commits as the buckets.
//
// An event is a payload of 0 to kEventBytesMax bytes. It becomes a record, named by its offset: the position in its
// stream, from 0, without gaps. Each record holds the chain hash of the one before it, and its own chain hash covers
// that, its offset, its stream, its database, and the SHA-256 of its payload; beside the chain stands a Merkle tree
// over the same hashes (RFC 6962), which gives proofs. `format/event_leaf.h` says exactly what is hashed, with an
// example.
//
// What is tamper-evident, and against whom: the newest chain hash, and one for every 256 records, are kept in the tree,
// apart from the records. Whoever changes a segment file, and all checksums and hashes in it, still disagrees with
// those. Whoever can rewrite every file of the database can make a consistent other history; that disagrees with any
// chain hash or tree head that you kept elsewhere.
//
// Threads:  a Stream may be used from any number of threads; a StreamView and a StreamWriter belong to the thread of
//           their Snapshot or Transaction, and end with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/flavor.h>
#include <holdfast/ids.h>
#include <holdfast/options.h>
#include <holdfast/result.h>

namespace holdfast {

using Hash = std::array<std::byte, 32>;

// Largest event, in bytes (16 MiB - 1).
constexpr uint32_t kEventBytesMax = (uint32_t{1} << 24) - 1;
constexpr uint32_t kStreamNameBytesMax = 255;

// How payloads are stored; recorded per record, and kept only where it made the payload smaller.
enum class Codec : uint8_t { kNone, kLz4, kZstd };

// How far a stream reaches.
struct StreamHead {
  uint64_t first_offset = 0;  // the oldest record that is there; not 0 once something was trimmed
  uint64_t next_offset = 0;   // of the record that will be appended next
  Hash chain_hash{};          // of the last record; zeros if there has never been one
};

// What the streams of a database hold in all.
struct StreamTotals {
  uint64_t streams = 0;
  uint64_t records = 0;     // that are there: not the trimmed ones
  uint64_t files = 0;       // segments
  uint64_t file_bytes = 0;  // of what they hold, the part that is in memory still included
};

// A stream as a Merkle tree: its size and root. Whoever keeps one can prove later that the stream only grew.
struct TreeHead {
  uint64_t size = 0;
  Hash root{};
  friend bool operator==(const TreeHead&, const TreeHead&) = default;
};

// What chain and tree hash of a record: its offset, the hash before it, length and SHA-256 of its payload, and whose it
// is (format/event_leaf.h). SHA-256 of a zero byte and this is its chain hash. Redaction does not change it.
using RecordLeaf = std::array<std::byte, 117>;

struct StreamRecord {
  uint64_t offset = 0;
  Hash prev_hash{};
  bool redacted = false;
  uint32_t payload_bytes = 0;  // of the event, also if it was redacted
  std::string payload;         // empty if it was redacted
};

struct Appended {
  Csn csn{};
  uint64_t first_offset = 0;  // of the first event
  uint64_t next_offset = 0;   // behind the last one
};

// What is wrong with a stream.
enum class Tamper : uint8_t {
  kChanged,     // a record is not the one that was appended
  kRemoved,     // records are missing between two that are there
  kReordered,   // a record stands where another belongs
  kTruncated,   // records at the end are missing
  kForked,      // from here on it is a consistent history, but not the one that the head, or the kept hash, speaks of
  kForeign,     // a record or a segment of another stream, or of another database
  kUnreadable,  // damaged: no record can be read here
};
// "changed", "removed", ...
std::string_view tamper_name(Tamper tamper);

struct VerifyReport {
  uint64_t from = 0, to = 0;  // offsets that were looked at
  uint64_t records = 0;
  uint64_t redacted = 0;
  uint64_t payload_bytes = 0;
  bool stopped = false;  // by the progress function
  // The first place that is wrong, if one is.
  struct Finding {
    uint64_t offset = 0;
    Tamper kind{};
    std::string file;
    uint64_t position = 0;
    std::string what;
  };
  std::optional<Finding> finding;
  bool sound() const { return !finding && !stopped; }
};

struct VerifyOptions {
  uint64_t from = 0;         // trimmed records are passed over
  uint64_t to = UINT64_MAX;  // behind the last one
  // What you kept: the stream must pass through it. A chain hash with the offset behind its record, or a tree head.
  std::optional<StreamHead> trusted_head = std::nullopt;
  std::optional<TreeHead> trusted_tree = std::nullopt;
  uint32_t threads = 1;  // at most kVerifyThreadsMax
  // Records done, records in all; false: stop. Called from the thread that asked.
  std::function<bool(uint64_t done, uint64_t total)> progress = {};
};
constexpr uint32_t kVerifyThreadsMax = 64;

struct CompactOptions {
  // Store every payload anew with this codec; nothing: as it is.
  std::optional<Codec> codec = std::nullopt;
  // Records done, records in all, after each file; false: stop. What was done stays done.
  std::function<bool(uint64_t done, uint64_t total)> progress = {};
};
struct TrimReport {
  uint64_t first_offset = 0;  // the oldest that is left
  std::optional<Csn> commit;  // nothing: there was nothing to drop
};
struct CompactReport {
  uint64_t segments_before = 0, segments_after = 0;
  uint64_t bytes_before = 0, bytes_after = 0;  // of the files that were written anew
  std::vector<Csn> commits;                    // one for each of them
  bool stopped = false;
};

inline namespace HOLDFAST_FLAVOR {

class DatabaseCore;     // private
class ReadState;        // private
class TransactionCore;  // private

// A stream as a Snapshot sees it. One that is not there is empty.
class StreamView {
 public:
  // Errors of all: invalid_argument (the name), io, corruption.
  Result<StreamHead> head() const;
  // Records from `from` on, until their payloads have `max_bytes` bytes or there are no more; at least one, if there is
  // one. Errors: not_found (`from` was trimmed; names the floor), invalid_argument (behind the head).
  Result<std::vector<StreamRecord>> read(uint64_t from, uint64_t max_bytes) const;
  Result<TreeHead> tree_head() const;
  // Damage is not an error but a finding.
  Result<VerifyReport> verify(const VerifyOptions& options = {}) const;
  // The hashes that prove that the record is in the tree of the first `tree_size` records (RFC 6962 section 2.1.1).
  // Errors: invalid_argument, not_found (trimmed).
  Result<std::vector<Hash>> prove_inclusion(uint64_t offset, uint64_t tree_size) const;
  // The hashes that prove that the tree of `new_size` records begins with that of `old_size` (section 2.1.2).
  Result<std::vector<Hash>> prove_consistency(uint64_t old_size, uint64_t new_size) const;
  // The tree as it was when the stream had `size` records. Errors: invalid_argument (behind the head), not_found (what
  // it takes was trimmed).
  Result<TreeHead> tree_head_at(uint64_t size) const;
  // The hash over the records [index * 2^level, (index + 1) * 2^level), which are all there: what proofs and tiles are
  // made of. Quick where level is a multiple of 8; else it is computed from those, or from up to 256 records. Errors:
  // invalid_argument (they reach behind the head), not_found (trimmed).
  Result<Hash> subtree(uint8_t level, uint64_t index) const;
  // The leaves of the records from `from` on: `count`, or as many as there are; each is held against the chain. Reads
  // and hashes the payloads. Errors: not_found (trimmed), invalid_argument (behind the head); corruption, also if a
  // record is not the one that was appended.
  Result<std::vector<RecordLeaf>> leaves(uint64_t from, uint64_t count) const;

 private:
  friend class Snapshot;
  friend class Stream;
  StreamView(ReadState* state, std::string_view name) : state_(state), name_(name) {}
  ReadState* state_;
  std::string name_;
};

// A stream in a transaction. Created by its first event; events get their offsets when the transaction commits.
class StreamWriter {
 public:
  // Errors: invalid_argument (which names the limit; nothing is changed).
  Result<void> append(std::string_view event, Codec codec = Codec::kNone);
  // The commit, even without writes, answers conflict (and names the head) unless the stream then has so many records.
  Result<void> expect(uint64_t next_offset);
  // As the transaction's snapshot has it, without its own events. Guards the head under Isolation::kSerializable.
  Result<StreamHead> head() const;

 private:
  friend class Transaction;
  StreamWriter(TransactionCore* core, std::string_view name) : core_(core), name_(name) {}
  TransactionCore* core_;
  std::string name_;
};

// A stream of a Database, by name: each call is a transaction or a snapshot of its own.
class Stream {
 public:
  Result<Appended> append(std::string_view event, Codec codec = Codec::kNone,
                          Durability durability = Durability::kDurable);
  // All or none. With `expected_offset`: only if the first event gets that offset; else conflict, which names the
  // actual one. Payloads are hashed and compressed before any lock is taken, on several threads if they are large.
  // Errors: invalid_argument (no events, or one too large), and those of Transaction::commit.
  Result<Appended> append_batch(std::span<const std::string_view> events,
                                std::optional<uint64_t> expected_offset = std::nullopt, Codec codec = Codec::kNone,
                                Durability durability = Durability::kDurable);

  // See StreamView.
  Result<StreamHead> head() const;
  Result<std::vector<StreamRecord>> read(uint64_t from, uint64_t max_bytes) const;
  Result<TreeHead> tree_head() const;
  Result<VerifyReport> verify(const VerifyOptions& options = {}) const;
  Result<std::vector<Hash>> prove_inclusion(uint64_t offset, uint64_t tree_size) const;
  Result<std::vector<Hash>> prove_consistency(uint64_t old_size, uint64_t new_size) const;
  Result<TreeHead> tree_head_at(uint64_t size) const;
  Result<Hash> subtree(uint8_t level, uint64_t index) const;
  Result<std::vector<RecordLeaf>> leaves(uint64_t from, uint64_t count) const;

  // Removes the payload of a record from all files of the stream; its hash stays, so the chain and every proof still
  // hold, and the record says that it was redacted. Nothing: it was already. Only sealed segments are changed: if the
  // record is in the last one, that is sealed first. Errors: not_found; those of commit.
  // The payload was also in the write-ahead log, whose files are written over in time. The old file goes with the
  // checkpoint that this call makes; if the disk has no room for that, with the next one.
  Result<std::optional<Csn>> redact(uint64_t offset);
  // Ends the segment that is written to; the next event begins a new one. Nothing: it holds no record.
  Result<std::optional<Csn>> seal();
  // Drops the oldest segments, of which every record is before `before`. Chain and proofs of all that stays still hold.
  // The segment that is written to stays. If a projection is made from the stream, what was applied to it is brought
  // into a checkpoint first: nothing is dropped that a crash would make it ask for again. Errors: those of commit, and
  // then of checkpoint.
  Result<TrimReport> trim(uint64_t before);
  // Merges small sealed segments, and compresses payloads anew. Nothing that is hashed changes. Appends and reads go
  // on meanwhile. Errors: those of commit.
  Result<CompactReport> compact(const CompactOptions& options = {});

  // Waits until the stream has more than `offset` records, or `timeout_ns` have passed; says whether it has. Many
  // threads may wait. Errors: read_only (a write failed: nothing is appended any more), invalid_argument, io,
  // corruption.
  Result<bool> wait(uint64_t offset, uint64_t timeout_ns) const;

 private:
  friend class Database;
  Stream(DatabaseCore* core, std::string_view name) : core_(core), name_(name) {}
  DatabaseCore* core_;
  std::string name_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
