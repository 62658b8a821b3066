#include "sim/attempt.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "sim/repro.h"

namespace holdfast::sim {

namespace {

constexpr size_t kErrorTextMax = 4096;

// The child's answer; the account and the recorded script, as a repro, follow.
struct Message {
  uint64_t digest = 0;
  uint64_t events = 0;
  uint64_t account_bytes = 0;
  uint64_t script_bytes = 0;
  Counters counters;
};
static_assert(std::is_trivially_copyable_v<Message>);

void write_all(int to, const void* data, size_t bytes) {
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

void answer(int to, const RunResult& result, const Script* recorded) {
  Repro repro;
  repro.script = recorded == nullptr ? Script() : *recorded;
  const std::string script = recorded == nullptr ? std::string() : write_repro(repro);
  const Message message{.digest = result.digest,
                        .events = result.events,
                        .account_bytes = result.failure.size(),
                        .script_bytes = script.size(),
                        .counters = result.counters};
  write_all(to, &message, sizeof message);
  write_all(to, result.failure.data(), result.failure.size());
  write_all(to, script.data(), script.size());
}

// What the handler of SIGABRT needs, in the child only.
int abort_answer = -1;
const Script* abort_script = nullptr;

// abort() was called by code that had found a bug, not by the allocator: there is memory to write the script down.
void on_abort(int signal) {
  ::signal(signal, SIG_DFL);
  answer(abort_answer, {}, abort_script);
  ::raise(signal);
}

[[noreturn]] void run_child(const RunRequest& request, uint32_t seconds_max, int to) {
  ::signal(SIGINT, SIG_IGN);  // the parent says when to stop
  ::alarm(seconds_max);
  if (request.recorded != nullptr) {
    abort_answer = to;
    abort_script = request.recorded;
    ::signal(SIGABRT, on_abort);
  }
  FiberStacks stacks;
  RunRequest silent = request;
  silent.trace = nullptr;
  const RunResult result = run(silent, stacks);
  answer(to, result, request.recorded);
  ::_exit(0);
}

// Both ends until they are closed.
void read_all(int messages, std::string& message, int errors, std::string& error_text) {
  std::array<pollfd, 2> polled = {{{messages, POLLIN, 0}, {errors, POLLIN, 0}}};
  const std::array<std::string*, 2> into = {&message, &error_text};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    ::poll(polled.data(), polled.size(), -1);
    for (size_t index = 0; index < polled.size(); ++index) {
      if (polled[index].fd < 0 || polled[index].revents == 0) {
        continue;
      }
      std::array<char, 65536> buffer;
      const ssize_t bytes = ::read(polled[index].fd, buffer.data(), buffer.size());
      if (bytes > 0) {
        into[index]->append(buffer.data(), static_cast<size_t>(bytes));
      } else if (bytes == 0 || (errno != EINTR && errno != EAGAIN)) {
        polled[index].fd = -1;
      }
    }
  }
}

std::string how_it_ended(int status, uint32_t seconds_max, const std::string& error_text) {
  std::string account = "the process ended";
  if (WIFSIGNALED(status)) {
    account = WTERMSIG(status) == SIGALRM ? "it did not end within " + std::to_string(seconds_max) + " s"
                                          : std::string("it died of ") + ::strsignal(WTERMSIG(status));
  }
  if (!error_text.empty()) {
    const size_t from = error_text.size() > kErrorTextMax ? error_text.size() - kErrorTextMax : 0;
    account += "; it wrote: " + error_text.substr(from);
  }
  return account;
}

}  // namespace

Outcome attempt(const RunRequest& request, uint32_t seconds_max) {
  int messages[2];
  int errors[2];
  CHECK(::pipe(messages) == 0 && ::pipe(errors) == 0);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    ::close(messages[0]);
    ::close(errors[0]);
    ::dup2(errors[1], STDERR_FILENO);
    ::close(errors[1]);
    run_child(request, seconds_max, messages[1]);
  }
  ::close(messages[1]);
  ::close(errors[1]);
  std::string text;
  std::string error_text;
  read_all(messages[0], text, errors[0], error_text);
  ::close(messages[0]);
  ::close(errors[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }

  Outcome outcome;
  Message message;
  if (text.size() >= sizeof message) {
    std::memcpy(static_cast<void*>(&message), text.data(), sizeof message);
    CHECK(text.size() == sizeof message + message.account_bytes + message.script_bytes);
    outcome.digest = message.digest;
    outcome.events = message.events;
    outcome.counters = message.counters;
    outcome.account = text.substr(sizeof message, message.account_bytes);
    if (request.recorded != nullptr) {
      auto recorded = read_repro(std::string_view(text).substr(sizeof message + message.account_bytes));
      CHECK(recorded.has_value());
      *request.recorded = std::move(recorded->script);
    }
  }
  if (!(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
    outcome.account = how_it_ended(status, seconds_max, error_text);
  }
  outcome.failure_class = failure_class(outcome.account);
  return outcome;
}

std::string failure_class(std::string_view account) {
  constexpr std::string_view kCheck = "CHECK failed: ";
  if (const size_t check = account.find(kCheck); check != std::string_view::npos) {
    const std::string_view line = account.substr(check, account.find('\n', check) - check);
    const size_t at = line.rfind(" at ");
    const std::string_view place = at == std::string_view::npos ? line : line.substr(at + 4);
    return "CHECK failed at " + std::string(place.substr(place.rfind('/') + 1));
  }
  std::string text;
  for (size_t at = 0; at < account.size(); ++at) {
    if (account[at] == '"') {
      const size_t end = account.find('"', at + 1);
      text += "\"*\"";
      at = end == std::string_view::npos ? account.size() : end;
    } else if (std::isdigit(static_cast<unsigned char>(account[at])) != 0) {
      while (at + 1 < account.size() && std::isxdigit(static_cast<unsigned char>(account[at + 1])) != 0) {
        ++at;
      }
      text += '#';
    } else {
      text += account[at] == '\n' ? ' ' : account[at];
    }
  }
  for (const std::string_view list : {"#, #", "# #", "\"*\", \"*\""}) {
    for (size_t at = text.find(list); at != std::string::npos; at = text.find(list, at)) {
      text.replace(at, list.size(), list.substr(0, list.find_first_of(", ")));
    }
  }
  return text;
}

}  // namespace holdfast::sim
