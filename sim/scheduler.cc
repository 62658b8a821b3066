#include "sim/scheduler.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#include "base/check.h"
#include "sim/race_detector.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kStepNs = 40;  // virtual time that passes from one decision point to the next
// kPct, kStay: a fiber that ran so many steps while others could have run goes last. It may be spinning for one of
// them.
constexpr uint64_t kPatienceSteps = 20'000;
constexpr uint64_t kStarveDenominator = 256;

}  // namespace

ScheduleOptions ScheduleOptions::draw(Decisions& decisions) {
  constexpr auto kStream = Stream::kSchedule;
  ScheduleOptions options;
  constexpr std::array<Strategy, 8> kStrategies = {Strategy::kRandomWalk, Strategy::kRandomWalk, Strategy::kRandomWalk,
                                                   Strategy::kPct,        Strategy::kPct,        Strategy::kPct,
                                                   Strategy::kRoundRobin, Strategy::kStarveOne};
  options.strategy = decisions.pick(kStream, kStrategies);
  options.mean_points = decisions.pick(kStream, std::array<uint32_t, 6>{1, 2, 4, 8, 16, 64});
  options.mean_atomics = decisions.pick(kStream, std::array<uint32_t, 6>{4, 16, 64, 256, 1024, 4096});
  if (options.strategy == Strategy::kRoundRobin) {
    options.mean_points *= 16;
    options.mean_atomics *= 16;
  }
  options.pct_depth = static_cast<uint32_t>(decisions.between(kStream, 1, 5));
  options.pct_steps = decisions.pick(kStream, std::array<uint32_t, 4>{1'000, 10'000, 50'000, 200'000});
  options.spurious_wakeup_denominator = decisions.pick(kStream, std::array<uint32_t, 3>{0, 64, 8});
  return options;
}

Scheduler::Scheduler(Decisions& decisions, Trace& trace, VirtualTime& time, FiberStacks& stacks,
                     const ScheduleOptions& options)
    : decisions_(decisions), trace_(trace), time_(time), stacks_(stacks), options_(options) {
  if (options_.strategy == Strategy::kPct) {
    for (uint32_t change = 1; change < options_.pct_depth; ++change) {
      change_steps_.push_back(decisions_.below(Stream::kSchedule, options_.pct_steps));
    }
    std::ranges::sort(change_steps_, std::greater<>());
  }
  if (options_.strategy == Strategy::kStarveOne) {
    starved_ = static_cast<uint32_t>(decisions_.between(Stream::kSchedule, 1, 6));
  }
  refill(Point::kAtomic);
  refill(Point::kOperation);
}

Scheduler::~Scheduler() { CHECK(running_ != this); }

uint32_t Scheduler::spawn(std::string name, std::function<void()> body) {
  const Unwatched unwatched;
  auto record = std::make_unique<Record>();
  record->number = static_cast<uint32_t>(fibers_.size() + 1);
  record->name = std::move(name);
  record->body = std::move(body);
  record->scheduler = this;
  record->fiber = std::make_unique<Fiber>(stacks_, &Scheduler::enter, record.get());
  // Above every lowered priority.
  record->priority = decisions_.draw(Stream::kSchedule) | (uint64_t{1} << 63U);
  happens_before(record.get());
  trace_.event(EventKind::kSpawn, record->number);
  Record& added = *fibers_.emplace_back(std::move(record));
  runnable_.push_back(&added);
  return added.number;
}

std::optional<std::string> Scheduler::run() {
  const Unwatched unwatched;
  CHECK(running_ == nullptr);
  if (runnable_.empty()) {
    return failure_;
  }
  running_ = this;
  current_ = choose();
  trace_.set_fiber(current_->number);
  Fiber::switch_between(main_, *current_->fiber);
  current_ = nullptr;
  running_ = nullptr;
  trace_.set_fiber(0);
  for (const auto& record : fibers_) {
    happens_after(record.get());
  }
  return failure_;
}

void Scheduler::enter(void* argument) {
  Record& record = *static_cast<Record*>(argument);
  happens_after(&record);
  record.body();
  Scheduler& self = *record.scheduler;
  happens_before(&record);
  self.trace_.event(EventKind::kExit, record.number);
  record.state = State::kEnded;
  self.remove_runnable(record);
  for (const uint32_t joiner : record.joiners) {
    self.wake(joiner);
  }
  self.leave(true);
}

