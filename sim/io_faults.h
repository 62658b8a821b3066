// IoFaults: carries out the part of a fault plan that happens during operations, and counts what it did.
//
// Every decision is keyed by the kind of fault and by which operation it is: the scope that it belongs to
// (DiskHooks::fault_scope), the name of its file, its kind, and how many of that kind on that file came before it in
// the scope. So a fault stays with its operation when others are left out, which is what shrinking a run does. The
// exception is how long a full disk stays full, which is counted in operations of any kind.
#pragma once

#include <cstdint>
#include <map>
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
  // The write itself, right after its on_write: as it should be, lost, or misdirected.
  void write(SimEnv& env, const IoEvent& io, std::span<const std::byte> data);
  // The sync itself: it works, fails, or lies. A failure shows in Inode::failed_syncs().
  void sync(SimEnv& env, const IoEvent& io, Sequence until);
  // The sync of a directory, up to `until`: false if it fails, with an arbitrary part of it done.
  bool sync_directory(SimEnv& env, const IoEvent& io, uint32_t directory, Sequence until);
  // The errno with which a creation, rename or removal fails; 0 for none.
  int fail_name_change(SimEnv& env, const IoEvent& io);

 private:
  // Of the operation about to run, which is counted by that.
  uint64_t next_key(SimEnv& env, const IoEvent& io);
  // One in `one_in`, for this operation and kind; counted and traced if it happens.
  bool happens(SimEnv& env, const IoEvent& io, uint64_t key, fault::Kind kind, Stream stream, uint32_t one_in);
  void damage_what_is_read(SimEnv& env, const IoEvent& io, uint64_t key);
  // Whether an operation that needs space finds the disk full.
  bool is_full(SimEnv& env, const IoEvent& io, uint64_t key);

  fault::FaultPlan plan_;
  bool active_;
  uint64_t full_for_ = 0;  // operations that need space and still find none
  fault::Counts counts_{};
  std::map<uint64_t, uint64_t> operations_;  // how many, by a hash of scope, file name and kind
  uint64_t write_key_ = 0;                   // of the last on_write
};

}  // namespace holdfast::sim
