#include "sim/shrink.h"

#include <algorithm>
#include <set>
#include <utility>

#include "sim/trace.h"

namespace holdfast::sim {

namespace {

// Another schedule: the draws from somewhere else in its stream.
constexpr uint64_t kOtherSchedules = 2;
constexpr uint64_t kScheduleStep = 1'000'003;
constexpr int kHalvings = 8;  // of the way to the simplest value of a setting

// The parts of one kind that a repro has, as a vector in each of several places.
template <class Part>
using Places = std::vector<std::vector<Part>*>;

Places<ScriptedLife> lives_of(Repro& repro) { return {&repro.script.lives}; }
template <class Part>
Places<Part> parts_of_lives(Repro& repro, std::vector<Part> ScriptedLife::* member) {
  Places<Part> places;
  for (ScriptedLife& life : repro.script.lives) {
    places.push_back(&(life.*member));
  }
  return places;
}
Places<ScriptedClient> clients_of(Repro& repro) { return parts_of_lives(repro, &ScriptedLife::clients); }
Places<ScriptedChore> chores_of(Repro& repro) { return parts_of_lives(repro, &ScriptedLife::chores); }
Places<ScriptedProbe> probes_of(Repro& repro) { return parts_of_lives(repro, &ScriptedLife::probes); }
Places<ScriptedFault> faults_of(Repro& repro) { return parts_of_lives(repro, &ScriptedLife::faults); }
Places<ScriptedSwitch> switches_of(Repro& repro) {
  Places<ScriptedSwitch> places;
  for (ScriptedLife& life : repro.script.lives) {
    if (life.switching == Switching::kStay) {
      places.push_back(&life.switches);
    }
  }
  return places;
}
Places<ScriptedSector> sectors_of(Repro& repro) {
  Places<ScriptedSector> places;
  for (ScriptedLife& life : repro.script.lives) {
    if (life.end.image.kind == CutImage::Kind::kListed) {
      places.push_back(&life.end.image.sectors);
    }
  }
  return places;
}
Places<ScriptedAction> actions_of(Repro& repro) {
  Places<ScriptedAction> places;
  for (std::vector<ScriptedClient>* clients : clients_of(repro)) {
    for (ScriptedClient& client : *clients) {
      places.push_back(&client.actions);
    }
  }
  return places;
}
Places<ScriptedStep> steps_of(Repro& repro) {
  Places<ScriptedStep> places;
  for (std::vector<ScriptedAction>* actions : actions_of(repro)) {
    for (ScriptedAction& action : *actions) {
      if (action.moves) {
        places.push_back(&action.moves->steps);
      }
    }
  }
  return places;
}

template <class Part>
size_t count_of(const Places<Part>& places) {
  size_t count = 0;
  for (const std::vector<Part>* parts : places) {
    count += parts->size();
  }
  return count;
}

// Without those from `first` up to `last`, counted through all places.
template <class Part>
void erase_parts(const Places<Part>& places, size_t first, size_t last) {
  size_t before = 0;
  for (std::vector<Part>* parts : places) {
    const size_t count = parts->size();
    const size_t begin = std::clamp(first, before, before + count) - before;
    const size_t end = std::clamp(last, before, before + count) - before;
    parts->erase(parts->begin() + static_cast<std::ptrdiff_t>(begin),
                 parts->begin() + static_cast<std::ptrdiff_t>(end));
    before += count;
  }
}

Size size_of(Repro& repro, const Outcome& outcome) {
  Size size{.events = outcome.events,
            .lives = repro.script.lives.size(),
            .crashes = 0,
            .faults = count_of(faults_of(repro)),
            .clients = count_of(clients_of(repro)),
            .actions = count_of(actions_of(repro)),
            .steps = count_of(steps_of(repro))};
  for (const ScriptedLife& life : repro.script.lives) {
    size.crashes += life.end.how == ScriptedEnd::How::kRest ? 0 : 1;
  }
  return size;
}

class Shrinker {
 public:
  Shrinker(const ShrinkOptions& options, const ShrinkProgress& progress, const std::function<bool()>& stop)
      : options_(options), progress_(progress), stop_(stop) {}

  ShrinkReport go() {
    Repro recorded;
    recorded.seed = options_.seed;
    recorded.profile = options_.profile;
    RunRequest request;
    request.seed = options_.seed;
    request.profile = options_.profile;
    request.also_promised = options_.also_promised;
    request.recorded = &recorded.script;
    report_.outcome = attempt(request, options_.seconds_per_attempt_max);
    if (report_.outcome.account.empty()) {
      return std::move(report_);
    }
    recorded.failure_class = report_.outcome.failure_class;
    for (ScriptedLife& life : recorded.script.lives) {
      life.end.image.sectors.clear();  // drawn again
      life.switches.clear();
    }
    report_.before = size_of(recorded, report_.outcome);
    if (!accept(recorded)) {
      return std::move(report_);
    }
    report_.before.events = report_.outcome.events;
    rounds();
    // Last: a list of switches holds on to the operations that it names.
    list_switches();
    rounds();
    return std::move(report_);
  }

