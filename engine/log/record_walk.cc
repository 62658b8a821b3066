#include "log/record_walk.h"

#include <algorithm>

#include "format/stream_segment.h"

namespace holdfast::log {

Result<std::span<const std::byte>> RecordWalk::window(uint64_t wanted) {
  wanted = std::min(wanted, end_ - at_);
  if (at_ < buffer_at_ || at_ + wanted > buffer_at_ + buffer_bytes_) {
    const uint64_t bytes = std::min<uint64_t>(std::max<uint64_t>(wanted, kWindowBytes), end_ - at_);
    if (buffer_.size() < bytes) {
      buffer_.resize(bytes);
    }
    buffer_bytes_ = 0;
    HOLDFAST_TRY_ASSIGN(buffer_bytes_, file_->read_at(at_, std::span(buffer_).first(bytes)));
    buffer_at_ = at_;
  }
  return std::span<const std::byte>(buffer_).first(buffer_bytes_).subspan(at_ - buffer_at_);
}

Result<RecordWalk::Step> RecordWalk::look() {
  if (at_ >= end_) {
    return Step::kEnd;
  }
  HOLDFAST_TRY_ASSIGN(std::span<const std::byte> bytes, window(format::kEventOverheadBytes));
  if (bytes.empty()) {
    return Step::kEnd;
  }
  if (bytes.size() < format::kEventOverheadBytes) {
    return Step::kDamaged;
  }
  const uint32_t size = format::record_bytes_at(bytes);
  if (size == 0 || size > end_ - at_) {
    return Step::kDamaged;
  }
  HOLDFAST_TRY_ASSIGN(bytes, window(size));
  return decode_record(bytes, checksum_seed_, record_) == format::RecordProblem::kNone ? Step::kOther : Step::kDamaged;
}

Result<bool> RecordWalk::is_padding() {
  const uint64_t bytes_left = format::kStreamUnitBytes - at_ % format::kStreamUnitBytes;
  if (bytes_left == format::kStreamUnitBytes || bytes_left >= end_ - at_) {
    return false;
  }
  HOLDFAST_TRY_ASSIGN(const std::span<const std::byte> bytes, window(bytes_left));
  return bytes.size() >= bytes_left &&
         std::ranges::all_of(bytes.first(bytes_left), [](std::byte byte) { return byte == std::byte{0}; });
}

Result<RecordWalk::Step> RecordWalk::next(uint64_t expected) {
  at_ = position_;
  HOLDFAST_TRY_ASSIGN(Step step, look());
  if (step == Step::kDamaged) {
    HOLDFAST_TRY_ASSIGN(const bool pads, is_padding());
    if (pads) {
      at_ += format::kStreamUnitBytes - at_ % format::kStreamUnitBytes;
      HOLDFAST_TRY_ASSIGN(step, look());
    }
  }
  if (step == Step::kOther) {
    position_ = at_ + record_.bytes();
    return record_.offset == expected ? Step::kRecord : Step::kOther;
  }
  return step;
}

}  // namespace holdfast::log
