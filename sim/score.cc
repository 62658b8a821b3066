#include "sim/score.h"

#include <algorithm>

#include "sim/fleet.h"

namespace holdfast::sim {

namespace {

// Seeds of different campaigns do not overlap.
constexpr uint64_t kCampaignDistance = 100'000;
// A process that does not end is a finding, too.
constexpr uint32_t kSecondsPerSeedMax = 30;

}  // namespace

std::optional<uint64_t> BugScore::median() const {
  std::vector<uint64_t> sorted = seeds;
  std::ranges::sort(sorted);
  const size_t middle = campaigns / 2;
  return middle < sorted.size() ? std::optional(sorted[middle]) : std::nullopt;
}

planted::Bug bug_named(std::string_view name) {
  const auto found = std::ranges::find(planted::kBugs, name, &planted::BugInfo::name);
  return found != planted::kBugs.end() ? found->bug : planted::Bug::kNone;
}

std::string check_bug_name(const std::string& name) {
  return bug_named(name) != planted::Bug::kNone ? std::string() : "there is no planted bug named " + name;
}

BugScore score_bug(const planted::BugInfo& bug, const ScoreOptions& options, const std::function<bool()>& stop) {
  BugScore score;
  score.info = bug;
  for (uint32_t campaign = 0; campaign < options.campaigns && !score.interrupted; ++campaign) {
    FleetOptions fleet;
    const uint64_t campaign_seed = options.first_seed + campaign * kCampaignDistance;
    fleet.first_seed = campaign_seed;
    fleet.seed_count = options.seeds_max;
    fleet.jobs = options.jobs;
    fleet.profiles.assign(kScoreProfiles.begin(), kScoreProfiles.end());
    fleet.planted = bug.bug;
    fleet.fail_fast = true;
    fleet.seconds_per_seed_max = kSecondsPerSeedMax;
    const FleetReport report = run_fleet(fleet, [](const FleetReport&) {}, stop);
    score.interrupted = report.interrupted;
    score.reached = score.reached || report.counters.planted_reached > 0 || !report.failures.empty();
    if (!report.failures.empty()) {
      const SeedFailure& first = report.failures.front();
      fleet.first_seed = first.seed;
      fleet.seed_count = 1;
      fleet.planted = planted::Bug::kNone;
      if (const FleetReport again = run_fleet(fleet, [](const FleetReport&) {}, stop); !again.failures.empty()) {
        score.account = again.failures.front().account;
        score.fails_without = first.seed;
        return score;
      }
      score.seeds.push_back(first.seed - campaign_seed + 1);
      if (!score.found_by) {
        score.found_by = first.seed;
        score.account = first.account;
      }
    }
    ++score.campaigns;
  }
  return score;
}

}  // namespace holdfast::sim
