#include "sim/rot_matrix.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <new>
#include <set>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "sim/child.h"

namespace holdfast::sim {

namespace {

constexpr uint32_t kSecondsPerImageMax = 300;  // of a machine that does other things as well

// What a worker tells about one image; a text follows.
struct Message {
  uint64_t image = 0;
  RotOutcome outcome{};
  uint64_t text_bytes = 0;
};
static_assert(std::is_trivially_copyable_v<Message>);

// Shared between all processes.
struct Board {
  std::atomic<uint64_t> next{0};  // the next image that nobody has taken
  std::atomic<bool> stop{false};
};
struct Place {
  std::atomic<uint64_t> image{0};  // index + 1 in the list; 0: between images
};
struct Worker {
  Child child;
  Place* place = nullptr;
};

// Judges some images of one world.
class RotFleet {
 public:
  RotFleet(const RotWorld& world, const std::vector<Region>& layout, const RotPlan& plan, std::vector<size_t> wanted,
           uint32_t jobs)
      : world_(world), layout_(layout), plan_(plan), wanted_(std::move(wanted)), workers_(jobs) {
    const size_t bytes = shared_bytes();
    void* shared = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    board_ = new (shared) Board;
    auto* places = reinterpret_cast<Place*>(static_cast<char*>(shared) + sizeof(Board));
    for (size_t index = 0; index < workers_.size(); ++index) {
      workers_[index].place = new (places + index) Place;
    }
  }
  ~RotFleet() { ::munmap(board_, shared_bytes()); }
  RotFleet(const RotFleet&) = delete;
  RotFleet& operator=(const RotFleet&) = delete;

  // By image. False: it was interrupted.
  bool run(std::map<size_t, RotFinding>& findings, const std::function<void(size_t done, size_t total)>& progress,
           const std::function<bool()>& stop) {
    findings_ = &findings;
    for (Worker& worker : workers_) {
      start(worker);
    }
    bool interrupted = false;
    for (bool any = true; any;) {
      if (stop() && !interrupted) {
        interrupted = true;
        board_->stop.store(true);
      }
      any = wait_for_messages(
          workers_, [this](std::string& received) { parse(received); }, [this](Worker& worker) { ended(worker); });
      progress(findings.size(), wanted_.size());
    }
    return !interrupted;
  }

 private:
  size_t shared_bytes() const { return sizeof(Board) + workers_.size() * sizeof(Place); }

  [[noreturn]] void work(Place& place, int to) {
    RotJudge judge(world_, layout_);
    while (!board_->stop.load()) {
      const uint64_t index = board_->next.fetch_add(1);
      if (index >= wanted_.size()) {
        break;
      }
      place.image.store(index + 1);
      ::alarm(kSecondsPerImageMax);
      const RotFinding finding = judge.judge(plan_.images[wanted_[index]]);
      ::alarm(0);
      const Message message{wanted_[index], finding.outcome, finding.text.size()};
      tell(to, &message, sizeof message);
      tell(to, finding.text.data(), finding.text.size());
      place.image.store(0);
    }
    ::_exit(0);
  }

  void start(Worker& worker) {
    worker.place->image.store(0);
    worker.child.start([&](int to) { work(*worker.place, to); });
  }

  void parse(std::string& received) {
    size_t at = 0;
    while (received.size() - at >= sizeof(Message)) {
      Message message;
      std::memcpy(static_cast<void*>(&message), received.data() + at, sizeof message);
      if (received.size() - at - sizeof message < message.text_bytes) {
        break;
      }
      at += sizeof message;
      (*findings_)[message.image] = {message.outcome, received.substr(at, message.text_bytes)};
      at += message.text_bytes;
    }
    received.erase(0, at);
  }

  // The image at which it died is wrong; another one goes on with the rest.
  void ended(Worker& worker) {
    const std::string account = worker.child.end(kSecondsPerImageMax);
    const uint64_t image = worker.place->image.load();
    if (image == 0 || account.empty()) {
      return;
    }
    (*findings_)[wanted_[image - 1]] = {RotOutcome::kWrong, account};
    if (!board_->stop.load()) {
      start(worker);
    }
  }

  const RotWorld& world_;
  const std::vector<Region>& layout_;
  const RotPlan& plan_;
  const std::vector<size_t> wanted_;
  std::vector<Worker> workers_;
  Board* board_ = nullptr;
  std::map<size_t, RotFinding>* findings_ = nullptr;
};

class Matrix {
 public:
  explicit Matrix(const RotChoice& choice) : choice_(choice) {}

