// The recovery plan: the longest run without gaps, nothing acknowledged cut in silence, the same on a second look.
#include "wal/recovery_plan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace holdfast::wal {
namespace {

LaneSummary lane_of(uint16_t lane, std::vector<RecordCsns> records, uint64_t watermark = 0) {
  LaneSummary summary;
  summary.lane = lane;
  summary.records = std::move(records);
  summary.watermark = Csn{watermark};
  summary.end.file = "wal-0" + std::to_string(lane);
  return summary;
}

RecordCsns record(uint64_t first, uint32_t count = 1) { return {Csn{first}, count}; }

TEST(RecoveryPlan, without_lanes_the_checkpoint_is_the_state) {
  const RecoveryPlan plan = plan_recovery(Csn{9}, {});
  EXPECT_EQ(plan.last, Csn{9});
  EXPECT_TRUE(plan.replay.empty() && plan.cut.empty() && !plan.damage);
}

TEST(RecoveryPlan, replays_the_run_across_lanes_and_cuts_what_lies_behind_a_gap) {
  const std::vector<LaneSummary> lanes = {lane_of(0, {record(3), record(11, 3), record(17)}),
                                          lane_of(1, {record(9, 2), record(14), record(16)}, 13)};
  const RecoveryPlan plan = plan_recovery(Csn{8}, lanes);
  EXPECT_EQ(plan.last, Csn{14});
  EXPECT_EQ(plan.replay, (std::vector<RecordRef>{{1, 0}, {0, 1}, {1, 1}}));
  EXPECT_EQ(plan.cut, (std::vector<RecordRef>{{1, 2}, {0, 2}}));
  EXPECT_FALSE(plan.damage);
}

TEST(RecoveryPlan, a_watermark_beyond_the_run_is_damage_in_the_lane_that_can_have_held_it) {
  std::vector<LaneSummary> lanes = {lane_of(0, {record(1), record(4)}, 3), lane_of(1, {record(2)}),
                                    lane_of(2, {record(5)})};
  const RecoveryPlan plan = plan_recovery(Csn{0}, lanes);
  ASSERT_TRUE(plan.damage);
  EXPECT_EQ(plan.damage->file, "wal-01");
  EXPECT_EQ(plan.damage->first_lost, Csn{3});
  EXPECT_EQ(plan.damage->last_lost, Csn{3});
}

TEST(RecoveryPlan, a_damaged_lane_is_damage_even_if_no_watermark_says_so) {
  std::vector<LaneSummary> lanes = {lane_of(0, {record(1)}), lane_of(1, {record(2)})};
  lanes[1].end.kind = LaneEnd::Kind::kDamaged;
  lanes[1].end.offset = 1024;
  lanes[1].last_csn_seen = Csn{7};
  const RecoveryPlan plan = plan_recovery(Csn{0}, lanes);
  ASSERT_TRUE(plan.damage);
  EXPECT_EQ(plan.damage->lane, 1);
  EXPECT_EQ(plan.damage->offset, 1024U);
  EXPECT_EQ(plan.damage->first_lost, Csn{3});
  EXPECT_EQ(plan.damage->last_lost, Csn{7});
  EXPECT_EQ(plan.last, Csn{2});
}

TEST(RecoveryPlan, records_that_overlap_are_damage) {
  EXPECT_TRUE(plan_recovery(Csn{0}, std::vector{lane_of(0, {record(1)}), lane_of(1, {record(1)})}).damage);
  EXPECT_TRUE(plan_recovery(Csn{0}, std::vector{lane_of(0, {record(1, 3)}), lane_of(1, {record(3)})}).damage);
  EXPECT_TRUE(plan_recovery(Csn{2}, std::vector{lane_of(0, {record(1, 3)})}).damage) << "over the checkpoint";
}

// A log as lanes write it: records dealt to lanes, and a suffix of each lane lost.
struct Log {
  Csn checkpoint{};
  std::vector<LaneSummary> lanes;
  std::map<uint64_t, uint32_t> left;  // first csn and count of the records that are left
};

Log draw_log() {
  Log log;
  const auto lane_count = *rc::gen::inRange<size_t>(1, 5);
  for (size_t lane = 0; lane < lane_count; ++lane) {
    log.lanes.push_back(lane_of(static_cast<uint16_t>(lane), {}));
  }
  uint64_t csn = 1;
  for (int count = *rc::gen::inRange(0, 30); count > 0; --count) {
    const auto csn_count = *rc::gen::inRange<uint32_t>(1, 4);
    log.lanes[*rc::gen::inRange<size_t>(0, lane_count)].records.push_back(record(csn, csn_count));
    csn += csn_count;
    if (*rc::gen::inRange(0, 8) == 0) {
      log.checkpoint = Csn{csn - 1};
    }
  }
  for (LaneSummary& lane : log.lanes) {
    const auto lost = *rc::gen::inRange<size_t>(0, 4);
    lane.records.resize(lane.records.size() - std::min(lost, lane.records.size()));
    lane.watermark = Csn{
        *rc::gen::weightedOneOf<uint64_t>({{3, rc::gen::just<uint64_t>(0)}, {1, rc::gen::inRange<uint64_t>(0, csn)}})};
    for (const RecordCsns& left : lane.records) {
      log.left.emplace(to_int(left.first_csn), left.csn_count);
    }
  }
  return log;
}

const RecordCsns& at(const Log& log, const RecordRef& ref) {
  return log.lanes[ref.lane_index].records[ref.record_index];
}

RC_GTEST_PROP(RecoveryPlanOfAnyLog, replays_the_longest_run_without_gaps, ()) {
  const Log log = draw_log();
  const RecoveryPlan plan = plan_recovery(log.checkpoint, log.lanes);
  uint64_t last = to_int(log.checkpoint);
  for (const RecordRef& ref : plan.replay) {
    RC_ASSERT(to_int(at(log, ref).first_csn) == last + 1);
    last += at(log, ref).csn_count;
  }
  RC_ASSERT(to_int(plan.last) == last);
  RC_ASSERT(!log.left.contains(last + 1));
}

RC_GTEST_PROP(RecoveryPlanOfAnyLog, every_record_behind_the_checkpoint_is_replayed_or_cut_once, ()) {
  const Log log = draw_log();
  const RecoveryPlan plan = plan_recovery(log.checkpoint, log.lanes);
  std::multiset<uint64_t> named;
  for (const auto* refs : {&plan.replay, &plan.cut}) {
    for (const RecordRef& ref : *refs) {
      named.insert(to_int(at(log, ref).first_csn));
    }
  }
  std::multiset<uint64_t> expected;
  for (const auto& [first, count] : log.left) {
    if (first > to_int(log.checkpoint)) {
      expected.insert(first);
    }
  }
  RC_ASSERT(named == expected);
}

RC_GTEST_PROP(RecoveryPlanOfAnyLog, nothing_acknowledged_is_cut_in_silence, ()) {
  const Log log = draw_log();
  const RecoveryPlan plan = plan_recovery(log.checkpoint, log.lanes);
  Csn watermark{};
  for (const LaneSummary& lane : log.lanes) {
    watermark = std::max(watermark, lane.watermark);
  }
  RC_CLASSIFY(plan.damage.has_value(), "damage");
  RC_ASSERT(plan.damage.has_value() == (watermark > plan.last));
  if (plan.damage) {
    RC_ASSERT(plan.damage->first_lost == next(plan.last));
    RC_ASSERT(plan.damage->last_lost == watermark);
  }
}

RC_GTEST_PROP(RecoveryPlanOfAnyLog, is_the_same_again_after_a_crash_during_recovery, ()) {
  Log log = draw_log();
  const RecoveryPlan plan = plan_recovery(log.checkpoint, log.lanes);
  std::ranges::reverse(log.lanes);  // in whatever order the lanes are read
  const RecoveryPlan again = plan_recovery(log.checkpoint, log.lanes);
  RC_ASSERT(again.last == plan.last);
  RC_ASSERT(again.replay.size() == plan.replay.size());
  RC_ASSERT(again.cut.size() == plan.cut.size());
  // With a checkpoint of what was replayed there is nothing left to do.
  const RecoveryPlan done = plan_recovery(plan.last, log.lanes);
  RC_ASSERT(done.last == plan.last);
  RC_ASSERT(done.replay.empty());
  RC_ASSERT(done.damage.has_value() == plan.damage.has_value());
}

}  // namespace
}  // namespace holdfast::wal
