#include "sim/exhaust.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "sim/exhaust_images.h"
#include "sim/exhaust_recovery.h"
#include "sim/image_hasher.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kKeptMax = 200'000;  // images that are remembered from one program to the next
constexpr uint64_t kCheckOneIn = 4;     // images, chosen by their hash, that are checked page by page

// What comes of an image whose recovery is stopped everywhere.
struct Outcome {
  Verdict broken;
  uint32_t contents = 0;
  uint64_t digest = 0;
  // What is shown by recoveries that come after one that was stopped before it had shown anything.
  struct Second {
    uint32_t contents = 0;
    std::string where;
  };
  std::vector<Second> seconds;
};

std::string name_of(const std::vector<DiskChange>& changes, Sequence sequence) {
  const auto found = std::ranges::lower_bound(changes, sequence, {}, &DiskChange::last);
  return found == changes.end() ? fmt::format("change {}", sequence) : describe(*found);
}

}  // namespace

void ExhaustCounts::add(const ExhaustCounts& other) {
  programs += other.programs;
  points += other.points;
  images += other.images;
  distinct += other.distinct;
  recoveries += other.recoveries;
  second_points += other.second_points;
  second_images += other.second_images;
  second_distinct += other.second_distinct;
  cut_short += other.cut_short;
  second_cut_short += other.second_cut_short;
  digest += other.digest;
}

// One recovery, stopped at each of its operations.
class SecondCrashes final : public DiskHooks {
 public:
  SecondCrashes(Recoveries& recoveries, ImageHasher& hasher, const Recoveries::Opening& opening, const SimDisk& disk,
                uint64_t bound, ExhaustCounts& counts, Outcome& outcome)
      : recoveries_(recoveries),
        hasher_(hasher),
        opening_(opening),
        disk_(disk),
        bound_(bound),
        counts_(counts),
        outcome_(outcome) {}

  void before_io(const IoEvent& event) override {
    counts_.second_points += changes_disk(event.kind) ? 1U : 0U;
    if (!is_begun_) {
      is_begun_ = true;
      stop_everywhere([&] { return fmt::format("before {}", event.name); });
    }
  }
  void after_io(const IoEvent& event) override {
    if (!changes_disk(event.kind)) {
      return;
    }
    if (has_shown_) {
      changes_.push_back({disk_.moment(), event.kind, std::string(event.name), event.offset, event.bytes});
      return;
    }
    ++counts_.second_points;
    changes_.push_back({disk_.moment(), event.kind, std::string(event.name), event.offset, event.bytes});
    stop_everywhere(
        [&] { return fmt::format("after change {} of the recovery, {}", changes_.size(), describe(changes_.back())); });
  }
  void contract_violated(std::string_view what) override {
    if (!outcome_.broken) {
      outcome_.broken = "the engine broke the environment's contract: " + std::string(what);
    }
  }
  // It has shown its contents: nothing may take them away any more. Nor what is then committed.
  void has_shown(Database& database, const Recoveries::Shown& shown) {
    has_shown_ = true;
    opening_.created = true;
    outcome_.contents = shown.contents;
    stop_at_rest("after the recovery");
    if (bound_ == 0 || outcome_.broken) {
      return;
    }
    if (const auto put = database.put("rows", kNewKey, "new"); !put) {
      outcome_.broken = "a put after the recovery answered " + put.error().to_string();
      return;
    }
    const Recoveries::Shown after = recoveries_.look(database, opening_.model);
    outcome_.broken = after.broken ? after.broken : judge_put(after.contents);
    outcome_.contents = after.contents;
    stop_at_rest("after the recovery and a put");
    outcome_.contents = shown.contents;
  }

 private:
  static constexpr const char* kNewKey = "put after the recovery";

  void stop_at_rest(const char* where) {
    known_ = 0;
    ++counts_.second_points;
    stop_everywhere([&] { return std::string(where); });
  }

  // Nothing else has changed.
  Verdict judge_put(uint32_t after) const {
    const Contents& before = recoveries_.contents(outcome_.contents);
    Contents rest = recoveries_.contents(after);
    if (rest.csn-- != before.csn + 1) {
      return fmt::format("a put after a recovery that showed commit {} became commit {}", before.csn, rest.csn + 1);
    }
    size_t erased = 0;
    for (Contents::Bucket& bucket : rest.buckets) {
      erased += std::erase_if(bucket.rows, [](const Row& row) { return row.key == kNewKey; });
    }
    if (rest.buckets.size() > before.buckets.size()) {
      std::erase_if(rest.buckets, [](const Contents::Bucket& bucket) { return bucket.rows.empty(); });
    }
    return erased == 1 && same_contents(rest, before) ? std::nullopt
                                                      : Verdict("a put after the recovery changed something else");
  }

