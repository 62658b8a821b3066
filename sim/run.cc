#include "sim/run.h"

#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <holdfast/database.h>

#include "base/check.h"
#include "sim/crash_plan.h"
#include "sim/cut_effects.h"
#include "sim/inspect.h"
#include "sim/io_faults.h"
#include "sim/live_pages.h"
#include "sim/playback.h"
#include "sim/probes.h"
#include "sim/race_detector.h"
#include "sim/scheduler.h"
#include "sim/sim_clock.h"
#include "sim/sim_entropy.h"
#include "sim/sim_env.h"
#include "sim/sim_threads.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace holdfast::sim {

namespace {

constexpr int kOpenTries = 4;  // with faults; after that they are switched off
constexpr uint64_t kPauseNs = 1'000'000;
constexpr uint64_t kCheckOneIn = 2;  // recoveries and ends that are checked page by page

// Nobody else runs, if the database has no thread of its own, which may hold a lock.
struct Alone {
  explicit Alone(const RunConfig& config) {
    if (!config.background) {
      inline_only.emplace();
    }
  }
  std::optional<SingleThreaded> inline_only;
};

// What a Run is made of before it is a World.
struct RunParts {
  explicit RunParts(const RunRequest& request)
      : decisions_(request.seed), config_(RunConfig::draw(decisions_, request.profile)) {
    for (const SetValue& value : request.settings) {
      setting_named(value.name)->set(config_, value.value);
    }
  }
  Decisions decisions_;
  RunConfig config_;
  Oracle oracle_;
  Trace trace_;
  Counters counters_;
};

class Run final : private RunParts, public World, public DiskHooks {
 public:
  Run(const RunRequest& request, FiberStacks& stacks)
      : RunParts(request),
        World(config_, oracle_, trace_, counters_),
        stacks_(stacks),
        disk_(draw_personality(decisions_)),
        clock_(decisions_, time_, config_.faults.clock_jump),
        entropy_(decisions_),
        faults_(config_.faults),
        playback_(request.played, request.recorded),
        also_promised_(request.also_promised),
        probes_(*this, decisions_) {
    trace_.set_output(request.trace);
    trace_.set_observer(request.observer);
    name_projections();
    trace_.note(config_.describe());
  }

  RunResult go() {
    if (const Script* script = playback_.played()) {
      play(*script);
    } else {
      const uint64_t lives = config_.crashes + 1;
      for (uint64_t life = 0; life < lives && failure_.empty(); ++life) {
        live(config_.operations / lives, ScriptedLife::Kind::kLife);
      }
      if (failure_.empty()) {
        live(0, ScriptedLife::Kind::kLast);
      }
    }
    counters_.seeds = 1;
    counters_.doubts_survived = oracle_.doubts_survived();
    counters_.doubts_lost = oracle_.doubts_lost();
    counters_.logs_judged = oracle_.logs_judged();
    counters_.attempts_ordered = oracle_.attempts_ordered();
    for (size_t kind = 0; kind < fault::kKindCount; ++kind) {
      counters_.faults[kind] += faults_.counts()[kind];
    }
    counters_.faults[static_cast<size_t>(fault::Kind::kClockJump)] += clock_.jump_count();
    return {failure_, trace_.digest(), trace_.event_count(), counters_};
  }

  void play(const Script& script) {
    for (const ScriptedLife& life : script.lives) {
      if (failure_.empty()) {
        live(0, life.kind, &life);
      }
    }
    if (failure_.empty() && (script.lives.empty() || script.lives.back().kind != ScriptedLife::Kind::kLast)) {
      live(0, ScriptedLife::Kind::kLast);
    }
  }

  void name_projections() {
    Model& model = oracle_.model();
    for (uint32_t number = 0; number < config_.followed_count; ++number) {
      model.projections().projection(projection_name(config_, number),
                                     model.streams().stream(stream_of_projection(config_, number)));
    }
    if (config_.fed_count > 0) {
      model.projections().projection(projection_name(config_, config_.followed_count), std::nullopt);
    }
  }

