// Changes one place of a segment of the write-ahead log as somebody does who knows the format: checksums are made right
// again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/crc32c.h"
#include "format/wal_frame.h"
#include "fuzz/choices.h"
#include "fuzz/segment_patch.h"

namespace holdfast::fuzz {

struct LogFrame {
  uint64_t position = 0;
  format::FrameHeader header;
};

// The frames at the beginning of a log segment, one behind the other.
inline std::vector<LogFrame> log_frames(std::span<const std::byte> segment, uint32_t seed) {
  std::vector<LogFrame> frames;
  for (uint64_t at = format::kFrameUnitBytes; at + format::kFrameHeaderBytes <= segment.size();) {
    LogFrame frame{.position = at, .header = {}};
    const auto unit = static_cast<uint16_t>(at / format::kFrameUnitBytes);
    const auto header_bytes = segment.subspan(at).first<format::kFrameHeaderBytes>();
    if (decode_frame_header(header_bytes, seed, unit, frame.header) != nullptr ||
        at + format::frame_bytes(frame.header.body_bytes) > segment.size()) {
      break;
    }
    frames.push_back(frame);
    at += format::frame_bytes(frame.header.body_bytes);
  }
  return frames;
}

// Changes the header or the body of one frame; its checksums hold for what it is then.
inline void patch_log_segment(Choices& input, std::span<std::byte> segment) {
  if (segment.size() < format::kSectorBytes) {
    return;
  }
  const auto header = format::decode_segment_header(segment.first<format::kSectorBytes>());
  if (!header) {
    return;  // a free slot
  }
  const uint32_t seed = format::frame_seed_of(*header);
  const std::vector<LogFrame> frames = log_frames(segment, seed);
  if (frames.empty()) {
    return;
  }
  const LogFrame& frame = frames[input.below(static_cast<uint32_t>(frames.size()))];
  const auto head = segment.subspan(frame.position, format::kFrameHeaderBytes);
  const auto body = segment.subspan(frame.position + format::kFrameHeaderBytes, frame.header.body_bytes);
  constexpr size_t kBodyChecksum = offsetof(format::FrameHeaderOnDisk, body_checksum);
  constexpr size_t kFields = offsetof(format::FrameHeaderOnDisk, body_bytes);
  if (input.below(8) == 0) {
    head[kFields + input.below(format::kFrameHeaderBytes - kFields)] = static_cast<std::byte>(input.byte());
  } else {
    overwrite(input, body);
    store_le<uint32_t>(head.data() + kBodyChecksum, crc32c(body, seed));
  }
  store_le<uint32_t>(head.data(), crc32c(head.subspan(kBodyChecksum), seed));
}

}  // namespace holdfast::fuzz