  template <class Where>
  void stop_everywhere(const Where& where) {
    if (outcome_.broken || bound_ == 0) {
      return;
    }
    const CutImages images(disk_, bound_, known_);
    counts_.second_cut_short += images.complete() ? 0U : 1U;
    // A change of the disk only adds images that hold it, and a sync takes some away.
    known_ = images.complete() ? disk_.moment() : 0;
    SimDisk killed = disk_;
    killed.process_kill();
    see(killed, [&] { return fmt::format("the process was killed {}", where()); });
    for (size_t index = 0; index < images.count() && !outcome_.broken; ++index) {
      see(images.image(index), [&] {
        return fmt::format("the power was cut {}, image {} ({})", where(), index,
                           images.describe(index, [&](Sequence change) { return name_of(changes_, change); }));
      });
    }
  }

  template <class Where>
  void see(const SimDisk& image, const Where& where) {
    ++counts_.second_images;
    const uint64_t hash = hasher_.of(image);
    if (!seen_.insert(hash).second && !has_shown_) {
      return;
    }
    const Recoveries::Shown& shown = recoveries_.shown(image, hash, opening_);
    counts_.second_distinct += recoveries_.was_new() ? 1U : 0U;
    outcome_.digest += mix(hash, shown.digest);
    if (shown.broken) {
      outcome_.broken = where() + "; opened again: " + *shown.broken;
    } else if (has_shown_) {
      if (shown.contents != outcome_.contents) {
        outcome_.broken = fmt::format(
            "{}; opened again, it showed commit {}, or other rows than commit {}, which it had shown before", where(),
            recoveries_.contents(shown.contents).csn, recoveries_.contents(outcome_.contents).csn);
      }
    } else if (std::ranges::find(outcome_.seconds, shown.contents, &Outcome::Second::contents) ==
               outcome_.seconds.end()) {
      outcome_.seconds.push_back({shown.contents, where()});
    }
  }

  Recoveries& recoveries_;
  ImageHasher& hasher_;
  Recoveries::Opening opening_;
  const SimDisk& disk_;
  uint64_t bound_;
  ExhaustCounts& counts_;
  Outcome& outcome_;
  std::unordered_set<uint64_t> seen_;  // looked up, never walked
  Sequence known_ = 0;                 // every image without a later change was seen; 0: none was
  std::vector<DiskChange> changes_;
  bool is_begun_ = false;
  bool has_shown_ = false;
};

class Explorer::Search final : public ProgramWatcher {
 public:
  Search(const ExhaustSetup& setup, const ExhaustBounds& bounds, ExhaustPlace* place, std::function<bool()> stop)
      : setup_(setup),
        bounds_(bounds),
        recoveries_(setup),
        place_(place != nullptr ? *place : own_place_),
        stop_(std::move(stop)) {}

  std::optional<ExhaustFailure> explore(const ExhaustProgram& program, size_t first, const ExhaustFocus& focus) {
    if (recoveries_.kept_count() + outcomes_.size() > kKeptMax) {
      recoveries_.forget();
      outcomes_.clear();
    }
    program_ = &program;
    first_ = first;
    focus_ = focus;
    state_ = allowed_ = ~uint64_t{0};
    seen_.clear();
    verdicts_.clear();
    failure_.reset();
    ProgramRun run(setup_, *this);
    const Verdict broken = run.run(program);
    ++counts_.programs;
    if (broken && !failure_) {
      failure_ = ExhaustFailure{program, 0, "", "the program itself", *broken};
    }
    return failure_;
  }
  ExhaustCounts take_counts() { return std::exchange(counts_, {}); }

  void at(const ProgramPoint& point) override {
    if (failure_ || point.operation < first_ || (focus_.point && *focus_.point != point.number) || stop_()) {
      return;
    }
    place_.point.store(point.number, std::memory_order_relaxed);
    ++counts_.points;
    if (point.allowed != allowed_) {
      verdicts_.clear();
    }
    if (point.state == state_) {
      return;
    }
    state_ = point.state;
    allowed_ = point.allowed;
    const Recoveries::Opening opening{point.created, point.oracle.model()};
    const CutImages images(point.disk, bounds_.images);
    counts_.cut_short += images.complete() ? 0U : 1U;
    for (size_t index = 0; index < images.count() && !failure_; ++index) {
      if (focus_.image && *focus_.image != std::to_string(index)) {
        continue;
      }
      place_.image.store(index, std::memory_order_relaxed);
      ++counts_.images;
      const SimDisk image = images.image(index);
      const uint64_t hash = hasher_.of(image);
      if (!seen_.insert(mix(hash, point.allowed)).second) {
        continue;
      }
      ++counts_.distinct;
      judge(point, outcome_of(image, hash, opening), std::to_string(index), [&] {
        return fmt::format("power cut, image {}: {}", index,
                           images.describe(index, [&](Sequence change) { return name_of(point.changes, change); }));
      });
    }
    if (!failure_ && (!focus_.image || *focus_.image == "kill")) {
      kill(point, opening);
    }
  }

