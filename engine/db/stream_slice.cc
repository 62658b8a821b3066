#include "db/stream_slice.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "db/stream_leaf.h"
#include "db/stream_rows.h"
#include "format/stream_segment.h"
#include "log/compact_range.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

using format::kBlockRecords;

// Whoever may want to stop is asked after so many records, or so many bytes of payloads: some milliseconds.
constexpr uint64_t kRecordsPerQuestion = 4096;
constexpr uint64_t kBytesPerQuestion = uint64_t{4} << 20;
std::string record_of(const std::string& stream) { return "it is a record of stream " + stream; }

// How far a record that stands in another's place is looked for.
constexpr uint64_t kLooksBehind = 2 * kBlockRecords;

std::string range_text(uint64_t from, uint64_t to) {
  return "records " + std::to_string(from) + " to " + std::to_string(to - 1);
}

}  // namespace

StreamSlice::StreamSlice(const DatabaseCore& database, PageReader& pages, const FoundStream& stream)
    : database_(database),
      pages_(pages),
      root_(pages.state().streams),
      stream_(stream),
      reader_(database, stream.stream_id) {}

uint64_t StreamSlice::find_anchor(const FoundStream& stream, uint64_t offset) {
  return std::max(offset / kBlockRecords * kBlockRecords, stream.first_offset);
}

Result<Hash> StreamSlice::hash_before(uint64_t anchor) {
  if (anchor == stream_.first_offset) {
    return stream_.first_prev_hash;  // zeros at offset 0
  }
  if (anchor == stream_.head.next_offset) {
    return stream_.head.chain_hash;
  }
  CHECK(anchor % kBlockRecords == 0);
  const uint64_t block = anchor / kBlockRecords;
  if (block == stream_.head.next_offset / kBlockRecords) {
    return stream_.head.block_prev_hash;
  }
  HOLDFAST_TRY_ASSIGN(const format::NodeRow node,
                      stream_rows::node(pages_, root_, stream_.stream_id, format::kBlockLevel, block));
  return node.prev_hash;
}

void StreamSlice::found(uint64_t offset, Tamper kind, std::string what, Place place) {
  finding_ = {.offset = offset,
              .kind = kind,
              .file = std::move(place.file),
              .position = place.position,
              .what = std::move(what)};
}

Result<Hash> StreamSlice::hash_of(const format::Record& record, uint32_t& payload_bytes) {
  HOLDFAST_TRY_ASSIGN(const format::EventLeaf leaf,
                      leaf_of(database_.streams().database_id(), stream_.stream_id, record, buffer_));
  payload_bytes = leaf.length;
  return format::chain_hash(leaf);
}

Result<std::vector<Hash>> StreamSlice::hashes_from(uint64_t offset) {
  const uint64_t end = std::min((offset / kBlockRecords + 1) * kBlockRecords, stream_.head.next_offset);
  std::vector<Hash> hashes;
  for (uint64_t next = offset + 1; next < end; ++next) {
    const auto record = reader_.next();
    if (!record && record.error().code() == ErrorCode::kCorruption) {
      return hashes;
    }
    if (!record) {
      return fail(record.error());
    }
    hashes.push_back(record->prev_hash);
  }
  HOLDFAST_TRY_ASSIGN(const Hash last, hash_before(end));
  hashes.push_back(last);
  return hashes;
}

Result<bool> StreamSlice::is_block(uint64_t first, std::span<const Hash> hashes) {
  log::CompactRange range;
  for (const Hash& hash : hashes) {
    range.append(hash);
  }
  if (hashes.size() < kBlockRecords) {
    const std::vector<Hash>& peaks = stream_.head.peaks;
    return peaks.size() >= range.peaks().size() &&
           std::ranges::equal(range.peaks(), std::span(peaks).last(range.peaks().size()));
  }
  HOLDFAST_TRY_ASSIGN(const format::NodeRow node,
                      stream_rows::node(pages_, root_, stream_.stream_id, format::kBlockLevel, first / kBlockRecords));
  return node.root == range.root();
}

Result<void> StreamSlice::explain_link(uint64_t offset, const format::Record& record, const Result<Hash>& own_hash) {
  const Place place = here();  // looking at what comes next moves the reader
  const Hash held = record.prev_hash;
  const uint64_t block = offset / kBlockRecords * kBlockRecords;
  const uint64_t block_end = std::min(block + kBlockRecords, stream_.head.next_offset);
  bool only_this = true;
  if (offset != block && offset != stream_.first_offset) {
    HOLDFAST_TRY_ASSIGN(const std::vector<Hash> rest, hashes_from(offset));
    bool only_before = own_hash && !rest.empty() && *own_hash == rest.front();
    if (rest.size() == block_end - offset) {
      // All hashes of the block say whether nothing is wrong but this record, or the one before.
      std::vector<Hash> hashes = hashes_;
      hashes.insert(hashes.end(), rest.begin(), rest.end());
      HOLDFAST_TRY_ASSIGN(only_this, is_block(block, hashes));
      hashes[hashes_.size() - 1] = held;
      HOLDFAST_TRY_ASSIGN(const bool is_known, is_block(block, hashes));
      only_before = only_before && is_known;
    }
    if (only_before) {
      found(offset - 1, Tamper::kChanged, "the record behind it, which is sound, holds another hash of it", place);
      return {};
    }
    HOLDFAST_TRY_ASSIGN(const bool is_named, name_foreign_before(offset));
    if (is_named) {
      return {};
    }
  }
  HOLDFAST_TRY_ASSIGN(const auto owner, owner_of(place));
  if (owner) {
    found(offset, Tamper::kForeign, record_of(*owner), place);
  } else if (only_this) {
    found(offset, Tamper::kChanged, "it does not hold the hash of the record before it", place);
  } else {
    const uint64_t first = find_anchor(stream_, offset);
    found(first, Tamper::kForked,
          "one of " + range_text(first, offset) + " was changed, and those behind it written anew", place);
  }
  return {};
}

