// IoFaults: carries out the part of a fault plan that happens during operations, and counts what it did.
//
// Every decision is keyed by DiskHooks::fault_key() and the kind of fault, so that it stays when others go.
#pragma once

#include <cstdint>
#include <span>

#include "fault/plan.h"
#include "fault/table.h"
#include "sim/disk_hooks.h"
#include "sim/random.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

class SimEnv;

// What a transfer becomes: how much of it happens, from where, and the error that it answers after that.
struct TransferFault {
  uint64_t offset;
  uint64_t bytes;
  int os_error = 0;
};

class IoFaults {
 public:
  explicit IoFaults(const fault::FaultPlan& plan) : plan_(plan), active_(plan.touches_io()) {}

  const fault::FaultPlan& plan() const { return plan_; }
  // Off: nothing fails from now on (damage done stays). For the last part of a run, in which everything must work.
  void switch_off() { active_ = false; }
  void switch_on() { active_ = plan_.touches_io(); }
  bool active() const { return active_; }
  const fault::Counts& counts() const { return counts_; }
  void count(fault::Kind kind) { ++counts_[static_cast<size_t>(kind)]; }

  TransferFault on_read(SimEnv& env, const IoEvent& io);
  TransferFault on_write(SimEnv& env, const IoEvent& io);
  TransferFault on_allocate(SimEnv& env, const IoEvent& io);
  // The write itself, after on_write: as it should be, lost, or misdirected.
  void write(SimEnv& env, const IoEvent& io, std::span<const std::byte> data);
  // The sync itself: it works, fails, or lies. A failure shows in Inode::failed_syncs().
  void sync(SimEnv& env, const IoEvent& io, Sequence until);
  // Whether the sync of a directory fails.
  bool fail_sync_directory(SimEnv& env, const IoEvent& io);
  // The errno with which a creation, rename or removal fails; 0 for none.
  int fail_name_change(SimEnv& env, const IoEvent& io);

 private:
  // One in `one_in`, for this operation and kind; counted and traced if it happens.
  bool happens(SimEnv& env, const IoEvent& io, uint64_t key, fault::Kind kind, Stream stream, uint32_t one_in);
  void damage_what_is_read(SimEnv& env, const IoEvent& io, uint64_t key);
  // Whether an operation that needs space finds the disk full.
  bool is_full(SimEnv& env, const IoEvent& io, uint64_t key);

  fault::FaultPlan plan_;
  bool active_;
  uint64_t full_for_ = 0;  // operations that need space and still find none
  fault::Counts counts_{};
};

}  // namespace holdfast::sim