 private:
  void kill(const ProgramPoint& point, const Recoveries::Opening& opening) {
    place_.image.store(ExhaustPlace::kKill, std::memory_order_relaxed);
    ++counts_.images;
    ++counts_.distinct;
    SimDisk killed = point.disk;
    killed.process_kill();
    Outcome outcome;
    crash_again(killed, opening, outcome);
    judge(point, outcome, "kill", [] { return std::string("the process was killed, the cache stays"); });
  }

  // What is not yet durable of a disk does not show in its hash; after a power cut everything is.
  const Outcome& outcome_of(const SimDisk& image, uint64_t hash, const Recoveries::Opening& opening) {
    const auto [found, is_new] = outcomes_.try_emplace(mix(hash, opening.created ? 1 : 0));
    if (is_new) {
      SimDisk copy = image;
      crash_again(copy, opening, found->second);
      if (!found->second.broken && hash % kCheckOneIn == 0) {
        found->second.broken = recoveries_.check(image, opening);
      }
    }
    return found->second;
  }

  void crash_again(SimDisk& disk, const Recoveries::Opening& opening, Outcome& outcome) {
    ++counts_.recoveries;
    SecondCrashes crashes(recoveries_, hasher_, opening, disk, bounds_.second_images, counts_, outcome);
    const Recoveries::Shown shown = recoveries_.recover(
        disk, crashes, opening,
        [&](Database& database, const Recoveries::Shown& first) { crashes.has_shown(database, first); });
    if (shown.broken && !outcome.broken) {
      outcome.broken = shown.broken;
    }
    outcome.contents = shown.contents;
    outcome.digest += shown.digest;
  }

  const Verdict& allowed(const ProgramPoint& point, uint32_t contents) {
    const auto [found, is_new] = verdicts_.try_emplace(contents);
    if (is_new) {
      found->second = point.oracle.probed(recoveries_.contents(contents));
    }
    return found->second;
  }

  template <class What>
  void judge(const ProgramPoint& point, const Outcome& outcome, const std::string& image, const What& what) {
    counts_.digest += mix(mix(outcome.digest, point.number), program_->size());
    std::string account;
    if (outcome.broken) {
      account = *outcome.broken;
    } else if (const Verdict& verdict = allowed(point, outcome.contents)) {
      account = *verdict;
    } else {
      for (const Outcome::Second& second : outcome.seconds) {
        if (const Verdict& again = allowed(point, second.contents)) {
          account = second.where + "; opened again: " + *again;
          break;
        }
      }
    }
    if (!account.empty()) {
      failure_ = ExhaustFailure{*program_, point.number, image,
                                fmt::format("{}; {}", describe(point, *program_), what()), account};
    }
  }

  ExhaustSetup setup_;
  ExhaustBounds bounds_;
  ExhaustCounts counts_;
  Recoveries recoveries_;
  ImageHasher hasher_;
  ExhaustPlace own_place_;
  ExhaustPlace& place_;
  std::function<bool()> stop_;
  std::unordered_map<uint64_t, Outcome> outcomes_;  // by image; looked up, never walked
  // Of the program that is explored:
  const ExhaustProgram* program_ = nullptr;
  size_t first_ = 0;
  ExhaustFocus focus_;
  uint64_t state_ = 0;
  uint64_t allowed_ = 0;
  std::unordered_set<uint64_t> seen_;               // images, each with what was allowed; looked up, never walked
  std::unordered_map<uint32_t, Verdict> verdicts_;  // of contents; looked up, never walked
  std::optional<ExhaustFailure> failure_;
};

Explorer::Explorer(const ExhaustSetup& setup, const ExhaustBounds& bounds, ExhaustPlace* place,
                   std::function<bool()> stop)
    : search_(std::make_unique<Search>(setup, bounds, place, std::move(stop))) {}
Explorer::~Explorer() = default;

std::optional<ExhaustFailure> Explorer::explore(const ExhaustProgram& program, size_t first,
                                                const ExhaustFocus& focus) {
  return search_->explore(program, first, focus);
}

ExhaustCounts Explorer::take_counts() { return search_->take_counts(); }

std::vector<ExhaustProgram> all_programs(size_t length) {
  std::vector<ExhaustProgram> programs(1);
  for (size_t begin = 0, size = 0; size < length; ++size) {
    const size_t end = programs.size();
    for (; begin < end; ++begin) {
      for (size_t op = 0; op < static_cast<size_t>(Op::kCount); ++op) {
        ExhaustProgram longer = programs[begin];
        longer.push_back(static_cast<Op>(op));
        programs.push_back(std::move(longer));
      }
    }
  }
  return programs;
}

}  // namespace holdfast::sim
