// Probes: when, during a run, a copy of its disk is taken, and what is done to the copy (copies.h, foreign_probe.h,
// loss_probe.h).
//
// The run itself does not notice: each copy has decisions of its own, keyed by its number.
// Threads: the fibers of the run.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/copies.h"
#include "sim/disk_hooks.h"
#include "sim/random.h"
#include "sim/sim_disk.h"
#include "sim/world.h"

namespace holdfast::sim {

class Probes {
 public:
  // Both outlive this. A verdict against the engine ends the world.
  Probes(World& world, Decisions& decisions) : world_(world), decisions_(decisions) {}

  // Asked at every operation of the disk, before it and after it: the number of the crash probe to be taken now, if
  // any. `is_shown`: in this life of the process, what the database shows was examined.
  std::optional<uint64_t> due(const IoEvent& event, Moment moment, bool is_shown);
  // The crash probe of that number. Later ones have higher numbers.
  void crash(const CopyContext& context, const SimDisk& disk, uint64_t copy);
  // Damages copies of a disk at rest. Pre: the oracle is settled, everything durable.
  void damage_copies(const CopyContext& context, const SimDisk& disk, AtRest at_rest);
  // The numbers of the next copies.
  uint64_t next_copy() const { return next_copy_; }
  uint64_t next_loss() const { return next_loss_; }
  void number_copies_from(uint64_t next_copy, uint64_t next_loss) {
    next_copy_ = next_copy;
    next_loss_ = next_loss;
  }

 private:
  World& world_;
  Decisions& decisions_;
  uint64_t probes_ = 0;
  uint64_t segments_started_ = 0;
  uint64_t segment_probes_ = 0;
  uint64_t next_copy_ = 1;
  uint64_t next_loss_ = 1;
};

}  // namespace holdfast::sim
