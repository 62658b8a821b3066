#include "cli/terminal.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace holdfast::cli {
namespace {

constexpr size_t kOutputBufferBytes = 64 * 1024;
constexpr uint64_t kDrawEveryNs = 100'000'000;
constexpr uint64_t kBarCells = 30;

// Set by the signal handler, which may touch nothing else.
volatile std::sig_atomic_t g_interrupted = 0;
volatile int g_interrupt_pipe[2] = {-1, -1};

void on_interrupt(int) {
  const int saved_errno = errno;
  g_interrupted = 1;
  if (write(g_interrupt_pipe[1], "!", 1) < 0) {
    // The pipe is full: it is readable already, which is all that it is for.
  }
  errno = saved_errno;
}

// Errno, or 0 once everything is written.
int write_fully(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

void Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kOutputBufferBytes) drain();
}

void Output::drain() {
  if (os_error_ == 0) os_error_ = write_fully(STDOUT_FILENO, buffer_);
  buffer_.clear();
}

Result<void> Output::flush() {
  drain();
  if (os_error_ == 0) return {};
  const ErrorCode code = os_error_ == ENOSPC ? ErrorCode::kNoSpace : ErrorCode::kIo;
  return fail(Error(code, "cannot write to standard output").os(os_error_));
}

bool output_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

void say(std::string_view line) {
  // Nobody is left to tell if standard error fails.
  static_cast<void>(write_fully(STDERR_FILENO, std::string(line) + "\n"));
}

void catch_interrupts() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return;  // out of descriptors: Ctrl-C then ends the process, as ever
  g_interrupt_pipe[0] = ends[0];
  g_interrupt_pipe[1] = ends[1];
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | static_cast<unsigned>(SA_RESTART));
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return g_interrupted != 0; }

int interrupt_descriptor() { return g_interrupt_pipe[0]; }

Progress::Progress(std::string_view what) : what_(what), enabled_(isatty(STDERR_FILENO) == 1) {}

bool Progress::due() { return enabled_ && posix_env().clock().monotonic_ns() >= next_draw_ns_; }

void Progress::update(uint64_t done, uint64_t total, std::string_view detail) {
  if (!due()) return;
  next_draw_ns_ = posix_env().clock().monotonic_ns() + kDrawEveryNs;
  std::string line = fmt::format("\r\x1b[K{} ", what_);
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto full = static_cast<uint64_t>(share * static_cast<double>(kBarCells));
    line += fmt::format("[{}{}] {:3.0f} %  ", std::string(full, '#'), std::string(kBarCells - full, '.'), share * 100);
  }
  line += detail;
  static_cast<void>(write_fully(STDERR_FILENO, line));
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) static_cast<void>(write_fully(STDERR_FILENO, "\r\x1b[K"));
  drawn_ = false;
}

}  // namespace holdfast::cli
