// StreamFeed: the records of a stream from one on, in order, each held against the chain.
//
// Threads: the ReadState's, which must outlive it.
#pragma once

#include <cstdint>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/read_state.h"
#include "db/stream_head.h"
#include "db/stream_reader.h"
#include "log/codec.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// A record as it lies in the files, as users see it. `buffer` is the caller's memory. Errors: corruption.
Result<StreamRecord> public_record(const format::Record& record, log::CodecBuffer& buffer);

class StreamFeed {
 public:
  // Pre: `from` is in the stream, or its end, and was not trimmed. `before`: the chain hash that the record before it
  // must have.
  StreamFeed(ReadState& state, const FoundStream& stream, uint64_t from, const Hash& before);

  bool done() const { return next_ == stream_.head.next_offset; }
  // Pre: !done(). Errors: corruption, with file and position (the record is damaged, or does not follow on the one
  // before, or the last one is not the one that the head speaks of), io, not_found (trimmed meanwhile).
  Result<StreamRecord> next();
  // Chain hash of the last record that next() returned.
  const Hash& hash() const { return hash_; }

 private:
  const format::DatabaseId database_id_;
  const FoundStream stream_;
  StreamReader reader_;
  uint64_t next_;
  Hash hash_;
  log::CodecBuffer buffer_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
