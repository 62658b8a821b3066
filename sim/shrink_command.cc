#include "sim/shrink_command.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "sim/repro.h"
#include "sim/run.h"
#include "sim/shrink.h"

namespace holdfast::sim {

namespace {

std::string_view name_of(Verify verify) { return verify == Verify::kOn ? "ON" : "OFF"; }

void print_sizes(const ShrinkReport& report) {
  const auto line = [](const char* what, uint64_t before, uint64_t after) {
    fmt::print("{:<12} {:>9} {:>9}\n", what, before, after);
  };
  fmt::print("{:<12} {:>9} {:>9}\n", "", "before", "after");
  line("events", report.before.events, report.after.events);
  line("lives", report.before.lives, report.after.lives);
  line("crashes", report.before.crashes, report.after.crashes);
  line("faults", report.before.faults, report.after.faults);
  line("clients", report.before.clients, report.after.clients);
  line("operations", report.before.actions, report.after.actions);
  line("steps", report.before.steps, report.after.steps);
}

}  // namespace

ShrinkCommand::ShrinkCommand(CLI::App& app, const std::string& profiles)
    : command_(app.add_subcommand("shrink", "Make a failing seed as small as it gets")) {
  command_->add_option("--seed", seed_, "The seed")->required();
  command_->add_option("--profile", profile_, "One of: " + profiles)
      ->check([profiles](const std::string& name) {
        return profile_named(name) ? std::string() : "the profiles are " + profiles;
      })
      ->capture_default_str();
  command_->add_option("--out", file_, "Where the repro goes (default: seed-<seed>-<profile>.repro)");
  command_->add_option("--promise", promise_, "What must hold, in words, for the repro's header");
  command_->add_option("--seconds", seconds_, "How long one attempt may take")->check(CLI::Range(1, 3600));
}

int ShrinkCommand::run(const std::function<bool()>& stop) const {
  ShrinkOptions options;
  options.seed = seed_;
  options.profile = *profile_named(profile_);
  options.seconds_per_attempt_max = seconds_;
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const auto progress = [terminal](const ShrinkReport& so_far) {
    if (terminal) {
      fmt::print(stderr, "\r{} attempts; {} events, {} lives, {} operations, {} steps   ", so_far.attempts,
                 so_far.after.events, so_far.after.lives, so_far.after.actions, so_far.after.steps);
      std::fflush(stderr);
    }
  };
  ShrinkReport report = shrink(options, progress, stop);
  if (terminal) {
    fmt::print(stderr, "\r\033[K");
  }
  if (!report.repro) {
    if (report.outcome.account.empty()) {
      fmt::print("seed {}, profile {}: no promise is broken\n", seed_, profile_);
    } else {
      fmt::print("seed {}, profile {}: its recorded run does not fail again: {}\n", seed_, profile_,
                 report.outcome.account);
    }
    return 1;
  }
  Repro& repro = *report.repro;
  repro.promise = promise_.empty() ? "to be said in words" : promise_;
  const std::string file = file_.empty() ? fmt::format("seed-{}-{}.repro", seed_, profile_) : file_;
  std::ofstream out(file);
  out << write_repro(repro);
  out.close();
  if (!out) {
    fmt::print("cannot write {}\n", file);
    return 2;
  }
  print_sizes(report);
  fmt::print("{} attempts{}\n", report.attempts, report.interrupted ? ", interrupted" : "");
  fmt::print("account      {}\nclass        {}\n", report.outcome.account, repro.failure_class);
  fmt::print("reproduce    holdfast-sim replay --repro {} --trace  # built with HOLDFAST_VERIFY={}\n", file,
             name_of(repro.verify));
  return 0;
}

int replay_repro(const std::string& file, Tracing tracing) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) {
    fmt::print("cannot read {}\n", file);
    return 2;
  }
  const auto repro = read_repro(text.str());
  if (!repro) {
    fmt::print("{}: {}\n", file, repro.error());
    return 2;
  }
  FiberStacks stacks;
  RunRequest request = request_of(*repro);
  request.trace = tracing == Tracing::kOn ? stdout : nullptr;
  const RunResult result = sim::run(request, stacks);
  std::fflush(stdout);
  fmt::print("{}: {} events, digest {:016x}, {} crashes, {} commits\n", file, result.events, result.digest,
             result.counters.power_cuts + result.counters.kills, result.counters.commits);
  if (repro->verify != kVerifyOfThisBuild) {
    fmt::print("it failed in a build with HOLDFAST_VERIFY={}; this one has {}\n", name_of(repro->verify),
               name_of(kVerifyOfThisBuild));
  }
  if (!result.failure.empty()) {
    fmt::print("FAILED: {}\npromise: {}\n", result.failure, repro->promise);
    return 1;
  }
  return 0;
}

}  // namespace holdfast::sim
