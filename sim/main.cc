// holdfast-sim: runs the engine through simulated histories.
//
//   holdfast-sim run --seeds 1000       many histories, in parallel; exit code 1 if a promise was broken
//   holdfast-sim replay --seed 4711     one of them again, with its trace
//   holdfast-sim score                  bugs that are planted in the engine, and how many seeds find them
//   holdfast-sim shrink --seed 4711     makes one that fails small: a file for `replay --repro`
//   holdfast-sim report --seed 4711     a web page of one run: what was durable when, and why something is missing
//   holdfast-sim exhaust --ops 2        all crashes of all programs of two operations
//   holdfast-sim faults                 what can go wrong on the simulated disk, and what each obliges the engine to
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "fault/table.h"
#include "sim/exhaust_command.h"
#include "sim/fleet.h"
#include "sim/race_detector.h"
#include "sim/report_command.h"
#include "sim/rot_matrix_command.h"
#include "sim/run.h"
#include "sim/score.h"
#include "sim/score_command.h"
#include "sim/shrink_command.h"

#ifdef HOLDFAST_TSAN
// A race ends the process of its seed; the fleet reports it with what TSan wrote.
extern "C" const char* __tsan_default_options() { return "halt_on_error=1"; }
#endif

namespace {

using namespace holdfast;
using namespace holdfast::sim;

volatile sig_atomic_t stop_asked = 0;
void ask_to_stop(int /*signal*/) { stop_asked = 1; }
void stop_on_signals() {
  struct sigaction action = {};
  action.sa_handler = ask_to_stop;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

using SteadyClock = std::chrono::steady_clock;
double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::string list_of_profiles() {
  std::string text;
  for (const Profile profile : kProfiles) {
    text += (text.empty() ? "" : ", ") + std::string(name_of(profile));
  }
  return text;
}

// Whole-structure checks read pages, which is part of the history: a build without them runs another one.
#ifdef HOLDFAST_VERIFY
constexpr const char* kVerify = "ON";
#else
constexpr const char* kVerify = "OFF";
#endif

std::string reproduction(uint64_t seed, Profile profile, std::string_view planted_name = {}) {
  return fmt::format("holdfast-sim replay --seed {} --profile {}{}{} --trace  # built with HOLDFAST_VERIFY={}", seed,
                     name_of(profile), planted_name.empty() ? "" : " --planted ", planted_name, kVerify);
}

// What a campaign must have met: all but what is drawn only on demand.
std::string missing_faults(const Counters& all) {
  std::string missing;
  for (const fault::FaultInfo& info : fault::kFaults) {
    if (info.fault_class != fault::Class::kOutOfContract && all.faults[static_cast<size_t>(info.kind)] == 0) {
      missing += (missing.empty() ? "" : ", ") + std::string(info.name);
    }
  }
  return missing;
}

void print_summary(const FleetReport& report, const FleetOptions& options, double seconds) {
  const Counters& all = report.counters;
  fmt::print("seeds            {} of {} (profile {}, from seed {}), {} without a failure\n", all.seeds,
             options.seed_count, name_of(options.profile), options.first_seed, all.seeds - report.failures.size());
  fmt::print("crashes survived {} ({} power cuts, {} kills; {} of them before recovery was over)\n",
             all.power_cuts + all.kills, all.power_cuts, all.kills, all.nested_crashes);
  fmt::print("recoveries       {} compared with the model; commits in doubt: {} survived, {} did not\n", all.recoveries,
             all.doubts_survived, all.doubts_lost);
  fmt::print("crash probes     {}, {} of them refused for a meta page that a torn neighbour destroyed\n",
             all.crash_probes, all.torn_refused);
  fmt::print("damaged copies   {}, {} of them noticed; with a foreign file: {}, {} of them refused\n", all.rot_probes,
             all.rot_detected, all.foreign_probes, all.foreign_refused);
  fmt::print("losses accepted  {}, with {} crashes on the way; {} damaged logs ended like torn ones\n", all.losses,
             all.loss_crashes, all.losses_unseen);
  fmt::print(
      "operations       {} ({} commits, {} conflicts, {} refused); {} logs judged, {} put in order, {} rows compared\n",
      all.operations, all.commits, all.conflicts, all.refused_commits, all.logs_judged, all.attempts_ordered,
      all.rows_checked);
  std::string tampered;
  uint64_t tamper_probes = 0;
  for (size_t how = 0; how < all.tampered.size(); ++how) {
    if (all.tampered[how] > 0) {
      tamper_probes += all.tampered[how];
      tampered +=
          fmt::format("{}{} {}", tampered.empty() ? ": " : ", ",
                      fault::TamperedStream::name_of(static_cast<fault::TamperedStream::How>(how)), all.tampered[how]);
    }
  }
  fmt::print("streams          {} records appended; {} copies tampered with{}\n", all.appended_records, tamper_probes,
             tampered);
  fmt::print(
      "projections      {} events followed by calls, {} followers in the background, {} batches applied ({} refused), "
      "{} read; {} rebuilds, {} prunes, {} purges, {} drops; cut off in {} follows, {} rebuilds, {} prunes\n",
      all.followed_events, all.followers, all.applied_batches, all.refused_batches, all.projections_read, all.rebuilds,
      all.prunes, all.purges, all.drops, all.crashes_in_follow, all.crashes_in_rebuild, all.crashes_in_prune);
  fmt::print("pins             {} made, {} read\n", all.pins, all.pins_read);
  fmt::print("disk             {} operations\n", all.disk_operations);
  std::string faults;
  for (const fault::FaultInfo& info : fault::kFaults) {
    const uint64_t count = all.faults[static_cast<size_t>(info.kind)];
    if (count > 0) {
      faults += fmt::format("{}{} {}", faults.empty() ? "" : ", ", info.name, count);
    }
  }
  fmt::print("faults injected  {}\n", faults.empty() ? "none" : faults);
  if (options.wants_all_faults && !missing_faults(all).empty()) {
    fmt::print("FAILED: never injected, or without effect: {}\n", missing_faults(all));
  }
  fmt::print("run twice        {} seeds, compared event by event\n", all.runs_compared);
  fmt::print("digest           {:016x}\n", report.digest);
  fmt::print("time             {:.1f} s, {:.0f} seeds/s\n", seconds,
             seconds > 0 ? static_cast<double>(all.seeds) / seconds : 0.0);
}

int run(const FleetOptions& options) {
  stop_on_signals();
  const auto start = SteadyClock::now();
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  auto shown_at = start - std::chrono::seconds(1);
  const auto progress = [&](const FleetReport& so_far) {
    if (!terminal || seconds_since(shown_at) < 0.2) {
      return;
    }
    shown_at = SteadyClock::now();
    const double seconds = seconds_since(start);
    fmt::print(stderr, "\r{} of {} seeds, {} crashes, {} failures, {:.0f} seeds/s   ", so_far.counters.seeds,
               options.seed_count, so_far.counters.power_cuts + so_far.counters.kills, so_far.failures.size(),
               static_cast<double>(so_far.counters.seeds) / (seconds > 0 ? seconds : 1));
    std::fflush(stderr);
  };
  const FleetReport report = run_fleet(options, progress, [] { return stop_asked != 0; });
  if (terminal) {
    fmt::print(stderr, "\r\033[K");
  }
  for (const SeedFailure& failure : report.failures) {
    fmt::print("FAILED seed {}: {}\n  reproduce: {}\n", failure.seed, failure.account,
               reproduction(failure.seed, options.profile));
  }
  if (report.interrupted) {
    fmt::print("interrupted\n");
  }
  print_summary(report, options, seconds_since(start));
  const bool is_incomplete =
      options.wants_all_faults && !report.interrupted && !missing_faults(report.counters).empty();
  return report.failures.empty() && !is_incomplete ? (report.interrupted ? 130 : 0) : 1;
}

int replay(uint64_t seed, Profile profile, bool trace, const std::string& planted_name) {
  planted::active = bug_named(planted_name);
  FiberStacks stacks;
  const RunResult result = run_seed(seed, profile, stacks, trace ? stdout : nullptr);
  std::fflush(stdout);
  fmt::print("seed {}, profile {}: {} events, digest {:016x}, {} crashes, {} commits\n", seed, name_of(profile),
             result.events, result.digest, result.counters.power_cuts + result.counters.kills, result.counters.commits);
  if (!result.failure.empty()) {
    fmt::print("FAILED seed {}: {}\n  reproduce: {}\n", seed, result.failure,
               reproduction(seed, profile, planted_name));
    return 1;
  }
  return 0;
}

int print_faults() {
  fmt::print("{:<22} {:<6} {:<28}\n", "fault", "class", "rules");
  for (const fault::FaultInfo& info : fault::kFaults) {
    const char* fault_class = info.fault_class == fault::Class::kLegal      ? "L"
                              : info.fault_class == fault::Class::kDetected ? "D"
                                                                            : "X";
    fmt::print("{:<22} {:<6} {:<28}\n", info.name, fault_class, info.rules);
  }
  fmt::print(
      "\nL: legal; nothing acknowledged is lost, and no error appears after recovery\n"
      "D: must be noticed; wrong data is never returned\n"
      "X: out of contract; drawn only on demand\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs the Holdfast engine through simulated crashes, faults and schedules"};
  app.require_subcommand(1);
  std::string profile_name = "default";
  const auto known_profile = [](const std::string& name) {
    return profile_named(name) ? std::string() : "the profiles are " + list_of_profiles();
  };

  FleetOptions options;
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  CLI::App* run_command = app.add_subcommand("run", "Run many seeds and compare everything with the model");
  run_command->add_option("--seeds", options.seed_count, "How many seeds")->required();
  run_command->add_option("--start", options.first_seed, "The first seed")->capture_default_str();
  run_command->add_option("--jobs", options.jobs, "Worker processes")->check(CLI::Range(1, 256))->capture_default_str();
  run_command->add_option("--profile", profile_name, "One of: " + list_of_profiles())
      ->check(known_profile)
      ->capture_default_str();
  run_command->add_flag("--twice", options.twice, "Run every seed twice and compare (otherwise 1 in 20)");
  run_command->add_flag("--all-faults", options.wants_all_faults,
                        "Fail unless every fault that a disk may do was injected and had an effect");
  run_command->add_flag("--fail-fast", options.fail_fast, "Stop at the first failure");

  uint64_t seed = 0;
  bool trace = false;
  CLI::App* replay_command = app.add_subcommand("replay", "Run one seed again");
  std::string repro;
  CLI::Option_group* what = replay_command->add_option_group("what", "What to run");
  what->add_option("--seed", seed, "The seed");
  what->add_option("--repro", repro, "A file of corpus/sim/*.repro, or what `shrink` wrote");
  what->require_option(1);
  replay_command->add_option("--profile", profile_name, "One of: " + list_of_profiles())
      ->check(known_profile)
      ->capture_default_str();
  replay_command->add_flag("--trace", trace, "Print every event");
  std::string planted_name;
  replay_command->add_option("--planted", planted_name, "With this planted bug (see score)")->check(check_bug_name);

  const std::string profiles = list_of_profiles();
  const ShrinkCommand shrink_command(app, profiles);

  CLI::App* faults_command = app.add_subcommand("faults", "Print the table of faults");

  std::function<int()> chosen;
  add_score_command(app, chosen, [] { return stop_asked != 0; });
  add_report_command(app, chosen, profiles);
  const ExhaustCommand exhaust_command(app);
  const RotMatrixCommand rot_matrix_command(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked_for_help) {
    return app.exit(asked_for_help);
  } catch (const CLI::ParseError& wrong) {
    fmt::print(stderr, "holdfast-sim: usage: {}\n  hint: `holdfast-sim {}--help` lists what can be said\n",
               wrong.what(), app.get_subcommands().empty() ? "" : app.get_subcommands().front()->get_name() + " ");
    return 2;
  }
  if (chosen) {
    stop_on_signals();
    return chosen();
  }
  if (faults_command->parsed()) {
    return print_faults();
  }
  if (shrink_command.parsed()) {
    stop_on_signals();
    return shrink_command.run([] { return stop_asked != 0; });
  }
  if (!repro.empty()) {
    return replay_repro(repro, trace ? Tracing::kOn : Tracing::kOff);
  }
  if (exhaust_command.parsed()) {
    stop_on_signals();
    return exhaust_command.run([] { return stop_asked != 0; });
  }
  if (rot_matrix_command.parsed()) {
    stop_on_signals();
    return rot_matrix_command.run([] { return stop_asked != 0; });
  }
  const Profile profile = *profile_named(profile_name);
  if (replay_command->parsed()) {
    return replay(seed, profile, trace, planted_name);
  }
  options.profile = profile;
  return run(options);
}
