#include "wal/live_range.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/planted.h"

namespace holdfast::wal {

namespace {

using Sector = std::array<std::byte, format::kSectorBytes>;

Error lane_error(uint16_t lane, const std::string& what) {
  return {ErrorCode::kCorruption, "lane " + std::to_string(lane) + ": " + what};
}

// Collects live segments, slot by slot.
class Search {
 public:
  Search(const LaneIdentity& identity, uint64_t first_sequence)
      : identity_(identity), first_sequence_(first_sequence) {}

  Result<void> add(Directory& directory, uint16_t slot) {
    const std::string name = slot_file_name(identity_.lane, slot);
    HOLDFAST_TRY_ASSIGN(const auto file, directory.open_file(name, OpenMode::kReadOnly));
    Sector sector{};
    HOLDFAST_TRY(file->read_at(0, sector));
    if (sector == Sector{}) {
      return {};
    }
    auto header = format::decode_segment_header(sector);
    if (!header) {
      Error error = std::move(header.error()).at(name, 0);
      if (error.code() != ErrorCode::kCorruption) {
        return fail(std::move(error));
      }
      if (!damaged_) {
        damaged_ = std::move(error);
      }
      return {};
    }
    if (header->database_id != identity_.database_id) {
      return fail(lane_error(identity_.lane, "a file of the log belongs to another database").at(name, 0));
    }
    if ((header->epoch != identity_.epoch && !PLANTED(kSegmentEpoch)) || header->sequence < first_sequence_) {
      return {};
    }
    if (header->lane != identity_.lane || header->slot != slot) {
      return fail(lane_error(identity_.lane, "a file of the log has another's name: it was " +
                                                 slot_file_name(header->lane, header->slot))
                      .at(name, 0));
    }
    segments_.push_back({name, slot, header->sequence, header->segment_bytes, 0, 0, Csn{}, Csn{}});
    return {};
  }

  Result<std::vector<SegmentStats>> finish() {
    std::ranges::sort(segments_, {}, &SegmentStats::sequence);
    uint64_t expected = first_sequence_;
    for (const SegmentStats& segment : segments_) {
      if (segment.sequence < expected) {
        return fail(lane_error(identity_.lane, "two files hold segment " + std::to_string(segment.sequence))
                        .at(segment.file, 0));
      }
      if (segment.sequence > expected) {
        return fail(missing(expected));
      }
      ++expected;
    }
    if (segments_.empty()) {
      return fail(missing(expected));
    }
    return std::move(segments_);
  }

 private:
  // A damaged header may be that of the missing segment, and says more.
  Error missing(uint64_t sequence) const {
    if (!damaged_) {
      return missing_segment(identity_.lane, sequence);
    }
    return lane_error(identity_.lane, "segment " + std::to_string(sequence) + " is missing, and one has a damaged " +
                                          damaged_->message())
        .at(damaged_->file(), 0);
  }

  const LaneIdentity identity_;
  const uint64_t first_sequence_;
  std::vector<SegmentStats> segments_;
  std::optional<Error> damaged_;
};

}  // namespace

Error missing_segment(uint16_t lane, uint64_t sequence) {
  const std::string name = slot_file_name(lane, 0);
  return lane_error(lane, "segment " + std::to_string(sequence) + " is missing").at(name.substr(0, name.rfind('-')));
}

Result<std::vector<SegmentStats>> find_readable_segments(Directory& directory, const LaneIdentity& identity,
                                                         uint64_t first_sequence) {
  HOLDFAST_TRY_ASSIGN(const auto slots, list_slots(directory, identity.lane));
  std::vector<SegmentStats> segments;
  for (const uint16_t slot : slots) {
    const std::string name = slot_file_name(identity.lane, slot);
    HOLDFAST_TRY_ASSIGN(const auto file, directory.open_file(name, OpenMode::kReadOnly));
    Sector sector{};
    HOLDFAST_TRY(file->read_at(0, sector));
    const auto header = format::decode_segment_header(sector);
    if (header && header->database_id == identity.database_id && header->epoch == identity.epoch &&
        header->lane == identity.lane && header->slot == slot && header->sequence >= first_sequence) {
      segments.push_back({name, slot, header->sequence, header->segment_bytes, 0, 0, Csn{}, Csn{}});
    }
  }
  std::ranges::sort(segments, {}, &SegmentStats::sequence);
  return segments;
}

Result<std::vector<SegmentStats>> find_live_segments(Directory& directory, const LaneIdentity& identity,
                                                     uint64_t first_sequence) {
  HOLDFAST_TRY_ASSIGN(const auto slots, list_slots(directory, identity.lane));
  Search search(identity, first_sequence);
  for (const uint16_t slot : slots) {
    HOLDFAST_TRY(search.add(directory, slot));
  }
  return search.finish();
}

}  // namespace holdfast::wal
