#include "sim/log_loss.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "format/wal_frame.h"
#include "sim/damage.h"

namespace holdfast::sim {

namespace {

constexpr auto kStream = Stream::kProbe;
constexpr uint64_t kEverywhere = std::numeric_limits<uint64_t>::max();

}  // namespace

LogLoss::LogLoss(const LogInspection& log, const SimDisk& disk)
    : directory_(disk.find_directory("db").value()),
      wal_epoch_(to_int(log.start().epoch)),
      checkpoint_csn_(to_int(log.checkpoint_csn())) {
  for (const InspectedLane& inspected : log.lanes()) {
    const wal::LaneContents& contents = inspected.contents;
    Lane& lane = lanes_.emplace_back();
    for (const wal::FoundRecord& record : contents.records) {
      lane.records.emplace_back(to_int(record.first_csn), to_int(record.last_csn()));
    }
    for (const wal::SegmentStats& stats : contents.segments) {
      Segment& segment =
          lane.segments.emplace_back(stats.file, stats.sequence, stats.segment_bytes, std::vector<Frame>());
      const Inode& file = disk.file(disk.find(directory_, stats.file).value());
      const uint32_t seed =
          format::frame_seed_of({contents.identity.database_id, contents.identity.epoch, contents.identity.lane,
                                 stats.slot, stats.sequence, stats.segment_bytes});
      for (uint64_t offset = format::kFrameUnitBytes; offset < stats.segment_bytes;) {
        std::array<std::byte, format::kFrameHeaderBytes> bytes{};
        file.read_truth(offset, bytes);
        format::FrameHeader header;
        const auto unit = static_cast<uint16_t>(offset / format::kFrameUnitBytes);
        if (format::decode_frame_header(bytes, seed, unit, header) != nullptr) {
          break;
        }
        segment.frames.push_back({.offset = offset,
                                  .bytes = format::frame_bytes(header.body_bytes),
                                  .first_csn = to_int(header.first_csn),
                                  .watermark = to_int(header.watermark),
                                  .flush_sequence = stats.sequence - header.flush_segments_back,
                                  .flush_offset = uint64_t{header.flush_unit} * format::kFrameUnitBytes});
        offset += segment.frames.back().bytes;
      }
    }
  }
}

std::string LogLoss::inflict(SimDisk& copy, Reach reach, Decisions& decisions) {
  if (reach == Reach::kFilesToo && decisions.chance(kStream, 1, 4)) {
    hit_file(copy, decisions);
  } else {
    hit_frames(copy, decisions);
  }
  return text_;
}

void LogLoss::note(std::string_view what, const std::string& file, uint64_t begin, uint64_t end) {
  hits_.push_back({file, begin, end});
  text_ += fmt::format("{}{} of {}", text_.empty() ? "" : ", ", what, file);
  if (begin != 0 || end != kEverywhere) {
    text_ += fmt::format(" at {}", begin);
  }
}

// A sector that cannot be read is no damage that can be accepted: a recovery that cannot read answers io.
bool LogLoss::hit_sector(SimDisk& copy, const std::string& file, uint64_t sector, Decisions& decisions) {
  constexpr std::array<fault::Kind, 3> kKinds = {fault::Kind::kBitRot, fault::Kind::kZeroedSector,
                                                 fault::Kind::kStaleSector};
  const fault::Kind kind = decisions.pick(kStream, kKinds);
  const auto found = copy.find(directory_, file);
  // Twice in one place can bring back what was there; and it is gone where the log was given back meanwhile.
  if (!found || is_hit(file, sector * kSectorBytes, (sector + 1) * kSectorBytes) ||
      !damage_sector(copy, *found, sector, kind, decisions.draw(kStream))) {
    return false;
  }
  note(fault::info(kind).name, file, sector * kSectorBytes, (sector + 1) * kSectorBytes);
  return true;
}

// One to three sectors of frames, in any lane.
void LogLoss::hit_frames(SimDisk& copy, Decisions& decisions) {
  std::vector<std::pair<const Segment*, const Frame*>> frames;
  for (const Lane& lane : lanes_) {
    for (const Segment& segment : lane.segments) {
      for (const Frame& frame : segment.frames) {
        frames.emplace_back(&segment, &frame);
      }
    }
  }
  if (frames.empty()) {
    return;
  }
  for (uint64_t left = 1 + decisions.below(kStream, 3); left > 0; --left) {
    const auto [segment, frame] = frames[static_cast<size_t>(decisions.below(kStream, frames.size()))];
    // Its first sector holds the header.
    const uint64_t reach = decisions.chance(kStream, 1, 2) ? 1 : frame->bytes / kSectorBytes;
    hit_sector(copy, segment->file, frame->offset / kSectorBytes + decisions.below(kStream, reach), decisions);
  }
}

// A whole live file: gone, also with all behind it, cut short, or with another header.
void LogLoss::hit_file(SimDisk& copy, Decisions& decisions) {
  const Lane& lane = lanes_[static_cast<size_t>(decisions.below(kStream, lanes_.size()))];
  const auto index = static_cast<size_t>(decisions.below(kStream, lane.segments.size()));
  const Segment& segment = lane.segments[index];
  const auto lose = [&](const std::string& file) {
    take_file_away(copy, directory_, file);
    note("loss", file, 0, kEverywhere);
  };
  switch (decisions.below(kStream, 4)) {
    case 0: return lose(segment.file);
    case 3: {
      // From the last one that has frames on: what is left ends as if the lane had ended there.
      size_t from = lane.segments.size() - 1;
      while (from > 0 && lane.segments[from].frames.empty()) {
        --from;
      }
      for (size_t lost = from; lost < lane.segments.size(); ++lost) {
        lose(lane.segments[lost].file);
      }
      return;
    }
    case 1: {
      const uint64_t bytes = decisions.below(kStream, segment.bytes);
      const uint32_t file = copy.find(directory_, segment.file).value();
      copy.truncate(file, bytes);
      copy.sync(file, copy.moment(), Decisions(0));
      return note("end", segment.file, bytes, kEverywhere);
    }
    default: hit_sector(copy, segment.file, 0, decisions);
  }
}

bool LogLoss::is_hit(const std::string& file, uint64_t begin, uint64_t end) const {
  return std::ranges::any_of(hits_,
                             [&](const Hit& hit) { return hit.file == file && hit.begin < end && begin < hit.end; });
}

LogLoss::Stop LogLoss::stop_of(const Lane& lane) const {
  bool is_lost = false;  // the file, so that nobody finds what comes after it
  for (const Segment& segment : lane.segments) {
    is_lost = is_lost || is_hit(segment.file, 0, kSectorBytes);
    for (const Frame& frame : segment.frames) {
      if (is_lost || is_hit(segment.file, frame.offset, frame.offset + frame.bytes)) {
        return {&segment, &frame, is_lost};
      }
    }
  }
  return {};
}

uint64_t LogLoss::first_csn_hit(const Lane& lane) const {
  const Stop stop = stop_of(lane);
  return stop.frame == nullptr ? kEverywhere : stop.frame->first_csn;
}

bool LogLoss::is_provable(const Lane& lane, const Stop& stop) const {
  // A file that is gone leaves a gap, or a last one that holds frames; one that was cut short is not as long as it was
  // made.
  const auto is_cut_short = [this](const Segment& segment) {
    return std::ranges::any_of(hits_,
                               [&](const Hit& hit) { return hit.file == segment.file && hit.end == kEverywhere; });
  };
  if (stop.is_of_file || is_cut_short(*stop.segment)) {
    return true;
  }
  return std::ranges::any_of(lane.segments, [&](const Segment& segment) {
    return !is_hit(segment.file, 0, kSectorBytes) && std::ranges::any_of(segment.frames, [&](const Frame& frame) {
      return std::pair(frame.flush_sequence, frame.flush_offset) >
                 std::pair(stop.segment->sequence, stop.frame->offset) &&
             !is_hit(segment.file, frame.offset, frame.offset + format::kFrameHeaderBytes);
    });
  });
}

uint64_t LogLoss::first_provably_lost() const {
  uint64_t first_lost = 0;
  for (const Lane& lane : lanes_) {
    const Stop stop = stop_of(lane);
    if (stop.frame == nullptr || !is_provable(lane, stop)) {
      continue;
    }
    for (const auto& [first, last] : lane.records) {
      if (last >= stop.frame->first_csn && last > checkpoint_csn_) {
        const uint64_t csn = std::max(first, checkpoint_csn_ + 1);
        first_lost = first_lost == 0 ? csn : std::min(first_lost, csn);
      }
    }
  }
  return first_lost;
}

uint64_t LogLoss::intact_csn() const {
  std::vector<std::pair<uint64_t, uint64_t>> intact;
  for (const Lane& lane : lanes_) {
    const uint64_t hit = first_csn_hit(lane);
    std::ranges::copy_if(lane.records, std::back_inserter(intact),
                         [hit](const auto& record) { return record.second < hit; });
  }
  std::ranges::sort(intact);
  uint64_t csn = checkpoint_csn_;
  for (const auto& [first, last] : intact) {
    if (first == csn + 1) {
      csn = last;
    }
  }
  return csn;
}

uint64_t LogLoss::readable_watermark() const {
  uint64_t watermark = 0;
  for (const Lane& lane : lanes_) {
    for (const Segment& segment : lane.segments) {
      for (const Frame& frame : segment.frames) {
        if (!is_hit(segment.file, 0, kSectorBytes) &&
            !is_hit(segment.file, frame.offset, frame.offset + format::kFrameHeaderBytes)) {
          watermark = std::max(watermark, frame.watermark);
        }
      }
    }
  }
  return watermark;
}

std::map<std::string, std::vector<std::byte>> LogLoss::copies_to_keep(const SimDisk& copy) const {
  std::map<std::string, std::vector<std::byte>> wanted;
  for (const Lane& lane : lanes_) {
    for (const Segment& segment : lane.segments) {
      if (const auto file = copy.find(directory_, segment.file)) {
        std::vector<std::byte> bytes(copy.file(*file).size());
        copy.file(*file).read(0, bytes);
        wanted.emplace(fmt::format("cut-{}-{}", wal_epoch_, segment.file), std::move(bytes));
      }
    }
  }
  return wanted;
}

}  // namespace holdfast::sim