 private:
  Repro& best() { return *report_.repro; }
  bool over() {
    report_.interrupted = report_.interrupted || stop_();
    return report_.interrupted || report_.attempts >= options_.attempts_max;
  }

  // Whether the candidate fails in the same way: then it is the best.
  bool accept(const Repro& candidate) {
    if (over() || (report_.repro && candidate == best()) || !tried_.insert(trace_hash(write_repro(candidate))).second) {
      return false;
    }
    RunRequest request = request_of(candidate);
    request.also_promised = options_.also_promised;
    ++report_.attempts;
    Outcome outcome = attempt(request, options_.seconds_per_attempt_max);
    const bool same = outcome.failure_class == candidate.failure_class;
    if (same) {
      ++taken_;
      report_.outcome = std::move(outcome);
      report_.repro = candidate;
      report_.after = size_of(best(), report_.outcome);
    }
    progress_(report_);
    return same;
  }

  // Whether one of the candidate's like fails: a place that is counted through a whole life is nearer when less happens
  // before it, and among several fibers another schedule may be the one that it takes.
  bool accept_like(const Repro& candidate) {
    const auto like = [&](const auto& change) {
      Repro other = candidate;
      change(other);
      return accept(other);
    };
    for (size_t index = 0; index < candidate.script.lives.size(); ++index) {
      const ScriptedLife& life = candidate.script.lives[index];
      if (life.end.at && life.end.at->action == 0) {
        for (const uint64_t nth : nearer(life.end.at->nth)) {
          if (like([&](Repro& other) { other.script.lives[index].end.at->nth = nth; })) {
            return true;
          }
        }
      }
      if (life.probes.size() == 1 && life.probes[0].at.action == 0) {
        for (const uint64_t nth : nearer(life.probes[0].at.nth)) {
          if (like([&](Repro& other) { other.script.lives[index].probes[0].at.nth = nth; })) {
            return true;
          }
        }
      }
      for (uint64_t other_schedule = 1; life.clients.size() > 1 && other_schedule <= kOtherSchedules;
           ++other_schedule) {
        if (like([&](Repro& other) { other.script.lives[index].draws.schedule += kScheduleStep * other_schedule; })) {
          return true;
        }
      }
    }
    return false;
  }

  static std::vector<uint64_t> nearer(uint64_t nth) {
    std::vector<uint64_t> counts;
    for (const uint64_t less : {nth - 1, nth / 2, nth / 4, uint64_t{1}, uint64_t{2}, uint64_t{4}, uint64_t{8}}) {
      if (less < nth && nth - less > 0) {
        counts.push_back(nth - less);
      }
    }
    return counts;
  }

  // Leaves out as many parts as possible: all, halves, quarters, single ones.
  template <class Part>
  void leave_out(Places<Part> (*places_of)(Repro& repro)) {
    for (size_t chunk = count_of(places_of(best())); chunk > 0 && !over(); chunk /= 2) {
      for (size_t first = 0; first < count_of(places_of(best())) && !over();) {
        Repro candidate = best();
        erase_parts(places_of(candidate), first, first + chunk);
        if (!accept(candidate) && !accept_like(candidate)) {
          first += chunk;
        }
      }
    }
  }

  void rounds() {
    uint64_t taken_before = 0;
    do {
      taken_before = taken_;
      one_round();
    } while (taken_ > taken_before && !over());
  }

  void one_round() {
    leave_out(probes_of);
    leave_out(lives_of);
    leave_out(faults_of);
    leave_out(clients_of);
    leave_out(actions_of);
    leave_out(clients_of);
    leave_out(chores_of);
    simplify_ends();
    stay();
    lower_settings();
    leave_out(steps_of);
    leave_out(actions_of);
    draw_from_the_start();
  }

  template <class Change>
  bool try_change(const Change& change) {
    Repro candidate = best();
    change(candidate);
    return accept(candidate);
  }

  void simplify_ends() {
    for (size_t index = 0; index < best().script.lives.size(); ++index) {
      simplify_end(index);
    }
    leave_out(sectors_of);
  }

  bool try_end(size_t index, const ScriptedEnd& end) {
    return try_change([&](Repro& repro) { repro.script.lives[index].end = end; });
  }

