// Scheduler: simulated threads as fibers on one OS thread; who runs next is decided by the seed.
//
// A fiber can lose the processor at every decision point: each call to the environment, lock, unlock, wait, notify,
// sleep, and (less often: there are many) each atomic operation. Between two points it runs alone, so the simulator's
// own code needs no locks.
//
// Owns:       the fibers. At most one scheduler runs at a time; running() is how sync primitives find it.
// Invariants: (1) exactly one fiber, or the caller of run(), executes;
//             (2) a fiber is on runnable_ exactly when its state is kRunnable;
//             (3) every choice comes from Stream::kSchedule, and every switch is in the trace.
// Fails:      run() answers with a text when nobody can run (deadlock: who waits for whom), when the step budget is
// used
//             up (livelock), or when somebody called abandon(). The fibers are then dropped where they stand, without
//             running destructors.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/fiber.h"
#include "sim/random.h"
#include "sim/trace.h"

namespace holdfast::sim {

// Nanoseconds since the simulated machine was switched on. Time passes by working a little, and by sleeping.
struct VirtualTime {
  uint64_t now_ns = 0;
};

enum class Strategy : uint8_t {
  kRandomWalk,  // after a random number of decision points, anybody
  kPct,         // fixed random priorities, lowered at a few random steps (PCT: finds bugs that need few orderings)
  kRoundRobin,  // everybody in turn, in long slices
  kStay,        // a fiber runs until it waits or ends; then the next in turn. Not drawn: for runs that are shrunk
  kStarveOne,   // as kRandomWalk, but one fiber runs almost only when nobody else can
};

// Sees where fibers give way to others, and may say where: how a schedule is written down and played.
class Switches {
 public:
  // The fiber is at a decision point, where it could go on, or it cannot.
  enum class Cause : uint8_t { kPoint, kWait };
  virtual ~Switches() = default;
  // Asked at each of them: the fiber that runs from here on, if it can; 0: as the strategy says.
  virtual uint32_t next(uint32_t fiber, Cause cause) = 0;
  // There, another fiber goes on. Not told where only one can.
  virtual void switched(uint32_t fiber, Cause cause, uint32_t to) = 0;
};

struct ScheduleOptions {
  Strategy strategy = Strategy::kRandomWalk;
  uint32_t mean_points = 4;                  // decision points between two switches, on average
  uint32_t mean_atomics = 64;                // the same for atomics, which are counted separately
  uint32_t pct_depth = 3;                    // priority changes + 1
  uint32_t pct_steps = 10'000;               // the changes fall into the first so many steps
  uint32_t spurious_wakeup_denominator = 0;  // one wait in so many returns without cause; 0: none
  uint64_t step_budget = 50'000'000;
  Switches* switches = nullptr;  // null: nobody looks

  static ScheduleOptions draw(Decisions& decisions);
};

enum class Point : uint8_t { kAtomic, kOperation };

class Scheduler {
 public:
  Scheduler(Decisions& decisions, Trace& trace, VirtualTime& time, FiberStacks& stacks, const ScheduleOptions& options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Adds a fiber; it starts when it is chosen. Before run() or from a fiber. Returns its number, counted from 1.
  uint32_t spawn(std::string name, std::function<void()> body);
  // Runs until every fiber has ended: nullopt. Otherwise what went wrong.
  std::optional<std::string> run();

  // The scheduler whose fiber executes now; null outside run(), and while a SingleThreaded lives.
  static Scheduler* running() { return running_; }

  // --- from a fiber
  // Somebody else may run here.
  void yield(Point point);
  // Somebody else runs until wake() names this fiber. `what` and `holder` (a fiber's number, 0 for none) are for the
  // account of a deadlock; `what` must outlive the wait.
  void block(std::string_view what, uint32_t holder = 0);
  // The same, but after so much virtual time it goes on by itself.
  void block_for(std::string_view what, uint64_t duration_ns);
  void wake(uint32_t fiber);
  void sleep(uint64_t duration_ns);
  void join(uint32_t fiber);
  // Stops everything: run() returns `reason`. Does not return.
  [[noreturn]] void abandon(std::string reason);

  uint32_t current() const { return current_->number; }
  const std::string& name(uint32_t fiber) const { return fibers_[fiber - 1]->name; }
  uint64_t steps() const { return steps_; }
  // In [0, n), from the schedule's stream.
  uint64_t below(uint64_t n) { return decisions_.below(Stream::kSchedule, n); }
  bool draw_spurious_wakeup();

 private:
  friend class SingleThreaded;
  // kBlockedForATime: sleeps, and can be woken before.
  enum class State : uint8_t { kRunnable, kBlocked, kBlockedForATime, kSleeping, kEnded };
  struct Record {
    uint32_t number = 0;
    std::string name;
    std::function<void()> body;
    Scheduler* scheduler = nullptr;
    std::unique_ptr<Fiber> fiber;
    State state = State::kRunnable;
    uint64_t priority = 0;  // kPct: higher runs first
    uint64_t wake_at_ns = 0;
    std::string_view waits_for;
    uint32_t holder = 0;
    std::vector<uint32_t> joiners;
  };

  static void enter(void* record);
  void decide(Point point);
  // The fiber that the switches ask for, if it can run.
  Record* told(Switches::Cause cause);
  Record* choose();
  Record* choose_by_priority();
  // Gives the processor to `next`; `last` if the current fiber never runs again.
  void go_to(Record* next, bool last);
  // The current fiber cannot go on: finds another, or ends the run.
  void leave(bool last);
  void make_runnable(Record& record);
  void remove_runnable(const Record& record);
  static bool sleeps(const Record& record) {
    return record.state == State::kSleeping || record.state == State::kBlockedForATime;
  }
  bool wake_sleepers();
  std::string describe_deadlock() const;
  void refill(Point point);

  static constinit inline Scheduler* running_ = nullptr;

  Decisions& decisions_;
  Trace& trace_;
  VirtualTime& time_;
  FiberStacks& stacks_;
  ScheduleOptions options_;
  Fiber main_;
  std::vector<std::unique_ptr<Record>> fibers_;
  std::vector<Record*> runnable_;
  Record* current_ = nullptr;
  uint64_t steps_ = 0;
  uint64_t points_left_ = 0;
  uint64_t atomics_left_ = 0;
  uint32_t starved_ = 0;                // kStarveOne: whose turn never comes
  std::vector<uint64_t> change_steps_;  // kPct: when priorities change; the next one last
  uint64_t lowest_priority_ = uint64_t{1} << 32U;
  uint64_t switched_at_step_ = 0;
  std::optional<std::string> failure_;
};

// While it lives, everything runs inline, as in a program with one thread: no switches, and a wait that could never end
// is a CHECK. For looking at a second database from inside a fiber.
class SingleThreaded {
 public:
  SingleThreaded() : outer_(Scheduler::running_) { Scheduler::running_ = nullptr; }
  ~SingleThreaded() { Scheduler::running_ = outer_; }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  Scheduler* outer_;
};

}  // namespace holdfast::sim
