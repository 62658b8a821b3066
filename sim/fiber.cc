#include "sim/fiber.h"

#include <cxxabi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include <boost/context/detail/fcontext.hpp>

#include "base/check.h"
#include "sim/race_detector.h"

#if defined(__SANITIZE_ADDRESS__)
#define HOLDFAST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOLDFAST_ASAN 1
#endif
#endif
#ifdef HOLDFAST_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace holdfast::sim {

namespace context = boost::context::detail;

namespace {

size_t guard_bytes() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

FiberStacks::~FiberStacks() {
  for (const std::span<std::byte> stack : spare_) {
    ::munmap(stack.data() - guard_bytes(), stack.size() + guard_bytes());
  }
}

std::span<std::byte> FiberStacks::take() {
  if (!spare_.empty()) {
    const std::span<std::byte> stack = spare_.back();
    spare_.pop_back();
    return stack;
  }
  const size_t guard = guard_bytes();
  void* base =
      ::mmap(nullptr, guard + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  CHECK(base != MAP_FAILED);
  CHECK(::mprotect(base, guard, PROT_NONE) == 0);
  return {static_cast<std::byte*>(base) + guard, kStackBytes};
}

void FiberStacks::give_back(std::span<std::byte> stack) {
#ifdef HOLDFAST_ASAN
  ASAN_UNPOISON_MEMORY_REGION(stack.data(), stack.size());
#endif
  spare_.push_back(stack);
}

// Runs on the new stack.
struct FiberEntry {
  static void finish_switch(Fiber& here, context::transfer_t transfer) {
    Fiber* from = static_cast<Fiber*>(transfer.data);
    from->context_ = transfer.fctx;
#ifdef HOLDFAST_ASAN
    const void* bottom = nullptr;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(here.shadow_stack_, &bottom, &bytes);
    if (from->stack_.empty()) {
      from->asan_bottom_ = bottom;
      from->asan_bytes_ = bytes;
    }
#endif
    std::memcpy(abi::__cxa_get_globals(), here.exceptions_.data(), here.exceptions_.size());
#ifdef HOLDFAST_TSAN
    unwatched_depth = here.unwatched_depth_;
#endif
  }

  static void run(context::transfer_t transfer);
};

namespace {
// The fiber that is being started. Set right before the jump that starts it and read at once after it.
constinit Fiber* starting = nullptr;
}  // namespace

void FiberEntry::run(context::transfer_t transfer) {
  Fiber& here = *starting;
  finish_switch(here, transfer);
  here.entry_(here.argument_);
  std::abort();  // entry must switch away for ever
}

Fiber::Fiber() {
#ifdef HOLDFAST_TSAN
  race_context_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(FiberStacks& stacks, void (*entry)(void*), void* argument)
    : stacks_(&stacks), stack_(stacks.take()), entry_(entry), argument_(argument) {
  asan_bottom_ = stack_.data();
  asan_bytes_ = stack_.size();
#ifdef HOLDFAST_TSAN
  race_context_ = __tsan_create_fiber(0);
  unwatched_depth_ = 1;
  void* const creator = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(race_context_, __tsan_switch_to_fiber_no_sync);
  stop_watching();
  __tsan_switch_to_fiber(creator, __tsan_switch_to_fiber_no_sync);
#endif
  context_ = context::make_fcontext(stack_.data() + stack_.size(), stack_.size(), &FiberEntry::run);
}

Fiber::~Fiber() {
  if (stacks_ != nullptr) {
#ifdef HOLDFAST_TSAN
    // It may have been dropped anywhere; TSan does not let it end unwatched.
    if (unwatched_depth_ > 0) {
      void* const destroyer = __tsan_get_current_fiber();
      __tsan_switch_to_fiber(race_context_, __tsan_switch_to_fiber_no_sync);
      go_on_watching();
      __tsan_switch_to_fiber(destroyer, __tsan_switch_to_fiber_no_sync);
    }
    __tsan_destroy_fiber(race_context_);
#endif
    stacks_->give_back(stack_);
  }
}

void Fiber::jump(Fiber& from, Fiber& to) {
  std::memcpy(from.exceptions_.data(), abi::__cxa_get_globals(), from.exceptions_.size());
  starting = &to;
#ifdef HOLDFAST_TSAN
  from.unwatched_depth_ = unwatched_depth;
  __tsan_switch_to_fiber(to.race_context_, __tsan_switch_to_fiber_no_sync);
#endif
  const context::transfer_t transfer = context::jump_fcontext(to.context_, &from);
  FiberEntry::finish_switch(from, transfer);
}

void Fiber::switch_between(Fiber& from, Fiber& to) {
#ifdef HOLDFAST_ASAN
  __sanitizer_start_switch_fiber(&from.shadow_stack_, to.asan_bottom_, to.asan_bytes_);
#endif
  jump(from, to);
}

void Fiber::end(Fiber& from, Fiber& to) {
#ifdef HOLDFAST_ASAN
  __sanitizer_start_switch_fiber(nullptr, to.asan_bottom_, to.asan_bytes_);
#endif
  jump(from, to);
  std::abort();
}

}  // namespace holdfast::sim
