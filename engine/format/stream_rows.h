// Rows of the stream tree: the second tree beside the catalog, whose root every meta page holds. It says of every
// stream what it is called, how long it is, where its records lie, and which hashes they must have; so it changes with
// the same commit as the buckets, and is as durable as they are.
//
// Keys are a letter and big-endian numbers, so that they lie in order:
//
//   key                              value
//   n name                           8 stream_id                                         one per stream, by name
//   h stream_id                      HeadRow                                             one per stream
//   f stream_id                      FloorRow                                            once something was trimmed
//   m stream_id level index          NodeRow                                             hashes, see below
//   s stream_id first_offset         SegmentRow                                          one per segment
//
// A NodeRow of level L (8, 16, 24, ...) speaks of the records [index * 2^L, (index + 1) * 2^L), all of them there: the
// root of their Merkle tree (RFC 6962). One of level 8, a *block*, holds also the chain hash before its first record,
// where in its segment that lies: it is index entry and verification checkpoint at once.
//
// HeadRow:
//   offset size field
//        0    8 next_offset      records of the stream, trimmed ones included
//        8   32 chain_hash       of the last record; zeros in an empty stream
//       40    8 segment_first    first offset of the segment that is written to
//       48    8 records_end      where its last record ends
//       56    4 file             of that segment; 0: there is none yet
//       60    4 reserved         0
//       64    8 block_position   where the first record of the last, unfinished block lies; 0 if it has none
//       72   32 block_prev_hash  the chain hash before it
//      104   32 prev_hash        of the last record; so that a change of it alone can be told from one before it
//      136    8 segment_record_bytes  of the records in the segment that is written to, without what lies between them
//      144 32*n peaks            roots of the perfect subtrees that make up the stream's Merkle tree, large to small;
//      one
//                                for each bit that is set in next_offset
//
// FloorRow:
//        0    8 first_offset     the oldest record that is there
//        8 32*n hashes           chain hashes of the records of its block that are gone, the last of them the one
//        before it;
//                                if its block is whole, of the last record alone
//
// NodeRow:
//        0   32 root
//       32   32 prev_hash        (level 8)
//       64    8 position         (level 8)
//
// SegmentRow:
//        0    4 file
//        4    4 revision
//        8    8 next_offset      of the record behind its last one; 0 while it is written to
//       16    8 records_end      where its footer begins; 0 while it is written to
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"

namespace holdfast::format {

constexpr uint8_t kBlockLevel = 8;

std::string stream_name_key(std::string_view name);
// What all keys of the names start with.
constexpr std::string_view kStreamNamePrefix = "n";
std::string stream_head_key(uint64_t stream_id);
std::string stream_floor_key(uint64_t stream_id);
std::string stream_node_key(uint64_t stream_id, uint8_t level, uint64_t index);
std::string stream_segment_key(uint64_t stream_id, uint64_t first_offset);
// Of a key of one of the last two kinds: the number at its end. Pre: it is one.
uint64_t last_number(std::string_view key);
// What all segment keys of the stream start with.
std::string stream_segment_prefix(uint64_t stream_id);

struct HeadRow {
  uint64_t next_offset = 0;
  Hash chain_hash{};
  uint64_t segment_first = 0;
  uint64_t records_end = 0;
  uint32_t file = 0;
  uint64_t block_position = 0;
  Hash block_prev_hash{};
  Hash prev_hash{};
  uint64_t segment_record_bytes = 0;
  std::vector<Hash> peaks;
  friend bool operator==(const HeadRow&, const HeadRow&) = default;
};
struct FloorRow {
  uint64_t first_offset = 0;
  std::vector<Hash> hashes;
  friend bool operator==(const FloorRow&, const FloorRow&) = default;
};
struct NodeRow {
  Hash root{};
  Hash prev_hash{};
  uint64_t position = 0;
  friend bool operator==(const NodeRow&, const NodeRow&) = default;
};
struct SegmentRow {
  uint32_t file = 0;
  uint32_t revision = 0;
  uint64_t next_offset = 0;
  uint64_t records_end = 0;
  bool sealed() const { return next_offset != 0; }
  friend bool operator==(const SegmentRow&, const SegmentRow&) = default;
};

std::string encode_stream_id(uint64_t stream_id);
std::string encode(const HeadRow& row);
std::string encode(const FloorRow& row);
std::string encode(const NodeRow& row, uint8_t level);
std::string encode(const SegmentRow& row);

// Total. False if the bytes are not such a row.
bool decode_stream_id(std::string_view bytes, uint64_t& stream_id);
bool decode(std::string_view bytes, HeadRow& row);
bool decode(std::string_view bytes, FloorRow& row);
bool decode(std::string_view bytes, uint8_t level, NodeRow& row);
bool decode(std::string_view bytes, SegmentRow& row);

}  // namespace holdfast::format
