// StreamModel: what the streams should hold, as plain lists: each record with the commit that appended it.
//
// It answers for the state after any commit, as Model does, of which it is a part. Two things are not of the state that
// a reader asked for: a record may be redacted, and old ones trimmed, as soon as somebody began to do that. After a
// recovery both must be exactly as the commits say.
//
// How far a trim goes is decided by where segments end, which the model does not know: any floor between the old one
// and what was asked for will do, until somebody says which it was.
//
// Threads:    one at a time.
// Invariants: (1) records of a stream are in the order of their commits; undo() takes back the newest;
//             (2) chain hashes are kept as far as they were computed, for one id of the stream.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/stream_audit.h"
#include "sim/txn_log.h"

namespace holdfast::sim {

using Verdict = std::optional<std::string>;

// How far a stream reached, in a state that is durable.
struct TrustedHead {
  uint64_t size = 0;
  Sha256 chain_hash{};
  Sha256 root{};
  uint64_t csn = 0;  // of the durable state that it was seen in; only who accepts a loss is shown an older one
};

// Everything that a database shows of one stream.
struct StreamContents {
  StreamId stream = 0;
  uint64_t first_offset = 0;
  uint64_t next_offset = 0;
  Sha256 chain_hash{};
  Sha256 root{};
  std::vector<SeenRecord> records;  // from first_offset on
  bool complete = true;             // false: damage ended the reading
  friend bool operator==(const StreamContents&, const StreamContents&) = default;
};

class StreamModel {
 public:
  // The number of a name, from now on.
  StreamId stream(std::string_view name);
  const std::string& name(StreamId stream) const { return streams_[stream].name; }
  size_t stream_count() const { return streams_.size(); }
  // Of the database that the streams are in: without it hashes are not computed.
  void set_database_id(const audit::DatabaseId& id) { database_id_ = id; }

  // --- history; commits are numbered by Model
  // A commit is about to be asked for.
  void begin(const TxnLog& transaction);
  // Objects if an event did not get the offset that was expected, or told.
  Verdict apply(const TxnLog& transaction, uint64_t csn);
  void undo(uint64_t csn);
  // What was begun is settled: the contents after the newest commit are these.
  void settle(const std::vector<StreamContents>& contents, uint64_t csn);
  // The head is of a durable state.
  void trust(StreamId stream, const TrustedHead& head);
  const std::vector<TrustedHead>& trusted(StreamId stream) const { return streams_[stream].trusted; }

  // --- states
  uint64_t size(StreamId stream, uint64_t csn) const;
  // The oldest record is between these.
  struct Floor {
    uint64_t least = 0;
    uint64_t most = 0;
  };
  Floor floor(StreamId stream, uint64_t csn) const;
  // Pre: it was appended.
  const EventMark& event(StreamId stream, uint64_t offset) const { return streams_[stream].records[offset].event; }
  // Streams that there are, and their records but for the trimmed ones.
  uint64_t streams(uint64_t csn) const;
  uint64_t records(uint64_t csn) const;
  // Whether somebody may have trimmed the record.
  bool may_be_trimmed(StreamId stream, uint64_t offset) const { return offset < streams_[stream].trim_begun; }
  // How many began to redact it.
  size_t redactions_begun(StreamId stream, uint64_t offset) const {
    return streams_[stream].redact_begun.count(offset);
  }

  // --- judgements of what was shown of the state after `csn`
  Verdict judge_head(const Step& step, uint64_t csn) const;
  Verdict judge_read(const Step& step, uint64_t csn) const;
  // After a recovery, with every hash.
  Verdict judge_contents(const StreamContents& contents, uint64_t csn) const;
  // The same of all, after damage: what is not there may be hidden.
  Verdict judge_all(const std::vector<StreamContents>& contents, uint64_t csn) const;
  // The records that a commit has just appended, against what is shown in the end; cheap.
  Verdict fits(const TxnLog& transaction, const std::vector<StreamContents>& contents, uint64_t csn) const;

 private:
  struct Record {
    uint64_t csn = 0;
    EventMark event;
  };
  struct Trim {
    uint64_t csn = 0;
    Floor floor;
  };
  struct Stream {
    std::string name;
    std::vector<Record> records;
    std::vector<Trim> trims;
    std::vector<std::pair<uint64_t, uint64_t>> redactions;  // commit, offset
    uint64_t trim_begun = 0;
    std::multiset<uint64_t> redact_begun;
    std::vector<TrustedHead> trusted;
    // Hashes of records, as far as they were needed.
    mutable std::vector<Sha256> chain;
    mutable uint64_t stream_id = 0;
  };
  bool is_redacted(const Stream& stream, uint64_t offset, uint64_t csn) const;
  Verdict judge_record(const Stream& stream, uint64_t offset, const SeenRecord& seen, uint64_t csn, bool exactly) const;
  std::optional<uint64_t> find_id(const Stream& stream, const StreamContents& contents) const;
  Verdict judge_hashes(const Stream& stream, const StreamContents& contents) const;
  void compute_chain(const Stream& stream, uint64_t stream_id, uint64_t size) const;

  std::deque<Stream> streams_;
  std::map<std::string, StreamId, std::less<>> ids_;
  std::optional<audit::DatabaseId> database_id_;
};

}  // namespace holdfast::sim
