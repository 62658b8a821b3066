// The layout of a database on disk, byte by byte: to which structure, and to which field of it, each byte of each file
// belongs. Offsets of fields come from the structs of engine/format; what is live is found from the files alone.
//
// Threads: any; pure functions.
// Invariants: the regions of a file follow each other without a gap and without an overlap, from 0 to its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "format/meta.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

struct Structure {
  std::string structure;
  // What is written as one piece, and has one checksum: a page, a run, a frame. Equal numbers: there is none.
  uint64_t unit_begin = 0;
  uint64_t unit_end = 0;
  // Somebody needs what is written here. False: it may hold anything.
  bool in_use = true;
  // Of a frame of the log: which commits it holds, and whether it is of the last flush of its lane.
  Csn first_csn{};
  Csn last_csn{};
  bool is_last_flush = false;
};

// A field of a structure.
struct Region : Structure {
  std::string file;
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string field;

  std::string name() const { return structure + "/" + field; }
};

// What a field is called, and where it begins; it ends where the next one does.
struct FieldAt {
  const char* name;
  uint64_t offset;
};

// Collects the regions of one file.
class FileLayout {
 public:
  FileLayout(std::string file, std::string bytes) : file_(std::move(file)), bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }
  uint64_t size() const { return bytes_.size(); }
  // All regions from now on are of this one; its fields are named by add().
  void begin(Structure structure) { structure_ = std::move(structure); }
  // Nothing, if it is empty or behind the end of the file.
  void add(uint64_t begin, uint64_t end, const char* field);
  // `base`: where the struct lies; `bytes`: of the struct.
  void add(uint64_t base, std::span<const FieldAt> fields, uint64_t bytes);
  // The parts of [begin, end) that no region covers.
  void fill(uint64_t begin, uint64_t end, const char* field);
  // In order.
  std::vector<Region> take();

 private:
  std::string file_;
  std::string bytes_;
  Structure structure_;
  std::vector<Region> regions_;
};

// Which records of a stream's file are of the state that the tree holds.
struct LiveSegment {
  uint64_t records_end = 0;
  bool sealed = false;
};
// What the tree says of the other files.
struct TreeFacts {
  format::Meta meta;
  std::vector<std::pair<std::string, LiveSegment>> segments;  // by name of the file
};

// Pre of all: the files are sound.
std::vector<Region> tree_layout(FileLayout file, TreeFacts& facts);
std::vector<Region> stream_layout(FileLayout file, const TreeFacts& facts);
// Of all files of the log.
std::vector<Region> log_layout(std::vector<FileLayout> files, const TreeFacts& facts);
// Of the whole database.
std::vector<Region> rot_layout(const SimDisk& disk);

}  // namespace holdfast::sim
