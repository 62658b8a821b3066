#include "sim/run_config.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

constexpr auto kStream = Stream::kConfig;
// Keys of choices.
constexpr uint64_t kSegmentProbes = 0x736567;
constexpr uint64_t kFastLog = 0x666173;
constexpr uint64_t kStreams = 0x737472'0000;
constexpr uint64_t kProjections = 0x70726f'0000;
constexpr uint64_t kPins = 0x70696e;

class PlanDice final : public fault::Dice {
 public:
  explicit PlanDice(Decisions& decisions) : decisions_(decisions) {}
  uint64_t below(uint64_t n) override { return decisions_.below(Stream::kFaultPlan, n); }

 private:
  Decisions& decisions_;
};

struct NamedProfile {
  Profile profile;
  std::string_view name;
};
constexpr std::array<NamedProfile, kProfiles.size()> kNames = {{{Profile::kDefault, "default"},
                                                                {Profile::kCrash, "crash"},
                                                                {Profile::kRot, "rot"},
                                                                {Profile::kSmall, "small"},
                                                                {Profile::kPeaceful, "peaceful"}}};

// Weights as they are in an even mix; swarm scales each and switches some off.
constexpr std::array<uint32_t, static_cast<size_t>(Action::kCount)> kActions = {
    60, 20, 10, 10, 6, 6, 4, 8, 4, 8, 2, 2, 2, 1, 2, 4, 12, 6, 3, 1, 1, 2, 1, 1, 16, 16, 10, 3, 4, 3, 2, 1, 4};
constexpr std::array<uint32_t, static_cast<size_t>(Move::kCount)> kMoves = {40, 8, 8, 14, 2, 20, 4, 6, 3,
                                                                            6,  1, 1, 1,  2, 2,  8, 3};

// Those of streams are keyed, so that the other choices of a seed do not depend on them.
constexpr size_t kActionsOfRows = static_cast<size_t>(Action::kAppendBatch);
constexpr size_t kActionsOfStreams = static_cast<size_t>(Action::kFollow);
constexpr size_t kActionsOfProjections = static_cast<size_t>(Action::kPinState);
constexpr size_t kMovesOfRows = static_cast<size_t>(Move::kAppend);

// Pre: both have the same length, at least `count`.
void draw_weights(Decisions& decisions, std::span<const uint32_t> even, size_t count, std::span<uint32_t> weights) {
  for (size_t index = 0; index < count; ++index) {
    const bool off = decisions.chance(kStream, 1, 4);
    const uint64_t scale = decisions.between(kStream, 1, 16);
    weights[index] = off ? 0 : static_cast<uint32_t>(even[index] * scale);
  }
}

fault::Budget budget_of(Profile profile) {
  switch (profile) {
    case Profile::kPeaceful: return fault::Budget::kNone;
    case Profile::kCrash:
    case Profile::kSmall:
    case Profile::kRot: return fault::Budget::kCrashes;
    case Profile::kDefault: return fault::Budget::kLegal;
  }
  return fault::Budget::kNone;
}

