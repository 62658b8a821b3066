#include "wal/lane_scan.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/planted.h"
#include "format/wal_frame.h"
#include "wal/frame_packer.h"
#include "wal/live_range.h"
#include "wal/record_parser.h"

namespace holdfast::wal {

namespace {

using format::FrameHeader;
using format::kFrameHeaderBytes;
using format::kFrameUnitBytes;

class Scan {
 public:
  explicit Scan(LaneContents& contents) : contents_(contents), parser_(contents) {}

  Result<void> run(Directory& directory) {
    for (size_t index = 0; index < contents_.segments.size(); ++index) {
      HOLDFAST_TRY(load(directory, index));
      scan_segment(index);
    }
    finish();
    return {};
  }

  // Only looks at the headers of frames, wherever they lie. Pre: run() is over.
  Result<void> read_marks(Directory& directory, size_t index) {
    HOLDFAST_TRY(load(directory, index));
    for (uint32_t offset = kFrameUnitBytes; offset < bytes_.size(); offset += kFrameUnitBytes) {
      FrameHeader header;
      if (decode_header(offset, header)) {
        note_header(header);
      }
    }
    return {};
  }

  // The last segment never holds frames, or a file is gone.
  bool has_lost_the_end() const { return last_has_frames_ && !PLANTED(kLostEndIgnored); }

 private:
  // A segment as it is on disk. What a file lacks is read as zeros.
  Result<void> load(Directory& directory, size_t index) {
    const SegmentStats& segment = contents_.segments[index];
    HOLDFAST_TRY_ASSIGN(const auto file, directory.open_file(segment.file, OpenMode::kReadOnly));
    bytes_.assign(segment.segment_bytes, std::byte{0});
    HOLDFAST_TRY_ASSIGN(const size_t readable, file->read_at(0, bytes_));
    if (readable < bytes_.size() && !short_file_ && !PLANTED(kShortFileIgnored)) {
      short_file_ = LaneEnd{LaneEnd::Kind::kDamaged, segment.file, readable, "the file was cut short"};
    }
    seed_ = format::frame_seed_of({contents_.identity.database_id, contents_.identity.epoch, contents_.identity.lane,
                                   segment.slot, segment.sequence, segment.segment_bytes});
    return {};
  }

  bool decode_header(uint32_t offset, FrameHeader& header) const {
    const auto bytes = std::span<const std::byte>(bytes_).subspan(offset).first<kFrameHeaderBytes>();
    return format::decode_frame_header(bytes, seed_, static_cast<uint16_t>(offset / kFrameUnitBytes), header) ==
           nullptr;
  }

  void scan_segment(size_t index) {
    last_has_frames_ = false;
    uint32_t offset = kFrameUnitBytes;
    while (offset < bytes_.size()) {
      FrameHeader header;
      const bool is_header = decode_header(offset, header);
      if (is_header) {
        last_has_frames_ = true;
        note_header(header);
      }
      if (bad_place_) {
        if (is_header) {
          judge(header, index);
        }
        offset += kFrameUnitBytes;
      } else if (is_header && take_frame(header, index, offset)) {
        offset += format::frame_bytes(header.body_bytes);
      } else {
        if (!is_header) {
          end_at(index, offset, LaneEnd::Kind::kClean, "");
        }
        offset += kFrameUnitBytes;
      }
    }
  }

  void note_header(const FrameHeader& header) {
    contents_.watermark = std::max(contents_.watermark, header.watermark);
    contents_.last_csn_seen = std::max(contents_.last_csn_seen, header.last_csn);
  }

  // False if this is where the run of valid frames ends.
  bool take_frame(const FrameHeader& header, size_t index, uint32_t offset) {
    const auto rest = std::span<const std::byte>(bytes_).subspan(offset + kFrameHeaderBytes);
    if (const char* damage = format::find_body_damage(rest, header, seed_)) {
      end_at(index, offset, LaneEnd::Kind::kTorn, std::string("frame: ") + damage);
      return false;
    }
    if (frame_number_ != 0 && header.frame_number != frame_number_ + 1) {
      end_at(index, offset, LaneEnd::Kind::kDamaged, "frame: it is not the next one");
      return false;
    }
    const char* broken = parser_.add_frame(header, rest.first(header.body_bytes), static_cast<uint32_t>(index),
                                           offset + kFrameHeaderBytes);
    if (broken != nullptr) {
      end_at(index, offset, LaneEnd::Kind::kDamaged, std::string("frame: ") + broken);
      return false;
    }
    frame_number_ = header.frame_number;
    ++contents_.frame_count;
    SegmentStats& segment = contents_.segments[index];
    segment.first_csn = segment.frame_count == 0 ? header.first_csn : segment.first_csn;
    segment.last_csn = header.last_csn;
    ++segment.frame_count;
    segment.frame_bytes += format::frame_bytes(header.body_bytes);
    return true;
  }

