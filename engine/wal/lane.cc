#include "wal/lane.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/planted.h"

namespace holdfast::wal {

namespace {

using format::kFrameUnitBytes;
using format::kSectorBytes;

// What flushes lose in the segments that so many bytes of frames would fill: headers and padding of full frames.
uint64_t usable_bytes(uint32_t room) {
  const uint64_t lost = uint64_t{kFrameUnitBytes} * (room / format::kFrameBodyBytesMax + 1);
  return room > lost ? room - lost : 0;
}

// What is buffered is written by at most three flushes: the one under way, the next, and one that the new record is too
// late for. Each ends with a frame that is not full.
constexpr uint64_t kUnfilledBytes = 3 * uint64_t{2} * kFrameUnitBytes;

// A new lane has so many segments: the one that is written to, and the one behind it.
constexpr uint64_t kSlotsPrepared = 2;

// Slots found with such a header are of no epoch to come, and of this database.
bool is_left_behind(std::span<const std::byte, kSectorBytes> sector, const LaneIdentity& identity) {
  const auto header = format::decode_segment_header(sector);
  return header && header->database_id == identity.database_id && header->epoch < identity.epoch;
}

void add_csns(std::vector<std::pair<Csn, Csn>>& csns, Csn first, Csn last) {
  if (!csns.empty() && next(csns.back().second) == first) {
    csns.back().second = last;
  } else {
    csns.emplace_back(first, last);
  }
}

}  // namespace

Result<std::unique_ptr<Lane>> Lane::prepare(Directory& directory, Clock& clock, const LaneIdentity& identity,
                                            uint64_t first_sequence, uint32_t segment_bytes,
                                            std::span<const uint16_t> kept) {
  CHECK(first_sequence > 0 && format::is_segment_size(segment_bytes));
  std::unique_ptr<Lane> lane(new Lane(directory, clock, identity, segment_bytes));
  HOLDFAST_TRY(lane->take_slots_found(kept));
  lane->position_.sequence = first_sequence;
  HOLDFAST_TRY(lane->start_segments_up_to(first_sequence + kSlotsPrepared - 1, NewNames::kLeaveToCaller));
  return lane;
}

Result<void> Lane::take_slots_found(std::span<const uint16_t> kept) {
  HOLDFAST_TRY_ASSIGN(const auto slots, list_slots(directory_, identity_.lane));
  for (const uint16_t slot : slots) {
    HOLDFAST_TRY(take_slot_found(slot, std::ranges::find(kept, slot) != kept.end()));
  }
  return {};
}

Result<void> Lane::take_slot_found(uint16_t slot, bool is_kept) {
  const std::string name = slot_file_name(identity_.lane, slot);
  HOLDFAST_TRY_ASSIGN(auto file, directory_.open_file(name, OpenMode::kReadWrite));
  HOLDFAST_TRY_ASSIGN(const uint64_t bytes, file->size());
  if (is_kept && !PLANTED(kKeptSlotsReused)) {
    (bytes == segment_bytes_ ? kept_ : busy_).insert(slot);
    return {};
  }
  if (bytes != segment_bytes_) {
    file.reset();
    return directory_.remove(name);
  }
  std::array<std::byte, kSectorBytes> sector{};
  HOLDFAST_TRY(file->read_at(0, sector));
  if (sector != std::array<std::byte, kSectorBytes>{} && !is_left_behind(sector, identity_) &&
      !PLANTED(kOldHeaderTaken)) {
    // Of this epoch already, where somebody put an older tree file back: under the same header its frames would be
    // valid once more.
    file.reset();
    HOLDFAST_TRY(create_slot(directory_, identity_.lane, slot, segment_bytes_));
  }
  free_.insert(slot);
  return {};
}

void Lane::append(Csn first_csn, uint32_t csn_count, std::span<const std::byte> redo) {
  const uint32_t seed = format::checksum_seed_of(identity_.database_id);
  const sync::Lock lock(mutex_);
  buffer_.append(first_csn, csn_count, redo, seed);
}

uint64_t Lane::buffered_bytes() {
  const sync::Lock lock(mutex_);
  return buffer_.bytes().size();
}

bool Lane::empty() { return buffered_bytes() == 0; }

Result<Flushed> Lane::flush(Csn watermark) {
  FlushStamp stamp{PLANTED(kUnneededWatermark) ? next(watermark) : watermark, clock_.wall_ns(), 0};
  LanePosition from;
  {
    const sync::Lock lock(mutex_);
    CHECK(!is_flushing_);
    if (poison_) {
      return fail(*poison_);
    }
    if (buffer_.empty()) {
      return Flushed{};
    }
    is_flushing_ = true;
    std::swap(buffer_, flushing_);
    flushing_bytes_ = flushing_.bytes().size();
    stamp.frame_number = frame_number_;
    from = position_;
  }
  FramePacker packer(flushing_, from, segment_bytes_, stamp);
  const auto written = write(packer);
  const sync::Lock lock(mutex_);
  is_flushing_ = false;
  flushing_bytes_ = 0;
  if (!written) {
    if (!PLANTED(kPoisonForgotten)) {
      poison_ = written.error();
    }
    return fail(written.error());
  }
  return end_flush(packer, *written);
}

// The files are written to outside the mutex: recycle() leaves those from position_ on alone.
Result<std::vector<Lane::Written>> Lane::write(FramePacker& packer) {
  const uint64_t entered = segments_entered(packer.position(), flushing_.bytes().size(), segment_bytes_);
  const uint64_t ahead = PLANTED(kSegmentAhead) ? 0 : 1;
  HOLDFAST_TRY(start_segments_up_to(packer.position().sequence + entered + ahead, NewNames::kSync));
  std::vector<Written> written;
  std::vector<File*> files;
  while (!packer.done()) {
    const LanePosition at = packer.position();
    uint16_t slot = 0;
    {
      const sync::Lock lock(mutex_);
      files.push_back(segment(at.sequence).file.get());
      slot = segment(at.sequence).slot;
    }
    packer.pack_segment(format::frame_seed_of({identity_.database_id, identity_.epoch, identity_.lane, slot,
                                               at.sequence, segment_bytes_}),
                        run_);
    HOLDFAST_TRY(files.back()->write_at(at.offset, run_));
    written.push_back({at.sequence, run_.size(), packer.last_csn()});
  }
  for (File* file : files) {
    if (PLANTED(kLogSync) || (file != files.back() && PLANTED(kLogSyncLastOnly))) {
      continue;
    }
    HOLDFAST_TRY(file->sync());
  }
  return written;
}

// With mutex_ held.
Flushed Lane::end_flush(const FramePacker& packer, std::span<const Written> written) {
  Flushed flushed;
  for (const RecordStream::Mark& mark : flushing_.marks()) {
    add_csns(flushed.csns, mark.first_csn, mark.last_csn);
  }
  flushing_.clear();
  for (const Written& part : written) {
    flushed.bytes += part.bytes;
    segment(part.sequence).frame_bytes += part.bytes;
    segment(part.sequence).last_csn = part.last_csn;
  }
  for (uint64_t sequence = position_.sequence; sequence < packer.position().sequence; ++sequence) {
    segment(sequence).file.reset();
  }
  position_ = packer.position();
  frame_number_ = packer.next_frame_number();
  return flushed;
}

Result<void> Lane::start_segments_up_to(uint64_t sequence, NewNames names) {
  for (;;) {
    uint64_t started = 0;
    {
      const sync::Lock lock(mutex_);
      started = live_.empty() ? position_.sequence : live_.back().sequence + 1;
    }
    if (started > sequence) {
      return {};
    }
    HOLDFAST_TRY_ASSIGN(const uint16_t slot, take_free_slot(names));
    HOLDFAST_TRY_ASSIGN(auto file, start_segment(directory_, {identity_.database_id, identity_.epoch, identity_.lane,
                                                              slot, started, segment_bytes_}));
    const sync::Lock lock(mutex_);
    busy_.erase(slot);
    live_.push_back({started, slot, std::move(file), 0, Csn{}});
  }
}

Result<uint16_t> Lane::take_free_slot(NewNames names) {
  {
    const sync::Lock lock(mutex_);
    if (!free_.empty()) {
      const uint16_t slot = *free_.begin();
      free_.erase(free_.begin());
      busy_.insert(slot);
      return slot;
    }
  }
  HOLDFAST_TRY_ASSIGN(const uint16_t slot, make_slot());
  if (names == NewNames::kSync) {
    if (auto synced = directory_.sync(); !synced) {
      give_up_slots({&slot, 1});
      return fail(std::move(synced).error());
    }
  }
  return slot;
}

Result<uint16_t> Lane::make_slot() {
  uint16_t slot = 0;
  {
    const sync::Lock lock(mutex_);
    std::set<uint16_t> taken = busy_;
    taken.insert(free_.begin(), free_.end());
    taken.insert(kept_.begin(), kept_.end());
    for (const Segment& live : live_) {
      taken.insert(live.slot);
    }
    while (taken.contains(slot)) {
      ++slot;
    }
    if (slot >= format::kSlotsMax) {
      return fail(ErrorCode::kNoSpace, "lane " + std::to_string(identity_.lane) + " of the log is full: " +
                                           std::to_string(format::kSlotsMax) + " segments wait for a checkpoint");
    }
    busy_.insert(slot);
  }
  auto made = create_slot(directory_, identity_.lane, slot, segment_bytes_);
  if (!made) {
    const sync::Lock lock(mutex_);
    busy_.erase(slot);
    return fail(std::move(made).error());
  }
  return slot;
}

// Pre: they are in busy_.
void Lane::give_up_slots(std::span<const uint16_t> slots) {
  for (const uint16_t slot : slots) {
    // A file that stays is overwritten by the next one of its name, or taken by the next prepare().
    static_cast<void>(directory_.remove(slot_file_name(identity_.lane, slot)));
    const sync::Lock lock(mutex_);
    busy_.erase(slot);
  }
}

uint64_t Lane::missing_slots(uint64_t record_bytes) {
  const sync::Lock lock(mutex_);
  const uint64_t bytes =
      flushing_bytes_ + buffer_.bytes().size() + format::kRecordHeaderBytes + record_bytes + kUnfilledBytes;
  const uint64_t room = usable_bytes(segment_bytes_ - position_.offset);
  const uint64_t per_segment = usable_bytes(segment_bytes_ - kFrameUnitBytes);
  CHECK(per_segment > 0);
  const uint64_t segments = bytes > room ? (bytes - room + per_segment - 1) / per_segment : 0;
  const uint64_t needed = segments + 1;  // the last one stays without frames
  const uint64_t there = live_.back().sequence - position_.sequence + free_.size();
  return needed > there ? needed - there : 0;
}

Result<void> Lane::reserve(uint64_t record_bytes) {
  CHECK(record_bytes <= format::kRecordBytesMax);
  const uint64_t missing = missing_slots(record_bytes);
  if (missing == 0) {
    return {};
  }
  std::vector<uint16_t> made;
  Result<void> outcome;
  while (outcome && made.size() < missing) {
    auto slot = make_slot();
    if (slot) {
      made.push_back(*slot);
    } else {
      outcome = fail(std::move(slot).error());
    }
  }
  if (outcome && !PLANTED(kReservedNameSync)) {
    outcome = directory_.sync();
  }
  if (!outcome) {
    give_up_slots(made);
    return outcome;
  }
  const sync::Lock lock(mutex_);
  for (const uint16_t slot : made) {
    busy_.erase(slot);
    free_.insert(slot);
  }
  return {};
}

uint64_t Lane::first_sequence_needed(Csn checkpoint) {
  const sync::Lock lock(mutex_);
  for (const Segment& live : live_) {
    if (live.last_csn > checkpoint) {
      return live.sequence;
    }
  }
  return position_.sequence;
}

void Lane::recycle(uint64_t first_live_sequence) {
  const sync::Lock lock(mutex_);
  CHECK(first_live_sequence <= position_.sequence);
  while (live_.front().sequence < first_live_sequence) {
    free_.insert(live_.front().slot);
    live_.pop_front();
  }
  free_.merge(kept_);
}

void Lane::give_back_free_slots() {
  std::vector<uint16_t> extra;
  {
    const sync::Lock lock(mutex_);
    extra.assign(busy_.begin(), busy_.end());  // nobody makes or starts one: they are of another size
    while (free_.size() > kSlotsPrepared) {
      extra.push_back(*free_.rbegin());
      free_.erase(extra.back());
      busy_.insert(extra.back());
    }
  }
  give_up_slots(extra);
}

uint64_t Lane::live_bytes() {
  const sync::Lock lock(mutex_);
  uint64_t bytes = 0;
  for (const Segment& live : live_) {
    bytes += live.frame_bytes;
  }
  return bytes;
}

}  // namespace holdfast::wal
