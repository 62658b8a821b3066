// What loss probes do to a killed database, and that they see what they are for.
#include "sim/loss_probe.h"

#include <gtest/gtest.h>

#include <holdfast/database.h>

#include "sim/copy_process.h"
#include "sim/log_loss.h"

namespace holdfast::sim {
namespace {

// A database of which nothing is in the tree, killed.
class LossProbe : public testing::Test {
 protected:
  LossProbe() {
    config_.page_bytes = 4096;
    config_.lanes_max = 1;
    Decisions decisions(7);
    CopyProcess process(context(false), disk_, decisions, trace_, nullptr);
    Database database = process.open().value();
    for (uint64_t commit = 1; commit <= kCommits; ++commit) {
      TxnLog log;
      log.blind = true;
      const std::string key = "k" + std::to_string(commit);
      log.put(oracle_.model().bucket("bucket0"), key, "v");
      EXPECT_TRUE(database.put("bucket0", key, "v"));
      EXPECT_EQ(oracle_.model().apply(log), std::nullopt);
    }
    killed_ = disk_;
    killed_.process_kill();
  }
  CopyContext context(bool created = true) { return {config_, oracle_, counters_, VirtualTime{}, created}; }

  static constexpr uint64_t kCommits = 30;
  RunConfig config_;
  Oracle oracle_;
  Counters counters_;
  Trace trace_;
  SimDisk disk_;
  SimDisk killed_;
};

TEST_F(LossProbe, a_recovery_keeps_every_promise_wherever_it_is_cut_off) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const CopyResult result = loss_probe(context(), killed_, Decisions(seed));
    EXPECT_EQ(result.verdict.value_or("kept"), "kept") << "seed " << seed;
    EXPECT_EQ(oracle_.model().newest_csn(), kCommits) << "seed " << seed;
  }
  EXPECT_GT(counters_.losses, 50U);
  EXPECT_GT(counters_.loss_crashes, 50U);
}

TEST_F(LossProbe, what_is_intact_ends_before_the_first_frame_that_was_hit) {
  uint64_t beginnings = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Decisions decisions(seed);
    SimDisk copy = killed_;
    CopyProcess process(context(), copy, decisions, trace_, nullptr);
    const auto log = process.inspect_log();
    ASSERT_TRUE(log);
    LogLoss loss(*log, copy);
    EXPECT_EQ(loss.intact_csn(), kCommits);
    if (loss.inflict(copy, LogLoss::Reach::kFilesToo, decisions).empty()) {
      continue;
    }
    const auto plan = CopyProcess(context(), copy, decisions, trace_, nullptr).inspect_log().value().plan();
    EXPECT_GE(to_int(plan.last), loss.intact_csn()) << "seed " << seed;
    beginnings += loss.intact_csn() > 0 && loss.intact_csn() < kCommits ? 1U : 0U;
  }
  EXPECT_GT(beginnings, 20U);
}

}  // namespace
}  // namespace holdfast::sim
