#include "sim/fleet.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "sim/run.h"

namespace holdfast::sim {

namespace {

constexpr int kPollMs = 50;
constexpr size_t kErrorTextMax = 4096;

// What a worker tells about one seed; a failure's account follows.
struct Message {
  uint64_t seed = 0;
  uint64_t digest = 0;
  uint64_t account_bytes = 0;
  Counters counters;
};
static_assert(std::is_trivially_copyable_v<Message>);

// Shared between all processes.
struct Board {
  std::atomic<uint64_t> next{0};  // the next seed that nobody has taken, counted from 0
  std::atomic<bool> stop{false};
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

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

[[noreturn]] void work(const FleetOptions& options, Board& board, std::atomic<uint64_t>& current, int to) {
  ::signal(SIGINT, SIG_IGN);  // the parent says when to stop
  planted::active = options.planted;
  FiberStacks stacks;
  while (!board.stop.load()) {
    const uint64_t index = board.next.fetch_add(1);
    if (index >= options.seed_count) {
      break;
    }
    const uint64_t seed = options.first_seed + index;
    current.store(index + 1);
    ::alarm(options.seconds_per_seed_max);
    const bool twice = options.twice || index % kTwiceOneIn == 0;
    const Profile profile = profile_of(options, seed);
    const RunResult result = twice ? run_seed_twice(seed, profile, stacks) : run_seed(seed, profile, stacks);
    ::alarm(0);
    Message message;
    message.seed = seed;
    message.digest = result.digest;
    message.account_bytes = result.failure.size();
    message.counters = result.counters;
    message.counters.planted_reached = std::exchange(planted::reached, 0);
    write_all(to, &message, sizeof message);
    write_all(to, result.failure.data(), result.failure.size());
    current.store(0);
    if (!result.failure.empty()) {
      // Fibers that were dropped in the middle leave a process that is best not used any more.
      break;
    }
  }
  ::_exit(0);
}

struct Worker {
  pid_t process = -1;
  int messages = -1;
  int errors = -1;
  std::string received;
  std::string error_text;
  std::atomic<uint64_t>* current = nullptr;  // the seed's index + 1; 0: between seeds
};

class Fleet {
 public:
  explicit Fleet(const FleetOptions& options) : options_(options), workers_(options.jobs) {
    const size_t bytes = sizeof(Board) + options.jobs * sizeof(std::atomic<uint64_t>);
    void* shared = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    board_ = new (shared) Board;
    auto* slots = reinterpret_cast<std::atomic<uint64_t>*>(static_cast<char*>(shared) + sizeof(Board));
    for (size_t index = 0; index < workers_.size(); ++index) {
      workers_[index].current = new (slots + index) std::atomic<uint64_t>(0);
    }
  }

  FleetReport run(const std::function<void(const FleetReport&)>& progress, const std::function<bool()>& stop) {
    for (Worker& worker : workers_) {
      start(worker);
    }
    while (std::ranges::any_of(workers_, [](const Worker& worker) { return worker.process > 0; })) {
      if (stop() && !report_.interrupted) {
        report_.interrupted = true;
        board_->stop.store(true);
      }
      wait_for_messages();
      progress(report_);
    }
    std::ranges::sort(report_.failures, {}, &SeedFailure::seed);
    return std::move(report_);
  }

 private:
  void start(Worker& worker) {
    int messages[2];
    int errors[2];
    CHECK(::pipe(messages) == 0 && ::pipe(errors) == 0);
    std::fflush(nullptr);
    worker.current->store(0);
    worker.process = ::fork();
    CHECK(worker.process >= 0);
    if (worker.process == 0) {
      ::close(messages[0]);
      ::close(errors[0]);
      ::dup2(errors[1], STDERR_FILENO);
      ::close(errors[1]);
      work(options_, *board_, *worker.current, messages[1]);
    }
    ::close(messages[1]);
    ::close(errors[1]);
    worker.messages = messages[0];
    worker.errors = errors[0];
    worker.received.clear();
    worker.error_text.clear();
  }

