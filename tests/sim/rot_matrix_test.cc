// The rot matrix, with fewer bits and places than `holdfast-sim rot-matrix` has: what it must never find, and that it
// would find it.
#include "sim/rot_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

#include "base/planted.h"

namespace holdfast::sim {
namespace {

RotReport run(const RotChoice& choice) {
  return rot_matrix(choice, [](size_t, size_t) {}, [] { return false; });
}

RotChoice few(RotState state) {
  return {.states = {state}, .bounds = {.places = 1, .bits = 1}, .only = "", .kind = {}, .number = {}};
}

uint64_t count(const RotLine& line, RotOutcome outcome) {
  uint64_t total = 0;
  for (const RotCell& cell : line.cells) {
    total += cell.counts[static_cast<size_t>(outcome)];
  }
  return total;
}

// Of both states.
void expect_nothing_wrong(const RotReport& report) {
  ASSERT_EQ(report.broken.value_or(""), "");
  for (const RotDetail& each : report.wrong) {
    ADD_FAILURE() << each.name << " (" << name_of(each.kind) << " " << each.number << "): " << each.damage << ": "
                  << each.finding.text;
  }
  for (const RotLine& line : report.lines) {
    EXPECT_GT(line.cells[static_cast<size_t>(RotKind::kBit)].total(), 0U) << line.name();
    // Damage to what is needed is noticed, or gone.
    EXPECT_TRUE(!line.in_use || count(line, RotOutcome::kHarmless) == 0) << line.name();
    EXPECT_TRUE(count(line, RotOutcome::kTornTail) == 0 || line.structure == "last log frame") << line.name();
  }
}

TEST(RotMatrix, nothing_is_silently_wrong_after_a_power_cut) {
  const RotReport report = run(few(RotState::kCut));
  expect_nothing_wrong(report);
  // May not become fewer.
  EXPECT_GE(report.structures(), 40U);
  EXPECT_GE(report.lines.size(), 529U);
}

TEST(RotMatrix, nothing_is_silently_wrong_after_it_was_closed) {
  const RotReport report = run(few(RotState::kClosed));
  expect_nothing_wrong(report);
  EXPECT_GE(report.structures(), 37U);
  EXPECT_GE(report.lines.size(), 490U);
  EXPECT_EQ(report.total().counts[static_cast<size_t>(RotOutcome::kTornTail)], 0U);
}

TEST(RotMatrix, says_the_same_whatever_the_number_of_workers) {
  const auto text = [](uint32_t jobs) {
    RotChoice choice = few(RotState::kCut);
    choice.only = "last log frame/redo";
    choice.jobs = jobs;
    std::string all;
    for (const RotDetail& each : run(choice).all) {
      all += fmt::format("{} {} {} {} {}\n", each.name, name_of(each.kind), each.number, name_of(each.finding.outcome),
                         each.finding.text);
    }
    return all;
  };
  const std::string alone = text(1);
  EXPECT_NE(alone, "");
  EXPECT_EQ(alone, text(3));
}

class Planted {
 public:
  explicit Planted(planted::Bug bug) { planted::active = bug; }
  ~Planted() { planted::active = planted::Bug::kNone; }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

TEST(RotMatrix, finds_that_a_page_is_not_held_against_its_checksum) {
  const Planted bug(planted::Bug::kPageChecksum);
  RotChoice choice = few(RotState::kCut);
  choice.only = "bucket leaf/values";
  choice.kind = RotKind::kBit;
  const RotReport report = run(choice);
  ASSERT_EQ(report.broken.value_or(""), "");
  EXPECT_FALSE(report.wrong.empty());
}

}  // namespace
}  // namespace holdfast::sim
