// Small valid structures of the write-ahead log.
#pragma once

#include <algorithm>
#include <string_view>

#include "format/wal_frame.h"
#include "format/wal_record.h"
#include "format/wal_segment.h"
#include "tests/format/samples.h"

namespace holdfast::format::samples {

inline SegmentHeader segment() { return {database_id(), Epoch{6}, 3, 12, 345, kSegmentBytesMin}; }

inline FrameHeader frame_header(uint32_t body_bytes) {
  FrameHeader header;
  header.body_bytes = body_bytes;
  header.ends_inside = true;
  header.unit = 9;
  header.first_csn = Csn{101};
  header.last_csn = Csn{107};
  header.watermark = Csn{98};
  header.wall_ns = 1'700'000'000'000'000'000;
  header.frame_number = 2345;
  header.flush_segments_back = 1;
  header.flush_unit = 100;
  header.continued_bytes = 5;
  return header;
}

inline Bytes sealed_frame(std::string_view body, FrameHeader header, uint32_t frame_seed) {
  header.body_bytes = static_cast<uint32_t>(body.size());
  Bytes frame(frame_bytes(header.body_bytes));
  std::ranges::copy(as_bytes(body), frame.begin() + kFrameHeaderBytes);
  seal_frame(frame, header, frame_seed);
  return frame;
}

inline Bytes frame() { return sealed_frame("twelve bytes", frame_header(12), frame_seed_of(segment())); }

inline RecordHeader record_header(std::string_view body) { return {0, 3, Csn{105}, body.size()}; }

}  // namespace holdfast::format::samples
