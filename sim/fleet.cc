#include "sim/fleet.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "sim/child.h"
#include "sim/run.h"

namespace holdfast::sim {

namespace {

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

[[noreturn]] void work(const FleetOptions& options, Board& board, std::atomic<uint64_t>& current, int to) {
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
    tell(to, &message, sizeof message);
    tell(to, result.failure.data(), result.failure.size());
    current.store(0);
    if (!result.failure.empty()) {
      // Fibers that were dropped in the middle leave a process that is best not used any more.
      break;
    }
  }
  ::_exit(0);
}

struct Worker {
  Child child;
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
    for (bool any = true; any;) {
      if (stop() && !report_.interrupted) {
        report_.interrupted = true;
        board_->stop.store(true);
      }
      any = wait_for_messages(
          workers_, [this](std::string& received) { parse(received); }, [this](Worker& worker) { ended(worker); });
      progress(report_);
    }
    std::ranges::sort(report_.failures, {}, &SeedFailure::seed);
    return std::move(report_);
  }

 private:
  void start(Worker& worker) {
    worker.current->store(0);
    worker.child.start([&](int to) { work(options_, *board_, *worker.current, to); });
  }

  void parse(std::string& received) {
    size_t at = 0;
    while (received.size() - at >= sizeof(Message)) {
      Message message;
      std::memcpy(static_cast<void*>(&message), received.data() + at, sizeof message);
      if (received.size() - at - sizeof message < message.account_bytes) {
        break;
      }
      at += sizeof message;
      report_.counters.add(message.counters);
      report_.digest += mix(message.seed, message.digest);
      if (message.account_bytes > 0) {
        failed(message.seed, received.substr(at, message.account_bytes));
      }
      at += message.account_bytes;
    }
    received.erase(0, at);
  }

  void failed(uint64_t seed, std::string account) {
    report_.failures.push_back({seed, std::move(account)});
    if (options_.fail_fast) {
      board_->stop.store(true);
    }
  }

  void ended(Worker& worker) {
    std::string account = worker.child.end(options_.seconds_per_seed_max);
    const uint64_t current = worker.current->load();
    if (current != 0 && !account.empty()) {
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