  // --- World
  bool over() const override { return env_->dead(); }
  [[noreturn]] void broken(const std::string& what) override { scheduler_->abandon(what); }
  uint64_t errors_injected() const override { return error_faults() - errors_before_life_; }
  uint64_t errors_in_files() const override { return file_error_faults() - file_errors_before_life_; }
  bool was_full() const override { return faults_.counts()[static_cast<size_t>(fault::Kind::kNoSpace)] > 0; }
  void begin_action(uint64_t number) override { playback_.begin_action(scheduler_->current(), number); }
  void pause() override {
    if (Scheduler::running() != nullptr) {
      scheduler_->sleep(kPauseNs);
    }
  }

  // --- DiskHooks
  void before_io(const IoEvent& event) override { on_io(event, true); }
  void after_io(const IoEvent& event) override { on_io(event, false); }
  uint64_t fault_scope() override {
    const uint32_t fiber = scheduler_->current();
    return mix(mix(life_, playback_.fiber(fiber)), playback_.action(fiber));
  }
  bool fault_happens(fault::Kind kind, bool drawn) override { return playback_.fault_happens(kind, drawn); }
  void contract_violated(std::string_view what) override {
    broken("the engine broke the environment's contract: " + std::string(what));
  }

 private:
  // Faults that let a call fail.
  uint64_t error_faults() const {
    uint64_t sum = 0;
    for (const fault::Kind kind :
         {fault::Kind::kIoError, fault::Kind::kNoSpace, fault::Kind::kSyncFails, fault::Kind::kDirectorySyncFails}) {
      sum += faults_.counts()[static_cast<size_t>(kind)];
    }
    return sum;
  }

  uint64_t file_error_faults() const {
    return faults_.counts()[static_cast<size_t>(fault::Kind::kIoError)] +
           faults_.counts()[static_cast<size_t>(fault::Kind::kSyncFails)];
  }

  void on_io(const IoEvent& event, bool before) {
    if (quiet_) {
      return;
    }
    counters_.disk_operations += before ? 1U : 0U;
    scheduler_->yield(Point::kOperation);
    if (env_->dead()) {
      return;
    }
    const Moment moment = before ? Moment::kBefore : Moment::kAfter;
    playback_.at_io(event, moment, scheduler_->current());
    if (playback_.ends_here(crash_plan_.hits(event.kind, before))) {
      return crash();
    }
    for (const uint64_t copy : playback_.probes_here(probes_.due(event, moment, shown_))) {
      probes_.crash(copy_context(), disk_, copy);
    }
  }

  // The process ends at this operation; its fibers are taken down on errors, and the next life begins on next_disk_.
  void crash() {
    using How = ScriptedEnd::How;
    const bool drawn = decisions_.chance(Stream::kCrash, config_.faults.process_kill.percent_of_crashes, 100);
    const ScriptedEnd end = playback_.ends(drawn ? How::kKill : How::kPowerCut, Playback::Place::kHere);
    const bool kill = end.how == How::kKill;
    next_disk_.emplace(kill ? disk_ : playback_.cut(disk_, end, decisions_));
    count_crash(kill);
    env_->kill();
    if (kill) {
      next_disk_->process_kill();
    } else {
      count_cut_effects(disk_, *next_disk_, "db", counters_);
    }
    counters_.nested_crashes += shown_ ? 0U : 1U;
  }
  void count_crash(bool kill) {
    ++(kill ? counters_.kills : counters_.power_cuts);
    ++counters_.faults[static_cast<size_t>(kill ? fault::Kind::kProcessKill : fault::Kind::kPowerCut)];
    const ProjectionModel& projections = oracle_.model().projections();
    counters_.crashes_in_follow += projections.under_way(ProjectionModel::Work::kFollow);
    counters_.crashes_in_rebuild += projections.under_way(ProjectionModel::Work::kRebuild);
    counters_.crashes_in_prune += projections.under_way(ProjectionModel::Work::kPrune);
    trace_.event(kill ? EventKind::kProcessKill : EventKind::kPowerCut);
  }

