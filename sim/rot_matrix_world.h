// The database that the rot matrix damages: a small one with every on-disk structure, made without faults, by one
// client, always the same; what its disk once held; and what it showed.
//
// Threads: one at a time.
#pragma once

#include <memory>
#include <vector>

#include <holdfast/database.h>

#include "sim/disk_hooks.h"
#include "sim/inspect.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "sim/sim_entropy.h"
#include "sim/sim_env.h"

namespace holdfast::sim {

enum class RotState : uint8_t {
  kCut,     // by a power cut: the last commits are in the log alone
  kClosed,  // cleanly
};

// One thread that says of itself which one it is: by that the engine chooses the lane of a commit.
class RotThreads final : public Threads {
 public:
  // Pre: nobody asks; the engine has no threads of its own here.
  Result<std::unique_ptr<Thread>> start(std::string_view name, std::function<void()> body) override;
  uint32_t core_count() override { return 1; }
  uint64_t current_id() override { return id_; }
  void set_id(uint64_t id) { id_ = id; }

 private:
  uint64_t id_ = 0;
};

// A process on `disk` that no fault meets. The disk must outlive it.
class RotProcess {
 public:
  RotProcess(SimDisk& disk, DiskHooks& hooks, uint64_t seed);
  SimEnv& env() { return env_; }
  RotThreads& threads() { return threads_; }

 private:
  Decisions decisions_;
  Trace trace_;
  VirtualTime time_;
  SimClock clock_;
  SimEntropy entropy_;
  RotThreads threads_;
  SimEnv env_;
};

struct RotWorld {
  SimDisk disk;
  // What the disk was before each write that replaced something, oldest first: where stale sectors come from.
  std::vector<SimDisk> history;
  // What was shown after each commit since the last checkpoint, by commit number; the last one is what is durable.
  std::vector<Contents> states;
  Verdict broken;  // it could not be made, or showed something else than what was put in
};

// Names of buckets, streams and projections, the same for every world. The one that is given to inspect().
std::unique_ptr<Model> rot_names();
// How every life of it is opened.
Options rot_options(Env& env);
RotWorld make_rot_world(RotState state);

// What the judge adds to a damaged database, to see whether the damage spreads.
inline constexpr const char* kRotBucket = "rot";
inline constexpr const char* kRotStream = "audit";
// A projection, the stream that it is made from, and how.
inline constexpr const char* kRotProjection = "totals";
inline constexpr const char* kRotFollowed = "orders";
Result<void> rot_reduce(const StreamRecord& event, WriteBatch& batch);

}  // namespace holdfast::sim
