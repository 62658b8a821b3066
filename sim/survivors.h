// Survivors: which of the changes that were not yet durable survive one power cut (or one failed sync).
//
// Every answer is legal by the rules R1 to R13, and over many cuts every legal answer occurs: each sector
// independently keeps any version of its history, each file any size of its history, each directory any subset of its
// changes that respects their dependencies (or, with a journal, any prefix). Write-back at an earlier time needs no
// event of its own: what it would make durable is one of these answers.
//
// Each choice is keyed by what it decides, so that a shrinker can change one of them and leave the others.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "fault/torn_write.h"
#include "sim/block.h"
#include "sim/personality.h"
#include "sim/random.h"

namespace holdfast::sim {

class Inode;

// What a power cut leaves of the changes that were not durable.
struct CutImage {
  enum class Kind : uint8_t { kDrawn, kEverything, kNothing, kListed };
  struct Sector {
    uint32_t file;
    uint64_t number;
  };
  Kind kind = Kind::kDrawn;
  // kListed: of each of these the newest version survives, and of the others none.
  std::vector<Sector> sectors;
  // kListed: whether changes of names and sizes do.
  enum class Metadata : uint8_t { kLost, kKept } metadata = Metadata::kLost;
};

class Survivors {
 public:
  // Keeps references. `unit_count`: how many sectors (blocks, where those are the atomic unit) have pending versions,
  // as counted by pending_units(); `first` and `last`: the range of sequences that are pending.
  struct Pending {
    uint64_t unit_count = 0;
    Sequence first = 0;
    Sequence last = 0;
  };
  Survivors(const Personality& personality, Decisions& decisions, Pending pending, const CutImage& image = {});
  // The sectors of which the newest version survives are added there. Must outlive this.
  void record_into(std::vector<CutImage::Sector>* kept) { kept_ = kept; }

  struct Size {
    uint64_t bytes;
    Sequence cut;  // size changes up to this one survived
  };
  Size size(const Inode& inode);
  // The durable content of a block with pending versions. Call once per block, in order of files and blocks.
  BlockRef block(const Inode& inode, uint64_t index, const Slot& slot, Sequence size_cut);
  // Whether change `index` of directory `directory` survives, if everything that it depends on does.
  bool keeps_name(uint32_t directory, uint64_t index);
  // With a journal: how many of the `count` changes survive, from the first on.
  uint64_t name_prefix(uint32_t directory, uint64_t count);

  // What slot adds to the pending units.
  static uint64_t pending_units(const Personality& personality, const Slot& slot);

 private:
  // Whether the version survives that is `depth` steps from the newest of its unit.
  bool keeps(uint64_t unit, uint64_t random, uint32_t depth, uint32_t lane, Sequence sequence) const;
  void fill_garbage(const Inode& inode, uint64_t random, uint32_t sector, Block& block) const;

  const Personality& personality_;
  const Decisions& decisions_;
  uint64_t cut_;  // identifies this cut in the keys of its choices
  fault::TornWrite::Mode mode_;
  uint32_t keep_of_256_;
  uint32_t keep_metadata_of_256_;
  uint64_t odd_unit_ = 0;     // the one that differs, in the modes that have one
  Sequence recent_from_ = 0;  // kRecent: changes before it survive
  uint64_t next_unit_ = 0;
  // By file and sector; nothing: the mode decides.
  std::optional<std::set<std::pair<uint32_t, uint64_t>>> listed_;
  std::vector<CutImage::Sector>* kept_ = nullptr;
};

}  // namespace holdfast::sim
