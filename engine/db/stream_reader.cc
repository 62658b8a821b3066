#include "db/stream_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "db/stream_rows.h"
#include "db/streams.h"
#include "format/stream_segment.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// How often a file may go away between looking it up and opening it.
constexpr int kLooksMax = 8;

}  // namespace

StreamReader::StreamReader(const DatabaseCore& database, uint64_t stream_id)
    : database_(database),
      stream_id_(stream_id),
      checksum_seed_(format::stream_checksum_seed(database.streams().database_id(), stream_id)) {}

void StreamReader::seek(uint64_t offset) {
  next_ = offset;
  // What is open may go on being used where it is on the way.
  if (walk_ && (offset < walk_offset_ || offset - walk_offset_ >= format::kBlockRecords)) {
    walk_.reset();
  }
  chunk_.reset();
}

std::unexpected<Error> StreamReader::damaged(Problem problem, const char* what) {
  problem_ = problem;
  return fail(
      Error(ErrorCode::kCorruption, "record " + std::to_string(next_) + " of a stream: " + what).at(file_, position_));
}

Result<format::Record> StreamReader::next() {
  if (!chunk_ || next_ >= chunk_->next_offset) {
    // A file that is being walked goes on: what it held when it was opened, it holds.
    if (!walk_ || next_ >= walk_end_) {
      chunk_ = database_.streams().tail_at(stream_id_, next_);
      if (chunk_) {
        walk_.reset();
        file_ = log::segment_file_name({stream_id_, chunk_->file, 0});
        chunk_at_ = 0;
        chunk_offset_ = chunk_->first_offset;
      }
    } else {
      chunk_.reset();
    }
  }
  return chunk_ ? next_in_chunk() : next_in_file();
}

Result<format::Record> StreamReader::next_in_chunk() {
  for (;;) {
    format::Record record;
    position_ = chunk_->position + chunk_at_;
    if (decode_record(std::span<const std::byte>(chunk_->records).subspan(chunk_at_), checksum_seed_, record) !=
        format::RecordProblem::kNone) {
      return damaged(Problem::kDamaged, "damaged in memory");
    }
    chunk_at_ += record.bytes();
    if (chunk_offset_++ == next_) {
      ++next_;
      return record;
    }
  }
}

Result<void> StreamReader::check_header(File& file, const log::SegmentName& name, uint64_t first_offset) {
  std::array<std::byte, format::kStreamHeaderBytes> bytes{};
  HOLDFAST_TRY(file.read_at(0, bytes));
  const auto header = format::decode_stream_header(bytes);
  if (!header) {
    position_ = 0;
    return damaged(Problem::kDamaged, "the header of its segment is damaged");
  }
  if (header->database_id != database_.streams().database_id() || header->stream_id != name.stream_id ||
      header->file != name.file || header->revision != name.revision || header->first_offset != first_offset) {
    position_ = 0;
    return damaged(Problem::kForeign, "its segment is another one than the file's name says");
  }
  return {};
}

// At the beginning of the block of next_, or of the segment.
Result<void> StreamReader::find_start(File& file, const stream_rows::Segment& segment, PageReader& pages,
                                      const format::HeadRow& head) {
  position_ = format::kStreamHeaderBytes;
  walk_offset_ = segment.first_offset;
  const uint64_t block = next_ / format::kBlockRecords;
  if (block * format::kBlockRecords <= segment.first_offset) {
    return {};
  }
  const auto in_memory = database_.streams().tail_begin(stream_id_);
  if (segment.row.sealed() && (!in_memory || segment.row.next_offset <= *in_memory)) {
    // The index in it is a cache.
    const auto footer = log::read_footer(file, segment.first_offset, segment.row, checksum_seed_);
    if (!footer && footer.error().code() != ErrorCode::kCorruption) {
      return fail(footer.error());
    }
    if (footer) {
      walk_offset_ = block * format::kBlockRecords;
      position_ = footer->index[block - (segment.first_offset + format::kBlockRecords - 1) / format::kBlockRecords];
    }
    return {};  // without it: from the beginning
  }
  walk_offset_ = block * format::kBlockRecords;
  position_ = head.block_position;
  if (block < head.next_offset / format::kBlockRecords) {
    HOLDFAST_TRY_ASSIGN(const format::NodeRow node,
                        stream_rows::node(pages, pages.state().streams, stream_id_, format::kBlockLevel, block));
    position_ = node.position;
  }
  return {};
}

Result<void> StreamReader::open_segment() {
  const Streams& streams = database_.streams();
  for (int look = 0;; ++look) {
    PageReader reader = database_.store().new_reader_of_newest();
    const format::PageRef root = reader.state().streams;
    HOLDFAST_TRY_ASSIGN(const auto floor, stream_rows::floor(reader, root, stream_id_));
    if (floor && next_ < floor->first_offset) {
      return fail(ErrorCode::kNotFound, "record " + std::to_string(next_) + " was trimmed; the oldest is " +
                                            std::to_string(floor->first_offset));
    }
    HOLDFAST_TRY_ASSIGN(const stream_rows::Segment segment, stream_rows::segment_of(reader, root, stream_id_, next_));
    HOLDFAST_TRY_ASSIGN(const format::HeadRow head, stream_rows::head(reader, root, stream_id_));
    file_ = log::segment_file_name({stream_id_, segment.row.file, segment.row.revision});
    position_ = format::kStreamHeaderBytes;
    walk_end_ = segment.row.sealed() ? segment.row.next_offset : head.next_offset;
    if (const auto in_memory = streams.tail_begin(stream_id_)) {
      walk_end_ = std::min(walk_end_, *in_memory);
    }
    const uint64_t end = segment.row.sealed() ? segment.row.records_end : head.records_end;
    auto file = streams.directory().open_file(file_, OpenMode::kReadOnly);
    if (file) {
      HOLDFAST_TRY(check_header(**file, {stream_id_, segment.row.file, segment.row.revision}, segment.first_offset));
      HOLDFAST_TRY(find_start(**file, segment, reader, head));
      walk_.emplace(std::move(*file), position_, end, checksum_seed_);
      return {};
    }
    if (file.error().code() != ErrorCode::kNotFound) {
      return fail(std::move(file).error());
    }
    // Upkeep may have replaced it in this moment; or it was in memory just now.
    if (look == kLooksMax) {
      return damaged(Problem::kMissing, "its file is missing");
    }
  }
}

Result<format::Record> StreamReader::next_in_file() {
  if (!walk_ || next_ >= walk_end_) {
    HOLDFAST_TRY(open_segment());
  }
  for (;;) {
    HOLDFAST_TRY_ASSIGN(const log::RecordWalk::Step step, walk_->next(walk_offset_));
    position_ = walk_->position();
    if (step != log::RecordWalk::Step::kRecord) {
      const bool is_other = step == log::RecordWalk::Step::kOther;
      other_offset_ = is_other ? walk_->record().offset : 0;
      walk_.reset();
      return is_other                              ? damaged(Problem::kOther, "another record is in its place")
             : step == log::RecordWalk::Step::kEnd ? damaged(Problem::kEnd, "the records end before it")
                                                   : damaged(Problem::kDamaged, "damaged");
    }
    if (walk_offset_++ == next_) {
      ++next_;
      return walk_->record();
    }
  }
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
