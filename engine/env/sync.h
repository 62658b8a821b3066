// sync: mutex, condition variable and atomics of the engine.
//
// In `holdfast` they are the standard library's. In `holdfast_sim` every operation is a decision point of the
// simulator's scheduler (see sim/). The choice is made here, once, at compile time, and costs the real build nothing.
#pragma once

#include <holdfast/flavor.h>

#ifdef HOLDFAST_SIM
#include "env/sync_simulated.h"
#else
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace holdfast::sync {
inline namespace HOLDFAST_FLAVOR {

using Mutex = std::mutex;
using CondVar = std::condition_variable;
template <class T>
using Atomic = std::atomic<T>;
// Tells the simulator that another thread may run here; nothing otherwise.
inline void yield_point() {}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast::sync
#endif

#include <mutex>

namespace holdfast::sync {
using Lock = std::unique_lock<Mutex>;
}  // namespace holdfast::sync
