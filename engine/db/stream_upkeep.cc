#include "db/stream_upkeep.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/planted.h"
#include "base/sha256.h"
#include "db/limits.h"
#include "db/projection_slot.h"
#include "db/read_state.h"
#include "db/segment_rewriter.h"
#include "db/stream_head.h"
#include "db/stream_proof.h"
#include "db/stream_reader.h"
#include "db/stream_rows.h"
#include "log/codec.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

using stream_rows::Segment;

// One step of the upkeep of one stream: what it looks at, and what it commits.
class Upkeeper {
 public:
  Upkeeper(DatabaseCore& database, std::string_view name)
      : database_(database), name_(name), lock_(database.streams().upkeep_mutex()) {}

  // What the state that everybody is shown holds: the newest one may be ahead of the tails in memory, for a moment; and
  // what this has committed, it is shown. False: there is no such stream.
  Result<bool> look() {
    // After a failed write the state that is shown may lack a commit that a reopen finds; the file that it names must
    // not be written anew.
    if (const std::string failure = database_.store().failure(); !failure.empty()) {
      return fail(ErrorCode::kReadOnly, failure);
    }
    state_ = std::make_unique<ReadState>(database_, database_.store().new_reader());
    HOLDFAST_TRY_ASSIGN(const auto found, find_stream(state_->reader(), name_));
    if (!found) {
      return false;
    }
    stream_ = *found;
    HOLDFAST_TRY_ASSIGN(segments_,
                        stream_rows::segments(state_->reader(), state_->reader().state().streams, stream_.stream_id));
    return true;
  }

  const FoundStream& stream() const { return stream_; }
  const std::vector<Segment>& segments() const { return segments_; }
  ReadState& state() { return *state_; }

  // Ends the segment that is written to.
  Result<Csn> seal() {
    WriteSet writes;
    writes.stream(name_).seals = true;
    return commit(writes);
  }

  Result<void> flush() {
    state_.reset();
    return database_.checkpoint();
  }

  // Behind a commit, which nothing takes back: what does not leave the disk now leaves it with a later checkpoint.
  void flush_if_possible() { static_cast<void>(flush()); }

  // Makes one segment of these, with every record as `change` returns it.
  using Change = std::function<Result<format::Record>(const format::Record&)>;
  Result<Csn> rewrite(std::span<const Segment> from, const Change& change) {
    const Segment& first = from.front();
    const uint64_t end = from.back().row.next_offset;
    const log::SegmentName name{stream_.stream_id, first.row.file, first.row.revision + 1};
    HOLDFAST_TRY_ASSIGN(const Hash prev_hash, chain_hash_before(*state_, stream_, first.first_offset));
    HOLDFAST_TRY_ASSIGN(const Hash chain_hash, chain_hash_before(*state_, stream_, end));
    HOLDFAST_TRY_ASSIGN(const auto to, SegmentRewriter::create(database_.streams().directory(),
                                                               {database_.streams().database_id(), stream_.stream_id},
                                                               name, first.first_offset, prev_hash));
    StreamReader reader(database_, stream_.stream_id);
    reader.seek(first.first_offset);
    while (reader.next_offset() < end) {
      HOLDFAST_TRY_ASSIGN(const format::Record record, reader.next());
      HOLDFAST_TRY_ASSIGN(const format::Record changed, change(record));
      HOLDFAST_TRY(to->add(changed));
    }
    HOLDFAST_TRY_ASSIGN(const format::SegmentRow row, to->finish(chain_hash));
    bytes_written_ += to->bytes();
    WriteSet writes;
    for (const Segment& segment : from) {
      writes.stream_rows().insert_or_assign(format::stream_segment_key(stream_.stream_id, segment.first_offset),
                                            std::nullopt);
    }
    writes.stream_rows().insert_or_assign(format::stream_segment_key(stream_.stream_id, first.first_offset),
                                          encode(row));
    return replace(writes, from);
  }

  // Drops the first `count` segments.
  Result<Csn> drop(size_t count) {
    const uint64_t first = segments_[count].first_offset;
    HOLDFAST_TRY_ASSIGN(const std::string floor, floor_at(first));
    WriteSet writes;
    for (const Segment& segment : std::span(segments_).first(count)) {
      writes.stream_rows().insert_or_assign(format::stream_segment_key(stream_.stream_id, segment.first_offset),
                                            std::nullopt);
    }
    writes.stream_rows().insert_or_assign(format::stream_floor_key(stream_.stream_id), floor);
    writes.stream(name_);  // whose head changes
    return replace(writes, std::span(segments_).first(count));
  }

