// The operating system as an Env: clocks, randomness, and the way to directories and threads.
#include <sys/random.h>
#include <time.h>

#include <cerrno>

#include <holdfast/env.h>

#include "base/check.h"
#include "env/posix_directory.h"
#include "env/posix_threads.h"

namespace holdfast {

namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;

class PosixClock final : public Clock {
 public:
  uint64_t monotonic_ns() override {
    const timespec now = read(CLOCK_MONOTONIC);
    return static_cast<uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<uint64_t>(now.tv_nsec);
  }
  int64_t wall_ns() override {
    const timespec now = read(CLOCK_REALTIME);
    return static_cast<int64_t>(now.tv_sec) * static_cast<int64_t>(kNsPerSecond) + static_cast<int64_t>(now.tv_nsec);
  }
  void sleep_ns(uint64_t duration_ns) override {
    timespec rest{.tv_sec = static_cast<time_t>(duration_ns / kNsPerSecond),
                  .tv_nsec = static_cast<long>(duration_ns % kNsPerSecond)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR) {
    }
  }

 private:
  static timespec read(clockid_t clock) {
    timespec now{};
    CHECK(clock_gettime(clock, &now) == 0);
    return now;
  }
};

class PosixRandom final : public Random {
 public:
  void fill(std::span<std::byte> buffer) override {
    while (!buffer.empty()) {
      const ssize_t filled = getrandom(buffer.data(), buffer.size(), 0);
      if (filled < 0) {
        // Without flags and with a valid buffer the call fails only by interruption, or on a kernel before 3.17,
        // where no identity could be trusted.
        CHECK(errno == EINTR);
        continue;
      }
      buffer = buffer.subspan(static_cast<size_t>(filled));
    }
  }
};

class PosixEnv final : public Env {
 public:
  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override {
    return open_posix_directory(path, mode);
  }
  Clock& clock() override { return clock_; }
  Random& random() override { return random_; }
  Threads& threads() override { return threads_; }

 private:
  PosixClock clock_;
  PosixRandom random_;
  PosixThreads threads_;
};

}  // namespace

Env& posix_env() {
  static PosixEnv env;
  return env;
}

}  // namespace holdfast
