// What ThreadSanitizer must be told about a world in which all threads are fibers on one OS thread.
//
// The simulator's own books (run queue, trace, disk, model) are shared by all fibers without any lock: only one fiber
// runs at a time. To TSan, which is asked to treat the fibers as unordered threads, that looks like one data race after
// another. Unwatched hides the simulator's accesses; happens_before/after carry the order that a simulated mutex, a
// start or a join really gives to the program under test. Without TSan all of this is nothing.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define HOLDFAST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HOLDFAST_TSAN 1
#endif
#endif

#ifdef HOLDFAST_TSAN
#include <sanitizer/tsan_interface.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace holdfast::sim {

#ifdef HOLDFAST_TSAN
inline void happens_before(void* object) { __tsan_release(object); }
inline void happens_after(void* object) { __tsan_acquire(object); }

class [[maybe_unused]] Unwatched {
 public:
  Unwatched() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unwatched() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};
#else
inline void happens_before(void*) {}
inline void happens_after(void*) {}

class [[maybe_unused]] Unwatched {
 public:
  Unwatched() {}   // NOLINT(modernize-use-equals-default): not trivial, so that an unused one is no warning
  ~Unwatched() {}  // NOLINT(modernize-use-equals-default)
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};
#endif

}  // namespace holdfast::sim
