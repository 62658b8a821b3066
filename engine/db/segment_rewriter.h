// SegmentRewriter: writes records of a stream to a new, sealed segment file.
//
// Threads: one at a time. The file is durable, and so is its name, when finish() has returned; destroyed before, it is
// left for the next open to remove.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "format/stream_segment.h"
#include "log/appender.h"
#include "log/segment_file.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class SegmentRewriter {
 public:
  // The first record will be `first_offset`, behind one with this chain hash. Errors: io, no_space.
  static Result<std::unique_ptr<SegmentRewriter>> create(Directory& directory, const log::StreamIdentity& identity,
                                                         const log::SegmentName& name, uint64_t first_offset,
                                                         const Hash& prev_hash);
  // Pre: the offsets have no gaps. Errors: io, no_space.
  Result<void> add(const format::Record& record);
  // Seals the segment. `chain_hash`: of the last record. Pre: one was added. Returns the row that names it.
  Result<format::SegmentRow> finish(const Hash& chain_hash);
  uint64_t bytes() const { return position_ + buffer_.size(); }

 private:
  SegmentRewriter(Directory& directory, const log::StreamIdentity& identity, const log::SegmentName& name,
                  uint64_t first_offset, std::unique_ptr<File> file);
  Result<void> flush();

  Directory& directory_;
  const log::SegmentName name_;
  const uint32_t checksum_seed_;
  std::unique_ptr<File> file_;
  format::StreamFooter footer_;
  uint64_t position_ = 0;  // of the buffer, in the file
  std::vector<std::byte> buffer_;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
