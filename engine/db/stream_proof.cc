#include "db/stream_proof.h"

#include <memory>
#include <utility>
#include <vector>

#include "db/stream_reader.h"
#include "db/stream_rows.h"
#include "format/stream_segment.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

using format::kBlockLevel;
using format::kBlockRecords;

}  // namespace

StreamNodes::StreamNodes(ReadState& state, const FoundStream& stream)
    : state_(state),
      root_(state.reader().state().streams),
      stream_(stream),
      reader_(state.database(), stream.stream_id) {}

Result<Hash> StreamNodes::node(uint8_t level, uint64_t index) {
  if (level == 0) {
    return leaf(index);
  }
  if (level % kBlockLevel == 0) {
    HOLDFAST_TRY_ASSIGN(const format::NodeRow row,
                        stream_rows::node(state_.reader(), root_, stream_.stream_id, level, index));
    return row.root;
  }
  // From the nodes below, down to the next level that is stored, or to the leaves.
  HOLDFAST_TRY_ASSIGN(const Hash left, node(level - 1, 2 * index));
  HOLDFAST_TRY_ASSIGN(const Hash right, node(level - 1, 2 * index + 1));
  return log::node_hash(left, right);
}

Result<Hash> StreamNodes::leaf(uint64_t offset) {
  const uint64_t block = offset / kBlockRecords;
  if (leaves_.empty() || block != block_) {
    HOLDFAST_TRY(load_block(block));
  }
  const uint64_t index = offset - block * kBlockRecords;
  if (index >= leaves_.size()) {
    return fail(Error(ErrorCode::kCorruption, "the rows of the stream disagree: one names record " +
                                                  std::to_string(offset) + ", which the others do not have")
                    .at("tree"));
  }
  return leaves_[index];
}

// A record holds the hash of the one before it.
Result<void> StreamNodes::load_block(uint64_t block) {
  leaves_.clear();
  block_ = block;
  const uint64_t begin = block * kBlockRecords;
  const uint64_t end = std::min(begin + kBlockRecords, stream_.head.next_offset);
  uint64_t next = begin;  // record whose hash is missing
  if (begin < stream_.first_offset) {
    HOLDFAST_TRY_ASSIGN(const auto floor, stream_rows::floor(state_.reader(), root_, stream_.stream_id));
    // Of a block that is gone as a whole only the last hash is kept; of the last one all are, even if no record is.
    const bool is_gone = stream_.first_offset > end || stream_.first_offset == begin + kBlockRecords;
    if (!floor || is_gone || floor->first_offset != stream_.first_offset) {
      return fail(ErrorCode::kNotFound, "records up to " + std::to_string(stream_.first_offset) + " were trimmed");
    }
    leaves_ = floor->hashes;
    next = stream_.first_offset;
    if (next == end) {
      return {};
    }
  }
  if (next + 1 < end) {
    reader_.seek(next + 1);
  }
  for (; next + 1 < end; ++next) {
    HOLDFAST_TRY_ASSIGN(const format::Record record, reader_.next());
    leaves_.push_back(record.prev_hash);
  }
  if (end == stream_.head.next_offset) {
    leaves_.push_back(stream_.head.chain_hash);
  } else if (end / kBlockRecords == stream_.head.next_offset / kBlockRecords) {
    leaves_.push_back(stream_.head.block_prev_hash);
  } else {
    HOLDFAST_TRY_ASSIGN(const format::NodeRow row,
                        stream_rows::node(state_.reader(), root_, stream_.stream_id, kBlockLevel, end / kBlockRecords));
    leaves_.push_back(row.prev_hash);
  }
  return {};
}

Result<Hash> chain_hash_before(ReadState& state, const FoundStream& stream, uint64_t offset) {
  if (offset == stream.first_offset) {
    return stream.first_prev_hash;
  }
  return offset == 0 ? Result<Hash>(Hash{}) : StreamNodes(state, stream).leaf(offset - 1);
}

Result<Hash> tree_root_of(ReadState& state, const FoundStream& stream, uint64_t size) {
  StreamNodes nodes(state, stream);
  return log::root_of(size, nodes.source());
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
