// Lane: the writer of one of the parallel lanes of the write-ahead log.
//
// Owns the buffer of records that were appended and not flushed, the segment files of the lane that are open, and the
// knowledge which slots are live and which are free.
// A flush is pwrite and fdatasync. Measured on ext4 over a virtual disk, 4 KiB at a time, O_DSYNC and O_DIRECT|O_DSYNC
// were as fast at 1 and 4 threads, and the latter by a fifth faster at 16 on four files: not enough for a second way.
// Threads: any, for all but flush(), which one at a time calls; everything else goes on beside it.
// Invariants:
//   1. live_ are consecutive sequences, oldest first; the one of position_ is among them.
//   2. Before a frame is written into a segment, the header of the segment behind it is durable. So the live range on
//      disk ends with a segment without frames, and a lane whose last segment has frames has lost a file.
//   3. Everything of a flush is durable before the next flush begins; after an error there is no next one.
//   4. A slot is in at most one of live_, free_, kept_ and busy_; a slot in none of them has no file that counts.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <holdfast/env.h>

#include "env/sync.h"
#include "wal/frame_packer.h"
#include "wal/slot_file.h"

namespace holdfast::wal {

// What a flush made durable.
struct Flushed {
  // First and last csn of each run of csns without gaps, ascending.
  std::vector<std::pair<Csn, Csn>> csns;
  // Of frames, headers and padding included.
  uint64_t bytes = 0;
};

class Lane {
 public:
  // A lane without records, whose first segment is `first_sequence`: at least two segments with headers of this
  // identity, and no other file with a header of its epoch. Their content is durable; their names after
  // Directory::sync.
  //
  // Files of the lane that are there already are taken as slots if they have the right size, else removed: but not the
  // `kept` ones, in which the log of the epoch before may live. Those become slots with the first recycle().
  // The directory and the clock outlive the lane. Pre: first_sequence > 0, is_segment_size(segment_bytes).
  // Errors: io, no_space; what was kept is untouched then.
  static Result<std::unique_ptr<Lane>> prepare(Directory& directory, Clock& clock, const LaneIdentity& identity,
                                               uint64_t first_sequence, uint32_t segment_bytes,
                                               std::span<const uint16_t> kept = {});
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Adds one record to the buffer; durable after the next flush(). Pre: csn_count > 0, the csns are above all appended
  // before, redo.size() <= kRecordBytesMax.
  void append(Csn first_csn, uint32_t csn_count, std::span<const std::byte> redo);
  uint64_t buffered_bytes();
  bool empty();

  // Writes the whole buffer in frames and makes it durable. Does nothing if the buffer is empty.
  // Pre: every csn up to `watermark` is durable, and none of those in the buffer.
  // Errors: io, no_space. The lane takes no flush after an error: each answers that error again.
  Result<Flushed> flush(Csn watermark);

  // Makes sure that there are slots for all that is buffered and a record of so many bytes more. Slots made stay until
  // flushes take them; two reserves without an append between them count the same slots.
  // Errors: no_space (also if the lane would need more than kSlotsMax slots), io. Everything is as it was then.
  Result<void> reserve(uint64_t record_bytes);

  // The lowest sequence that holds bytes of a record with a csn above `checkpoint`, else the one that is written to.
  uint64_t first_sequence_needed(Csn checkpoint);
  // Segments below `first_live_sequence` become free slots, and so do the kept ones. Pre: the meta page that names this
  // sequence for this epoch is durable, and first_sequence_needed() returned it.
  void recycle(uint64_t first_live_sequence);
  // Removes the files of slots that are of no use, and of all free ones but as many as prepare() needs. A file that
  // cannot be removed, or whose name comes back after a power cut, is a free slot for the next prepare(). Pre: nobody
  // flushes or reserves any more.
  void give_back_free_slots();
  // Bytes of frames in segments that are not recycled.
  uint64_t live_bytes();

 private:
  struct Segment {
    uint64_t sequence = 0;
    uint16_t slot = 0;
    std::unique_ptr<File> file;  // while frames may still be written to it
    uint64_t frame_bytes = 0;
    Csn last_csn{};  // highest of the records of which it holds bytes
  };

  Lane(Directory& directory, Clock& clock, const LaneIdentity& identity, uint32_t segment_bytes)
      : directory_(directory), clock_(clock), identity_(identity), segment_bytes_(segment_bytes) {}

  struct Written {
    uint64_t sequence = 0;
    uint64_t bytes = 0;
    Csn last_csn{};
  };
  enum class NewNames : uint8_t { kSync, kLeaveToCaller };

  Result<void> take_slots_found(std::span<const uint16_t> kept);
  Result<void> take_slot_found(uint16_t slot, bool is_kept);
  // A slot that nobody else has, in busy_: a free one, or a new file.
  Result<uint16_t> take_free_slot(NewNames names);
  Result<uint16_t> make_slot();
  // Starts segments until `sequence` is one.
  Result<void> start_segments_up_to(uint64_t sequence, NewNames names);
  Result<std::vector<Written>> write(FramePacker& packer);
  Flushed end_flush(const FramePacker& packer, std::span<const Written> written);
  // Slots that all that is buffered and a record of so many bytes would need beside those that are there.
  uint64_t missing_slots(uint64_t record_bytes);
  void give_up_slots(std::span<const uint16_t> slots);
  Segment& segment(uint64_t sequence) { return live_[sequence - live_.front().sequence]; }

  Directory& directory_;
  Clock& clock_;
  const LaneIdentity identity_;
  const uint32_t segment_bytes_;

  sync::Mutex mutex_;  // guards what follows, down to poison_
  RecordStream buffer_;
  std::deque<Segment> live_;
  std::set<uint16_t> free_;
  std::set<uint16_t> kept_;
  std::set<uint16_t> busy_;  // being made or started, or of no use
  LanePosition position_;    // moves when a flush has ended
  uint64_t frame_number_ = 1;
  bool is_flushing_ = false;
  uint64_t flushing_bytes_ = 0;
  std::optional<Error> poison_;

  // Of the one that flushes.
  RecordStream flushing_;
  std::vector<std::byte> run_;
};

}  // namespace holdfast::wal