Result<void> StreamSlice::check_record(uint64_t offset, const format::Record& record) {
  uint32_t payload_bytes = 0;
  const auto own_hash = hash_of(record, payload_bytes);
  if (record.prev_hash != hash_ && !PLANTED(kLinkUnchecked)) {
    return explain_link(offset, record, own_hash);
  }
  if (!own_hash) {
    found(offset, Tamper::kUnreadable, own_hash.error().message(), here());
    return {};
  }
  hash_ = *own_hash;
  ++counts_.records;
  counts_.redacted += record.stored_as == format::StoredAs::kRedacted ? 1 : 0;
  counts_.payload_bytes += payload_bytes;
  if (offset % kBlockRecords == 0) {
    hashes_.clear();
  }
  hashes_.push_back(hash_);
  return offset + 1 == stream_.head.next_offset || (offset + 1) % kBlockRecords == 0 ? check_block(offset + 1)
                                                                                     : Result<void>();
}

Result<void> StreamSlice::check_block(uint64_t next) {
  HOLDFAST_TRY_ASSIGN(const Hash known, hash_before(next));
  const uint64_t first = find_anchor(stream_, next - 1);
  if (hash_ != known && !PLANTED(kHeadUnchecked)) {
    // Every link up to here holds: whoever changed something has rewritten everything behind it.
    const bool is_last = next == stream_.head.next_offset;
    if (is_last && last_prev_hash_ == stream_.head.prev_hash) {
      found(next - 1, Tamper::kChanged, "its hash is not the stream's head, and all before it is sound", here());
    } else {
      found(first, Tamper::kForked,
            "one of " + range_text(first, next) + " was changed, and those behind it written anew", here());
    }
    return {};
  }
  HOLDFAST_TRY_ASSIGN(const bool is_known, is_block((next - 1) / kBlockRecords * kBlockRecords, hashes_));
  if (!is_known) {
    found(first, Tamper::kForked, range_text(first, next) + " have another Merkle root than the tree knows", here());
  }
  return {};
}

// What stands at this place, as long as it says that it is; empty: nothing does.
Result<std::vector<std::byte>> StreamSlice::bytes_at(const Place& place) {
  std::vector<std::byte> bytes;
  const auto file = database_.streams().directory().open_file(place.file, OpenMode::kReadOnly);
  if (!file) {
    return bytes;
  }
  bytes.resize(format::kEventOverheadBytes);
  HOLDFAST_TRY_ASSIGN(const size_t size, (*file)->read_at(place.position, bytes));
  if (size < bytes.size() || format::record_bytes_at(bytes) == 0) {
    bytes.clear();
    return bytes;
  }
  bytes.resize(format::record_bytes_at(bytes));
  HOLDFAST_TRY((*file)->read_at(place.position, bytes));
  return bytes;
}

Result<std::optional<std::string>> StreamSlice::owner_of(const Place& place) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::byte> bytes, bytes_at(place));
  if (bytes.empty()) {
    return std::nullopt;
  }
  format::Record record;
  static_cast<void>(decode_record(bytes, 0, record));
  HOLDFAST_TRY_ASSIGN(const auto streams, stream_rows::list(pages_, root_));
  for (const stream_rows::Name& other : streams) {
    if (other.stream_id == stream_.stream_id) {
      continue;
    }
    // Either it bears the other stream's checksum, or it is the very record that lies there.
    format::Record same;
    const uint32_t seed = format::stream_checksum_seed(database_.streams().database_id(), other.stream_id);
    if (decode_record(bytes, seed, same) == format::RecordProblem::kNone) {
      return other.name;
    }
    HOLDFAST_TRY_ASSIGN(const format::HeadRow head, stream_rows::head(pages_, root_, other.stream_id));
    HOLDFAST_TRY_ASSIGN(const auto floor, stream_rows::floor(pages_, root_, other.stream_id));
    if (record.offset >= head.next_offset || (floor && record.offset < floor->first_offset)) {
      continue;
    }
    StreamReader reader(database_, other.stream_id);
    reader.seek(record.offset);
    const auto theirs = reader.next();
    if (theirs && theirs->prev_hash == record.prev_hash && std::ranges::equal(theirs->stored, record.stored)) {
      return other.name;
    }
  }
  return std::nullopt;
}

