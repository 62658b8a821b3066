// StreamReader: the records of one stream, in order, from wherever they are: segment files, and the tail in memory.
//
// Where a record lies is looked up in the newest published state, since upkeep moves records between files; how far the
// stream reaches, in the state that was asked.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "db/core.h"
#include "db/stream_rows.h"
#include "format/stream_record.h"
#include "format/stream_segment.h"
#include "log/chunk.h"
#include "log/record_walk.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

class StreamReader {
 public:
  StreamReader(const DatabaseCore& database, uint64_t stream_id);

  // The next one to read. Pre: it is in the stream, and not trimmed.
  void seek(uint64_t offset);
  // The record at next_offset(), whose bytes live until the next call. Errors: corruption, with file and position; io;
  // not_found if it was trimmed meanwhile.
  Result<format::Record> next();
  uint64_t next_offset() const { return next_; }
  // Why next() answered corruption.
  enum class Problem : uint8_t {
    kDamaged,  // no whole record is there
    kOther,    // a whole record of another offset, other_offset()
    kEnd,      // the file ends
    kMissing,  // the file is missing
    kForeign,  // the file is another one than its name says
  };
  Problem problem() const { return problem_; }
  uint64_t other_offset() const { return other_offset_; }
  // Where the record that next() returned last, or failed at, lies.
  const std::string& file() const { return file_; }
  uint64_t position() const { return position_; }

 private:
  Result<format::Record> next_in_chunk();
  Result<format::Record> next_in_file();
  // Opens the file that holds next_, at the beginning of its block or at the first record of the segment.
  Result<void> open_segment();
  // Whether the file is the segment that was looked for. Errors: corruption, io.
  Result<void> check_header(File& file, const log::SegmentName& name, uint64_t first_offset);
  Result<void> find_start(File& file, const stream_rows::Segment& segment, PageReader& pages,
                          const format::HeadRow& head);
  std::unexpected<Error> damaged(Problem problem, const char* what);

  const DatabaseCore& database_;
  const uint64_t stream_id_;
  const uint32_t checksum_seed_;
  uint64_t next_ = 0;
  std::string file_;
  uint64_t position_ = 0;
  Problem problem_ = Problem::kDamaged;
  uint64_t other_offset_ = 0;

  std::optional<log::ChunkCopy> chunk_;
  uint64_t chunk_at_ = 0;      // in its records
  uint64_t chunk_offset_ = 0;  // of the record there

  std::optional<log::RecordWalk> walk_;
  uint64_t walk_offset_ = 0;  // of the record that it meets next
  uint64_t walk_end_ = 0;     // behind the last record that the file had when it was opened
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
