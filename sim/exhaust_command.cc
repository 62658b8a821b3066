#include "sim/exhaust_command.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "sim/exhaust_fleet.h"

namespace holdfast::sim {

namespace {

using SteadyClock = std::chrono::steady_clock;
double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

const std::map<std::string, Origin> kOrigins = {{"empty", Origin::kEmpty}, {"prepared", Origin::kPrepared}};
const std::map<std::string, LogMode> kLogModes = {{"log", LogMode::kLog}, {"no-log", LogMode::kNone}};
const std::map<std::string, AtomicUnit> kUnits = {{"sector", AtomicUnit::kSector}, {"block", AtomicUnit::kBlock}};
constexpr const char* kAll = "all";

template <class Value>
std::string name_in(const std::map<std::string, Value>& names, Value value) {
  for (const auto& [name, each] : names) {
    if (each == value) {
      return name;
    }
  }
  return "?";
}

void print_summary(const ExhaustCounts& counts, size_t program_count, double seconds) {
  fmt::print("  programs         {} of {}\n", counts.programs, program_count);
  fmt::print("  moments          {} of programs; at {} the bound left images out\n", counts.points, counts.cut_short);
  fmt::print("  images           {}, {} of them distinct with what is allowed; {} recovered\n", counts.images,
             counts.distinct, counts.recoveries);
  fmt::print("  second crashes   {} moments of recoveries, at {} the bound left images out; {} images, {} recovered\n",
             counts.second_points, counts.second_cut_short, counts.second_images, counts.second_distinct);
  fmt::print("  digest           {:016x}\n", counts.digest);
  const auto images = static_cast<double>(counts.images + counts.second_images);
  const auto recovered = static_cast<double>(counts.recoveries + counts.second_distinct);
  fmt::print("  time             {:.1f} s, {:.0f} images/s, {:.0f} recoveries/s\n", seconds,
             seconds > 0 ? images / seconds : 0.0, seconds > 0 ? recovered / seconds : 0.0);
}

std::string operation_names() {
  std::string names;
  for (size_t op = 0; op < static_cast<size_t>(Op::kCount); ++op) {
    names += (names.empty() ? "" : ", ") + std::string(name_of(static_cast<Op>(op)));
  }
  return names;
}

}  // namespace

struct ExhaustCommand::Arguments {
  size_t length = 2;
  uint32_t jobs = std::max(1U, std::thread::hardware_concurrency());
  std::string origin = kAll;
  std::string log = kAll;
  std::string unit = "sector";
  ExhaustBounds bounds;
  std::string program;
  uint64_t point = 0;
  std::string image;

  std::vector<ExhaustSetup> setups() const {
    std::vector<ExhaustSetup> all;
    for (const auto& [origin_name, from] : kOrigins) {
      for (const auto& [log_name, mode] : kLogModes) {
        if ((origin == kAll || origin == origin_name) && (log == kAll || log == log_name)) {
          all.push_back({from, mode, kUnits.at(unit)});
        }
      }
    }
    return all;
  }

  std::string describe(const ExhaustSetup& setup) const {
    return fmt::format("--from {} --config {} --unit {} --images {} --second-images {}",
                       name_in(kOrigins, setup.origin), name_in(kLogModes, setup.log),
                       name_in(kUnits, setup.atomic_unit), bounds.images, bounds.second_images);
  }
  std::string reproduction(const ExhaustSetup& setup, const ExhaustFailure& failure) const {
    std::string text =
        fmt::format("holdfast-sim exhaust {} --program \"{}\"", describe(setup), to_string(failure.program));
    if (failure.point != 0) {
      text += fmt::format(" --point {} --image {}", failure.point, failure.image);
    }
    return text;
  }

  ExhaustReport explore_one(const ExhaustSetup& setup, const std::function<bool()>& stop) const {
    ExhaustFocus focus;
    if (point != 0) {
      focus.point = point;
    }
    if (!image.empty()) {
      focus.image = image;
    }
    ExhaustReport report;
    Explorer explorer(setup, bounds, nullptr, stop);
    if (const auto failure = explorer.explore(*program_from(program), 0, focus)) {
      report.failures.push_back(*failure);
    }
    report.counts = explorer.take_counts();
    report.interrupted = stop();
    return report;
  }