void draw_workload(Decisions& decisions, RunConfig& config) {
  config.clients = decisions.pick(kStream, std::array<uint32_t, 10>{1, 1, 1, 1, 2, 2, 3, 4, 5, 8});
  config.operations = static_cast<uint32_t>(decisions.between(kStream, 200, 1800));
  config.bucket_count = static_cast<uint32_t>(decisions.between(kStream, 1, 5));
  config.key_count = decisions.pick(kStream, std::array<uint32_t, 6>{4, 20, 100, 300, 1'000, 4'000});
  config.key_shape = static_cast<KeyShape>(decisions.below(kStream, static_cast<uint64_t>(KeyShape::kCount)));
  config.hot_percent = decisions.pick(kStream, std::array<uint32_t, 3>{0, 30, 90});
  config.value_bytes_max = decisions.pick(kStream, std::array<uint32_t, 5>{8, 40, 100, 300, 1'000});
  config.large_value_one_in = decisions.pick(kStream, std::array<uint32_t, 4>{0, 0, 100, 15});
  config.large_value_bytes_max = decisions.pick(kStream, std::array<uint32_t, 3>{3'000, 20'000, 70'000});
  config.steps_max = decisions.pick(kStream, std::array<uint32_t, 4>{2, 8, 20, 60});
  config.serializable_percent = decisions.pick(kStream, std::array<uint32_t, 3>{0, 30, 100});
  config.lanes_max = decisions.pick(kStream, std::array<uint32_t, 8>{0, 1, 1, 2, 3, 4, 8, 8});
  config.checkpoint_wal_bytes = decisions.pick(
      kStream,
      std::array<uint64_t, 8>{64 << 10, 64 << 10, 64 << 10, 64 << 10, 64 << 10, 256 << 10, 256 << 10, 4 << 20});
  config.background = decisions.chance(kStream, 1, 2);
  config.deferred_percent = decisions.pick(kStream, std::array<uint32_t, 5>{0, 0, 0, 30, 90});
  config.scattered_ledger = decisions.chance(kStream, 1, 2);
  draw_weights(decisions, kActions, kActionsOfRows, config.action_weights);
  draw_weights(decisions, kMoves, kMovesOfRows, config.move_weights);
  // Something must be written.
  config.action_weights[static_cast<size_t>(Action::kTransaction)] += 10;
  config.move_weights[static_cast<size_t>(Move::kPut)] += 10;
}

// How the files of the log are used. Keyed, so that a seed's other choices do not depend on these.
void draw_segments(const Decisions& decisions, RunConfig& config) {
  const auto one_in = [&decisions](uint64_t what, uint64_t n) { return decisions.chance_at(kStream, what, 1, n); };
  if (config.profile != Profile::kPeaceful && one_in(kSegmentProbes, 2)) {
    config.segment_probes_max = 6;
  }
  // In some runs a commit fills much of a segment, so that others take new ones while a checkpoint is being written.
  if (config.lanes_max > 0 && one_in(kFastLog, 4)) {
    config.lanes_max = std::min<uint32_t>(config.lanes_max, 2);
    config.clients = std::max<uint32_t>(config.clients, 4);
    config.background = true;  // so that nobody waits for the checkpoint
    config.segment_probes_max *= 4;
    config.checkpoint_wal_bytes = 256 << 10;
    config.large_value_one_in = 3;
    config.large_value_bytes_max = 20'000;
    config.action_weights[static_cast<size_t>(Action::kCheckpoint)] += 60;
  }
}

void draw_stream_weights(const Decisions& decisions, uint64_t key, std::span<const uint32_t> even, size_t from,
                         std::span<uint32_t> weights) {
  for (size_t index = from; index < weights.size(); ++index) {
    const uint64_t value = decisions.at(kStream, mix(key, index));
    weights[index] = value % 4 == 0 ? 0 : static_cast<uint32_t>(even[index] * (1 + value / 4 % 16));
  }
}

void draw_streams(const Decisions& decisions, RunConfig& config) {
  constexpr std::array<uint32_t, 6> kCounts = {0, 1, 1, 2, 2, 4};
  config.stream_count = kCounts[static_cast<size_t>(decisions.at(kStream, kStreams) % kCounts.size())];
  if (config.stream_count > 0) {
    draw_stream_weights(decisions, kStreams + 1, kActions, kActionsOfRows,
                        std::span(config.action_weights).first(kActionsOfStreams));
    draw_stream_weights(decisions, kStreams + 2, kMoves, kMovesOfRows, config.move_weights);
  }
}

void draw_projections(const Decisions& decisions, RunConfig& config) {
  constexpr std::array<uint32_t, 5> kFollowed = {0, 1, 1, 1, 2};
  const uint64_t drawn = decisions.at(kStream, kProjections);
  config.followed_count = config.stream_count == 0 ? 0 : kFollowed[static_cast<size_t>(drawn % kFollowed.size())];
  config.fed_count = drawn / kFollowed.size() % 2 == 0 ? 1 : 0;
  if (config.followed_count + config.fed_count > 0) {
    draw_stream_weights(decisions, kProjections + 1, kActions, kActionsOfStreams,
                        std::span(config.action_weights).first(kActionsOfProjections));
  }
  if (config.followed_count == 0) {
    config.action_weights[static_cast<size_t>(Action::kFollow)] = 0;
    config.action_weights[static_cast<size_t>(Action::kRebuild)] = 0;
  }
  if (config.fed_count == 0) {
    config.action_weights[static_cast<size_t>(Action::kApplyBatches)] = 0;
  }
}

void draw_pins(const Decisions& decisions, RunConfig& config) {
  const uint64_t drawn = decisions.at(kStream, kPins);
  constexpr auto kPinning = static_cast<size_t>(Action::kPinState);
  config.action_weights[kPinning] =
      drawn % 3 == 0 ? static_cast<uint32_t>(kActions[kPinning] * (1 + drawn / 3 % 16)) : 0;
}

}  // namespace

std::optional<Profile> profile_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &NamedProfile::name);
  return found == kNames.end() ? std::nullopt : std::optional(found->profile);
}

std::string_view name_of(Profile profile) { return std::ranges::find(kNames, profile, &NamedProfile::profile)->name; }

RunConfig RunConfig::draw(Decisions& decisions, Profile profile) {
  RunConfig config;
  config.profile = profile;
  draw_workload(decisions, config);
  config.page_bytes =
      decisions.pick(kStream, std::array<uint32_t, 10>{4096, 4096, 4096, 4096, 4096, 4096, 8192, 8192, 16384, 65536});
  config.cache_bytes = decisions.pick(kStream, std::array<uint64_t, 4>{256 << 10, 256 << 10, 1 << 20, 64 << 20});
  PlanDice dice(decisions);
  config.faults = fault::draw_plan(dice, budget_of(profile));
  config.crashes = static_cast<uint32_t>(decisions.below(kStream, config.faults.power_cut.crashes_max + 1));
  if (profile != Profile::kPeaceful && decisions.chance(kStream, 1, 3)) {
    config.crash_probe_one_in = decisions.pick(kStream, std::array<uint32_t, 3>{5, 20, 100});
    config.crash_probes_max = 12;
  }
  switch (profile) {
    case Profile::kRot: config.rot_probes = 6; break;
    case Profile::kDefault: config.rot_probes = decisions.chance(kStream, 1, 8) ? 2 : 0; break;
    case Profile::kSmall:
      config.operations = static_cast<uint32_t>(decisions.between(kStream, 5, 120));
      config.key_count = decisions.pick(kStream, std::array<uint32_t, 3>{2, 5, 12});
      config.bucket_count = static_cast<uint32_t>(decisions.between(kStream, 1, 2));
      config.steps_max = 4;
      config.crash_probe_one_in = 3;
      config.crash_probes_max = 40;
      break;
    case Profile::kCrash:
    case Profile::kPeaceful: break;
  }
  draw_segments(decisions, config);
  draw_streams(decisions, config);
  draw_projections(decisions, config);
  draw_pins(decisions, config);
  if (profile == Profile::kRot) {
    config.loss_probes = 6;
  } else if (profile == Profile::kDefault || profile == Profile::kCrash) {
    config.loss_probes = decisions.chance(kStream, 1, 2) ? 4 : 0;
  }
  return config;
}

std::string RunConfig::describe() const {
  return fmt::format(
      "profile {}, {} clients, {} operations, {} buckets of {} keys (shape {}), {} streams, {} + {} projections, "
      "values up to {} bytes, "
      "pages of "
      "{}, cache of {} KiB, up to {} lanes, checkpoints at {} KiB{}, {} % deferred, {} crashes",
      name_of(profile), clients, operations, bucket_count, key_count, static_cast<int>(key_shape), stream_count,
      followed_count, fed_count, value_bytes_max, page_bytes, cache_bytes / 1024, lanes_max,
      checkpoint_wal_bytes / 1024, background ? " in the background" : "", deferred_percent, crashes);
}

Options RunConfig::draw_options(Decisions& decisions, Env& env) const {
  Options options;
  options.page_bytes = page_bytes;
  options.cache_bytes = cache_bytes;
  options.checkpoint_wal_bytes = checkpoint_wal_bytes;
  options.background = false;
  options.checkpoint_every_commit = lanes_max == 0 || decisions.chance(kStream, 1, 16);
  options.lanes = static_cast<uint16_t>(1 + decisions.below(kStream, std::max<uint32_t>(lanes_max, 1)));
  options.stream_segment_bytes = uint64_t{4096} << decisions.below(kStream, 7);
  options.env = &env;
  return options;
}

}  // namespace holdfast::sim
