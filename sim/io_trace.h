// IoTrace: what a program did to the files of one directory, operation by operation, and what it was told in between.
// TracePlayer does the same to a simulated disk, so that every crash of it can be looked at: the rules of what a power
// cut may leave are those of SimDisk, and there are no others.
//
// An operation stands where it had ended, a sync where it had answered; `covers` says which operations had ended when
// the sync was asked for (R4). With several threads that is the least that the program may rely on.
//
// Threads: an IoTrace may be added to from any number of threads; everything else is for one, when they are gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/sim_disk.h"

namespace holdfast::sim {

// What it is about: the number that the trace gives to a file when it is created; a name.
struct TracedOperation {
  enum class Kind : uint8_t {
    kMakeDirectory,
    kCreate,
    kOpen,
    kClose,
    kWrite,  // `data` at `offset`
    kTruncate,
    kAllocate,
    kRename,  // `name` to `to`
    kRemove,
    kSync,
    kSyncDirectory,
    kMark,  // nothing happens to the disk: what the program does or knows from here on
  };
  Kind kind{};
  uint32_t file = 0;
  std::string name = {};
  std::string to = {};
  uint64_t offset = 0;
  uint64_t bytes = 0;
  std::string data = {};
  size_t covers = 0;  // syncs: operations before this index
  uint64_t mark = 0;  // marks: whatever the program likes

  bool is_sync() const { return kind == Kind::kSync || kind == Kind::kSyncDirectory; }
};
// "write tree (offset 0, 4096 bytes)"
std::string describe(const TracedOperation& operation);

class IoTrace {
 public:
  // Returns how many operations there are now.
  size_t add(TracedOperation operation);
  void mark(uint64_t number) { add({.kind = TracedOperation::Kind::kMark, .mark = number}); }
  // How many operations have ended.
  size_t size() const;
  // What was added so far made the files that were there before the program did anything.
  void begin() { beginning_ = size(); }
  size_t beginning() const { return beginning_; }
  // Nothing that follows can be trusted: an operation failed, and nobody knows what it did.
  void lost(std::string_view why);
  // Empty: all is known.
  const std::string& lost_by() const { return lost_by_; }

  const std::vector<TracedOperation>& operations() const { return operations_; }

 private:
  mutable std::mutex mutex_;
  std::vector<TracedOperation> operations_;
  size_t beginning_ = 0;
  std::string lost_by_;
};

class TracePlayer {
 public:
  static constexpr std::string_view kPath = "db";  // of the directory on the simulated disk

  // `left_out`: indices of syncs that are played as if the program had not asked for them. The trace must outlive this.
  explicit TracePlayer(const IoTrace& trace, std::set<size_t> left_out = {});

  bool done() const { return next_ == trace_.operations().size(); }
  // How many operations were played.
  size_t played() const { return next_; }
  // Plays one, and returns it. Pre: !done().
  const TracedOperation& step();
  // The program has begun, and has its directory: from here on it may crash.
  bool has_begun() const { return next_ >= trace_.beginning() && disk_.find_directory(kPath).has_value(); }
  const SimDisk& disk() const { return disk_; }
  // The operation that made a change of the disk, for people.
  std::string change_name(Sequence change) const;

 private:
  void sync(const TracedOperation& operation);
  uint32_t file(const TracedOperation& operation) const { return files_.at(operation.file); }

  const IoTrace& trace_;
  std::set<size_t> left_out_;
  SimDisk disk_;
  size_t next_ = 0;
  std::vector<uint32_t> files_;    // of the disk, by the trace's numbers
  std::vector<Sequence> moments_;  // of the disk, after each operation
};

}  // namespace holdfast::sim
