// ExhaustProgram: a short program for one client of the database, and ProgramRun, which runs it on a simulated disk
// without faults, and tells the oracle what was asked and answered. Whoever watches is shown the disk before and after
// each operation that may change it, or make a change durable.
//
// Threads: one at a time, without a scheduler: the engine runs inline.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/database.h>

#include "sim/disk_hooks.h"
#include "sim/oracle.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "sim/sim_entropy.h"
#include "sim/sim_env.h"
#include "sim/sim_threads.h"

namespace holdfast::sim {

// Where there is nothing to do it on, an operation does nothing.
enum class Op : uint8_t {
  kPut,
  kErase,
  kMulti,  // one commit: rows of two buckets, and an event
  kAppend,
  kDefer,  // a put whose commit is deferred
  kWait,   // for the newest commit to be durable
  kCheckpoint,
  kApply,   // a batch, to a projection
  kSeal,    // the stream
  kRedact,  // the oldest record of the stream
  kTrim,
  kCompact,
  kPrune,
  kLarge,   // a put whose value does not fit into one segment of the log
  kHuge,    // and one that is not logged at all: its commit is a checkpoint
  kReopen,  // closes the database and opens it again
  kCount,
};
std::string_view name_of(Op op);

using ExhaustProgram = std::vector<Op>;
// "put; checkpoint"
std::string to_string(const ExhaustProgram& program);
// Nullopt: it names no operation that there is.
std::optional<ExhaustProgram> program_from(std::string_view text);

// Where the program begins.
enum class Origin : uint8_t {
  kEmpty,     // it creates the database
  kPrepared,  // with rows, a stream of several segments and a projection, some of it only in the log
};
enum class LogMode : uint8_t {
  kLog,   // one lane, checkpoints inline
  kNone,  // every commit is a checkpoint
};
struct ExhaustSetup {
  Origin origin = Origin::kEmpty;
  LogMode log = LogMode::kLog;
  AtomicUnit atomic_unit = AtomicUnit::kSector;
};
Options exhaust_options(const ExhaustSetup& setup, Env& env);

// A process on `disk` that no fault meets. The disk must outlive it.
class ExhaustProcess {
 public:
  ExhaustProcess(SimDisk& disk, DiskHooks& hooks, uint64_t seed);
  SimEnv& env() { return env_; }

 private:
  Decisions decisions_;
  Trace trace_;
  VirtualTime time_;
  SimClock clock_;
  SimEntropy entropy_;
  SimThreads threads_;
  SimEnv env_;
};

// An operation that changed the disk.
struct DiskChange {
  Sequence last = 0;  // of what it changed
  IoKind kind{};
  std::string name;
  uint64_t offset = 0;
  uint64_t bytes = 0;

  static DiskChange of(const IoEvent& event);
};
// "write of tree (offset 0, 4096 bytes)"
std::string describe(const DiskChange& change);

// A moment of a program.
struct ProgramPoint {
  const SimDisk& disk;
  Oracle& oracle;
  uint64_t number;                         // of this moment in the program, from 1
  uint64_t state;                          // equal numbers: neither the disk nor what the oracle allows has changed
  uint64_t allowed;                        // equal numbers: what the oracle allows has not changed
  size_t operation;                        // 0: before the program's first; then 1, 2, ...
  bool created;                            // the database was opened once
  const IoEvent* io;                       // null: between two operations of the program
  bool before;                             // or after it
  const std::vector<DiskChange>& changes;  // so far
};
std::string describe(const ProgramPoint& point, const ExhaustProgram& program);

class ProgramWatcher {
 public:
  virtual ~ProgramWatcher() = default;
  virtual void at(const ProgramPoint& point) = 0;
};

class ProgramRun final : public DiskHooks {
 public:
  ProgramRun(const ExhaustSetup& setup, ProgramWatcher& watcher);
  // Once. What the engine answered wrongly, if it did.
  Verdict run(const ExhaustProgram& program);

 private:
  using LogPointer = std::shared_ptr<TxnLog>;
  Verdict prepare();
  Verdict open();
  Verdict reopen();
  Verdict take(Op op);
  Verdict put(const char* key, const std::string& value, Durability durability = Durability::kDurable);
  Verdict erase();
  Verdict multi();
  Verdict append();
  Verdict wait();
  Verdict checkpoint();
  Verdict apply();
  Verdict seal();
  Verdict redact();
  Verdict trim();
  Verdict compact();
  Verdict prune();
  LogPointer new_log();
  LogPointer upkeep_log(StreamWrite::Kind kind, uint64_t offset);
  Verdict answered(const LogPointer& log, const Result<Commit>& answer);
  Verdict upkeep_answered(const LogPointer& log, const Result<std::optional<Csn>>& answer);
  Verdict learn();
  std::string new_value() { return "value " + std::to_string(++values_); }
  // To change it.
  Oracle& oracle() {
    ++allowed_;
    ++state_;
    return oracle_;
  }
  ProjectionModel& projections() { return oracle().model().projections(); }
  holdfast::Stream stream() { return database_->stream(kStreamName); }

  void before_io(const IoEvent& event) override { on_io(event, true); }
  void after_io(const IoEvent& event) override { on_io(event, false); }
  void contract_violated(std::string_view what) override;
  void on_io(const IoEvent& event, bool before);
  void between();
  void show(const IoEvent* event, bool before);

  static constexpr const char* kStreamName = "events";

  ExhaustSetup setup_;
  ProgramWatcher& watcher_;
  SimDisk disk_;
  Oracle oracle_;
  std::unique_ptr<ExhaustProcess> process_;
  std::optional<Database> database_;
  Verdict violated_;
  BucketId rows_ = 0;
  BucketId other_ = 0;
  StreamId stream_ = 0;
  ProjectionId projection_ = 0;
  std::vector<DiskChange> changes_;
  uint64_t points_ = 0;
  uint64_t state_ = 0;
  uint64_t allowed_ = 0;
  size_t operation_ = 0;
  bool created_ = false;
  bool quiet_ = false;  // nobody watches
  uint64_t values_ = 0;
  uint64_t lives_ = 0;
  uint64_t newest_csn_ = 0;  // of its own commits
};

}  // namespace holdfast::sim
