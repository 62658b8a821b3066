#include "sim/exhaust_fleet.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <new>
#include <type_traits>

#include "base/check.h"
#include "sim/child.h"

namespace holdfast::sim {

namespace {

constexpr uint32_t kSecondsPerProgramMax = 3600;

// What a worker tells about one program; where it broke a promise, two texts follow.
struct Message {
  uint64_t program = 0;
  ExhaustCounts counts;
  uint64_t point = 0;
  std::array<char, 16> image{};
  uint64_t where_bytes = 0;
  uint64_t account_bytes = 0;
};
static_assert(std::is_trivially_copyable_v<Message>);

// Shared between all processes.
struct Board {
  std::atomic<uint64_t> next{0};  // the next program that nobody has taken
  std::atomic<bool> stop{false};
};
struct Place {
  std::atomic<uint64_t> program{0};  // index + 1; 0: between programs
  ExhaustPlace within;
};

struct Worker {
  Child child;
  Place* place = nullptr;
};

class ExhaustFleet {
 public:
  ExhaustFleet(const ExhaustSetup& setup, const ExhaustBounds& bounds, const std::vector<ExhaustProgram>& programs,
               uint32_t jobs)
      : setup_(setup), bounds_(bounds), programs_(programs), workers_(jobs) {
    const size_t bytes = sizeof(Board) + jobs * sizeof(Place);
    void* shared = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    board_ = new (shared) Board;
    auto* places = reinterpret_cast<Place*>(static_cast<char*>(shared) + sizeof(Board));
    for (size_t index = 0; index < workers_.size(); ++index) {
      workers_[index].place = new (places + index) Place;
    }
  }
  ~ExhaustFleet() { ::munmap(board_, sizeof(Board) + workers_.size() * sizeof(Place)); }
  ExhaustFleet(const ExhaustFleet&) = delete;
  ExhaustFleet& operator=(const ExhaustFleet&) = delete;

  ExhaustReport run(const std::function<void(const ExhaustReport&)>& progress, const std::function<bool()>& stop) {
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
    return std::move(report_);
  }

 private:
  [[noreturn]] void work(Place& place, int to) {
    Explorer explorer(setup_, bounds_, &place.within, [this] { return board_->stop.load(); });
    while (!board_->stop.load()) {
      const uint64_t index = board_->next.fetch_add(1);
      if (index >= programs_.size()) {
        break;
      }
      place.program.store(index + 1);
      ::alarm(kSecondsPerProgramMax);
      const auto failure = explorer.explore(programs_[index], programs_[index].size());
      ::alarm(0);
      Message message;
      message.program = index;
      message.counts = explorer.take_counts();
      if (failure) {
        message.point = failure->point;
        std::snprintf(message.image.data(), message.image.size(), "%s", failure->image.c_str());
        message.where_bytes = failure->where.size();
        message.account_bytes = failure->account.size();
      }
      tell(to, &message, sizeof message);
      if (failure) {
        tell(to, failure->where.data(), failure->where.size());
        tell(to, failure->account.data(), failure->account.size());
      }
      place.program.store(0);
      if (failure) {
        break;  // it is the last one
      }
    }
    ::_exit(0);
  }

  void start(Worker& worker) {
    worker.place->program.store(0);
    worker.child.start([&](int to) { work(*worker.place, to); });
  }

  void parse(std::string& received) {
    size_t at = 0;
    while (received.size() - at >= sizeof(Message)) {
      Message message;
      std::memcpy(static_cast<void*>(&message), received.data() + at, sizeof message);
      if (received.size() - at - sizeof message < message.where_bytes + message.account_bytes) {
        break;
      }
      at += sizeof message;
      report_.counts.add(message.counts);
      if (message.account_bytes > 0) {
        failed({programs_[message.program], message.point, message.image.data(),
                received.substr(at, message.where_bytes),
                received.substr(at + message.where_bytes, message.account_bytes)});
      }
      at += message.where_bytes + message.account_bytes;
    }
    received.erase(0, at);
  }

  void failed(ExhaustFailure failure) {
    report_.failures.push_back(std::move(failure));
    board_->stop.store(true);
  }

  void ended(Worker& worker) {
    std::string account = worker.child.end(kSecondsPerProgramMax);
    const uint64_t program = worker.place->program.load();
    if (program == 0 || account.empty()) {
      return;
    }
    const ExhaustPlace& place = worker.place->within;
    failed({programs_[program - 1], place.point,
            place.image == ExhaustPlace::kKill ? "kill" : std::to_string(place.image), "where it died",
            std::move(account)});
  }

  ExhaustSetup setup_;
  ExhaustBounds bounds_;
  const std::vector<ExhaustProgram>& programs_;
  std::vector<Worker> workers_;
  Board* board_ = nullptr;
  ExhaustReport report_;
};

}  // namespace

ExhaustReport exhaust_all(const ExhaustSetup& setup, const ExhaustBounds& bounds,
                          const std::vector<ExhaustProgram>& programs, uint32_t jobs,
                          const std::function<void(const ExhaustReport&)>& progress,
                          const std::function<bool()>& stop) {
  return ExhaustFleet(setup, bounds, programs, jobs).run(progress, stop);
}

}  // namespace holdfast::sim