Result<bool> StreamSlice::is_behind(uint64_t offset, const Place& place) {
  auto file = database_.streams().directory().open_file(place.file, OpenMode::kReadOnly);
  if (!file) {
    return false;
  }
  HOLDFAST_TRY_ASSIGN(const uint64_t size, (*file)->size());
  log::RecordWalk walk(std::move(*file), place.position, size,
                       format::stream_checksum_seed(database_.streams().database_id(), stream_.stream_id));
  for (uint64_t looks = 0; looks < kLooksBehind; ++looks) {
    HOLDFAST_TRY_ASSIGN(const log::RecordWalk::Step step, walk.next(offset));
    if (step != log::RecordWalk::Step::kOther) {
      return step == log::RecordWalk::Step::kRecord;
    }
  }
  return false;
}

Result<void> StreamSlice::explain(uint64_t offset, const Error& error) {
  const Place place = here();
  using Problem = StreamReader::Problem;
  switch (reader_.problem()) {
    case Problem::kOther: {
      HOLDFAST_TRY_ASSIGN(const bool is_named, name_foreign_before(offset));
      if (is_named) {
        break;
      }
      HOLDFAST_TRY_ASSIGN(const bool is_behind_it, is_behind(offset, place));
      const std::string other = "record " + std::to_string(reader_.other_offset()) + " stands in its place";
      const bool is_moved = is_behind_it || reader_.other_offset() < offset;
      found(offset, is_moved ? Tamper::kReordered : Tamper::kRemoved, other, place);
      break;
    }
    case Problem::kDamaged: return explain_damage(offset, place, error);
    case Problem::kEnd: found(offset, Tamper::kTruncated, error.message(), place); break;
    case Problem::kForeign: found(offset, Tamper::kForeign, error.message(), place); break;
    case Problem::kMissing: {
      HOLDFAST_TRY_ASSIGN(const auto segment, stream_rows::segment_of(pages_, root_, stream_.stream_id, offset));
      found(offset, segment.row.sealed() ? Tamper::kRemoved : Tamper::kTruncated,
            "the segment that holds it is missing", place);
      break;
    }
  }
  return {};
}

Result<void> StreamSlice::explain_damage(uint64_t offset, const Place& place, const Error& error) {
  HOLDFAST_TRY_ASSIGN(const bool is_named, name_foreign_before(offset));
  if (is_named) {
    return {};
  }
  HOLDFAST_TRY_ASSIGN(const auto owner, place.position == 0 ? std::nullopt : owner_of(place));
  found(offset, owner ? Tamper::kForeign : Tamper::kUnreadable, owner ? record_of(*owner) : error.message(), place);
  return {};
}

// Whether what was written at this place holds the hash of the record before it, whatever became of it.
Result<bool> StreamSlice::is_followed(const Place& place) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::byte> bytes, bytes_at(place));
  format::Record record;
  static_cast<void>(decode_record(bytes, 0, record));
  return !bytes.empty() && record.prev_hash == hash_;
}

// Nobody has vouched for the record before it yet: put there from elsewhere, it may not fill its place, or fill more.
Result<bool> StreamSlice::name_foreign_before(uint64_t offset) {
  if (!record_before_ || offset % kBlockRecords == 0) {
    return false;
  }
  if (offset == 1) {
    // The first records of all streams hold the hash of nothing: one that another stream begins with, too, is at home
    // if the next one holds its hash.
    HOLDFAST_TRY_ASSIGN(const bool is_home, is_followed(here()));
    if (is_home) {
      return false;
    }
  }
  HOLDFAST_TRY_ASSIGN(const auto owner, owner_of(*record_before_));
  if (owner) {
    found(offset - 1, Tamper::kForeign, record_of(*owner), *record_before_);
  }
  return owner.has_value();
}

Result<bool> StreamSlice::check(uint64_t from, uint64_t to, const std::function<bool(uint64_t)>& go_on) {
  HOLDFAST_TRY_ASSIGN(hash_, hash_before(from));
  hashes_.clear();
  if (from % kBlockRecords != 0) {
    HOLDFAST_TRY_ASSIGN(const auto floor, stream_rows::floor(pages_, root_, stream_.stream_id));
    hashes_ = floor ? floor->hashes : std::vector<Hash>();
  }
  reader_.seek(from);
  record_before_.reset();
  uint64_t asked_at = from;
  uint64_t asked_at_bytes = counts_.payload_bytes;
  for (uint64_t offset = from; offset < to && !finding_; ++offset) {
    const auto record = reader_.next();
    if (!record && record.error().code() != ErrorCode::kCorruption) {
      return fail(record.error());
    }
    last_prev_hash_ = hash_;
    HOLDFAST_TRY(record ? check_record(offset, *record) : explain(offset, record.error()));
    record_before_ = here();
    const uint64_t records = offset + 1 - asked_at;
    if (records >= kRecordsPerQuestion || counts_.payload_bytes - asked_at_bytes >= kBytesPerQuestion) {
      if (!go_on(records)) {
        return false;
      }
      asked_at = offset + 1;
      asked_at_bytes = counts_.payload_bytes;
    }
  }
  return true;
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
