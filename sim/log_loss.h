// Log loss: damage to the write-ahead log of a database that was killed, and what whoever accepts the loss must still
// be given. What is left is worked out from the sound log and from what was done to it, without the engine's recovery.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "db/log_inspection.h"
#include "sim/random.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

class LogLoss {
 public:
  // `log` is that of `disk`, on which everything is sound; both are looked at here only.
  LogLoss(const LogInspection& log, const SimDisk& disk);

  // Whether the log holds commits that no checkpoint does.
  bool has_commits() const { return intact_csn() > checkpoint_csn_; }
  // Does something to the log's files of a copy of the disk. What, in words; empty: nothing that shows.
  enum class Reach : uint8_t { kFrames, kFilesToo };
  std::string inflict(SimDisk& copy, Reach reach, Decisions& decisions);

  // All commits up to this one are in the checkpoint, or in records of which no frame was touched, nor any frame or
  // file before them in their lane.
  uint64_t intact_csn() const;
  // The highest watermark in a frame whose header is as it was, in a file whose header is.
  uint64_t readable_watermark() const;
  // The lowest commit behind the checkpoint whose loss nobody may take for a torn tail; 0: there is none. What is left
  // says that something was there: a file that is missing or cut short, or a frame of a later flush.
  uint64_t first_provably_lost() const;
  uint64_t checkpoint_csn() const { return checkpoint_csn_; }
  // What `copy`, damaged as it is, holds under the name of a copy that a recovery must keep of it.
  std::map<std::string, std::vector<std::byte>> copies_to_keep(const SimDisk& copy) const;

 private:
  struct Frame {
    uint64_t offset = 0;
    uint64_t bytes = 0;
    uint64_t first_csn = 0;
    uint64_t watermark = 0;
    uint64_t flush_sequence = 0;  // where its flush began
    uint64_t flush_offset = 0;
  };
  struct Segment {
    std::string file;
    uint64_t sequence = 0;
    uint64_t bytes = 0;
    std::vector<Frame> frames;
  };
  struct Lane {
    std::vector<Segment> segments;
    std::vector<std::pair<uint64_t, uint64_t>> records;  // first and last csn
  };
  struct Hit {
    std::string file;
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  void hit_frames(SimDisk& copy, Decisions& decisions);
  void hit_file(SimDisk& copy, Decisions& decisions);
  bool hit_sector(SimDisk& copy, const std::string& file, uint64_t sector, Decisions& decisions);
  void note(std::string_view what, const std::string& file, uint64_t begin, uint64_t end);
  bool is_hit(const std::string& file, uint64_t begin, uint64_t end) const;
  // Where the lane stops being intact: the first frame that is hit, or lies behind a file that is.
  struct Stop {
    const Segment* segment = nullptr;  // null: nowhere
    const Frame* frame = nullptr;
    bool is_of_file = false;  // the file, and not only the frame, is hit
  };
  Stop stop_of(const Lane& lane) const;
  // Records of the lane from this csn on are not intact.
  uint64_t first_csn_hit(const Lane& lane) const;
  // Whether what is left of the lane says that there was a frame at this place.
  bool is_provable(const Lane& lane, const Stop& stop) const;

  uint32_t directory_ = 0;
  uint32_t wal_epoch_ = 0;
  uint64_t checkpoint_csn_ = 0;
  std::vector<Lane> lanes_;
  std::vector<Hit> hits_;
  std::string text_;
};

}  // namespace holdfast::sim
