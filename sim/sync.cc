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

// Fibers are kept as their numbers, so that no decision depends on an address; 0 is nobody.
void* as_owner(uint32_t fiber) { return reinterpret_cast<void*>(static_cast<uintptr_t>(fiber)); }
uint32_t as_fiber(void* owner) { return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(owner)); }
// Owner of a mutex that was locked without a scheduler.
constexpr uint32_t kOnlyThread = ~uint32_t{0};

uint32_t take_waiter(std::vector<void*>& waiters, Scheduler& scheduler) {
  const size_t index = waiters.size() == 1 ? 0 : static_cast<size_t>(scheduler.below(waiters.size()));
  const uint32_t fiber = as_fiber(waiters[index]);
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
    CHECK(owner_ == nullptr);  // the only thread would wait for itself
    owner_ = as_owner(kOnlyThread);
  } else {
    scheduler->yield(Point::kOperation);
    while (owner_ != nullptr) {
      waiters_.push_back(as_owner(scheduler->current()));
      scheduler->block("a mutex held by", as_fiber(owner_));
    }
    owner_ = as_owner(scheduler->current());
  }
  sim::happens_after(this);
}

bool Mutex::try_lock() {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  if (scheduler != nullptr) {
    scheduler->yield(Point::kOperation);
  }
  if (owner_ != nullptr) {
    return false;
  }
  owner_ = as_owner(scheduler != nullptr ? scheduler->current() : kOnlyThread);
  sim::happens_after(this);
  return true;
}

void Mutex::unlock() {
  const sim::Unwatched unwatched;
  Scheduler* scheduler = Scheduler::running();
  CHECK(owner_ == as_owner(scheduler != nullptr ? scheduler->current() : kOnlyThread));
  sim::happens_before(this);
  owner_ = nullptr;
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
  void* self = as_owner(scheduler->current());
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
  void* self = as_owner(scheduler->current());
  std::vector<void*>& waiters = condition.waiters_;
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
