// What a scan of a lane found: values, for the recovery plan, for readers of records, and for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "wal/slot_file.h"

namespace holdfast::wal {

struct SegmentStats {
  std::string file;
  uint16_t slot = 0;
  uint64_t sequence = 0;
  uint32_t segment_bytes = 0;
  uint64_t frame_count = 0;
  uint64_t frame_bytes = 0;  // headers and padding included
  Csn first_csn{};           // of which its frames hold bytes; 0 without frames
  Csn last_csn{};
};

// Bytes of a record's body that lie together in one segment.
struct RecordPiece {
  uint32_t segment_index = 0;
  uint32_t offset = 0;  // in the file
  uint32_t bytes = 0;
};

// A record that lies whole in the lane. Its body was not looked at; see RecordReader.
struct FoundRecord {
  Csn first_csn{};
  uint32_t csn_count = 0;
  uint32_t checksum = 0;
  uint64_t body_bytes = 0;
  size_t piece_begin = 0;  // in LaneContents::pieces
  size_t piece_end = 0;

  Csn last_csn() const { return Csn{to_int(first_csn) + csn_count - 1}; }
};

// What ends the run of valid frames.
struct LaneEnd {
  enum class Kind : uint8_t {
    kClean,    // nothing was written there in this epoch, as far as can be told
    kTorn,     // a flush that was never durable, part of which is there
    kDamaged,  // something that had been durable is not there, or breaks the format
  };
  Kind kind = Kind::kClean;
  std::string file;
  uint64_t offset = 0;
  std::string reason;  // empty if clean
};

struct LaneContents {
  LaneIdentity identity;
  std::vector<SegmentStats> segments;  // the live ones, in order of sequence, without gaps
  std::vector<FoundRecord> records;    // in order of csn
  std::vector<RecordPiece> pieces;
  uint64_t frame_count = 0;
  // The highest in any valid frame header, also behind the end.
  Csn watermark{};
  Csn last_csn_seen{};
  LaneEnd end;
};

}  // namespace holdfast::wal