  uint64_t bytes_written() const { return bytes_written_; }

 private:
  // The hashes that are needed of what goes: those of the first block that is not whole any more.
  Result<std::string> floor_at(uint64_t first) {
    format::FloorRow row{.first_offset = first, .hashes = {}};
    const uint64_t block = first / format::kBlockRecords * format::kBlockRecords;
    StreamNodes nodes(*state_, stream_);
    for (uint64_t offset = std::min(block, first - 1); offset < first; ++offset) {
      HOLDFAST_TRY_ASSIGN(const Hash hash, nodes.leaf(offset));
      row.hashes.push_back(hash);
    }
    return encode(row);
  }

  Result<Csn> replace(WriteSet& writes, std::span<const Segment> old) {
    std::vector<log::SegmentName> files;
    for (const Segment& segment : old) {
      files.push_back({stream_.stream_id, segment.row.file, segment.row.revision});
    }
    HOLDFAST_TRY_ASSIGN(const Csn csn, commit(writes));
    database_.streams().supersede(files);
    return csn;
  }

  Result<Csn> commit(WriteSet& writes) {
    PendingCommit pending(writes, nullptr, std::nullopt, Durability::kDurable);
    HOLDFAST_TRY_ASSIGN(const Commit committed, database_.commit(pending));
    return committed.csn;
  }

  DatabaseCore& database_;
  const std::string name_;
  const sync::Lock lock_;
  std::unique_ptr<ReadState> state_;
  FoundStream stream_;
  std::vector<Segment> segments_;
  uint64_t bytes_written_ = 0;
};

// The segment that holds the record, by its place in the list.
size_t index_of(const std::vector<Segment>& segments, uint64_t offset) {
  const auto behind = std::ranges::upper_bound(segments, offset, {}, &Segment::first_offset);
  return static_cast<size_t>(behind - segments.begin()) - 1;
}

}  // namespace

Result<std::optional<Csn>> seal_stream(DatabaseCore& database, std::string_view stream) {
  HOLDFAST_TRY(check_stream_name(stream));
  Upkeeper upkeep(database, stream);
  HOLDFAST_TRY_ASSIGN(const bool there, upkeep.look());
  if (!there || upkeep.segments().empty() ||
      upkeep.stream().head.next_offset == upkeep.segments().back().first_offset) {
    return std::nullopt;
  }
  HOLDFAST_TRY_ASSIGN(const Csn csn, upkeep.seal());
  upkeep.flush_if_possible();
  return csn;
}

Result<std::optional<Csn>> redact_record(DatabaseCore& database, std::string_view stream, uint64_t offset) {
  HOLDFAST_TRY(check_stream_name(stream));
  Upkeeper upkeep(database, stream);
  HOLDFAST_TRY_ASSIGN(bool there, upkeep.look());
  if (!there || offset < upkeep.stream().first_offset || offset >= upkeep.stream().head.next_offset) {
    return fail(ErrorCode::kNotFound,
                "stream " + std::string(stream) + " has no record " + std::to_string(offset) + " (any more)");
  }
  if (!upkeep.segments()[index_of(upkeep.segments(), offset)].row.sealed()) {
    HOLDFAST_TRY(upkeep.seal());
  }
  HOLDFAST_TRY(upkeep.flush());
  HOLDFAST_TRY_ASSIGN(there, upkeep.look());
  CHECK(there);
  std::vector<std::byte> stored(format::kPayloadLengthBytes + sizeof(Hash));
  log::CodecBuffer buffer;
  StreamReader reader(database, upkeep.stream().stream_id);
  reader.seek(offset);
  HOLDFAST_TRY_ASSIGN(const format::Record found, reader.next());
  if (found.stored_as == format::StoredAs::kRedacted) {
    return std::nullopt;
  }
  const auto redact = [&](const format::Record& record) -> Result<format::Record> {
    if (record.offset != offset || PLANTED(kRedactNothing)) {
      return record;
    }
    HOLDFAST_TRY_ASSIGN(const auto payload, log::payload_of(record, buffer));
    store_le<uint32_t>(stored.data(), static_cast<uint32_t>(payload.size()));
    const Hash digest = sha256(payload);
    std::ranges::copy(digest, stored.begin() + format::kPayloadLengthBytes);
    format::Record redacted = record;
    redacted.stored_as = format::StoredAs::kRedacted;
    redacted.stored = stored;
    return redacted;
  };
  const std::vector<Segment> segments = upkeep.segments();
  HOLDFAST_TRY_ASSIGN(const Csn csn,
                      upkeep.rewrite(std::span(segments).subspan(index_of(segments, offset), 1), redact));
  upkeep.flush_if_possible();
  return csn;
}