  CopyContext copy_context() { return {config_, oracle_, counters_, time_, created_}; }

  // One life of the process: opens, works, ends. `scripted`: null if it is drawn.
  void live(uint64_t operations, ScriptedLife::Kind kind, const ScriptedLife* scripted = nullptr) {
    const bool last = kind == ScriptedLife::Kind::kLast;
    const uint64_t power_cuts = counters_.power_cuts;
    life_ = scripted == nullptr ? life_ + 1 : scripted->number;
    playback_.begin_life(life_, kind, scripted, decisions_);
    ScheduleOptions schedule = ScheduleOptions::draw(decisions_);
    if (scripted != nullptr && scripted->switching == Switching::kStay) {
      schedule = ScheduleOptions();
      schedule.strategy = Strategy::kStay;
    }
    schedule.switches = playback_.switches();
    scheduler_.emplace(decisions_, trace_, time_, stacks_, schedule);
    env_ =
        std::make_unique<SimEnv>(Machine{disk_, *this, trace_, decisions_, clock_, entropy_, threads_, &faults_, 1000});
    crash_plan_ = last || config_.crashes == 0 ? CrashPlan() : CrashPlan::draw(decisions_, config_.faults.power_cut);
    errors_before_life_ = error_faults();
    file_errors_before_life_ = file_error_faults();
    writes_failed = false;
    shown_ = false;
    opens_shown_ = 0;
    if (last) {
      faults_.switch_off();
    }
    scheduler_->spawn("main", [&] { last ? last_life() : one_life(operations); });
    if (auto failure = scheduler_->run()) {
      failure_ = std::move(*failure);
      if (trace_.has_output()) {
        trace_.note("FAILED: " + failure_);
      }
      return;
    }
    oracle_.crashed();
    if (next_disk_) {
      disk_ = std::move(*next_disk_);
      next_disk_.reset();
    } else if (!last) {
      end_at_rest();
    }
    env_.reset();
    scheduler_.reset();
    was_cut_ = counters_.power_cuts > power_cuts;
    clock_.restarted();
  }

  // Nobody uses the disk: the power goes, the process is killed, or it was closed and that was all.
  void end_at_rest() {
    using How = ScriptedEnd::How;
    constexpr std::array<How, 3> kHow = {How::kPowerCut, How::kKill, How::kRest};
    const uint64_t how = config_.crashes == 0 ? 2 : decisions_.below(Stream::kCrash, 3);
    const ScriptedEnd end = playback_.ends(kHow[static_cast<size_t>(how)], Playback::Place::kRest);
    if (end.how == How::kPowerCut) {
      disk_ = playback_.cut(disk_, end, decisions_);
      count_crash(false);
    } else if (end.how == How::kKill) {
      disk_.process_kill();
      count_crash(true);
    }
  }

  std::optional<Database> open() {
    for (int tries = 0;; ++tries) {
      if (tries >= kOpenTries) {
        faults_.switch_off();
      }
      Options options = config_.draw_options(decisions_, *env_);
      options.create_if_missing = !created_;
      options.background = config_.background;
      const uint64_t errors = error_faults();
      ++counters_.opens;
      auto database = watched([&] { return Database::open("db", options); });
      trace_.event(EventKind::kResult, 0, database ? 0 : 1 + static_cast<uint64_t>(database.error().code()));
      if (env_->dead()) {
        return std::nullopt;
      }
      if (database) {
        created_ = true;
        return std::move(*database);
      }
      const ErrorCode code = database.error().code();
      const bool excused = (code == ErrorCode::kIo && error_faults() > errors) ||
                           (code == ErrorCode::kNoSpace && was_full() && faults_.active());
      if (!excused) {
        broken("opening the database answered " + database.error().to_string() + ", and no fault explains it");
      }
    }
  }

