// Survivors: which of the changes that were not yet durable survive one power cut (or one failed sync).
//
// Every answer is legal by the rules R1 to R13, and over many cuts every legal answer occurs: each sector
// independently keeps any version of its history, each file any size of its history, each directory any subset of its
// changes that respects their dependencies (or, with a journal, any prefix). Write-back at an earlier time needs no
// event of its own: what it would make durable is one of these answers.
//
// Each choice is keyed by what it decides, so that a shrinker can change one of them and leave the others. Whoever
// wants all answers instead of one draws none: he makes each choice himself (CutChooser).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
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

// One of the states that something may be left in by a power cut: a sector, the size of a file, a name.
struct Alternative {
  Sequence sequence = 0;  // of the change that made it; 0: it is what was durable
  size_t same_as = 0;     // the first of the alternatives that cannot be told from it
};

// Decides what survives one power cut, choice by choice. Which choices there are, and their order, depends on the disk
// alone, and not on what is chosen.
class CutChooser {
 public:
  virtual ~CutChooser() = default;
  // Which of them it is; the newest comes first, what was durable last.
  virtual size_t choose(std::span<const Alternative> alternatives) = 0;
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
  // `chooser` decides everything; without garbage (R9).
  Survivors(const Personality& personality, CutChooser& chooser) : personality_(personality), chooser_(&chooser) {}

  struct Size {
    uint64_t bytes;
    Sequence cut;  // size changes up to this one survived
  };
  Size size(const Inode& inode);
  // The durable content of a block with pending versions. Call once per block, in order of files and blocks.
  BlockRef block(const Inode& inode, uint64_t index, const Slot& slot, Sequence size_cut);
  // Whether change `index` of directory `directory`, made at `sequence`, survives, if everything that it depends on
  // does.
  bool keeps_name(uint32_t directory, uint64_t index, Sequence sequence);
  // With a journal: how many of the changes, made at these moments, survive, from the first on.
  uint64_t name_prefix(uint32_t directory, std::span<const Sequence> changes);

  // What slot adds to the pending units.
  static uint64_t pending_units(const Personality& personality, const Slot& slot);

 private:
  using Chosen = std::array<const Version*, kSectorsPerBlock>;  // null: none of them
  // What survives of each sector of `pending`; returns the sectors of which nothing does.
  struct Place {
    const Slot& slot;
    uint32_t file;
    uint64_t first_sector;
  };
  SectorMask draw(const Place& place, SectorMask pending, uint64_t random, Sequence size_cut, Chosen& chosen);
  SectorMask ask(const Slot& slot, SectorMask pending, Sequence size_cut, Chosen& chosen);
  // Whether the version survives that is `depth` steps from the newest of its unit.
  bool keeps(uint64_t unit, uint64_t random, uint32_t depth, uint32_t lane, Sequence sequence) const;
  void fill_garbage(const Inode& inode, uint64_t random, uint32_t sector, Block& block) const;

  const Personality& personality_;
  const Decisions* decisions_ = nullptr;
  CutChooser* chooser_ = nullptr;
  uint64_t cut_ = 0;  // identifies this cut in the keys of its choices
  fault::TornWrite::Mode mode_{};
  uint32_t keep_of_256_ = 0;
  uint32_t keep_metadata_of_256_ = 0;
  uint64_t odd_unit_ = 0;     // the one that differs, in the modes that have one
  Sequence recent_from_ = 0;  // kRecent: changes before it survive
  uint64_t next_unit_ = 0;
  // By file and sector; nothing: the mode decides.
  std::optional<std::set<std::pair<uint32_t, uint64_t>>> listed_;
  std::vector<CutImage::Sector>* kept_ = nullptr;
};

}  // namespace holdfast::sim
