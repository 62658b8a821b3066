// sync: mutex, condition variable and atomics of the engine.
//
// In `holdfast` they are the standard library's. In `holdfast_sim` every operation is a decision point of the
// simulator's scheduler (see sim/). The choice is made here, once, at compile time, and costs the real build nothing.
#pragma once

#include <cstdint>

#include <holdfast/flavor.h>

#ifdef HOLDFAST_SIM
#include "env/sync_simulated.h"
#else
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace holdfast::sync {
inline namespace HOLDFAST_FLAVOR {

using Mutex = std::mutex;
using CondVar = std::condition_variable;
template <class T>
using Atomic = std::atomic<T>;
// As CondVar::wait, but not for longer than so many nanoseconds. False: the time is up.
inline bool wait_for(CondVar& condition, std::unique_lock<Mutex>& lock, uint64_t duration_ns) {
  return condition.wait_for(lock, std::chrono::nanoseconds(duration_ns)) == std::cv_status::no_timeout;
}
// Tells the simulator that another thread may run here; nothing otherwise.
inline void yield_point() {}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast::sync
#endif

#include <mutex>

namespace holdfast::sync {
using Lock = std::unique_lock<Mutex>;
}  // namespace holdfast::sync
