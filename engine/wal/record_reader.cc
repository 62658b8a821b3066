#include "wal/record_reader.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "format/wal_record.h"

namespace holdfast::wal {

Result<void> RecordReader::load(uint32_t segment_index) {
  if (loaded_ == segment_index) {
    return {};
  }
  loaded_.reset();
  const SegmentStats& segment = contents_.segments[segment_index];
  HOLDFAST_TRY_ASSIGN(const auto file, directory_.open_file(segment.file, OpenMode::kReadOnly));
  segment_.assign(segment.segment_bytes, std::byte{0});
  HOLDFAST_TRY(file->read_at(0, segment_));
  loaded_ = segment_index;
  return {};
}

Result<std::vector<std::byte>> RecordReader::read(size_t index) {
  CHECK(index < contents_.records.size());
  std::vector<std::byte> body(contents_.records[index].body_bytes);
  HOLDFAST_TRY(read(index, body));
  return body;
}

Result<void> RecordReader::read(size_t index, std::span<std::byte> body) {
  CHECK(index < contents_.records.size());
  const FoundRecord& record = contents_.records[index];
  CHECK(body.size() == record.body_bytes);
  size_t done = 0;
  for (size_t at = record.piece_begin; at < record.piece_end; ++at) {
    const RecordPiece& piece = contents_.pieces[at];
    HOLDFAST_TRY(load(piece.segment_index));
    std::ranges::copy(std::span<const std::byte>(segment_).subspan(piece.offset, piece.bytes),
                      body.subspan(done).begin());
    done += piece.bytes;
  }
  const format::RecordHeader header{record.checksum, record.csn_count, record.first_csn, record.body_bytes};
  if (!format::is_record_intact(header, body, format::checksum_seed_of(contents_.identity.database_id)) &&
      !PLANTED(kRecordChecksum)) {
    Error error(ErrorCode::kCorruption, "the log's record of csn " + std::to_string(to_int(record.first_csn)) +
                                            " is not what was written: checksum");
    if (record.piece_begin == record.piece_end) {
      return fail(std::move(error));
    }
    const RecordPiece& piece = contents_.pieces[record.piece_begin];
    return fail(std::move(error).at(contents_.segments[piece.segment_index].file, piece.offset));
  }
  return {};
}

}  // namespace holdfast::wal
