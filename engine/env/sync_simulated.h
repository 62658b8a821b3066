// The simulator's mutex, condition variable and atomics. The engine knows only this header; sim/ defines the members.
// Without a running scheduler (a plain unit test) they behave as on a single thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include <holdfast/flavor.h>

namespace holdfast::sync {
inline namespace HOLDFAST_FLAVOR {

// Another simulated thread may run here.
void yield_point();

class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock();
  bool try_lock();
  void unlock();

 private:
  friend class CondVar;
  // Fibers are known by their numbers, so that no decision depends on an address; 0 is nobody.
  uint32_t owner_ = 0;
  std::vector<uint32_t> waiters_;
};

// May wake spuriously, and wakes waiters in an order that the seed decides.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;
  void wait(std::unique_lock<Mutex>& lock);
  template <class Predicate>
  void wait(std::unique_lock<Mutex>& lock, Predicate predicate) {
    while (!predicate()) {
      wait(lock);
    }
  }
  void notify_one();
  void notify_all();

 private:
  friend bool wait_for(CondVar& condition, std::unique_lock<Mutex>& lock, uint64_t duration_ns);
  std::vector<uint32_t> waiters_;
};

// As CondVar::wait, but not for longer than so many nanoseconds of virtual time. False: the time is up.
bool wait_for(CondVar& condition, std::unique_lock<Mutex>& lock, uint64_t duration_ns);

template <class T>
class Atomic {
 public:
  Atomic() = default;
  explicit Atomic(T value) : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst) const {
    yield_point();
    return value_.load(order);
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    yield_point();
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) {
    yield_point();
    return value_.exchange(value, order);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst) {
    yield_point();
    return value_.compare_exchange_strong(expected, desired, order);
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst) {
    yield_point();
    return value_.fetch_add(value, order);
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst) {
    yield_point();
    return value_.fetch_sub(value, order);
  }
  T fetch_or(T value, std::memory_order order = std::memory_order_seq_cst) {
    yield_point();
    return value_.fetch_or(value, order);
  }

 private:
  std::atomic<T> value_{};
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast::sync
