// Rows of projections. They lie in buckets of the engine's own, whose names begin with a zero byte, beside those of
// users in the catalog: so they change with the same commits, and are logged, checked and reclaimed like them.
//
//   bucket                                   rows
//   0 'p'                                    projection name -> ProjectionRow
//   0 'q'                                    projection_id (4), pin name -> position (8)
//   0 'i'                                    pins of whole states: format/pin_row.h
//   0 'g' projection_id generation           "state" -> StateRow; 'm' position (8) -> chain hash there (32): a mark
//   0 't' projection_id generation 'c' table key -> current row: created_at (8), data
//   0 't' projection_id generation 'h' table version key -> superseded version: deleted_at (8), data
//
// projection_id and generation are 4 bytes. Numbers in names and keys are big-endian, those in rows little-endian.
//
// A version is what a key held from one position on to another, [created_at, deleted_at). The newest one that was not
// erased is the current row; the others are superseded, and lie in order of (key, created_at). For that the *version
// key* writes a key in groups of 8 bytes, each followed by a byte that says how many of them count, or 9 if more groups
// follow (the last group is filled up with zeros), and then created_at. So no version key is the beginning of
// another, and the versions of a key lie together.
//
//   "abc"       61 62 63 00 00 00 00 00 03   then created_at
//   "12345678"  31 32 33 34 35 36 37 38 08   then created_at
//
// ProjectionRow:
//   offset size field
//        0    4 projection_id
//        4    4 generation    that readers see; from 1
//        8    4 building      generation that a rebuild fills; 0: none
//       12    1 source        0: what is applied is logged; 1: it comes from a stream, which can tell it again, and is
//                             not logged
//       13    3 reserved      0
//       16      stream        its name; empty where source is 0
//
// StateRow:
//        0    8 applied       position; 0: nothing was applied
//        8   32 hash          chain hash of the stream there, or what apply() was given
//       40    8 floor         oldest position that may be asked for
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/options.h>

#include "base/sha256.h"

namespace holdfast::format {

constexpr char kOwnBucketPrefix = '\0';
constexpr uint64_t kNeverDeleted = UINT64_MAX;
// Marks are kept this far from each other.
constexpr uint64_t kMarkDistance = 256;

std::string projections_bucket();
std::string projection_pins_bucket();
std::string generation_bucket(uint32_t projection_id, uint32_t generation);
enum class TableTree : char { kCurrent = 'c', kHistory = 'h' };
// What the names of all tables of the generation, for one of their trees, begin with.
std::string tables_prefix(uint32_t projection_id, uint32_t generation, TableTree tree);
// What a bucket of a generation's tables is. Total; false: it is none.
struct TableBucket {
  uint32_t projection_id = 0;
  uint32_t generation = 0;
  TableTree tree{};
  std::string_view table;
};
bool parse_table_bucket(std::string_view name, TableBucket& table);

constexpr std::string_view kStateKey = "state";
std::string mark_key(uint64_t position);
// Total. False: it is no such key.
bool parse_mark_key(std::string_view key, uint64_t& position);
std::string pin_key(uint32_t projection_id, std::string_view pin);
// What all keys of the projection's pins begin with.
std::string pins_prefix(uint32_t projection_id);

// Longest key of a table in a database with this page size: its version keys must be keys too.
constexpr uint32_t table_key_bytes_max(uint32_t page_bytes) { return (key_bytes_max(page_bytes) - 8) / 9 * 8; }

// Replaces `out`, whose memory is used again. Pre: key is not empty.
void encode_version_key(std::string_view key, uint64_t created_at, std::string& out);
// Greater than every version key of `key`, and smaller than those of all greater keys.
void encode_version_key_end(std::string_view key, std::string& out);
// Total. False if the bytes are not a version key. `key` is replaced.
bool decode_version_key(std::string_view bytes, std::string& key, uint64_t& created_at);
// created_at of a version key. Pre: it has at least 8 bytes.
uint64_t position_of(std::string_view version_key);

struct ProjectionRow {
  uint32_t projection_id = 0;
  uint32_t generation = 0;
  uint32_t building = 0;
  bool from_stream = false;
  std::string stream;
  friend bool operator==(const ProjectionRow&, const ProjectionRow&) = default;
};
struct StateRow {
  uint64_t applied = 0;
  Hash hash{};
  uint64_t floor = 0;
  friend bool operator==(const StateRow&, const StateRow&) = default;
};
// The row of a version: `position` is created_at in a current row, deleted_at in a superseded one.
struct VersionRow {
  uint64_t position = 0;
  std::string_view data;
};

std::string encode(const ProjectionRow& row);
std::string encode(const StateRow& row);
std::string encode_position(uint64_t position);
// Replaces `out`, whose memory is used again.
void encode(const VersionRow& row, std::string& out);

// Total. False if the bytes are not such a row.
bool decode(std::string_view bytes, ProjectionRow& row);
bool decode(std::string_view bytes, StateRow& row);
bool decode_position(std::string_view bytes, uint64_t& position);
bool decode(std::string_view bytes, VersionRow& row);

}  // namespace holdfast::format
