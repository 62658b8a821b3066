// Planted bugs and their score: what it says is so.
#include "sim/score.h"

#include <set>

#include <gtest/gtest.h>

namespace holdfast::sim {
namespace {

const planted::BugInfo& info_of(planted::Bug bug) {
  return *std::ranges::find(planted::kBugs, bug, &planted::BugInfo::bug);
}

TEST(Score, every_planted_bug_has_a_name_a_kind_and_a_text_of_its_own) {
  EXPECT_GE(planted::kBugs.size(), 60U);
  std::set<std::string_view> names;
  std::set<std::string_view> texts;
  for (const planted::BugInfo& bug : planted::kBugs) {
    EXPECT_TRUE(names.insert(bug.name).second) << bug.name;
    EXPECT_TRUE(texts.insert(bug.text).second) << bug.text;
    EXPECT_FALSE(bug.kind.empty());
    EXPECT_EQ(bug_named(bug.name), bug.bug);
  }
  EXPECT_EQ(bug_named("Nothing"), planted::Bug::kNone);
}

TEST(Score, a_sync_that_is_left_out_is_found_within_a_few_seeds) {
  const ScoreOptions options{.first_seed = 1, .seeds_max = 100, .campaigns = 2, .jobs = 2};
  const BugScore score = score_bug(info_of(planted::Bug::kLogSync), options, [] { return false; });
  EXPECT_TRUE(score.reached);
  EXPECT_EQ(score.seeds.size(), 2U);
  ASSERT_TRUE(score.median().has_value());
  EXPECT_LE(*score.median(), 50U);
  EXPECT_FALSE(score.account.empty());
  EXPECT_FALSE(score.fails_without.has_value());
  EXPECT_EQ(planted::active, planted::Bug::kNone) << "only the processes of the campaign have it";
}

TEST(Score, what_is_not_found_has_no_median) {
  // Nothing is found in no seeds at all, and one of three campaigns is less than half.
  const ScoreOptions options{.first_seed = 1, .seeds_max = 0, .campaigns = 3, .jobs = 1};
  BugScore score = score_bug(info_of(planted::Bug::kLogSync), options, [] { return false; });
  EXPECT_FALSE(score.reached);
  EXPECT_FALSE(score.found());
  EXPECT_FALSE(score.median().has_value());
  score.seeds = {7};
  EXPECT_FALSE(score.median().has_value());
  score.seeds = {7, 3};
  EXPECT_EQ(score.median(), 7U);
}

}  // namespace
}  // namespace holdfast::sim
