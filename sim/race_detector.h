// What ThreadSanitizer must be told about a world in which all threads are fibers on one OS thread.
//
// The simulator's own books (run queue, trace, disk, model) are shared by all fibers without any lock: only one fiber
// runs at a time. To TSan, which is asked to treat the fibers as unordered threads, that looks like one data race after
// another. So a fiber is unwatched, except inside a Watched: around each call into the engine, and in the engine's own
// threads. An Unwatched leads back to the simulator: in its mutexes, its environment, and closures given to the engine.
// happens_before/after carry the order that a simulated mutex, a start or a join really gives to the engine. A race
// found in this way is one that real threads have too, found under a schedule that a seed repeats.
// Without TSan all of this is nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#define HOLDFAST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HOLDFAST_TSAN 1
#endif
#endif

#ifdef HOLDFAST_TSAN
#include <sanitizer/tsan_interface.h>
#include <sys/single_threaded.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void __tsan_read_range(void* data, unsigned long bytes);
void __tsan_write_range(void* data, unsigned long bytes);
}
#endif

namespace holdfast::sim {

#ifdef HOLDFAST_TSAN
inline void happens_before(void* object) { __tsan_release(object); }
inline void happens_after(void* object) { __tsan_acquire(object); }
// How many Unwatched live in the fiber that runs, since its last Watched; Fiber keeps it for those that do not run.
// Changed only while it is not 0: so TSan never sees a write of it.
inline constinit uint32_t unwatched_depth = 0;

// std::shared_ptr counts without atomics where there is one thread. To the engine fibers are many threads; the
// simulator's counts must not be taken for an order of the engine's accesses.
inline void stop_watching() {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  __libc_single_threaded = 1;
}
inline void go_on_watching() {
  __libc_single_threaded = 0;
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

class [[maybe_unused]] Unwatched {
 public:
  Unwatched() {
    if (unwatched_depth == 0) {
      stop_watching();
    }
    ++unwatched_depth;
  }
  ~Unwatched() {
    --unwatched_depth;
    if (unwatched_depth == 0) {
      go_on_watching();
    }
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

class [[maybe_unused]] Watched {
 public:
  Watched() : outer_depth_(unwatched_depth) {
    if (outer_depth_ > 0) {
      unwatched_depth = 0;
      go_on_watching();
    }
  }
  ~Watched() {
    if (outer_depth_ > 0) {
      stop_watching();
      unwatched_depth = outer_depth_;
    }
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  uint32_t outer_depth_;
};

// What the simulator did with memory of the engine, in its name.
inline void has_read(const void* data, size_t bytes) {
  const Watched in_the_engine;
  __tsan_read_range(const_cast<void*>(data), bytes);
}
inline void has_written(void* data, size_t bytes) {
  const Watched in_the_engine;
  __tsan_write_range(data, bytes);
}
#else
inline void happens_before(void*) {}
inline void happens_after(void*) {}
inline void has_read(const void*, size_t) {}
inline void has_written(void*, size_t) {}

class [[maybe_unused]] Unwatched {
 public:
  Unwatched() {}   // NOLINT(modernize-use-equals-default): not trivial, so that an unused one is no warning
  ~Unwatched() {}  // NOLINT(modernize-use-equals-default)
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

class [[maybe_unused]] Watched {
 public:
  Watched() {}   // NOLINT(modernize-use-equals-default)
  ~Watched() {}  // NOLINT(modernize-use-equals-default)
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};
#endif

// The answer of a call into the engine.
template <class Call>
auto watched(Call call) {
  const Watched in_the_engine;
  return call();
}

}  // namespace holdfast::sim
