#include "sim/rot_matrix_command.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "sim/rot_matrix.h"
#include "sim/score.h"

namespace holdfast::sim {

namespace {

using SteadyClock = std::chrono::steady_clock;
double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

constexpr const char* kAll = "all";

const char* name_of(RotState state) { return state == RotState::kCut ? "cut" : "closed"; }

// "12 detected, 3 harmless"
std::string text_of(const RotCell& cell) {
  std::string text;
  for (size_t outcome = 0; outcome < kRotOutcomes; ++outcome) {
    if (cell.counts[outcome] > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", cell.counts[outcome],
                          name_of(static_cast<RotOutcome>(outcome)));
    }
  }
  return text.empty() ? "-" : text;
}

void print_table(const RotReport& report) {
  std::vector<std::vector<std::string>> table = {{"structure / field"}};
  for (size_t kind = 0; kind < kRotKinds; ++kind) {
    table.front().emplace_back(name_of(static_cast<RotKind>(kind)));
  }
  for (const RotLine& line : report.lines) {
    std::vector<std::string>& row = table.emplace_back();
    row.push_back(line.structure + " / " + line.field);
    for (const RotCell& cell : line.cells) {
      row.push_back(text_of(cell));
    }
  }
  std::vector<size_t> widths(1 + kRotKinds);
  for (const auto& row : table) {
    for (size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  for (const auto& row : table) {
    std::string text;
    for (size_t column = 0; column < row.size(); ++column) {
      text += fmt::format("{:<{}}  ", row[column], widths[column]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  }
}

}  // namespace

struct RotMatrixCommand::Arguments {
  RotChoice choice;
  std::string state = kAll;
  std::string kind;
  size_t number = 0;
  std::string planted;

  std::string reproduction(const RotDetail& detail) const {
    std::string text =
        fmt::format("holdfast-sim rot-matrix --only \"{}\" --damage {} --case {} --state {} --places {}", detail.name,
                    sim::name_of(detail.kind), detail.number, name_of(detail.state), choice.bounds.places);
    if (choice.bounds.bits != RotBounds().bits) {
      text += fmt::format(" --bits {}", choice.bounds.bits);
    }
    return planted.empty() ? text : text + " --planted " + planted;
  }
};

RotMatrixCommand::RotMatrixCommand(CLI::App& app) : arguments_(std::make_unique<Arguments>()) {
  Arguments& to = *arguments_;
  to.choice.jobs = std::max(1U, std::thread::hardware_concurrency());
  command_ = app.add_subcommand("rot-matrix", "Damage every field of every structure on the disk");
  command_->add_option("--jobs", to.choice.jobs, "Worker processes")->check(CLI::Range(1, 256))->capture_default_str();
  command_->add_option("--state", to.state, "How the database was left: cut, closed, all")
      ->check(CLI::IsMember({"cut", "closed", kAll}))
      ->capture_default_str();
  command_->add_option("--places", to.choice.bounds.places, "Of each field so many places are damaged, at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command_->add_option("--bits", to.choice.bounds.bits, "In one place so many bits are turned, one at a time, at most")
      ->check(CLI::Range(1, 1'000'000'000));
  CLI::Option* only = command_->add_option("--only", to.choice.only, "This field only: \"structure/field\"");
  CLI::Option* kind = command_->add_option("--damage", to.kind, "This damage only: bit, zeroed, stale, swapped, eio")
                          ->check(CLI::IsMember({"bit", "zeroed", "stale", "swapped", "eio"}));
  command_->add_option("--case", to.number, "This case of it only, from 0")->needs(only)->needs(kind);
  command_->add_option("--planted", to.planted, "With this planted bug (see score)")->check(check_bug_name);
}

RotMatrixCommand::~RotMatrixCommand() = default;

bool RotMatrixCommand::parsed() const { return command_->parsed(); }

int RotMatrixCommand::run(const std::function<bool()>& stop) const {
  const Arguments& given = *arguments_;
  RotChoice choice = given.choice;
  if (given.state != kAll) {
    choice.states = {given.state == "cut" ? RotState::kCut : RotState::kClosed};
  }
  for (size_t index = 0; index < kRotKinds; ++index) {
    if (name_of(static_cast<RotKind>(index)) == given.kind) {
      choice.kind = static_cast<RotKind>(index);
    }
  }
  if (command_->count("--case") > 0) {
    choice.number = given.number;
  }
  planted::active = given.planted.empty() ? planted::Bug::kNone : bug_named(given.planted);
  const auto start = SteadyClock::now();
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  auto shown_at = start - std::chrono::seconds(1);
  const auto progress = [&](size_t done, size_t total) {
    if (terminal && seconds_since(shown_at) > 0.2) {
      shown_at = SteadyClock::now();
      fmt::print(stderr, "\r{} of {} damaged copies   ", done, total);
      std::fflush(stderr);
    }
  };
  const RotReport report = rot_matrix(choice, progress, stop);
  if (terminal) {
    fmt::print(stderr, "\r\033[K");
  }
  if (report.broken) {
    fmt::print("FAILED before anything was damaged: {}\n", *report.broken);
    return 1;
  }
  const RotCell total = report.total();
  if (total.total() == 0 && !report.interrupted) {
    fmt::print(stderr, "holdfast-sim: there is no such field, damage or case; without --only all of them are listed\n");
    return 2;
  }
  for (const RotDetail& each : report.all) {
    fmt::print("{} {} {} of the {} database: {}{}{}\n  {}\n", name_of(each.kind), each.number, each.damage,
               name_of(each.state), name_of(each.finding.outcome), each.finding.text.empty() ? "" : ": ",
               each.finding.text, given.reproduction(each));
  }
  if (report.all.empty()) {
    print_table(report);
  }
  for (const RotDetail& each : report.wrong) {
    fmt::print("FAILED {} ({}): {}: {}\n  reproduce: {}\n", each.name, name_of(each.kind), each.damage,
               each.finding.text, given.reproduction(each));
  }
  fmt::print("structures  {}, with {} fields\n", report.structures(), report.lines.size());
  fmt::print("cases       {}: {}\n", total.total(), text_of(total));
  fmt::print("images      {} damaged copies in {:.1f} s\n", report.images, seconds_since(start));
  if (report.interrupted) {
    fmt::print("interrupted\n");
  }
  return !report.wrong.empty() ? 1 : report.interrupted ? 130 : 0;
}

}  // namespace holdfast::sim