void Scheduler::yield(Point point) {
  const Unwatched unwatched;
  ++steps_;
  if (Record* next = told(Switches::Cause::kPoint); next != nullptr && next != current_) {
    return go_to(next, false);
  }
  uint64_t& left = point == Point::kAtomic ? atomics_left_ : points_left_;
  const bool priority_changes = !change_steps_.empty() && steps_ >= change_steps_.back();
  if (left > 0 && !priority_changes) {
    --left;
    return;
  }
  decide(point);
}

Scheduler::Record* Scheduler::told(Switches::Cause cause) {
  const uint32_t number = options_.switches == nullptr ? 0 : options_.switches->next(current_->number, cause);
  if (number == 0) {
    return nullptr;
  }
  wake_sleepers();
  const auto found = std::ranges::find(runnable_, number, &Record::number);
  return found == runnable_.end() ? nullptr : *found;
}

void Scheduler::decide(Point point) {
  time_.now_ns += kStepNs;
  if (steps_ > options_.step_budget) {
    abandon("livelock: " + std::to_string(steps_) + " steps did not finish the run; running now: " + current_->name);
  }
  if (options_.strategy == Strategy::kPct) {
    while (!change_steps_.empty() && steps_ >= change_steps_.back()) {
      change_steps_.pop_back();
      current_->priority = --lowest_priority_;
    }
    if (steps_ - switched_at_step_ > kPatienceSteps) {
      current_->priority = --lowest_priority_;
      switched_at_step_ = steps_;
    }
  }
  refill(point);
  wake_sleepers();
  if (options_.strategy == Strategy::kStay && steps_ - switched_at_step_ <= kPatienceSteps) {
    return;
  }
  if (runnable_.size() > 1) {
    Record* next = choose();
    if (next != current_) {
      if (options_.switches != nullptr) {
        options_.switches->switched(current_->number, Switches::Cause::kPoint, next->number);
      }
      go_to(next, false);
    }
  }
}

void Scheduler::refill(Point point) {
  const uint32_t mean = point == Point::kAtomic ? options_.mean_atomics : options_.mean_points;
  uint64_t& left = point == Point::kAtomic ? atomics_left_ : points_left_;
  if (options_.strategy == Strategy::kPct || options_.strategy == Strategy::kStay) {
    // Priorities decide, whenever anything may have changed.
    left = point == Point::kAtomic ? 256 : 0;
    return;
  }
  left = mean <= 1 ? 0 : decisions_.below(Stream::kSchedule, uint64_t{2} * mean);
}

Scheduler::Record* Scheduler::choose() {
  CHECK(!runnable_.empty());
  if (runnable_.size() == 1) {
    return runnable_.front();
  }
  switch (options_.strategy) {
    case Strategy::kPct: return choose_by_priority();
    case Strategy::kStay:
    case Strategy::kRoundRobin: {
      const uint32_t after = current_ == nullptr ? 0 : current_->number;
      const auto distance = [&](const Record* record) {
        return record->number > after ? record->number - after : record->number + static_cast<uint32_t>(fibers_.size());
      };
      return *std::ranges::min_element(runnable_, std::less<>(), distance);
    }
    case Strategy::kStarveOne:
    case Strategy::kRandomWalk: break;
  }
  Record* chosen = runnable_[static_cast<size_t>(below(runnable_.size()))];
  if (chosen->number == starved_ && below(kStarveDenominator) != 0) {
    const auto other = std::ranges::find_if(runnable_, [&](const Record* record) { return record != chosen; });
    return *other;
  }
  return chosen;
}

Scheduler::Record* Scheduler::choose_by_priority() {
  return *std::ranges::max_element(runnable_, std::less<>(), &Record::priority);
}

void Scheduler::go_to(Record* next, bool last) {
  trace_.event(EventKind::kSwitch, next->number);
  trace_.set_fiber(next->number);
  switched_at_step_ = steps_;
  Record* self = current_;
  current_ = next;
  if (last) {
    Fiber::end(*self->fiber, *next->fiber);
  }
  Fiber::switch_between(*self->fiber, *next->fiber);
}

