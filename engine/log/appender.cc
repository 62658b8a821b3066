#include "log/appender.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "format/event_leaf.h"
#include "format/stream_segment.h"
#include "log/compact_range.h"

namespace holdfast::log {

namespace {

constexpr uint32_t kChunkBytesMin = 4096;
// Whoever reads copies one.
constexpr uint32_t kChunkBytesMax = 64 * 1024;

constexpr uint64_t align_up(uint64_t position) {
  return (position + format::kStreamUnitBytes - 1) / format::kStreamUnitBytes * format::kStreamUnitBytes;
}

}  // namespace

Appender::Appender(const StreamIdentity& identity, const StreamTail& tail)
    : identity_(identity),
      tail_(tail),
      checksum_seed_(format::stream_checksum_seed(identity.database_id, identity.stream_id)),
      head_(tail.head),
      tree_(tail.head.next_offset, tail.head.peaks),
      cursor_(tail.cut ? align_up(tail.head.records_end) : tail.head.records_end),
      cut_(tail.cut) {}

std::span<std::byte> Appender::room(uint32_t bytes) {
  const auto grow = [&](Growth& growth) {
    const std::span<std::byte> place(growth.chunk->data.get() + growth.size, bytes);
    growth.size += bytes;
    cursor_ += bytes;
    return place;
  };
  const auto fits = [&](const Chunk& chunk, uint32_t size) {
    return chunk.file == head_.file && chunk.position + size == cursor_ && chunk.capacity - size >= bytes;
  };
  if (!cut_ && !growth_.empty() && fits(*growth_.back().chunk, growth_.back().size)) {
    return grow(growth_.back());
  }
  uint32_t capacity = kChunkBytesMin;
  if (growth_.empty() && !tail_.chunks.empty()) {
    Chunk* const last = tail_.chunks.back().get();
    if (!cut_ && fits(*last, last->size)) {
      return grow(growth_.emplace_back(last, last->size, last->next_offset, nullptr));
    }
    capacity = last->capacity * 2;
  } else if (!growth_.empty()) {
    capacity = growth_.back().chunk->capacity * 2;
  }
  capacity = std::max(std::clamp(capacity, kChunkBytesMin, kChunkBytesMax), bytes);
  cut_ = false;
  auto fresh = std::make_unique<Chunk>(head_.file, cursor_, head_.next_offset, capacity);
  Chunk* const chunk = fresh.get();
  return grow(growth_.emplace_back(chunk, 0, head_.next_offset, std::move(fresh)));
}

void Appender::begin_segment() {
  ++head_.file;
  head_.segment_first = head_.next_offset;
  head_.records_end = cursor_ = head_.segment_record_bytes = 0;
  cut_ = true;
  in_new_segment_ = true;
  index_.clear();
  const auto header = format::encode_stream_header({.database_id = identity_.database_id,
                                                    .stream_id = identity_.stream_id,
                                                    .file = head_.file,
                                                    .revision = 0,
                                                    .first_offset = head_.next_offset,
                                                    .prev_hash = head_.chain_hash});
  std::ranges::copy(header, room(header.size()).begin());
  growth_.back().chunk->records_at = header.size();
  head_.records_end = cursor_;
  rows_.emplace_back(format::stream_segment_key(identity_.stream_id, head_.segment_first),
                     encode(format::SegmentRow{.file = head_.file, .revision = 0, .next_offset = 0, .records_end = 0}));
}

format::HeadRow Appender::head() const {
  format::HeadRow head = head_;
  head.peaks.assign(tree_.peaks().begin(), tree_.peaks().end());
  return head;
}

void Appender::seal() {
  if (head_.next_offset == head_.segment_first) {
    return;
  }
  format::StreamFooter footer{.first_offset = head_.segment_first,
                              .next_offset = head_.next_offset - (PLANTED(kSealForgets) ? 1 : 0),
                              .records_end = cursor_,
                              .chain_hash = head_.chain_hash,
                              .index = in_new_segment_ ? std::vector<uint64_t>() : tail_.index};
  footer.index.insert(footer.index.end(), index_.begin(), index_.end());
  const std::vector<std::byte> bytes = encode_stream_footer(footer, checksum_seed_);
  std::ranges::copy(bytes, room(static_cast<uint32_t>(bytes.size())).begin());
  rows_.emplace_back(
      format::stream_segment_key(identity_.stream_id, head_.segment_first),
      encode(format::SegmentRow{
          .file = head_.file, .revision = 0, .next_offset = head_.next_offset, .records_end = footer.records_end}));
  begin_segment();
}

void Appender::append(const PreparedEvent& event, uint64_t segment_bytes) {
  const uint32_t bytes = format::record_bytes(event.stored.size());
  if (head_.file == 0) {
    begin_segment();
  } else if (head_.segment_record_bytes + bytes > segment_bytes) {
    seal();
  }
  const std::span<std::byte> place = room(bytes);
  const uint64_t position = cursor_ - bytes;
  if (head_.next_offset % format::kBlockRecords == 0) {
    index_.push_back(position);
    head_.block_position = position;
    head_.block_prev_hash = head_.chain_hash;
  }
  format::encode_record({.offset = head_.next_offset,
                         .prev_hash = PLANTED(kLinkForgotten) ? head_.prev_hash : head_.chain_hash,
                         .stored_as = event.stored_as,
                         .stored = event.stored},
                        checksum_seed_, place);
  const Hash chain_hash = format::chain_hash({.database_id = identity_.database_id,
                                              .stream_id = identity_.stream_id,
                                              .offset = static_cast<int64_t>(head_.next_offset),
                                              .kind = format::kEventKind,
                                              .length = event.length,
                                              .previous = head_.chain_hash,
                                              .payload_digest = event.digest});
  tree_.append(PLANTED(kMerkleLeafLost) ? head_.chain_hash : chain_hash,
               [this](uint8_t level, uint64_t index, const Hash& root) { complete_node(level, index, root); });
  head_.prev_hash = head_.chain_hash;
  head_.chain_hash = chain_hash;
  head_.records_end = cursor_;
  head_.segment_record_bytes += bytes;
  growth_.back().next_offset = ++head_.next_offset;
}

void Appender::complete_node(uint8_t level, uint64_t index, const Hash& root) {
  if (level == 0 || level % format::kBlockLevel != 0) {
    return;
  }
  format::NodeRow row{.root = root, .prev_hash = {}, .position = 0};
  if (level == format::kBlockLevel) {
    row.prev_hash = std::exchange(head_.block_prev_hash, {});
    row.position = std::exchange(head_.block_position, 0);
  }
  rows_.emplace_back(format::stream_node_key(identity_.stream_id, level, index), encode(row, level));
}

std::vector<std::pair<std::string, std::string>> Appender::take_rows() {
  std::vector<std::pair<std::string, std::string>> rows = std::exchange(rows_, {});
  rows.emplace_back(format::stream_head_key(identity_.stream_id), encode(head()));
  return rows;
}

std::vector<ChunkPart> Appender::parts() const {
  std::vector<ChunkPart> parts;
  parts.reserve(growth_.size());
  for (const Growth& growth : growth_) {
    parts.push_back({growth.chunk, growth.size});
  }
  return parts;
}

void Appender::keep(StreamTail& tail) && {
  CHECK(&tail == &tail_);
  for (Growth& growth : growth_) {
    growth.chunk->size = growth.size;
    growth.chunk->next_offset = growth.next_offset;
    if (growth.fresh) {
      tail.chunks.push_back(std::move(growth.fresh));
    }
  }
  if (in_new_segment_) {
    tail.index.clear();
  }
  tail.index.insert(tail.index.end(), index_.begin(), index_.end());
  tail.head = head();
  tail.cut = cut_;
}

}  // namespace holdfast::log
