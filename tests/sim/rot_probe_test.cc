// R25 to R27 at rest: what rot probes do to a copy of the disk, and what they know of the pages that they hit.
#include <gtest/gtest.h>

#include <algorithm>

#include <holdfast/database.h>

#include "format/overflow.h"
#include "sim/copy_process.h"
#include "sim/damage.h"
#include "sim/live_pages.h"
#include "sim/rot_damage.h"

namespace holdfast::sim {
namespace {

// A closed database with branches and overflow values, and the oracle's model of it.
class RotProbe : public testing::Test {
 protected:
  RotProbe() {
    config_.page_bytes = 4096;
    config_.cache_bytes = 256 * 1024;
    Decisions decisions(7);
    Trace trace;
    CopyProcess process(context(false), disk_, decisions, trace, nullptr);
    Database database = process.open().value();
    for (int commit = 1; commit <= 60; ++commit) {
      TxnLog log;
      log.blind = true;
      const std::string key = std::string(300, 'k') + std::to_string(commit);
      const std::string value(static_cast<size_t>(commit) * 100, 'v');
      log.put(oracle_.model().bucket("bucket0"), key, value);
      EXPECT_TRUE(database.put("bucket0", key, value));
      EXPECT_EQ(oracle_.model().apply(log), std::nullopt);
    }
    report_ = database.check().value();
  }
  CopyContext context(bool created = true) { return {config_, oracle_, counters_, VirtualTime{}, created}; }
  static uint32_t tree_of(const SimDisk& disk) { return disk.find(*disk.find_directory("db"), "tree").value(); }

  RunConfig config_;
  Oracle oracle_;
  Counters counters_;
  SimDisk disk_;
  CheckReport report_;
};

TEST_F(RotProbe, knows_the_pages_in_use_as_check_does) {
  const Inode& tree = disk_.file(tree_of(disk_));
  const auto meta = newest_meta(tree);
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->csn, Csn{60});
  uint64_t pages = meta->free_map.is_null() ? 0 : 1;
  std::array<uint64_t, 6> kinds{};
  for (const LivePage& page : live_pages(tree)) {
    pages += page.bytes / config_.page_bytes;
    ++kinds[static_cast<size_t>(page.kind)];
  }
  EXPECT_EQ(pages, report_.reachable_pages);
  EXPECT_GT(kinds[static_cast<size_t>(format::PageKind::kLeaf)], 1U);
  EXPECT_GT(kinds[static_cast<size_t>(format::PageKind::kBranch)], 0U);
  EXPECT_GE(kinds[static_cast<size_t>(format::PageKind::kOverflow)], 50U) << "values above a quarter page";
}

TEST_F(RotProbe, says_which_pages_in_use_were_damaged) {
  uint64_t forged = 0;
  uint64_t hits = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SimDisk copy = disk_;
    Decisions decisions(seed);
    const RotDamage done = damage_at_rest(context(), copy, AtRest::kClosed, decisions);
    const uint32_t tree = tree_of(copy);
    const std::vector<Damage> damage = list_damage(copy);
    EXPECT_EQ(done.text.empty(), damage.empty()) << done.text;
    for (const LivePage& page : live_pages(disk_.file(tree))) {
      const bool listed =
          std::ranges::any_of(done.live, [&](const LivePage& hit) { return hit.offset == page.offset; });
      EXPECT_EQ(listed, is_damaged(copy, tree, page.offset, page.bytes)) << done.text;
      hits += listed ? 1U : 0U;
    }
    if (done.is_forged) {
      ++forged;
      ASSERT_EQ(done.live.size(), 1U);
      std::vector<std::byte> bytes(done.live[0].bytes);
      copy.file(tree).read(done.live[0].offset, bytes);
      const auto is = bytes;
      format::seal_page(bytes, format::checksum_seed_of(newest_meta(copy.file(tree))->database_id));
      EXPECT_EQ(is, bytes) << "the checksum of a forged page is right";
    }
  }
  EXPECT_GT(forged, 20U);
  EXPECT_GT(hits, 150U);
}

TEST_F(RotProbe, leaves_the_model_as_it_was_and_takes_every_way) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const CopyResult result = rot_probe(context(), disk_, AtRest::kClosed, Decisions(seed));
    EXPECT_EQ(result.verdict.value_or("kept"), "kept") << "seed " << seed;
    EXPECT_EQ(oracle_.model().newest_csn(), 60U) << "seed " << seed;
  }
  using fault::Kind;
  for (const Kind kind : {Kind::kBitRot, Kind::kZeroedSector, Kind::kLatentSector, Kind::kLostWrite,
                          Kind::kMisdirectedRead, Kind::kForgedPage}) {
    EXPECT_GT(counters_.faults[static_cast<size_t>(kind)], 0U) << fault::info(kind).name;
  }
}

// An attempt at commit 61 is cut off, another commit 61 follows, and a page of the attempt is back.
TEST_F(RotProbe, R27_a_page_of_an_attempt_that_was_cut_off_is_noticed) {
  Trace trace;
  Decisions decisions(5);
  const auto put = [&](std::string_view value, bool cut_off) {
    CopyProcess process(context(), disk_, decisions, trace, nullptr);
    Database database = process.open().value();
    if (cut_off) {
      process.kill_before_sync();
    }
    EXPECT_EQ(database.put("bucket0", "key", value).has_value(), !cut_off);
  };
  put("never committed", true);
  disk_.process_kill();
  const Inode& tree = disk_.file(tree_of(disk_));
  std::vector<std::byte> before(tree.size());
  tree.read_truth(0, before);
  put("committed", false);
  EXPECT_EQ(newest_meta(disk_.file(tree_of(disk_)))->csn, Csn{61});
  TxnLog log;
  log.blind = true;
  log.put(oracle_.model().bucket("bucket0"), "key", "committed");
  ASSERT_EQ(oracle_.model().apply(log), std::nullopt);
  const RotDamage done = put_page_back(context(), disk_, before, decisions);
  ASSERT_EQ(done.live.size(), 1U) << done.text;
  CopyProcess process(context(), disk_, decisions, trace, nullptr);
  Database database = process.open().value();
  const auto report = database.check();
  ASSERT_TRUE(report);
  ASSERT_EQ(report->damage.size(), 1U);
  EXPECT_EQ(report->damage[0].offset, done.live[0].offset);
  EXPECT_NE(report->damage[0].what.find("birth stamp"), std::string::npos) << report->damage[0].what;
}

}  // namespace
}  // namespace holdfast::sim