  // The state that the opened database shows must be one that it may show. Nothing else happens meanwhile.
  void examine(Database& database) {
    const Alone alone(config_);
    quiet_ = true;
    const bool faults_were_on = faults_.active();
    faults_.switch_off();
    Verdict bad;
    if (const auto meta = newest_meta(disk_.file(*disk_.find(*disk_.find_directory("db"), "tree")))) {
      oracle_.model().streams().set_database_id(meta->database_id);
    }
    Inspection seen = inspect(database, oracle_.model(), Tolerance::kNone, bad);
    const uint64_t csn = seen.contents.csn;
    counters_.rows_checked += seen.rows;
    ++counters_.recoveries;
    expect(bad);
    if (also_promised_) {
      expect(also_promised_(seen.contents, oracle_.model(), was_cut_));
    }
    expect(oracle_.recovered(std::move(seen.contents)));
    shown_ = true;
    trace_.event(EventKind::kRecovered, csn);
    const bool check = decisions_.chance(Stream::kProbe, 1, kCheckOneIn);
    if (playback_.does(opens_shown_++ == 0 ? Chore::kCheckOpened : Chore::kCheckReopened, check)) {
      expect(check_soundness(database, oracle_.model(), csn));
    }
    if (faults_were_on) {
      faults_.switch_on();
    }
    quiet_ = false;
  }

  void one_life(uint64_t operations) {
    std::optional<Database> database = open();
    if (!database) {
      return;
    }
    examine(*database);
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<uint32_t> fibers;
    const auto begin = [&](uint32_t number, uint64_t seed, size_t count, const std::function<void(Client&)>& body) {
      Client& client = *clients.emplace_back(std::make_unique<Client>(*this, *database, number, Decisions(seed)));
      fibers.push_back(scheduler_->spawn("client " + std::to_string(number), [&client, body] { body(client); }));
      client.record_into(playback_.client_begins(number, seed, fibers.back(), count));
    };
    if (const ScriptedLife* life = playback_.life()) {
      for (const ScriptedClient& script : life->clients) {
        begin(script.number, script.seed, life->clients.size(), [&](Client& client) { client.perform(script); });
      }
    } else {
      for (uint32_t number = 1; number <= config_.clients; ++number) {
        begin(number, decisions_.fork(next_client_++).seed(), config_.clients,
              [&](Client& client) { client.run(operations / config_.clients + 1); });
      }
    }
    for (const uint32_t fiber : fibers) {
      scheduler_->join(fiber);
    }
    clients.clear();
    if (!over() && !writes_failed && does(Chore::kCheckRest, Stream::kProbe)) {
      check_at_rest(*database);
    }
    if (!over() && !writes_failed && oracle_.settled() && does(Chore::kDamageOpen, Stream::kCrash)) {
      damage_unclosed_copies(*database);
    }
    if (does(Chore::kClose, Stream::kCrash)) {
      const ProjectionModel::Mark mark = oracle_.model().projections().mark();
      const auto closed = watched([&] { return database->close(); });
      if (closed && !over()) {
        // Where there was no room for a last checkpoint, the log keeps what it has.
        if (errors_injected() == 0 && !was_full()) {
          oracle_.model().projections().durable(mark);
        }
        expect(oracle_.certain("whoever closed the database", oracle_.floor()));
      } else if (!over() && errors_injected() == 0) {
        broken("close answered " + closed.error().to_string() + ", and no fault explains it");
      }
    }
    watched([&] { database.reset(); });
    if (!over() && !writes_failed && errors_injected() == 0 && oracle_.settled()) {
      expect(oracle_.certain("whoever closed the database", oracle_.floor()));
      if (playback_.does(Chore::kDamageClosed, true)) {
        damage_copies(disk_, AtRest::kClosed);
      }
    }
  }

  bool does(Chore chore, Stream stream) { return playback_.does(chore, decisions_.chance(stream, 1, kCheckOneIn)); }

