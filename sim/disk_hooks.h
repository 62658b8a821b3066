// DiskHooks: what the scheduler and the runner see of each operation of a simulated disk.
//
// SimEnv calls before_io() before an operation takes effect and after_io() after it took effect and before its caller
// learns of it. Either call may run other fibers, copy the disk, or crash it (SimEnv::kill): an operation whose
// environment was killed before it took effect has none, and one killed afterwards is never acknowledged.
#pragma once

#include <cstdint>
#include <string_view>

#include "fault/kind.h"
#include "sim/block.h"

namespace holdfast::sim {

enum class IoKind : uint8_t {
  kRead,
  kWrite,
  kSync,
  kSize,
  kTruncate,
  kAllocate,
  kOpen,
  kClose,
  kRename,
  kRemove,
  kList,
  kSyncDirectory,
  kLock,
  kUnlock,
  kOpenDirectory,
};

// True for the operations that change what is on the disk, or make a change durable.
constexpr bool changes_disk(IoKind kind) {
  switch (kind) {
    case IoKind::kRead:
    case IoKind::kSize:
    case IoKind::kClose:
    case IoKind::kList:
    case IoKind::kUnlock: return false;
    default: return true;
  }
}
// True for the operations around which crashes find most bugs: barriers and changes of names.
constexpr bool is_turning_point(IoKind kind) {
  return kind == IoKind::kSync || kind == IoKind::kSyncDirectory || kind == IoKind::kRename || kind == IoKind::kRemove;
}

enum class Moment : uint8_t { kBefore, kAfter };  // of an operation of the disk

struct IoEvent {
  IoKind kind = IoKind::kRead;
  uint32_t file = 0;  // the inode; 0 if there is none, or not yet
  std::string_view name;
  uint64_t offset = 0;
  uint64_t bytes = 0;  // asked for
  // Known in after_io only.
  uint64_t done_bytes = 0;
  int os_error = 0;  // errno of the answer
};

// A file of the log gets a new header: whatever it held before is gone from now on.
inline bool starts_a_segment(const IoEvent& event) {
  return event.kind == IoKind::kWrite && event.offset == 0 && event.bytes == kSectorBytes &&
         event.name.starts_with("wal-");
}

class DiskHooks {
 public:
  virtual ~DiskHooks() = default;
  virtual void before_io(const IoEvent& /*event*/) {}
  virtual void after_io(const IoEvent& /*event*/) {}
  // What the operation about to run is a part of: faults are keyed by it (see io_faults.h). By default the whole life
  // of the process; a runner that knows its workload says which of its actions, in which life.
  virtual uint64_t fault_scope() { return 0; }
  // Whether a fault hits the operation about to run; `drawn`: what chance says. A run that is played again knows
  // better.
  virtual bool fault_happens(fault::Kind /*kind*/, bool drawn) { return drawn; }
  // The engine broke the contract of the environment. Does not return where nobody overrides it.
  virtual void contract_violated(std::string_view what);
};

}  // namespace holdfast::sim
