#include "db/log_inspection.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "db/open.h"
#include "db/redo.h"
#include "page/meta_pages.h"
#include "wal/lane_scan.h"
#include "wal/slot_file.h"

namespace holdfast {

namespace {

// Of every slot that has one; damaged ones are left out.
Result<std::vector<format::SegmentHeader>> read_segment_headers(Directory& directory) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, directory.list());
  std::vector<format::SegmentHeader> headers;
  for (const std::string& name : names) {
    const auto slot = wal::parse_slot_file_name(name);
    if (!slot) {
      continue;
    }
    HOLDFAST_TRY_ASSIGN(const auto file, directory.open_file(name, OpenMode::kReadOnly));
    std::array<std::byte, format::kSectorBytes> sector{};
    HOLDFAST_TRY(file->read_at(0, sector));
    const auto header = format::decode_segment_header(sector);
    if (header && header->lane == slot->lane && header->slot == slot->slot) {
      headers.push_back(*header);
    }
  }
  return headers;
}

// Where the run without gaps begins that ends with the highest sequence; 0 without any.
uint64_t start_of_last_run(const std::set<uint64_t>& sequences) {
  uint64_t first = 0;
  for (auto sequence = sequences.rbegin(); sequence != sequences.rend(); ++sequence) {
    if (first != 0 && *sequence + 1 != first) {
      break;
    }
    first = *sequence;
  }
  return first;
}

Result<uint64_t> last_run_of(Directory& directory, const wal::LaneIdentity& identity) {
  HOLDFAST_TRY_ASSIGN(const std::vector<format::SegmentHeader> headers, read_segment_headers(directory));
  std::set<uint64_t> sequences;
  for (const format::SegmentHeader& header : headers) {
    if (header.database_id == identity.database_id && header.epoch == identity.epoch && header.lane == identity.lane) {
      sequences.insert(header.sequence);
    }
  }
  return start_of_last_run(sequences);
}

CheckReport::Damage damage_of(const Error& error) {
  return {.file = error.file(), .offset = error.offset().value_or(0), .what = error.message()};
}

}  // namespace

Result<LogInspection> LogInspection::open(Env& env, std::string_view path) {
  LogInspection inspection;
  HOLDFAST_TRY_ASSIGN(inspection.directory_, env.open_directory(path, DirectoryMode::kMustExist));
  HOLDFAST_TRY_ASSIGN(const std::vector<std::string> names, inspection.directory_->list());
  const bool is_database = std::ranges::any_of(names, [](const std::string& name) {
    return name == kTreeFileName || name == kIdentityFileName || wal::parse_slot_file_name(name);
  });
  if (!is_database) {
    return fail(ErrorCode::kNotFound, "there is no database in " + inspection.directory_->path());
  }
  HOLDFAST_TRY_ASSIGN(inspection.lock_, inspection.directory_->lock(kLockFileName, LockMode::kShared));
  HOLDFAST_TRY(inspection.find_start());
  HOLDFAST_TRY(inspection.scan());
  inspection.plan_and_list();
  return inspection;
}

Result<void> LogInspection::find_start() {
  auto tree = directory_->open_file(kTreeFileName, OpenMode::kReadOnly);
  auto meta = tree ? find_newest_meta(**tree) : Result<format::Meta>(fail(std::move(tree).error()));
  if (meta) {
    database_id_ = meta->database_id;
    page_bytes_ = meta->page_bytes;
    checkpoint_csn_ = meta->csn;
    start_ = meta->log;
    return {};
  }
  if (meta.error().code() != ErrorCode::kCorruption && meta.error().code() != ErrorCode::kNotFound) {
    return fail(std::move(meta).error());
  }
  const std::string file = meta.error().file().empty() ? std::string(kTreeFileName) : meta.error().file();
  tree_damage_ = Error(ErrorCode::kCorruption, meta.error().message()).at(file, meta.error().offset().value_or(0));
  return guess_start();
}

// The newest epoch among the log's files is the one that was written last.
Result<void> LogInspection::guess_start() {
  HOLDFAST_TRY_ASSIGN(const std::vector<format::SegmentHeader> headers, read_segment_headers(*directory_));
  if (headers.empty()) {
    return fail(Error(*tree_damage_));
  }
  const auto newest = std::ranges::max_element(headers, {}, &format::SegmentHeader::epoch);
  database_id_ = newest->database_id;
  page_bytes_ = kPageBytesMax;  // so that no key is too long
  start_.epoch = newest->epoch;
  start_.segment_bytes = newest->segment_bytes;
  std::map<uint16_t, std::set<uint64_t>> sequences;
  for (const format::SegmentHeader& header : headers) {
    if (header.database_id == database_id_ && header.epoch == start_.epoch) {
      sequences[header.lane].insert(header.sequence);
    }
  }
  start_.lane_count = static_cast<uint16_t>(sequences.rbegin()->first + 1);
  for (uint16_t lane = 0; lane < start_.lane_count; ++lane) {
    start_.first_sequence[lane] = std::max<uint64_t>(1, start_of_last_run(sequences[lane]));
  }
  return {};
}