  ExhaustReport explore_all(const ExhaustSetup& setup, const std::vector<ExhaustProgram>& programs,
                            const std::function<bool()>& stop) const {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    auto shown_at = SteadyClock::now() - std::chrono::seconds(1);
    const auto progress = [&](const ExhaustReport& so_far) {
      if (terminal && seconds_since(shown_at) > 0.2) {
        shown_at = SteadyClock::now();
        fmt::print(stderr, "\r{} of {} programs, {} images   ", so_far.counts.programs, programs.size(),
                   so_far.counts.images + so_far.counts.second_images);
        std::fflush(stderr);
      }
    };
    ExhaustReport report = exhaust_all(setup, bounds, programs, jobs, progress, stop);
    if (terminal) {
      fmt::print(stderr, "\r\033[K");
    }
    return report;
  }
};

ExhaustCommand::ExhaustCommand(CLI::App& app) : arguments_(std::make_unique<Arguments>()) {
  Arguments& to = *arguments_;
  command_ = app.add_subcommand("exhaust", "Explore all crashes of all short programs");
  command_->add_option("--ops", to.length, "Programs of up to so many operations")
      ->check(CLI::Range(0, 4))
      ->capture_default_str();
  command_->add_option("--jobs", to.jobs, "Worker processes")->check(CLI::Range(1, 256))->capture_default_str();
  command_->add_option("--from", to.origin, "Where programs begin: empty, prepared, all")
      ->check(CLI::IsMember({"empty", "prepared", kAll}))
      ->capture_default_str();
  command_->add_option("--config", to.log, "How the database is opened: log, no-log, all")
      ->check(CLI::IsMember({"log", "no-log", kAll}))
      ->capture_default_str();
  command_->add_option("--unit", to.unit, "What the disk writes whole or not at all: sector, block")
      ->check(CLI::IsMember({"sector", "block"}))
      ->capture_default_str();
  command_->add_option("--images", to.bounds.images, "Power cuts of one moment of a program, at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command_->add_option("--second-images", to.bounds.second_images, "Power cuts of one moment of a recovery, at most")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  CLI::Option* program =
      command_->add_option("--program", to.program, "This program only, at all of its moments")
          ->check([](const std::string& text) {
            return program_from(text) ? std::string() : "an operation has no such name; they are: " + operation_names();
          });
  CLI::Option* point = command_->add_option("--point", to.point, "This moment of it only")
                           ->needs(program)
                           ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}));
  command_->add_option("--image", to.image, "This image only: a number, or \"kill\"")
      ->needs(point)
      ->check([](const std::string& text) {
        const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        return is_number || text == "kill" ? std::string() : "an image is a number, or kill";
      });
}

ExhaustCommand::~ExhaustCommand() = default;

bool ExhaustCommand::parsed() const { return command_->parsed(); }

int ExhaustCommand::run(const std::function<bool()>& stop) const {
  const Arguments& given = *arguments_;
  const bool is_one = command_->count("--program") > 0;
  const std::vector<ExhaustProgram> programs = all_programs(is_one ? 0 : given.length);
  bool failed = false;
  bool interrupted = false;
  for (const ExhaustSetup& setup : given.setups()) {
    const auto start = SteadyClock::now();
    const ExhaustReport report = is_one ? given.explore_one(setup, stop) : given.explore_all(setup, programs, stop);
    if (given.point != 0 && report.counts.images == 0 && !report.interrupted) {
      fmt::print(stderr, "holdfast-sim: the program has no such moment, or the moment no such image, in this setup\n");
      return 2;
    }
    fmt::print("{}\n", given.describe(setup));
    for (const ExhaustFailure& failure : report.failures) {
      fmt::print("FAILED program \"{}\" [{}]\n  {}\n  reproduce: {}\n", to_string(failure.program), failure.where,
                 failure.account, given.reproduction(setup, failure));
    }
    print_summary(report.counts, programs.size(), seconds_since(start));
    failed = failed || !report.failures.empty();
    interrupted = interrupted || report.interrupted;
    if (failed || interrupted) {
      break;
    }
  }
  if (interrupted) {
    fmt::print("interrupted\n");
  }
  return failed ? 1 : interrupted ? 130 : 0;
}

}  // namespace holdfast::sim
