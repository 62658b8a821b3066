// Cuts what one flush writes, a stream of records, into frames. Pure: no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/wal_frame.h"
#include "format/wal_record.h"

namespace holdfast::wal {

// Records one after the other, as a lane's buffer holds them.
class RecordStream {
 public:
  struct Mark {
    uint64_t end;  // of the record in bytes()
    Csn first_csn;
    Csn last_csn;
  };

  // Pre: csn_count > 0, redo.size() <= kRecordBytesMax, and the csns are above those of the record before.
  void append(Csn first_csn, uint32_t csn_count, std::span<const std::byte> redo, uint32_t checksum_seed);
  void clear();
  bool empty() const { return marks_.empty(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::span<const Mark> marks() const { return marks_; }

 private:
  std::vector<std::byte> bytes_;
  std::vector<Mark> marks_;
};

// Where the next frame goes. Inside a segment, or right at its end: then it goes to the start of the next one.
struct LanePosition {
  uint64_t sequence = 0;
  uint32_t offset = format::kFrameUnitBytes;

  friend auto operator<=>(const LanePosition&, const LanePosition&) = default;
};

// Segments behind the one of `from` that get frames when a flush of so many bytes begins there.
uint64_t segments_entered(const LanePosition& from, uint64_t stream_bytes, uint32_t segment_bytes);

// What is the same in all frames of a flush, but for the number, which is that of the first.
struct FlushStamp {
  Csn watermark{};
  int64_t wall_ns = 0;
  uint64_t frame_number = 1;
};

class FramePacker {
 public:
  // Pre: the stream is not empty; it outlives this.
  FramePacker(const RecordStream& stream, const LanePosition& from, uint32_t segment_bytes, const FlushStamp& stamp);

  bool done() const { return done_bytes_ == stream_.bytes().size(); }
  // Where the next frame goes: never at the end of a segment unless done().
  const LanePosition& position() const { return position_; }
  uint64_t next_frame_number() const { return stamp_.frame_number; }
  // Replaces `run` with frames from position() on, up to the end of the segment or of the stream. Pre: not done().
  void pack_segment(uint32_t frame_seed, std::vector<std::byte>& run);
  // The highest csn of the records of which packed frames hold bytes.
  Csn last_csn() const { return last_csn_; }

 private:
  void pack_frame(uint32_t frame_seed, std::span<std::byte> frame, uint32_t body_bytes);
  void step_into_segment();

  const RecordStream& stream_;
  const uint32_t segment_bytes_;
  FlushStamp stamp_;
  LanePosition position_;
  LanePosition begin_;
  uint64_t done_bytes_ = 0;
  size_t mark_ = 0;  // the record that holds the byte done_bytes_
  Csn last_csn_{};
};

}  // namespace holdfast::wal
