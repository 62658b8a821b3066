// Finds the records in the bodies of a lane's frames, in the order in which they were written. Pure: no I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "format/wal_frame.h"
#include "format/wal_record.h"
#include "wal/lane_contents.h"

namespace holdfast::wal {

// Feeds records and pieces of a LaneContents. A record that began before the first frame given is skipped: its segment
// was recycled, so that a checkpoint holds it.
class RecordParser {
 public:
  explicit RecordParser(LaneContents& contents) : contents_(contents) {}

  // The body of the next frame, which lies at `offset` of the segment. Null, or the rule that the frame breaks; records
  // and pieces are as they were before the call then. Total for a header that decode_frame_header accepted.
  const char* add_frame(const format::FrameHeader& header, std::span<const std::byte> body, uint32_t segment_index,
                        uint32_t offset);
  // Whether the last frame ended inside a record (also one that is skipped).
  bool is_inside() const { return state_ != State::kBetween; }

 private:
  enum class State : uint8_t { kStart, kSkipping, kBetween, kInHeader, kInBody };
  struct Cursor {
    std::span<const std::byte> left;
    uint32_t segment_index;
    uint32_t offset;
  };

  const char* parse(const format::FrameHeader& header, Cursor cursor);
  const char* take_continuation(const format::FrameHeader& header, Cursor& cursor);
  // Takes bytes of one record: up to its end, or all of them.
  const char* take(Cursor& cursor);
  const char* take_header(Cursor& cursor);
  void take_body(Cursor& cursor);

  LaneContents& contents_;
  State state_ = State::kStart;
  std::array<std::byte, format::kRecordHeaderBytes> header_{};
  size_t header_bytes_ = 0;
  FoundRecord record_;
  uint64_t body_left_ = 0;
  Csn last_csn_{};
};

}  // namespace holdfast::wal
