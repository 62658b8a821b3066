// Fiber: a stack of its own and the point where it stopped. The only file that switches stacks.
//
// Owns:    its stack, borrowed from a FiberStacks. Destroying a fiber that has not ended drops what lives on its stack
//          without running destructors: the scheduler does that only after a failure has been found.
// Threads: everything happens on one OS thread.
// ASan and TSan are told of every switch, and TSan does not watch a fiber before it is asked to (race_detector.h); the
// exception state of the C++ runtime is kept per fiber.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast::sim {

// Stacks with a guard page below each, kept for reuse: a mapping costs more than a whole small run.
class FiberStacks {
 public:
  static constexpr size_t kStackBytes = size_t{256} * 1024;

  FiberStacks() = default;
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;
  ~FiberStacks();

  std::span<std::byte> take();
  void give_back(std::span<std::byte> stack);

 private:
  std::vector<std::span<std::byte>> spare_;
};

class Fiber {
 public:
  // The thread's own stack, from which the first switch is made.
  Fiber();
  // Not started: the first switch to it calls entry(argument), which must not return but switch away for ever.
  Fiber(FiberStacks& stacks, void (*entry)(void*), void* argument);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Stops `from`, which must be the fiber that runs, and goes on with `to`. Returns when somebody switches back.
  static void switch_between(Fiber& from, Fiber& to);
  // The same, for the last time: `from` never runs again.
  static void end(Fiber& from, Fiber& to);

 private:
  static void jump(Fiber& from, Fiber& to);
  friend struct FiberEntry;

  FiberStacks* stacks_ = nullptr;
  std::span<std::byte> stack_;
  void* context_ = nullptr;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  [[maybe_unused]] void* shadow_stack_ = nullptr;  // ASan's
  const void* asan_bottom_ = nullptr;  // of the thread's own stack, learned at the first switch away from it
  size_t asan_bytes_ = 0;
  [[maybe_unused]] void* race_context_ = nullptr;  // TSan's
  [[maybe_unused]] uint32_t unwatched_depth_ = 0;  // see race_detector.h
  std::array<std::byte, 16> exceptions_{};         // the C++ runtime's exceptions in flight
};

}  // namespace holdfast::sim
