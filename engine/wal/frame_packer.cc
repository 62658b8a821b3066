#include "wal/frame_packer.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::wal {

namespace {

using format::frame_bytes;
using format::kFrameHeaderBytes;
using format::kFrameUnitBytes;

// A buffer that a large transaction made larger than this is given back.
constexpr size_t kBytesKept = 4 * 1024 * 1024;

// The one function that says how long frames are. Pre: room is a multiple of kFrameUnitBytes and not 0.
uint32_t next_body_bytes(uint32_t room, uint64_t stream_bytes) {
  const uint32_t bytes_max = std::min(room - kFrameHeaderBytes, format::kFrameBodyBytesMax);
  return static_cast<uint32_t>(std::min<uint64_t>(bytes_max, stream_bytes));
}

}  // namespace

void RecordStream::append(Csn first_csn, uint32_t csn_count, std::span<const std::byte> redo, uint32_t checksum_seed) {
  CHECK(marks_.empty() || marks_.back().last_csn < first_csn);
  const format::RecordHeader header{0, csn_count, first_csn, redo.size()};
  const auto bytes = format::encode_record_header(header, redo, checksum_seed);
  const auto header_bytes = std::as_bytes(std::span(&bytes, 1));
  bytes_.insert(bytes_.end(), header_bytes.begin(), header_bytes.end());
  bytes_.insert(bytes_.end(), redo.begin(), redo.end());
  marks_.push_back({bytes_.size(), first_csn, header.last_csn()});
}

void RecordStream::clear() {
  marks_.clear();
  bytes_.clear();
  if (bytes_.capacity() > kBytesKept) {
    bytes_.shrink_to_fit();
  }
}

uint64_t segments_entered(const LanePosition& from, uint64_t stream_bytes, uint32_t segment_bytes) {
  uint64_t entered = 0;
  uint32_t offset = from.offset;
  while (stream_bytes > 0) {
    if (offset == segment_bytes) {
      offset = kFrameUnitBytes;
      ++entered;
    }
    const uint32_t body_bytes = next_body_bytes(segment_bytes - offset, stream_bytes);
    stream_bytes -= body_bytes;
    offset += frame_bytes(body_bytes);
  }
  return entered;
}

FramePacker::FramePacker(const RecordStream& stream, const LanePosition& from, uint32_t segment_bytes,
                         const FlushStamp& stamp)
    : stream_(stream), segment_bytes_(segment_bytes), stamp_(stamp), position_(from) {
  CHECK(!stream.empty());
  step_into_segment();
  begin_ = position_;
}

void FramePacker::step_into_segment() {
  if (position_.offset == segment_bytes_) {
    position_ = {position_.sequence + 1, kFrameUnitBytes};
  }
}

void FramePacker::pack_segment(uint32_t frame_seed, std::vector<std::byte>& run) {
  CHECK(!done());
  run.clear();
  while (!done() && position_.offset < segment_bytes_) {
    const uint32_t body_bytes =
        next_body_bytes(segment_bytes_ - position_.offset, stream_.bytes().size() - done_bytes_);
    const size_t at = run.size();
    run.resize(at + frame_bytes(body_bytes));
    pack_frame(frame_seed, std::span(run).subspan(at), body_bytes);
  }
  if (!done()) {
    step_into_segment();
  }
}

void FramePacker::pack_frame(uint32_t frame_seed, std::span<std::byte> frame, uint32_t body_bytes) {
  const auto marks = stream_.marks();
  const uint64_t end = done_bytes_ + body_bytes;
  const uint64_t record_begin = mark_ == 0 ? 0 : marks[mark_ - 1].end;
  format::FrameHeader header;
  header.body_bytes = body_bytes;
  header.unit = static_cast<uint16_t>(position_.offset / kFrameUnitBytes);
  header.first_csn = marks[mark_].first_csn;
  if (done_bytes_ > record_begin) {
    header.continued_bytes = static_cast<uint32_t>(std::min<uint64_t>(body_bytes, marks[mark_].end - done_bytes_));
  }
  while (marks[mark_].end < end) {
    ++mark_;
  }
  header.last_csn = last_csn_ = marks[mark_].last_csn;
  header.ends_inside = marks[mark_].end > end;
  header.watermark = stamp_.watermark;
  header.wall_ns = stamp_.wall_ns;
  header.frame_number = stamp_.frame_number++;
  header.flush_segments_back = static_cast<uint16_t>(position_.sequence - begin_.sequence);
  header.flush_unit = static_cast<uint16_t>(begin_.offset / kFrameUnitBytes);
  std::ranges::copy(stream_.bytes().subspan(done_bytes_, body_bytes), frame.begin() + kFrameHeaderBytes);
  format::seal_frame(frame, header, frame_seed);
  done_bytes_ = end;
  if (marks[mark_].end == end) {
    ++mark_;  // behind the last one only when done()
  }
  position_.offset += frame_bytes(body_bytes);
}

}  // namespace holdfast::wal
