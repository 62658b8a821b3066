// A process of its own on a copy of the disk: what probes open the database with.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <holdfast/database.h>

#include "db/log_inspection.h"
#include "sim/copies.h"
#include "sim/io_faults.h"
#include "sim/sim_clock.h"
#include "sim/sim_entropy.h"
#include "sim/sim_env.h"
#include "sim/sim_threads.h"

namespace holdfast::sim {

class CopyProcess final : public DiskHooks {
 public:
  CopyProcess(const CopyContext& context, SimDisk& disk, Decisions& decisions, Trace& trace, IoFaults* faults)
      : context_(context),
        decisions_(decisions),
        faults_(faults),
        time_(context.time),
        clock_(decisions, time_, context.config.faults.clock_jump),
        entropy_(decisions),
        env_(Machine{disk, *this, trace, decisions, clock_, entropy_, threads_, faults, 2000}) {}

  ~CopyProcess() override {
    context_.counters.faults[static_cast<size_t>(fault::Kind::kClockJump)] += clock_.jump_count();
  }
  CopyProcess(const CopyProcess&) = delete;
  CopyProcess& operator=(const CopyProcess&) = delete;

  Result<Database> open() { return Database::open("db", draw()); }
  Result<Database> open_read_only() {
    Options options = draw();
    options.read_only = true;
    return Database::open("db", options);
  }
  Result<RecoveryReport> recover() { return Database::recover("db", draw()); }
  Result<LogInspection> inspect_log() { return LogInspection::open(env_, "db"); }
  const Verdict& violated() const { return violated_; }

  // From now on, the process ends where it asks for a sync of a file.
  void kill_before_sync() { dies_ = true; }
  // It ends at the nth operation that changes the disk, by a coin before or after it takes effect.
  void kill_at(uint64_t nth) {
    dies_at_ = nth;
    dies_before_ = decisions_.chance(Stream::kProbe, 1, 2);
  }
  // Something happens to the disk right before the nth read.
  void at_read(uint64_t nth, std::function<void()> body) {
    at_read_ = std::move(body);
    reads_before_ = nth;
  }
  uint64_t reads() const { return reads_; }
  bool dead() const { return env_.dead(); }
  // Operations that change the disk, so far.
  uint64_t changes() const { return changes_; }

  void before_io(const IoEvent& event) override {
    changes_ += changes_disk(event.kind) ? 1U : 0U;
    reads_ += event.kind == IoKind::kRead ? 1U : 0U;
    if (at_read_ && reads_ == reads_before_) {
      std::exchange(at_read_, nullptr)();
    }
    if ((dies_ && event.kind == IoKind::kSync) || (dies_before_ && changes_ == dies_at_)) {
      env_.kill();
    }
  }
  void after_io(const IoEvent& /*event*/) override {
    if (!dies_before_ && dies_at_ != 0 && changes_ == dies_at_) {
      env_.kill();
    }
    // One lost or misdirected transfer is enough: against several that hit both copies of the newest state at once
    // there is no defence.
    if (faults_ != nullptr && std::ranges::any_of(faults_->counts(), [](uint64_t count) { return count > 0; })) {
      faults_->switch_off();
    }
  }
  void contract_violated(std::string_view what) override {
    if (!violated_) {
      violated_ = "the engine broke the environment's contract: " + std::string(what);
    }
  }

 private:
  Options draw() {
    Options options = context_.config.draw_options(decisions_, env_);
    options.create_if_missing = !context_.created;
    return options;
  }

  CopyContext context_;
  Decisions& decisions_;
  IoFaults* faults_;
  VirtualTime time_;
  SimClock clock_;
  SimEntropy entropy_;
  SimThreads threads_;
  SimEnv env_;
  bool dies_ = false;
  bool dies_before_ = false;
  uint64_t dies_at_ = 0;  // 0: never
  uint64_t changes_ = 0;
  uint64_t reads_ = 0;
  uint64_t reads_before_ = 0;
  std::function<void()> at_read_;
  Verdict violated_;
};

inline Verdict with_prefix(const std::string& prefix, const Verdict& verdict) {
  return verdict ? Verdict(prefix + *verdict) : std::nullopt;
}

}  // namespace holdfast::sim