Result<void> LogInspection::scan() {
  for (uint16_t lane = 0; lane < start_.lane_count; ++lane) {
    const wal::LaneIdentity identity{database_id_, start_.epoch, lane};
    InspectedLane& inspected = lanes_.emplace_back();
    auto contents = wal::scan_lane(*directory_, identity, start_.first_sequence[lane]);
    if (contents) {
      inspected.contents = std::move(*contents);
      continue;
    }
    if (contents.error().code() != ErrorCode::kCorruption) {
      return fail(std::move(contents).error());
    }
    inspected.damage = contents.error();
    HOLDFAST_TRY_ASSIGN(inspected.contents,
                        wal::salvage_lane(*directory_, identity, start_.first_sequence[lane], *inspected.damage));
    if (!inspected.contents.segments.empty()) {
      continue;
    }
    inspected.is_behind_gap = true;
    HOLDFAST_TRY_ASSIGN(const uint64_t first, last_run_of(*directory_, identity));
    if (first > start_.first_sequence[lane]) {
      if (auto rest = wal::scan_lane(*directory_, identity, first)) {
        inspected.contents = std::move(*rest);
      }
    }
  }
  for (const InspectedLane& lane : lanes_) {
    readers_.emplace_back(*directory_, lane.contents);
  }
  return {};
}

void LogInspection::plan_and_list() {
  std::vector<wal::LaneSummary> summaries;
  for (const InspectedLane& lane : lanes_) {
    summaries.push_back(wal::summary_of(lane.contents));
    if (lane.is_behind_gap) {
      const CheckReport::Damage damage = damage_of(*lane.damage);
      summaries.back().records.clear();
      summaries.back().end = {wal::LaneEnd::Kind::kDamaged, damage.file, damage.offset, damage.what};
    }
  }
  plan_.last = checkpoint_csn_;
  if (!start_.closed && !tree_damage_) {
    plan_ = wal::plan_recovery(checkpoint_csn_, summaries);
  }
  std::set<std::pair<size_t, size_t>> replayed;
  for (const wal::RecordRef& ref : plan_.replay) {
    replayed.emplace(ref.lane_index, ref.record_index);
  }
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    const wal::LaneContents& contents = lanes_[lane].contents;
    for (size_t index = 0; index < contents.records.size(); ++index) {
      const wal::FoundRecord& found = contents.records[index];
      InspectedRecord record{.ref = {lane, index},
                             .lane = contents.identity.lane,
                             .first_csn = found.first_csn,
                             .last_csn = found.last_csn(),
                             .body_bytes = found.body_bytes};
      if (found.piece_begin < found.piece_end) {
        const wal::RecordPiece& piece = contents.pieces[found.piece_begin];
        record.file = contents.segments[piece.segment_index].file;
        record.offset = piece.offset;
      }
      if (!tree_damage_) {
        record.fate = record.last_csn <= checkpoint_csn_ ? InspectedRecord::Fate::kInTree
                      : replayed.contains({lane, index}) ? InspectedRecord::Fate::kReplayed
                                                         : InspectedRecord::Fate::kCut;
      }
      records_.push_back(record);
    }
  }
  std::ranges::sort(records_, {},
                    [](const InspectedRecord& record) { return std::pair(record.first_csn, record.lane); });
}

Csn LogInspection::watermark() const {
  Csn watermark{};
  for (const InspectedLane& lane : lanes_) {
    watermark = std::max(watermark, lane.contents.watermark);
  }
  return watermark;
}

uint64_t LogInspection::segment_count() const {
  uint64_t count = 0;
  for (const InspectedLane& lane : lanes_) {
    count += lane.contents.segments.size();
  }
  return count;
}

uint64_t LogInspection::frame_bytes() const {
  uint64_t bytes = 0;
  for (const InspectedLane& lane : lanes_) {
    for (const wal::SegmentStats& segment : lane.contents.segments) {
      bytes += segment.frame_bytes;
    }
  }
  return bytes;
}

Result<std::vector<std::byte>> LogInspection::read(const InspectedRecord& record) {
  auto body = readers_[record.ref.lane_index].read(record.ref.record_index);
  if (!body && body.error().code() == ErrorCode::kCorruption && body.error().file().empty()) {
    return fail(Error(body.error()).at(record.file, record.offset));
  }
  return body;
}

Result<std::vector<std::unique_ptr<WriteSet>>> LogInspection::decode(const InspectedRecord& record) {
  HOLDFAST_TRY_ASSIGN(const std::vector<std::byte> body, read(record));
  std::vector<std::unique_ptr<WriteSet>> commits;
  const auto csn_count = static_cast<uint32_t>(to_int(record.last_csn) - to_int(record.first_csn) + 1);
  const auto keep = [&](std::unique_ptr<WriteSet> writes) -> Result<void> {
    commits.push_back(std::move(writes));
    return {};
  };
  if (auto decoded = decode_group(body, csn_count, page_bytes_, keep); !decoded) {
    return fail(std::move(decoded).error().at(record.file, record.offset));
  }
  return commits;
}

Result<std::vector<CheckReport::Damage>> LogInspection::verify(
    const std::function<bool(uint64_t done, uint64_t total)>& progress) {
  std::vector<CheckReport::Damage> damage;
  if (tree_damage_) {
    damage.push_back(damage_of(*tree_damage_));
  }
  for (const InspectedLane& lane : lanes_) {
    if (lane.damage) {
      damage.push_back(damage_of(*lane.damage));
    }
    if (lane.contents.end.kind == wal::LaneEnd::Kind::kDamaged && (!lane.damage || lane.is_behind_gap)) {
      damage.push_back({lane.contents.end.file, lane.contents.end.offset, lane.contents.end.reason});
    }
  }
  for (size_t index = 0; index < records_.size() && progress(index, records_.size()); ++index) {
    if (const auto commits = decode(records_[index]); !commits) {
      if (commits.error().code() != ErrorCode::kCorruption) {
        return fail(commits.error());
      }
      damage.push_back(damage_of(commits.error()));
    }
  }
  // Csns that are lost without a bad place: something that was there is wholly gone.
  if (plan_.damage && damage.empty()) {
    damage.push_back({plan_.damage->file, plan_.damage->offset, plan_.damage->text});
  }
  return damage;
}

}  // namespace holdfast