  // Pre: the chore of that was begun.
  void damage_copies(const SimDisk& disk, AtRest at_rest) {
    if (const ScriptedChore* scripted = playback_.chore_begun()) {
      probes_.number_copies_from(scripted->next_copy, scripted->next_loss);
    }
    playback_.numbers_copies_from(probes_.next_copy(), probes_.next_loss());
    probes_.damage_copies(copy_context(), disk, at_rest);
  }

  // The log holds what no checkpoint has written: damage must not change that either.
  void damage_unclosed_copies(Database& database) {
    if (config_.rot_probes + config_.loss_probes == 0 ||
        !watched([&] { return database.wait_durable(Csn{oracle_.model().newest_csn()}); }) || over()) {
      return;
    }
    expect(oracle_.certain("main", oracle_.model().newest_csn()));
    SimDisk killed = disk_;
    killed.process_kill();
    damage_copies(killed, AtRest::kKilled);
  }

  void check_at_rest(Database& database) {
    const Alone alone(config_);
    quiet_ = true;
    const bool faults_were_on = faults_.active();
    faults_.switch_off();
    // A checkpoint that failed tells nobody, but the tree in the file stays behind.
    if (oracle_.settled() && database.stats()->read_only_reason.empty()) {
      expect(check_soundness(database, oracle_.model(), oracle_.model().newest_csn()));
    }
    if (faults_were_on) {
      faults_.switch_on();
    }
    quiet_ = false;
  }

  // No fault, no crash: everything works, and what was erased gives its space back.
  void last_life() {
    std::optional<Database> database = open();
    CHECK(database.has_value());
    examine(*database);
    {
      const ScriptedLife* life = playback_.life();
      const uint64_t seed = life == nullptr || life->clients.empty() ? decisions_.fork(next_client_++).seed()
                                                                     : life->clients.front().seed;
      playback_.client_begins(1, seed, scheduler_->current(), 1);
      Client client(*this, *database, 1, Decisions(seed));
      client.put_some(20);
      client.erase_everything();
      client.drop_projections();
      client.drop_pins();
      // What the last transaction freed is reusable only by the ones after it.
      for (int commit = 0; commit < 3; ++commit) {
        client.put_some(1);
      }
    }
    if (!oracle_.settled()) {
      broken("the last transactions were not all committed, although nothing failed");
    }
    expect(check_soundness(*database, oracle_.model(), oracle_.model().newest_csn()));
    expect(judge_remainder(*database, config_.page_bytes));
    const auto closed = watched([&] { return database->close(); });
    if (!closed) {
      broken("close answered " + closed.error().to_string() + " without any fault");
    }
    watched([&] { database.reset(); });
    // A closed database needs nothing that a power cut can take.
    disk_ = disk_.power_cut(decisions_);
    database = open();
    CHECK(database.has_value());
    examine(*database);
    expect(check_soundness(*database, oracle_.model(), oracle_.model().newest_csn()));
  }

  FiberStacks& stacks_;
  VirtualTime time_;
  SimDisk disk_;
  std::optional<SimDisk> next_disk_;
  SimClock clock_;
  SimEntropy entropy_;
  SimThreads threads_;
  IoFaults faults_;
  std::optional<Scheduler> scheduler_;
  std::unique_ptr<SimEnv> env_;
  CrashPlan crash_plan_;
  std::string failure_;
  uint64_t errors_before_life_ = 0;
  uint64_t file_errors_before_life_ = 0;
  uint64_t life_ = 0;
  uint64_t opens_shown_ = 0;  // in this life
  bool was_cut_ = false;      // the power, before this life
  Playback playback_;
  AlsoPromised also_promised_;
  Probes probes_;
  uint64_t next_client_ = 1'000'000;
  bool created_ = false;  // the database was opened once
  bool shown_ = false;    // in this life, its contents were examined
  bool quiet_ = false;    // the world stands still: no switches, no crashes, no probes
};

}  // namespace

RunResult run(const RunRequest& request, FiberStacks& stacks) { return Run(request, stacks).go(); }

}  // namespace holdfast::sim
