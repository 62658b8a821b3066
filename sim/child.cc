#include "sim/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/check.h"

namespace holdfast::sim {

namespace {

constexpr size_t kErrorTextMax = 4096;

// False: there is no more to come.
bool read_some(int from, std::string& into) {
  char buffer[65536];
  const ssize_t bytes = ::read(from, buffer, sizeof buffer);
  if (bytes > 0) {
    into.append(buffer, static_cast<size_t>(bytes));
  }
  return bytes > 0 || (bytes < 0 && (errno == EINTR || errno == EAGAIN));
}

std::string last_of(const std::string& text) {
  return text.size() > kErrorTextMax ? text.substr(text.size() - kErrorTextMax) : text;
}

}  // namespace

void tell(int to, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(to, at, bytes);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      ::_exit(3);  // the parent is gone
    }
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

void Child::start(const std::function<void(int to)>& work) {
  int messages[2];
  int errors[2];
  CHECK(::pipe(messages) == 0 && ::pipe(errors) == 0);
  std::fflush(nullptr);
  process_ = ::fork();
  CHECK(process_ >= 0);
  if (process_ == 0) {
    ::close(messages[0]);
    ::close(errors[0]);
    ::dup2(errors[1], STDERR_FILENO);
    ::close(errors[1]);
    ::signal(SIGINT, SIG_IGN);  // the parent says when to stop
    work(messages[1]);
    ::_exit(0);
  }
  ::close(messages[1]);
  ::close(errors[1]);
  messages_ = messages[0];
  errors_ = errors[0];
  received_.clear();
  error_text_.clear();
}

void Child::poll_in(std::vector<pollfd>& polled) const {
  if (running()) {
    polled.push_back({messages_, POLLIN, 0});
    polled.push_back({errors_, POLLIN, 0});
  }
}

bool Child::take(const std::vector<pollfd>& polled) {
  bool more = true;
  for (const pollfd& ready : polled) {
    if (ready.revents == 0) {
      continue;
    }
    if (ready.fd == errors_) {
      read_some(errors_, error_text_);
      if (error_text_.size() > 2 * kErrorTextMax) {
        error_text_ = last_of(error_text_);
      }
    } else if (ready.fd == messages_) {
      more = read_some(messages_, received_);
    }
  }
  return more;
}

std::string Child::end(uint32_t seconds_max) {
  while (read_some(errors_, error_text_)) {
  }
  ::close(messages_);
  ::close(errors_);
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {};
  }
  std::string account = "the process ended";
  if (WIFSIGNALED(status)) {
    account = WTERMSIG(status) == SIGALRM ? "it did not end within " + std::to_string(seconds_max) + " s"
                                          : std::string("it died of ") + ::strsignal(WTERMSIG(status));
  }
  if (!error_text_.empty()) {
    account += "; it wrote: " + last_of(error_text_);
  }
  return account;
}

}  // namespace holdfast::sim
