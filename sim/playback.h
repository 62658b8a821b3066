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
#include "sim/scheduler.h"
#include "sim/script.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

class Playback final : public Switches {
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

  void begin_action(uint32_t fiber, uint64_t number) { actions_[fiber] = number; }
  // The action that the fiber is in.
  uint64_t action(uint32_t fiber) { return actions_[fiber]; }

  // --- Switches. Null where nobody plays or records.
  Switches* switches() { return life_ == nullptr && recorded_ == nullptr ? nullptr : this; }
  uint32_t next(uint32_t fiber, Cause cause) override;
  void switched(uint32_t fiber, Cause cause, uint32_t to) override;

  // --- operations of the disk, each asked once before and once after it, on this fiber
  void at_io(const IoEvent& event, Moment moment, uint32_t now);
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
  struct Earlier {
    static auto key(const ScriptedSwitch& at) { return std::tuple(at.fiber, at.action, at.cause, at.nth); }
    bool operator()(const ScriptedSwitch& a, const ScriptedSwitch& b) const { return key(a) < key(b); }
  };
  using Counted = std::tuple<uint32_t, uint64_t, IoKind, std::string>;

  const Script* played_;
  Script* recorded_;
  const ScriptedLife* life_ = nullptr;
  std::map<uint32_t, uint32_t> fibers_;
  std::map<uint32_t, uint64_t> actions_;
  std::map<ScriptedSwitch, uint32_t, Earlier> switches_;  // of a life that stays: where, and to whom
  std::map<std::tuple<uint32_t, uint64_t, Cause>, uint64_t> points_;
  std::map<Counted, uint64_t> operations_;  // in this life so far
  IoPoint here_;
  const ScriptedChore* chore_begun_ = nullptr;
};

}  // namespace holdfast::sim
