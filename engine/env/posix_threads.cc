// pthreads rather than std::thread: that a thread cannot be started is an answer here, not an exception.
#include "env/posix_threads.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "env/os_error.h"

namespace holdfast {

namespace {

constexpr size_t kThreadNameBytesMax = 15;

struct Start {
  std::string name;
  std::function<void()> body;
};

void* run(void* argument) {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  // A name is a convenience for debuggers; without it the thread works as well.
  static_cast<void>(pthread_setname_np(pthread_self(), start->name.c_str()));
  start->body();
  return nullptr;
}

class PosixThread final : public Thread {
 public:
  explicit PosixThread(pthread_t thread) : thread_(thread) {}
  ~PosixThread() override { CHECK(joined_); }
  PosixThread(const PosixThread&) = delete;
  PosixThread& operator=(const PosixThread&) = delete;
  void join() override {
    CHECK(!joined_);
    CHECK(pthread_join(thread_, nullptr) == 0);
    joined_ = true;
  }

 private:
  pthread_t thread_;
  bool joined_ = false;
};

}  // namespace

Result<std::unique_ptr<Thread>> PosixThreads::start(std::string_view name, std::function<void()> body) {
  auto start = std::make_unique<Start>(std::string(name.substr(0, kThreadNameBytesMax)), std::move(body));
  pthread_t thread{};
  Start* const argument = start.release();  // run() owns it, if there is a thread to run it
  if (const int os_error = pthread_create(&thread, nullptr, run, argument); os_error != 0) {
    const std::unique_ptr<Start> unused(argument);
    // EAGAIN (limit of threads) and ENOMEM; never a matter of disk space.
    return fail(Error(ErrorCode::kIo, "cannot start a thread").os(os_error));
  }
  return std::make_unique<PosixThread>(thread);
}

uint32_t PosixThreads::core_count() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  // Fails only on machines with more than CPU_SETSIZE (1,024) cores; there the exact number does not matter.
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
    return CPU_SETSIZE;
  }
  return static_cast<uint32_t>(std::max(1, CPU_COUNT(&cores)));
}

uint64_t PosixThreads::current_id() {
  // Small numbers, never used twice in a process, and no system call after the first time.
  static std::atomic<uint64_t> id_next{1};
  thread_local const uint64_t id = id_next.fetch_add(1, std::memory_order_relaxed);
  return id;
}

}  // namespace holdfast