  RotReport run(const std::function<void(size_t done, size_t total)>& progress, const std::function<bool()>& stop) {
    for (const RotState state : choice_.states) {
      if (!report_.broken && !report_.interrupted) {
        add(state, progress, stop);
      }
    }
    return std::move(report_);
  }

 private:
  void add(RotState state, const std::function<void(size_t done, size_t total)>& progress,
           const std::function<bool()>& stop) {
    const RotWorld world = make_rot_world(state);
    report_.broken = world.broken;
    if (report_.broken) {
      return;
    }
    const std::vector<Region> layout = rot_layout(world.disk);
    const RotPlan plan = plan_rot(world, layout, choice_.bounds);
    if (Verdict wrong = sound(world, layout)) {
      report_.broken = wrong;
      return;
    }
    std::set<size_t> wanted;
    for_each_case(plan, [&](const RotRow&, RotKind, size_t, const RotCase& each) { wanted.insert(each.image); });
    std::map<size_t, RotFinding> findings;
    RotFleet fleet(world, layout, plan, {wanted.begin(), wanted.end()}, choice_.jobs);
    report_.interrupted = !fleet.run(findings, progress, stop);
    report_.images += findings.size();
    for (const RotRow& row : plan.rows) {
      line_of(row);
    }
    for_each_case(plan, [&](const RotRow& row, RotKind kind, size_t number, const RotCase& each) {
      if (const auto found = findings.find(each.image); found != findings.end()) {
        count(state, row, kind, number, each, found->second);
      }
    });
  }

  // Without damage the database shows all that it held.
  static Verdict sound(const RotWorld& world, const std::vector<Region>& layout) {
    const RotFinding finding = RotJudge(world, layout).judge({});
    return finding.outcome == RotOutcome::kHarmless
               ? std::nullopt
               : Verdict("without any damage: " + std::string(name_of(finding.outcome)) + ": " + finding.text);
  }

  template <class Visit>
  void for_each_case(const RotPlan& plan, Visit visit) const {
    for (const RotRow& row : plan.rows) {
      if (!choice_.only.empty() && choice_.only != row.name()) {
        continue;
      }
      for (size_t kind = 0; kind < kRotKinds; ++kind) {
        if (choice_.kind && *choice_.kind != static_cast<RotKind>(kind)) {
          continue;
        }
        for (size_t number = 0; number < row.cases[kind].size(); ++number) {
          if (!choice_.number || *choice_.number == number) {
            visit(row, static_cast<RotKind>(kind), number, row.cases[kind][number]);
          }
        }
      }
    }
  }

  RotLine& line_of(const RotRow& row) {
    const auto found = std::ranges::find(report_.lines, row.name(), &RotLine::name);
    if (found != report_.lines.end()) {
      found->in_use = found->in_use || row.in_use;
      return *found;
    }
    // Beside the other fields of its structure.
    auto place = report_.lines.end();
    while (place != report_.lines.begin() && std::prev(place)->structure != row.structure) {
      --place;
    }
    if (place == report_.lines.begin()) {
      place = report_.lines.end();
    }
    return *report_.lines.insert(place, RotLine{row.structure, row.field, row.in_use, {}});
  }

  void count(RotState state, const RotRow& row, RotKind kind, size_t number, const RotCase& each,
             const RotFinding& finding) {
    ++line_of(row).cells[static_cast<size_t>(kind)].counts[static_cast<size_t>(finding.outcome)];
    const RotDetail detail{state, row.name(), kind, number, each.text, finding};
    if (finding.outcome == RotOutcome::kWrong) {
      report_.wrong.push_back(detail);
    }
    if (!choice_.only.empty()) {
      report_.all.push_back(detail);
    }
  }

  const RotChoice& choice_;
  RotReport report_;
};

}  // namespace

uint64_t RotCell::total() const {
  uint64_t total = 0;
  for (const uint64_t count : counts) {
    total += count;
  }
  return total;
}

void RotCell::add(const RotCell& other) {
  for (size_t outcome = 0; outcome < counts.size(); ++outcome) {
    counts[outcome] += other.counts[outcome];
  }
}

size_t RotReport::structures() const {
  std::set<std::string> names;
  for (const RotLine& line : lines) {
    names.insert(line.structure);
  }
  return names.size();
}

RotCell RotReport::total() const {
  RotCell total;
  for (const RotLine& line : lines) {
    for (const RotCell& cell : line.cells) {
      total.add(cell);
    }
  }
  return total;
}

RotReport rot_matrix(const RotChoice& choice, const std::function<void(size_t done, size_t total)>& progress,
                     const std::function<bool()>& stop) {
  return Matrix(choice).run(progress, stop);
}

}  // namespace holdfast::sim
