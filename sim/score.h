// Score: what the simulator finds of the bugs that are planted in the engine (base/planted.h), and after how many
// seeds.
//
// A campaign switches one bug on and runs seeds, in the profiles of kScoreProfiles in turn, until one fails. The median
// over several campaigns, each from another first seed, is the bug's score.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/planted.h"
#include "sim/run_config.h"

namespace holdfast::sim {

inline constexpr std::array kScoreProfiles{Profile::kDefault, Profile::kSmall, Profile::kCrash, Profile::kRot};

constexpr Profile score_profile(uint64_t seed) { return kScoreProfiles[seed % kScoreProfiles.size()]; }

struct ScoreOptions {
  uint64_t first_seed = 1;
  uint64_t seeds_max = 2000;  // of a campaign
  uint32_t campaigns = 3;
  uint32_t jobs = 1;
};

struct BugScore {
  planted::BugInfo info{};
  bool reached = false;
  std::vector<uint64_t> seeds;            // that each campaign took; those that found nothing are not in it
  uint32_t campaigns = 0;                 // that were run
  std::optional<uint64_t> found_by;       // the first seed that failed
  std::optional<uint64_t> fails_without;  // a seed that fails without any planted bug: the engine has one of its own
  std::string account;                    // of it
  bool interrupted = false;

  bool found() const { return !seeds.empty(); }
  // Campaigns that found nothing count as more than any. Null: so does the median.
  std::optional<uint64_t> median() const;
};

// `stop` is asked often; true: no more seeds.
BugScore score_bug(const planted::BugInfo& bug, const ScoreOptions& options, const std::function<bool()>& stop);

// kNone: there is none of that name.
planted::Bug bug_named(std::string_view name);
// Empty, or why it is no name of a planted bug.
std::string check_bug_name(const std::string& name);

}  // namespace holdfast::sim
