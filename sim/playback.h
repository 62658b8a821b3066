// Playback: plays a run's script, or writes one down while the seed decides, or neither. The runner asks it wherever a
// script has a say.
//
// Owns:    where the run is. The scripts belong to the caller; the one that is written is complete up to now at any
// time. Threads: the fibers of the run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "sim/disk_hooks.h"
#include "sim/random.h"
#include "sim/script.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

class Playback {
 public:
  // Both may be null, and outlive this. A run that is played may be recorded, too.
  Playback(const Script* played, Script* recorded) : played_(played), recorded_(recorded) {}

  const Script* played() const { return played_; }
  // A life begins: `decisions` are brought to where it draws. `scripted`: null if it is not in the script.
  void begin_life(uint64_t number, ScriptedLife::Kind kind, const ScriptedLife* scripted, Decisions& decisions);
  // Null: the life is drawn.
  const ScriptedLife* life() const { return life_; }
  // Null: nobody writes it down.
  ScriptedLife* recorded_life() { return recorded_ == nullptr ? nullptr : &recorded_->lives.back(); }

  // --- clients
  // The client begins, on this fiber. Pre: every client of a life that is recorded begins before any of them runs.
  // What it does is to be written into the answer, which may be null.
  ScriptedClient* client_begins(uint32_t number, uint64_t seed, uint32_t fiber, size_t client_count);
  // The number that the fiber had when the run was recorded.
  uint32_t fiber(uint32_t now) const {
    const auto found = fibers_.find(now);
    return found == fibers_.end() ? now : found->second;
  }

  // --- operations of the disk, each asked once before and once after it, by its fiber's number as in fiber()
  void at_io(const IoEvent& event, Moment moment, uint32_t fiber, uint64_t action);
  // Whether the life ends at this moment.
  bool ends_here(bool drawn) const { return life_ == nullptr ? drawn : life_->end.at == here_; }
  // The crash probes to take at this moment.
  std::vector<uint64_t> probes_here(std::optional<uint64_t> drawn);
  // Whether a fault hits the operation that is about to run.
  bool fault_happens(fault::Kind kind, bool drawn);

  // --- what is done beside the clients
  bool does(Chore chore, bool drawn);
  // The one that does() last agreed to, as it is in the script; null if it was drawn.
  const ScriptedChore* chore_begun() const { return chore_begun_; }
  // The copies that it damages have these numbers.
  void numbers_copies_from(uint64_t next_copy, uint64_t next_loss);
  // How it ends at this moment (kHere), or when all is over.
  enum class Place : uint8_t { kHere, kRest };
  ScriptedEnd ends(ScriptedEnd::How drawn, Place place);
  // The disk after the power cut that ends() spoke of.
  SimDisk cut(const SimDisk& disk, const ScriptedEnd& end, Decisions& decisions);

 private:
  using Counted = std::tuple<uint32_t, uint64_t, IoKind, std::string>;

  const Script* played_;
  Script* recorded_;
  const ScriptedLife* life_ = nullptr;
  std::map<uint32_t, uint32_t> fibers_;
  std::map<Counted, uint64_t> operations_;  // in this life so far
  IoPoint here_;
  const ScriptedChore* chore_begun_ = nullptr;
};

}  // namespace holdfast::sim