Result<TrimReport> trim_stream(DatabaseCore& database, std::string_view stream, uint64_t before) {
  HOLDFAST_TRY(check_stream_name(stream));
  Upkeeper upkeep(database, stream);
  HOLDFAST_TRY_ASSIGN(bool there, upkeep.look());
  if (there) {
    // What a projection has applied is not logged. Before the events go that could tell it again, a checkpoint has it.
    HOLDFAST_TRY_ASSIGN(const bool feeds, feeds_projection(upkeep.state(), stream));
    if (feeds && !PLANTED(kTrimBeforeApplied)) {
      HOLDFAST_TRY(upkeep.flush());
      HOLDFAST_TRY_ASSIGN(there, upkeep.look());
    }
  }
  if (!there) {
    return TrimReport{};
  }
  const std::vector<Segment>& segments = upkeep.segments();
  size_t count = 0;
  while (count + 1 < segments.size() && segments[count].row.sealed() &&
         (segments[count].row.next_offset <= before || (PLANTED(kTrimTooMuch) && count == 0))) {
    ++count;
  }
  if (count == 0) {
    return TrimReport{upkeep.stream().first_offset, std::nullopt};
  }
  const uint64_t first = segments[count].first_offset;
  HOLDFAST_TRY_ASSIGN(const Csn csn, upkeep.drop(count));
  upkeep.flush_if_possible();
  return TrimReport{first, csn};
}

Result<CompactReport> compact_stream(DatabaseCore& database, std::string_view stream, const CompactOptions& options) {
  HOLDFAST_TRY(check_stream_name(stream));
  CompactReport report;
  Upkeeper upkeep(database, stream);
  HOLDFAST_TRY(upkeep.flush());
  HOLDFAST_TRY_ASSIGN(bool there, upkeep.look());
  if (!there) {
    return report;
  }
  report.segments_before = report.segments_after = upkeep.segments().size();
  const uint64_t segment_bytes = database.streams().segment_bytes();
  log::CodecBuffer payload_buffer;
  log::CodecBuffer stored_buffer;
  const auto recompress = [&](const format::Record& record) -> Result<format::Record> {
    if (!options.codec || record.stored_as == format::StoredAs::kRedacted) {
      return record;
    }
    HOLDFAST_TRY_ASSIGN(const auto payload, log::payload_of(record, payload_buffer));
    const log::Stored stored = log::store(payload, *options.codec, stored_buffer);
    format::Record changed = record;
    changed.stored_as = stored.stored_as;
    changed.stored = stored.bytes;
    return changed;
  };
  for (uint64_t next = 0; there;) {
    // The sealed ones from `next` on that fit into one file together.
    const std::vector<Segment> segments = upkeep.segments();
    size_t first =
        static_cast<size_t>(std::ranges::lower_bound(segments, next, {}, &Segment::first_offset) - segments.begin());
    size_t last = first;
    uint64_t bytes = 0;
    while (last < segments.size() && segments[last].row.sealed() &&
           (last == first || bytes + segments[last].row.records_end <= segment_bytes)) {
      bytes += segments[last++].row.records_end;
    }
    if (last == first) {
      break;
    }
    next = segments[last - 1].row.next_offset;
    if (last - first > 1 || options.codec) {
      HOLDFAST_TRY_ASSIGN(const Csn csn, upkeep.rewrite(std::span(segments).subspan(first, last - first), recompress));
      report.commits.push_back(csn);
      report.segments_after -= last - first - 1;
      report.bytes_before += bytes;
      if (options.progress && !options.progress(next, upkeep.stream().head.next_offset)) {
        report.stopped = true;
        break;
      }
      HOLDFAST_TRY_ASSIGN(there, upkeep.look());
    }
  }
  report.bytes_after = upkeep.bytes_written();
  upkeep.flush_if_possible();
  return report;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