  void wait_for_messages() {
    std::vector<pollfd> polled;
    for (const Worker& worker : workers_) {
      if (worker.process > 0) {
        polled.push_back({worker.messages, POLLIN, 0});
        polled.push_back({worker.errors, POLLIN, 0});
      }
    }
    ::poll(polled.data(), polled.size(), kPollMs);
    for (Worker& worker : workers_) {
      if (worker.process <= 0) {
        continue;
      }
      for (const pollfd& ready : polled) {
        if (ready.revents == 0) {
          continue;
        }
        if (ready.fd == worker.errors) {
          take(worker.errors, worker.error_text);
          if (worker.error_text.size() > 2 * kErrorTextMax) {
            worker.error_text.erase(0, worker.error_text.size() - kErrorTextMax);
          }
        } else if (ready.fd == worker.messages) {
          const bool more = take(worker.messages, worker.received);
          parse(worker);
          if (!more) {
            ended(worker);
            break;
          }
        }
      }
    }
  }

  static bool take(int from, std::string& into) {
    char buffer[65536];
    const ssize_t bytes = ::read(from, buffer, sizeof buffer);
    if (bytes > 0) {
      into.append(buffer, static_cast<size_t>(bytes));
    }
    return bytes > 0 || (bytes < 0 && (errno == EINTR || errno == EAGAIN));
  }

  void parse(Worker& worker) {
    size_t at = 0;
    while (worker.received.size() - at >= sizeof(Message)) {
      Message message;
      std::memcpy(static_cast<void*>(&message), worker.received.data() + at, sizeof message);
      if (worker.received.size() - at - sizeof message < message.account_bytes) {
        break;
      }
      at += sizeof message;
      report_.counters.add(message.counters);
      report_.digest += mix(message.seed, message.digest);
      if (message.account_bytes > 0) {
        failed(message.seed, worker.received.substr(at, message.account_bytes));
      }
      at += message.account_bytes;
    }
    worker.received.erase(0, at);
  }

  void failed(uint64_t seed, std::string account) {
    report_.failures.push_back({seed, std::move(account)});
    if (options_.fail_fast) {
      board_->stop.store(true);
    }
  }

  void ended(Worker& worker) {
    while (take(worker.errors, worker.error_text)) {
    }
    ::close(worker.messages);
    ::close(worker.errors);
    int status = 0;
    while (::waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
    }
    worker.process = -1;
    const uint64_t current = worker.current->load();
    if (current != 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
      std::string account = "the process ended";
      if (WIFSIGNALED(status)) {
        account = WTERMSIG(status) == SIGALRM
                      ? "it did not end within " + std::to_string(options_.seconds_per_seed_max) + " s"
                      : std::string("it died of ") + ::strsignal(WTERMSIG(status));
      }
      if (!worker.error_text.empty()) {
        const size_t from = worker.error_text.size() > kErrorTextMax ? worker.error_text.size() - kErrorTextMax : 0;
        account += "; it wrote: " + worker.error_text.substr(from);
      }
      ++report_.counters.seeds;
      failed(options_.first_seed + current - 1, std::move(account));
    }
    if (!board_->stop.load() && board_->next.load() < options_.seed_count) {
      start(worker);
    }
  }

  FleetOptions options_;
  std::vector<Worker> workers_;
  Board* board_ = nullptr;
  FleetReport report_;
};

}  // namespace

Profile profile_of(const FleetOptions& options, uint64_t seed) {
  return options.profiles.empty() ? options.profile : options.profiles[seed % options.profiles.size()];
}

FleetReport run_fleet(const FleetOptions& options, const std::function<void(const FleetReport&)>& progress,
                      const std::function<bool()>& stop) {
  return Fleet(options).run(progress, stop);
}

}  // namespace holdfast::sim