  void end_at(size_t index, uint32_t offset, LaneEnd::Kind kind, std::string reason) {
    const SegmentStats& segment = contents_.segments[index];
    contents_.end = {kind, segment.file, offset, std::move(reason)};
    bad_place_ = LanePosition{segment.sequence, offset};
  }

  // A valid header behind the bad place.
  void judge(const FrameHeader& header, size_t index) {
    if (contents_.end.kind == LaneEnd::Kind::kDamaged) {
      return;
    }
    const uint64_t sequence = contents_.segments[index].sequence;
    const bool began_behind =
        header.flush_segments_back < sequence &&
        LanePosition{sequence - header.flush_segments_back, header.flush_unit * kFrameUnitBytes} > *bad_place_;
    contents_.end.kind = began_behind && !PLANTED(kLaterFlushIgnored) ? LaneEnd::Kind::kDamaged : LaneEnd::Kind::kTorn;
    if (began_behind) {
      contents_.end.reason += contents_.end.reason.empty() ? "no valid frame" : "";
      contents_.end.reason += ", but a later flush shows that it had been durable";
    } else if (contents_.end.reason.empty()) {
      contents_.end.reason = "no valid frame, but a later one of the same flush";
    }
  }

  void finish() {
    if (short_file_ && contents_.end.kind != LaneEnd::Kind::kDamaged) {
      contents_.end = *short_file_;
    } else if (contents_.end.kind == LaneEnd::Kind::kClean && contents_.frame_count > 0 && parser_.is_inside()) {
      contents_.end.kind = LaneEnd::Kind::kTorn;
      contents_.end.reason = "the last record is not whole";
    }
  }

  LaneContents& contents_;
  RecordParser parser_;
  std::vector<std::byte> bytes_;
  uint32_t seed_ = 0;
  uint64_t frame_number_ = 0;  // of the last valid frame
  std::optional<LanePosition> bad_place_;
  std::optional<LaneEnd> short_file_;
  bool last_has_frames_ = false;
};

}  // namespace

Result<LaneContents> scan_lane(Directory& directory, const LaneIdentity& identity, uint64_t first_sequence) {
  LaneContents contents;
  contents.identity = identity;
  HOLDFAST_TRY_ASSIGN(contents.segments, find_live_segments(directory, identity, first_sequence));
  Scan scan(contents);
  HOLDFAST_TRY(scan.run(directory));
  if (scan.has_lost_the_end()) {
    return fail(missing_segment(identity.lane, contents.segments.back().sequence + 1));
  }
  return contents;
}

Result<LaneContents> salvage_lane(Directory& directory, const LaneIdentity& identity, uint64_t first_sequence,
                                  const Error& why) {
  LaneContents contents;
  contents.identity = identity;
  HOLDFAST_TRY_ASSIGN(contents.segments, find_readable_segments(directory, identity, first_sequence));
  std::vector<SegmentStats> behind;
  size_t run = 0;
  while (run < contents.segments.size() && contents.segments[run].sequence == first_sequence + run) {
    ++run;
  }
  behind.assign(contents.segments.begin() + static_cast<ptrdiff_t>(run), contents.segments.end());
  contents.segments.resize(run);
  Scan scan(contents);
  HOLDFAST_TRY(scan.run(directory));
  contents.segments.insert(contents.segments.end(), behind.begin(), behind.end());
  for (size_t index = run; index < contents.segments.size(); ++index) {
    HOLDFAST_TRY(scan.read_marks(directory, index));
  }
  contents.segments.resize(run);
  contents.end = {LaneEnd::Kind::kDamaged, why.file(), why.offset().value_or(0), why.message()};
  return contents;
}

}  // namespace holdfast::wal