void Scheduler::leave(bool last) {
  while (runnable_.empty()) {
    // Everybody who lives sleeps or waits: time passes until the first wakes.
    uint64_t earliest = std::numeric_limits<uint64_t>::max();
    bool anybody = false;
    for (const auto& record : fibers_) {
      if (sleeps(*record)) {
        earliest = std::min(earliest, record->wake_at_ns);
      }
      anybody = anybody || record->state != State::kEnded;
    }
    if (earliest != std::numeric_limits<uint64_t>::max()) {
      time_.now_ns = std::max(time_.now_ns, earliest);
      wake_sleepers();
      continue;
    }
    if (anybody) {
      failure_ = describe_deadlock();
    }
    Fiber::end(*current_->fiber, main_);
  }
  Record* next = told(Switches::Cause::kWait);
  if (next == nullptr) {
    next = choose();
  }
  if (options_.switches != nullptr && runnable_.size() > 1) {
    options_.switches->switched(current_->number, Switches::Cause::kWait, next->number);
  }
  if (next != current_) {
    go_to(next, last);
  }
}

bool Scheduler::wake_sleepers() {
  bool woke = false;
  for (const auto& record : fibers_) {
    if (sleeps(*record) && record->wake_at_ns <= time_.now_ns) {
      make_runnable(*record);
      woke = true;
    }
  }
  return woke;
}

void Scheduler::block(std::string_view what, uint32_t holder) {
  const Unwatched unwatched;
  trace_.event(EventKind::kBlock, holder);
  current_->state = State::kBlocked;
  current_->waits_for = what;
  current_->holder = holder;
  remove_runnable(*current_);
  leave(false);
}

void Scheduler::block_for(std::string_view what, uint64_t duration_ns) {
  const Unwatched unwatched;
  trace_.event(EventKind::kSleep, duration_ns);
  current_->state = State::kBlockedForATime;
  current_->wake_at_ns = time_.now_ns + duration_ns;
  current_->waits_for = what;
  remove_runnable(*current_);
  leave(false);
}

void Scheduler::wake(uint32_t fiber) {
  const Unwatched unwatched;
  Record& record = *fibers_[fiber - 1];
  if (record.state == State::kBlocked || record.state == State::kBlockedForATime) {
    trace_.event(EventKind::kWake, fiber);
    make_runnable(record);
  }
}

void Scheduler::sleep(uint64_t duration_ns) {
  const Unwatched unwatched;
  trace_.event(EventKind::kSleep, duration_ns);
  current_->state = State::kSleeping;
  current_->wake_at_ns = time_.now_ns + duration_ns;
  remove_runnable(*current_);
  leave(false);
}

void Scheduler::join(uint32_t fiber) {
  const Unwatched unwatched;
  Record& record = *fibers_[fiber - 1];
  while (record.state != State::kEnded) {
    record.joiners.push_back(current_->number);
    block("the end of", fiber);
  }
  happens_after(&record);
}

void Scheduler::abandon(std::string reason) {
  const Unwatched unwatched;
  failure_ = std::move(reason);
  Fiber::end(*current_->fiber, main_);
  std::abort();
}

bool Scheduler::draw_spurious_wakeup() {
  return options_.spurious_wakeup_denominator != 0 && below(options_.spurious_wakeup_denominator) == 0;
}

void Scheduler::make_runnable(Record& record) {
  record.state = State::kRunnable;
  record.waits_for = {};
  record.holder = 0;
  runnable_.push_back(&record);
}

void Scheduler::remove_runnable(const Record& record) { std::erase(runnable_, &record); }

std::string Scheduler::describe_deadlock() const {
  std::string text = "deadlock: nobody can run";
  for (const auto& record : fibers_) {
    if (record->state != State::kBlocked) {
      continue;
    }
    text += "; fiber " + std::to_string(record->number) + " (" + record->name + ") waits for ";
    text += record->waits_for;
    if (record->holder != 0) {
      text += " fiber " + std::to_string(record->holder) + " (" + name(record->holder) + ")";
    }
  }
  return text;
}

}  // namespace holdfast::sim
