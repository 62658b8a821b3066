// The members of the simulated mutex and condition variable (engine/env/sync_simulated.h).
//
// Invariant: a fiber that waits is on exactly one list of waiters, and is blocked; who takes it off the list wakes it.
// Without a running scheduler the program has one thread: a lock is free or the program deadlocks with itself, and
// nobody will ever notify.
#include "env/sync.h"

#include <algorithm>

#include "base/check.h"
#include "sim/race_detector.h"
#include "sim/scheduler.h"

namespace holdfast::sync {
inline namespace HOLDFAST_FLAVOR {

namespace {

using sim::Point;
using sim::Scheduler;

// Owner of a mutex that was locked without a scheduler.
constexpr uint32_t kOnlyThread = ~uint32_t{0};

uint32_t take_waiter(std::vector<uint32_t>& waiters, Scheduler& scheduler) {
  const size_t index = waiters.size() == 1 ? 0 : static_cast<size_t>(scheduler.below(waiters.size()));
  const uint32_t fiber = waiters[index];
  waiters.erase(waiters.begin() + static_cast<std::ptrdiff_t>(index));
  return fiber;
}

}  // namespace

void yield_point() {
  const sim::Unwatched unwatched;
  if (Scheduler* scheduler = Scheduler::running()) {
    scheduler->yield(Point::kAtomic);
  }
}

void Mutex::lock() {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  if (scheduler == nullptr) {
    CHECK(owner_ == 0);  // the only thread would wait for itself
    owner_ = kOnlyThread;
  } else {
    scheduler->yield(Point::kOperation);
    while (owner_ != 0) {
      waiters_.push_back(scheduler->current());
      scheduler->block("a mutex held by", owner_);
    }
    owner_ = scheduler->current();
  }
  sim::happens_after(this);
}

bool Mutex::try_lock() {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  if (scheduler != nullptr) {
    scheduler->yield(Point::kOperation);
  }
  if (owner_ != 0) {
    return false;
  }
  owner_ = scheduler != nullptr ? scheduler->current() : kOnlyThread;
  sim::happens_after(this);
  return true;
}

void Mutex::unlock() {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  CHECK(owner_ == (scheduler != nullptr ? scheduler->current() : kOnlyThread));
  sim::happens_before(this);
  owner_ = 0;
  if (scheduler != nullptr) {
    if (!waiters_.empty()) {
      scheduler->wake(take_waiter(waiters_, *scheduler));
    }
    scheduler->yield(Point::kOperation);
  }
}

void CondVar::wait(std::unique_lock<Mutex>& lock) {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  CHECK(scheduler != nullptr);  // the only thread would wait for ever
  CHECK(lock.owns_lock());
  if (scheduler->draw_spurious_wakeup()) {
    lock.unlock();
    lock.lock();
    return;
  }
  // On the list before the mutex is free, so that no notify in between is lost. It may come while unlock() lets others
  // run: then this fiber is off the list already and must not block.
  const uint32_t self = scheduler->current();
  waiters_.push_back(self);
  lock.unlock();
  if (std::ranges::find(waiters_, self) != waiters_.end()) {
    scheduler->block("a condition variable");
  }
  lock.lock();
}

bool wait_for(CondVar& condition, std::unique_lock<Mutex>& lock, uint64_t duration_ns) {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  CHECK(lock.owns_lock());
  if (scheduler == nullptr) {
    return false;  // the only thread would wait in vain
  }
  const uint32_t self = scheduler->current();
  std::vector<uint32_t>& waiters = condition.waiters_;
  waiters.push_back(self);
  lock.unlock();
  if (std::ranges::find(waiters, self) != waiters.end()) {
    scheduler->block_for("a condition variable", duration_ns);
  }
  const auto still = std::ranges::find(waiters, self);
  const bool time_is_up = still != waiters.end();
  if (time_is_up) {
    waiters.erase(still);
  }
  lock.lock();
  return !time_is_up;
}

void CondVar::notify_one() {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  if (scheduler == nullptr) {
    return;
  }
  scheduler->yield(Point::kOperation);
  if (!waiters_.empty()) {
    scheduler->wake(take_waiter(waiters_, *scheduler));
  }
}

void CondVar::notify_all() {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  if (scheduler == nullptr) {
    return;
  }
  scheduler->yield(Point::kOperation);
  while (!waiters_.empty()) {
    scheduler->wake(take_waiter(waiters_, *scheduler));
  }
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast::sync