  void simplify_end(size_t index) {
    using How = ScriptedEnd::How;
    const ScriptedEnd end = best().script.lives[index].end;
    ScriptedEnd kill;
    kill.how = How::kKill;
    if (end.how == How::kRest || try_end(index, {}) || try_end(index, kill) || end.how == How::kKill) {
      return;
    }
    if (end.at) {
      ScriptedEnd later;
      later.how = end.how;
      later.image = end.image;
      if (simplify_image(index, later) || try_end(index, later)) {
        return;
      }
    }
    simplify_image(index, end);
  }

  // Nothing, everything, or a list: of what is not durable, as little as possible survives.
  bool simplify_image(size_t index, const ScriptedEnd& now) {
    ScriptedEnd end = now;
    using Kind = CutImage::Kind;
    if (end.image.kind == Kind::kNothing) {
      return try_end(index, end);
    }
    for (const Kind kind : {Kind::kNothing, Kind::kEverything}) {
      ScriptedEnd simpler = end;
      simpler.image = {};
      simpler.image.kind = kind;
      if (try_end(index, simpler)) {
        return true;
      }
    }
    if (end.image.kind == Kind::kDrawn) {
      end.image.sectors = sectors_left(index, end);
      end.image.kind = Kind::kListed;
    }
    for (const auto metadata : {CutImage::Metadata::kLost, CutImage::Metadata::kKept}) {
      end.image.metadata = metadata;
      if (try_end(index, end)) {
        return true;
      }
    }
    return false;
  }

  Script record_again(const Repro& repro) {
    Script recorded;
    RunRequest request = request_of(repro);
    request.also_promised = options_.also_promised;
    request.recorded = &recorded;
    ++report_.attempts;
    attempt(request, options_.seconds_per_attempt_max);
    return recorded;
  }

  // Those that the drawn image leaves.
  std::vector<ScriptedSector> sectors_left(size_t index, const ScriptedEnd& end) {
    Repro candidate = best();
    candidate.script.lives[index].end = end;
    const Script recorded = record_again(candidate);
    return index < recorded.lives.size() ? recorded.lives[index].end.image.sectors : std::vector<ScriptedSector>();
  }

  bool try_staying(size_t index, const std::vector<ScriptedSwitch>& switches) {
    return try_change([&](Repro& repro) {
      repro.script.lives[index].switching = Switching::kStay;
      repro.script.lives[index].switches = switches;
    });
  }

  void stay() {
    for (size_t index = 0; index < best().script.lives.size(); ++index) {
      try_staying(index, {});
    }
    leave_out(switches_of);
  }

  // Where a drawn schedule is needed, its switches may be enough.
  void list_switches() {
    for (size_t index = 0; index < best().script.lives.size() && !over(); ++index) {
      if (best().script.lives[index].switching == Switching::kDrawn) {
        const Script recorded = record_again(best());
        if (index < recorded.lives.size()) {
          try_staying(index, recorded.lives[index].switches);
        }
      }
    }
  }

  void lower_settings() {
    Decisions decisions(best().seed);
    RunConfig config = RunConfig::draw(decisions, best().profile);
    for (const SetValue& value : best().settings) {
      setting_named(value.name)->set(config, value.value);
    }
    for (const Setting& setting : all_settings()) {
      uint64_t low = setting.min;
      uint64_t high = setting.get(config);
      if (high <= low || lower(setting, low) || setting.between == Setting::Between::kNothing) {
        continue;
      }
      for (int halving = 0; halving < kHalvings && high - low > 1; ++halving) {
        const uint64_t middle = low + (high - low) / 2;
        (lower(setting, middle) ? high : low) = middle;
      }
    }
  }

  bool lower(const Setting& setting, uint64_t value) {
    return try_change([&](Repro& repro) {
      const auto found = std::ranges::find(repro.settings, setting.name, &SetValue::name);
      if (found != repro.settings.end()) {
        found->value = value;
      } else {
        repro.settings.push_back({std::string(setting.name), value});
      }
    });
  }

  // For the reader's sake.
  void draw_from_the_start() {
    for (size_t index = 0; index < best().script.lives.size(); ++index) {
      try_change([&](Repro& repro) { repro.script.lives[index].draws = {}; });
    }
  }

  const ShrinkOptions& options_;
  const ShrinkProgress& progress_;
  const std::function<bool()>& stop_;
  ShrinkReport report_;
  std::set<uint64_t> tried_;
  uint64_t taken_ = 0;
};

}  // namespace

ShrinkReport shrink(const ShrinkOptions& options, const ShrinkProgress& progress, const std::function<bool()>& stop) {
  return Shrinker(options, progress, stop).go();
}

}  // namespace holdfast::sim
