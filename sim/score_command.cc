#include "sim/score_command.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "sim/score.h"

namespace holdfast::sim {

namespace {

constexpr size_t kAccountShown = 100;

struct ScoreArgs {
  ScoreOptions options;
  std::vector<std::string> bugs;
};

bool is_chosen(const ScoreArgs& args, const planted::BugInfo& bug) {
  return args.bugs.empty() || std::ranges::find(args.bugs, bug.name) != args.bugs.end();
}

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kAccountShown));
  std::ranges::replace(line, '\n', ' ');
  return line;
}

void print_row(const BugScore& score, const ScoreOptions& options) {
  const auto median = score.median();
  std::string seeds = median ? std::to_string(*median) : score.found() ? "> " + std::to_string(options.seeds_max) : "-";
  if (score.found()) {
    seeds += fmt::format(" ({} of {})", score.seeds.size(), score.campaigns);
  }
  const std::string first =
      score.found_by ? fmt::format("{} {}", *score.found_by, name_of(score_profile(*score.found_by))) : "";
  fmt::print("{:<24} {:<13} {:<8} {:<18} {:<16} {}\n", score.info.name, score.info.kind,
             score.reached ? "reached" : "never", score.found() ? seeds : "NOT FOUND", first,
             score.found() ? one_line(score.account) : std::string(score.info.text));
  std::fflush(stdout);
}

int run_score(const ScoreArgs& args, const std::function<bool()>& stop) {
  const auto start = std::chrono::steady_clock::now();
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  std::vector<BugScore> scores;
  std::vector<planted::BugInfo> chosen;
  std::ranges::copy_if(planted::kBugs, std::back_inserter(chosen),
                       [&](const planted::BugInfo& bug) { return is_chosen(args, bug); });
  fmt::print("{:<24} {:<13} {:<8} {:<18} {:<16} {}\n", "bug", "kind", "", "seeds to find", "first seed",
             "what it says");
  for (const planted::BugInfo& bug : chosen) {
    if (terminal) {
      fmt::print(stderr, "\r{} of {}: {}   ", scores.size() + 1, chosen.size(), bug.name);
      std::fflush(stderr);
    }
    BugScore score = score_bug(bug, args.options, stop);
    if (terminal) {
      fmt::print(stderr, "\r\033[K");
    }
    if (score.interrupted && !score.found()) {
      fmt::print("interrupted\n");
      return 130;
    }
    if (score.fails_without) {
      fmt::print("FAILED seed {}, without any planted bug: {}\n", *score.fails_without, score.account);
      return 1;
    }
    print_row(score, args.options);
    scores.push_back(std::move(score));
  }
  const auto count = [&](auto what) { return std::ranges::count_if(scores, what); };
  const auto reached = count([](const BugScore& score) { return score.reached; });
  const auto found = count([](const BugScore& score) { return score.found(); });
  const auto within = count([&](const BugScore& score) { return score.median().has_value(); });
  fmt::print("\n{} bugs planted: {} reached, {} found, {} of them in at least half of the campaigns of {} seeds\n",
             scores.size(), reached, found, within, args.options.seeds_max);
  std::vector<uint64_t> medians;
  for (const BugScore& score : scores) {
    if (const auto median = score.median()) {
      medians.push_back(*median);
    }
  }
  std::ranges::sort(medians);
  if (!medians.empty()) {
    fmt::print("seeds to find, over the bugs: half within {}, nine of ten within {}, all within {}\n",
               medians[medians.size() / 2], medians[medians.size() * 9 / 10], medians.back());
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("time  {:.0f} s\n", seconds.count());
  fmt::print("to see one: holdfast-sim report --seed SEED --profile PROFILE --planted BUG --html FILE\n");
  const bool all = scores.size() == chosen.size() && within == static_cast<ptrdiff_t>(scores.size());
  return all ? 0 : 1;
}

}  // namespace

void add_score_command(CLI::App& app, std::function<int()>& run, const std::function<bool()>& stop) {
  auto args = std::make_shared<ScoreArgs>();
  args->options.jobs = std::max(1U, std::thread::hardware_concurrency());
  CLI::App* command = app.add_subcommand("score", "Switch on the planted bugs, one by one, and see what finds them");
  command->add_option("--bug", args->bugs, "Only this one; may be said several times")
      ->check(check_bug_name)
      ->allow_extra_args(false);
  command->add_option("--seeds", args->options.seeds_max, "Most seeds of a campaign")->capture_default_str();
  command->add_option("--campaigns", args->options.campaigns, "Campaigns for each bug")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--start", args->options.first_seed, "The first seed")->capture_default_str();
  command->add_option("--jobs", args->options.jobs, "Worker processes")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->callback([args, &run, stop] { run = [args, stop] { return run_score(*args, stop); }; });
}

}  // namespace holdfast::sim
