// Hashes of a stream's history: chain hashes, and the nodes of its Merkle tree.
//
// Nodes of the levels 8, 16, ... are rows of the stream tree; the others are computed from those, or from the chain
// hashes of at most 256 records, each of which the record behind it holds.
//
// Threads: the ReadState's. Errors of all: io, corruption; not_found if what is needed was trimmed.
#pragma once

#include <cstdint>
#include <vector>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/read_state.h"
#include "db/stream_head.h"
#include "db/stream_reader.h"
#include "log/merkle.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class StreamNodes {
 public:
  // Both outlive it.
  StreamNodes(ReadState& state, const FoundStream& stream);
  Result<Hash> node(uint8_t level, uint64_t index);
  // The chain hash of a record.
  Result<Hash> leaf(uint64_t offset);
  // For log::prove_inclusion() and its like; lives as long as this.
  log::HashSource source() {
    return [this](uint8_t level, uint64_t index) { return node(level, index); };
  }

 private:
  // The hashes of all records of a block that are there.
  Result<void> load_block(uint64_t block);

  ReadState& state_;
  const format::PageRef root_;
  const FoundStream& stream_;
  StreamReader reader_;
  uint64_t block_ = 0;
  std::vector<Hash> leaves_;
};

// Of the record before `offset`; zeros at 0. Pre: offset is not behind the head.
Result<Hash> chain_hash_before(ReadState& state, const FoundStream& stream, uint64_t offset);
// Of the tree of the first `size` records. Pre: size is not behind the head.
Result<Hash> tree_root_of(ReadState& state, const FoundStream& stream, uint64_t size);

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
