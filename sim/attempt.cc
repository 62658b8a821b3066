#include "sim/attempt.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cctype>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "sim/child.h"
#include "sim/repro.h"

namespace holdfast::sim {

namespace {

// The child's answer; the account and the recorded script, as a repro, follow.
struct Message {
  uint64_t digest = 0;
  uint64_t events = 0;
  uint64_t account_bytes = 0;
  uint64_t script_bytes = 0;
  Counters counters;
};
static_assert(std::is_trivially_copyable_v<Message>);

void answer(int to, const RunResult& result, const Script* recorded) {
  Repro repro;
  repro.script = recorded == nullptr ? Script() : *recorded;
  const std::string script = recorded == nullptr ? std::string() : write_repro(repro);
  const Message message{.digest = result.digest,
                        .events = result.events,
                        .account_bytes = result.failure.size(),
                        .script_bytes = script.size(),
                        .counters = result.counters};
  tell(to, &message, sizeof message);
  tell(to, result.failure.data(), result.failure.size());
  tell(to, script.data(), script.size());
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

}  // namespace

Outcome attempt(const RunRequest& request, uint32_t seconds_max) {
  Child child;
  child.start([&](int to) { run_child(request, seconds_max, to); });
  for (bool more = true; more;) {
    std::vector<pollfd> polled;
    child.poll_in(polled);
    ::poll(polled.data(), polled.size(), -1);
    more = child.take(polled);
  }
  const std::string how_it_ended = child.end(seconds_max);
  const std::string& text = child.received();

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
  if (!how_it_ended.empty()) {
    outcome.account = how_it_ended;
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
