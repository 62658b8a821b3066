// Appender: gives events their place in a stream: offset, chain hash, position in a segment, nodes of the Merkle tree.
//
// It works beside the stream as everybody sees it (StreamTail), and changes that only in keep(): until then it may be
// thrown away, as if it had never been.
//
// Threads:    the leader's; keep() under the mutex that guards the tail.
// Invariants: (1) offsets, hashes, and where segments end depend on nothing but the tail, the events and the segment
//             size that comes with them: not on when checkpoints were made. So a replay of the log gives the same;
//             (2) no byte is placed in a unit of the file (format::kStreamUnitBytes) that a checkpoint may have
//             written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "format/meta.h"
#include "format/stream_rows.h"
#include "log/chunk.h"
#include "log/compact_range.h"
#include "log/event.h"

namespace holdfast::log {

// A stream that was written to since the database was opened.
struct StreamTail {
  format::HeadRow head;
  std::vector<uint64_t> index;                 // of the segment that is written to, as its footer will hold it
  std::vector<std::unique_ptr<Chunk>> chunks;  // no checkpoint has written them, or not all of the last
  bool cut = true;                             // what comes next begins a chunk, in a unit of its own
};

struct StreamIdentity {
  format::DatabaseId database_id{};
  uint64_t stream_id = 0;
};

class Appender {
 public:
  // `tail` does not change until keep(); both outlive the appender.
  Appender(const StreamIdentity& identity, const StreamTail& tail);

  // A segment that has records is sealed first rather than that they take more than `segment_bytes`.
  void append(const PreparedEvent& event, uint64_t segment_bytes);
  uint64_t next_offset() const { return head_.next_offset; }
  // Begins a new segment with the next event. Does nothing to an empty segment.
  void seal();

  // Rows of the stream tree that came to be or changed since the last call, the head among them; of a key that is there
  // more than once, the last counts.
  std::vector<std::pair<std::string, std::string>> take_rows();
  // What is to be written to files if no checkpoint does it: the parts of chunks that are new.
  std::vector<ChunkPart> parts() const;
  void keep(StreamTail& tail) &&;

 private:
  struct Growth {
    Chunk* chunk = nullptr;
    uint32_t size = 0;
    uint64_t next_offset = 0;
    std::unique_ptr<Chunk> fresh;  // if it is not in the tail yet
  };

  // Where `bytes` more go, at `cursor_`.
  std::span<std::byte> room(uint32_t bytes);
  void begin_segment();
  void complete_node(uint8_t level, uint64_t index, const Hash& root);
  format::HeadRow head() const;

  const StreamIdentity& identity_;
  const StreamTail& tail_;
  const uint32_t checksum_seed_;

  format::HeadRow head_;  // but for its peaks
  CompactRange tree_;
  uint64_t cursor_;              // in the file of head_.file
  bool cut_;                     // the next byte begins a chunk
  bool in_new_segment_ = false;  // tail_.index is of an older one
  std::vector<uint64_t> index_;  // added
  std::vector<Growth> growth_;
  std::vector<std::pair<std::string, std::string>> rows_;
};

}  // namespace holdfast::log
