// RecordWalk: reads the records of one segment file, one behind the other.
//
// Threads:    one at a time. Memory: a window of the file, as large as the largest record met, and at least
//             kWindowBytes.
// Fails:      io. What is wrong with the bytes is no error here but an answer: Step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "format/stream_record.h"

namespace holdfast::log {

class RecordWalk {
 public:
  static constexpr uint32_t kWindowBytes = 64 * 1024;

  // From `position` on, and not beyond `end`: what lies there belongs to no record.
  RecordWalk(std::unique_ptr<File> file, uint64_t position, uint64_t end, uint32_t checksum_seed)
      : file_(std::move(file)), position_(position), end_(end), checksum_seed_(checksum_seed) {}

  enum class Step : uint8_t {
    kRecord,   // record() is the one with the expected offset
    kOther,    // a whole record, with another offset
    kDamaged,  // no whole record begins here
    kEnd,      // the file, or what may be read of it, ends here
  };
  // To the next record, which should have this offset. Zeros up to the end of a unit are passed over, where a record
  // may begin behind them.
  Result<Step> next(uint64_t expected);
  // Of the last step; its bytes live until the next one. Pre: that was kRecord or kOther.
  const format::Record& record() const { return record_; }
  // Where the last step looked.
  uint64_t position() const { return at_; }

 private:
  // Bytes from `at_` on, at least `wanted` if the file has them.
  Result<std::span<const std::byte>> window(uint64_t wanted);
  Result<Step> look();
  // Whether there is nothing but zeros from `at_` to the end of its unit.
  Result<bool> is_padding();

  std::unique_ptr<File> file_;
  uint64_t position_;  // of what comes next
  uint64_t at_ = 0;
  uint64_t end_;
  const uint32_t checksum_seed_;
  format::Record record_;
  std::vector<std::byte> buffer_;
  uint64_t buffer_at_ = 0;
  size_t buffer_bytes_ = 0;
};

}  // namespace holdfast::log
