#include "fault/plan.h"

#include <algorithm>
#include <array>

namespace holdfast::fault {

namespace {

// Off in half of all plans; otherwise one of the rates.
template <size_t kSize>
uint32_t rate(Dice& dice, const std::array<uint32_t, kSize>& rates) {
  if (dice.below(2) == 0) {
    return 0;
  }
  return rates[static_cast<size_t>(dice.below(kSize))];
}

constexpr std::array<uint32_t, 3> kOften = {10, 50, 200};
constexpr std::array<uint32_t, 3> kSometimes = {50, 300, 2000};
constexpr std::array<uint32_t, 3> kClockReadings = {1, 4, 16};
constexpr std::array<uint32_t, 3> kRarely = {200, 1000, 5000};

void draw_crashes(Dice& dice, FaultPlan& plan) {
  static constexpr std::array<uint32_t, 4> kOperationsBetween = {30, 100, 300, 1000};
  plan.power_cut.crashes_max = 1 + static_cast<uint32_t>(dice.below(6));
  plan.power_cut.one_in = kOperationsBetween[static_cast<size_t>(dice.below(kOperationsBetween.size()))];
  static constexpr std::array<uint32_t, 4> kKills = {0, 50, 50, 100};
  plan.process_kill.percent_of_crashes = kKills[static_cast<size_t>(dice.below(kKills.size()))];
}

void draw_errors(Dice& dice, FaultPlan& plan) {
  plan.short_transfer.one_in = rate(dice, kOften);
  plan.cache_eviction.one_in = rate(dice, kOften);
  plan.sync_fails.one_in = rate(dice, kSometimes);
  plan.directory_sync_fails.one_in = rate(dice, kSometimes);
  plan.io_error.read_one_in = rate(dice, kRarely);
  plan.io_error.write_one_in = rate(dice, kRarely);
  plan.io_error.name_change_one_in = rate(dice, kSometimes);
  plan.no_space.one_in = rate(dice, kOften);
  plan.no_space.duration_max = 1 + static_cast<uint32_t>(dice.below(32));
}

// Part of every plan with crashes: no error comes of it, so that nothing needs to be forgiven for it.
void draw_clock(Dice& dice, FaultPlan& plan) {
  plan.clock_jump.one_in = rate(dice, kClockReadings);
  plan.clock_jump.jump_seconds_max = uint64_t{1} << dice.below(30);
}

void draw_damage(Dice& dice, FaultPlan& plan) {
  plan.bit_rot.one_in = rate(dice, kRarely);
  plan.zeroed_sector.one_in = rate(dice, kRarely);
  plan.stale_sector.one_in = rate(dice, kRarely);
  plan.latent_sector.one_in = rate(dice, kRarely);
  plan.lost_write.one_in = rate(dice, kRarely);
  plan.misdirected_write.one_in = rate(dice, kRarely);
  plan.misdirected_read.one_in = rate(dice, kRarely);
  plan.torn_neighbour.percent_of_units = dice.below(4) == 0 ? 1 + static_cast<uint32_t>(dice.below(50)) : 0;
  plan.foreign_file.one_in = dice.below(8) == 0 ? 4 : 0;
}

}  // namespace

FaultPlan draw_plan(Dice& dice, Budget budget) {
  FaultPlan plan;
  if (budget >= Budget::kCrashes) {
    draw_crashes(dice, plan);
  }
  if (budget >= Budget::kLegal) {
    draw_errors(dice, plan);
  }
  if (budget >= Budget::kCrashes) {
    draw_clock(dice, plan);
  }
  if (budget >= Budget::kDetected) {
    draw_damage(dice, plan);
  }
  return plan;
}

Class FaultPlan::worst_class() const {
  if (lying_flush.one_in != 0) {
    return Class::kOutOfContract;
  }
  const std::array<uint32_t, 9> damage = {
      bit_rot.one_in,     zeroed_sector.one_in,     stale_sector.one_in,     latent_sector.one_in,
      lost_write.one_in,  misdirected_write.one_in, misdirected_read.one_in, torn_neighbour.percent_of_units,
      foreign_file.one_in};
  return std::any_of(damage.begin(), damage.end(), [](uint32_t one_in) { return one_in != 0; }) ? Class::kDetected
                                                                                                : Class::kLegal;
}

bool FaultPlan::touches_io() const {
  return worst_class() != Class::kLegal ||
         (short_transfer.one_in | cache_eviction.one_in | sync_fails.one_in | directory_sync_fails.one_in |
          io_error.read_one_in | io_error.write_one_in | io_error.name_change_one_in | no_space.one_in) != 0;
}

}  // namespace holdfast::fault
