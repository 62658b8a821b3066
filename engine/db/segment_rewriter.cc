#include "db/segment_rewriter.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "format/stream_record.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;

}  // namespace

SegmentRewriter::SegmentRewriter(Directory& directory, const log::StreamIdentity& identity,
                                 const log::SegmentName& name, uint64_t first_offset, std::unique_ptr<File> file)
    : directory_(directory),
      name_(name),
      checksum_seed_(format::stream_checksum_seed(identity.database_id, identity.stream_id)),
      file_(std::move(file)) {
  footer_.first_offset = footer_.next_offset = first_offset;
}

Result<std::unique_ptr<SegmentRewriter>> SegmentRewriter::create(Directory& directory,
                                                                 const log::StreamIdentity& identity,
                                                                 const log::SegmentName& name, uint64_t first_offset,
                                                                 const Hash& prev_hash) {
  HOLDFAST_TRY_ASSIGN(auto file, directory.open_file(log::segment_file_name(name), OpenMode::kCreate));
  // An attempt that came to nothing may have been here.
  HOLDFAST_TRY(file->truncate(0));
  std::unique_ptr<SegmentRewriter> rewriter(
      new SegmentRewriter(directory, identity, name, first_offset, std::move(file)));
  const auto header = format::encode_stream_header({.database_id = identity.database_id,
                                                    .stream_id = identity.stream_id,
                                                    .file = name.file,
                                                    .revision = name.revision,
                                                    .first_offset = first_offset,
                                                    .prev_hash = prev_hash});
  rewriter->buffer_.assign(header.begin(), header.end());
  return rewriter;
}

Result<void> SegmentRewriter::flush() {
  HOLDFAST_TRY(file_->write_at(position_, buffer_));
  position_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> SegmentRewriter::add(const format::Record& record) {
  CHECK(record.offset == footer_.next_offset);
  if (record.offset % format::kBlockRecords == 0) {
    footer_.index.push_back(bytes());
  }
  const size_t at = buffer_.size();
  buffer_.resize(at + record.bytes());
  encode_record(record, checksum_seed_, std::span(buffer_).subspan(at));
  ++footer_.next_offset;
  return buffer_.size() >= kBufferBytes ? flush() : Result<void>();
}

Result<format::SegmentRow> SegmentRewriter::finish(const Hash& chain_hash) {
  CHECK(footer_.next_offset > footer_.first_offset);
  footer_.records_end = bytes();
  footer_.chain_hash = chain_hash;
  const std::vector<std::byte> footer = encode_stream_footer(footer_, checksum_seed_);
  buffer_.insert(buffer_.end(), footer.begin(), footer.end());
  HOLDFAST_TRY(flush());
  HOLDFAST_TRY(PLANTED(kRewriteSync) ? Result<void>() : file_->sync());
  HOLDFAST_TRY(PLANTED(kRewriteNameSync) ? Result<void>() : directory_.sync());
  return format::SegmentRow{.file = name_.file,
                            .revision = name_.revision,
                            .next_offset = footer_.next_offset,
                            .records_end = footer_.records_end};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
