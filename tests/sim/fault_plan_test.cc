// Fault plans: drawn within their budget, by swarm, and described by one table.
#include "fault/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "fault/table.h"
#include "sim/random.h"

namespace holdfast::fault {
namespace {

class TestDice final : public Dice {
 public:
  explicit TestDice(uint64_t seed) : decisions_(seed) {}
  uint64_t below(uint64_t n) override { return decisions_.below(sim::Stream::kFaultPlan, n); }

 private:
  sim::Decisions decisions_;
};

FaultPlan plan_of(uint64_t seed, Budget budget) {
  TestDice dice(seed);
  return draw_plan(dice, budget);
}

TEST(FaultPlan, injects_nothing_beyond_its_budget) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const FaultPlan none = plan_of(seed, Budget::kNone);
    EXPECT_EQ(none.power_cut.crashes_max, 0U);
    EXPECT_FALSE(none.touches_io());
    EXPECT_EQ(none.clock_jump.one_in, 0U);
    const FaultPlan crashes = plan_of(seed, Budget::kCrashes);
    EXPECT_GT(crashes.power_cut.crashes_max, 0U);
    EXPECT_FALSE(crashes.touches_io());
    EXPECT_EQ(plan_of(seed, Budget::kLegal).worst_class(), Class::kLegal);
    EXPECT_NE(plan_of(seed, Budget::kDetected).worst_class(), Class::kOutOfContract);
  }
}

TEST(FaultPlan, leaves_each_fault_out_of_many_plans_and_puts_it_into_many) {
  std::map<std::string, int> on;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const FaultPlan plan = plan_of(seed, Budget::kDetected);
    on["short_transfer"] += plan.short_transfer.one_in != 0;
    on["sync_fails"] += plan.sync_fails.one_in != 0;
    on["directory_sync_fails"] += plan.directory_sync_fails.one_in != 0;
    on["cache_eviction"] += plan.cache_eviction.one_in != 0;
    on["io_error.read"] += plan.io_error.read_one_in != 0;
    on["io_error.write"] += plan.io_error.write_one_in != 0;
    on["no_space"] += plan.no_space.one_in != 0;
    on["clock_jump"] += plan.clock_jump.one_in != 0;
    on["bit_rot"] += plan.bit_rot.one_in != 0;
    on["zeroed_sector"] += plan.zeroed_sector.one_in != 0;
    on["stale_sector"] += plan.stale_sector.one_in != 0;
    on["latent_sector"] += plan.latent_sector.one_in != 0;
    on["lost_write"] += plan.lost_write.one_in != 0;
    on["misdirected_write"] += plan.misdirected_write.one_in != 0;
    on["misdirected_read"] += plan.misdirected_read.one_in != 0;
  }
  for (const auto& [name, count] : on) {
    EXPECT_GT(count, 150) << name;
    EXPECT_LT(count, 250) << name;
  }
}

TEST(FaultPlan, is_the_same_for_the_same_seed) {
  std::set<std::string> kinds;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(plan_of(seed, Budget::kDetected).bit_rot.one_in, plan_of(seed, Budget::kDetected).bit_rot.one_in);
    EXPECT_EQ(plan_of(seed, Budget::kDetected).power_cut.one_in, plan_of(seed, Budget::kDetected).power_cut.one_in);
  }
}

TEST(FaultTable, names_every_kind_once_with_its_rules) {
  std::set<std::string_view> names;
  for (const FaultInfo& info : kFaults) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.rules.empty()) << info.name;
  }
  EXPECT_EQ(info(Kind::kSyncFails).fault_class, Class::kLegal);
  EXPECT_EQ(info(Kind::kBitRot).fault_class, Class::kDetected);
  EXPECT_EQ(info(Kind::kLyingFlush).fault_class, Class::kOutOfContract);
}

}  // namespace
}  // namespace holdfast::fault
