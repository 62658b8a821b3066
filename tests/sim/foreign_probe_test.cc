// R29 and R3 against the engine: a file missing, foreign or older, and sectors that a power cut garbled.
#include "sim/foreign_probe.h"

#include <gtest/gtest.h>

#include <holdfast/database.h>

#include "base/planted.h"
#include "sim/copy_process.h"
#include "sim/damage.h"

namespace holdfast::sim {
namespace {

using Change = fault::ForeignFile::Change;

constexpr uint64_t kSeeds = 30;
constexpr uint64_t kMadeWithSeed = 7;

// A closed database with some commits, and the oracle's model of it.
class ForeignProbe : public testing::Test {
 protected:
  ForeignProbe() {
    config_.page_bytes = 4096;
    config_.cache_bytes = 256 * 1024;
    Decisions decisions(kMadeWithSeed);
    Trace trace;
    CopyProcess process(context(false), disk_, decisions, trace, nullptr);
    Database database = process.open().value();
    for (int commit = 1; commit <= 40; ++commit) {
      TxnLog log;
      log.blind = true;
      const std::string key = "key" + std::to_string(commit % 13);
      const std::string value(static_cast<size_t>(commit) * 20, 'v');
      log.put(oracle_.model().bucket("bucket0"), key, value);
      EXPECT_TRUE(database.put("bucket0", key, value));
      EXPECT_EQ(oracle_.model().apply(log), std::nullopt);
    }
  }
  CopyContext context(bool created = true) { return {config_, oracle_, counters_, VirtualTime{}, created}; }

  // Runs the probe with many seeds; returns how many of them were refused.
  uint64_t probe(const ForeignChange& what) {
    counters_ = {};
    // Not the seed that the database was made with: the same random bytes would make the same database again.
    for (uint64_t seed = kMadeWithSeed + 1; seed <= kMadeWithSeed + kSeeds; ++seed) {
      const CopyResult result = foreign_probe(context(), disk_, what, Decisions(seed));
      EXPECT_EQ(result.verdict.value_or("kept"), "kept") << what.file << ", seed " << seed;
    }
    EXPECT_EQ(counters_.faults[static_cast<size_t>(fault::Kind::kForeignFile)], kSeeds) << "not counted";
    EXPECT_EQ(oracle_.model().newest_csn(), 40U) << "the probe left something in the model";
    return counters_.foreign_refused;
  }

  RunConfig config_;
  Oracle oracle_;
  Counters counters_;
  SimDisk disk_;
};

TEST_F(ForeignProbe, R29_a_missing_tree_is_named_and_never_an_empty_database) {
  EXPECT_EQ(probe({Change::kRemoved, "tree"}), kSeeds);
  EXPECT_EQ(probe({Change::kRemoved, "tree+identity"}), kSeeds);
}

TEST_F(ForeignProbe, R29_a_missing_identity_is_named_and_read_only_all_is_there) {
  EXPECT_EQ(probe({Change::kRemoved, "identity"}), kSeeds);
}

// Commits behind an older tree are under the number of a log epoch that was used before.
TEST_F(ForeignProbe, R29_what_newer_commits_left_in_the_log_does_not_come_back_behind_an_older_tree) {
  config_.lanes_max = 1;
  EXPECT_EQ(probe({Change::kOlder, "tree"}), 0U);
  planted::active = planted::Bug::kOldHeaderTaken;
  uint64_t found = 0;
  for (uint64_t seed = 1; seed <= 4 * kSeeds; ++seed) {
    found += foreign_probe(context(), disk_, {Change::kOlder, "tree"}, Decisions(seed)).verdict ? 1U : 0U;
  }
  planted::active = planted::Bug::kNone;
  EXPECT_GT(found, 0U) << "the probe does not see it";
}

TEST_F(ForeignProbe, R29_a_missing_lock_loses_nothing) { EXPECT_EQ(probe({Change::kRemoved, "lock"}), 0U); }

TEST_F(ForeignProbe, R29_a_foreign_tree_or_identity_is_named) {
  EXPECT_EQ(probe({Change::kForeign, "tree"}), kSeeds);
  EXPECT_EQ(probe({Change::kForeign, "identity"}), kSeeds);
}

TEST_F(ForeignProbe, R29_files_that_hold_nothing_of_the_database_do_no_harm) {
  EXPECT_EQ(probe({Change::kForeign, "lock"}), 0U);
  EXPECT_EQ(probe({Change::kForeign, "extra"}), 0U);
}

TEST_F(ForeignProbe, R29_an_older_tree_shows_exactly_the_commits_that_it_held) {
  EXPECT_EQ(probe({Change::kOlder, "tree"}), 0U) << "it cannot be told from a database that did nothing since";
  EXPECT_EQ(probe({Change::kOlder, "identity"}), 0U);
}

TEST_F(ForeignProbe, R29_half_an_older_tree_shows_one_commit_or_corruption) {
  const uint64_t refused = probe({Change::kMixture, "tree"});
  EXPECT_GT(refused, kSeeds / 4);
  EXPECT_LT(refused, kSeeds);
}

TEST_F(ForeignProbe, R29_a_wrong_row_under_an_older_tree_would_be_noticed) {
  // The database holds a commit that the model does not know in this form.
  oracle_.model().undo();
  TxnLog log;
  log.blind = true;
  log.put(oracle_.model().bucket("bucket0"), "key1", "another value");
  ASSERT_EQ(oracle_.model().apply(log), std::nullopt);
  for (const ForeignChange& what : {ForeignChange{Change::kOlder, "tree"}, ForeignChange{Change::kRemoved, "lock"}}) {
    const CopyResult result = foreign_probe(context(), disk_, what, Decisions(1));
    EXPECT_NE(result.verdict, std::nullopt) << what.file;
  }
}

TEST_F(ForeignProbe, R29_the_error_names_the_file) {
  Trace trace;
  Decisions decisions(3);
  const uint32_t directory = disk_.find_directory("db").value();
  const auto open = [&](SimDisk& disk) {
    CopyProcess process(context(), disk, decisions, trace, nullptr);
    auto database = process.open();
    return database ? std::string("opened") : database.error().to_string();
  };
  SimDisk lost = disk_;
  take_file_away(lost, directory, "tree");
  EXPECT_NE(open(lost).find("the tree file is missing"), std::string::npos) << open(lost);

  SimDisk other(disk_.personality());
  {
    CopyProcess process(context(false), other, decisions, trace, nullptr);
    ASSERT_TRUE(process.open());
  }
  SimDisk mixed = disk_;
  put_older_file_back(mixed, other, directory, "tree");
  EXPECT_NE(open(mixed).find("belongs to another database than the identity file"), std::string::npos) << open(mixed);
}

// The whole of R3: every moment of some commits, the unit beside what is being written garbled.
TEST_F(ForeignProbe, R3_a_torn_neighbour_costs_no_commit_that_was_acknowledged) {
  class Cutter final : public DiskHooks {
   public:
    void before_io(const IoEvent& /*event*/) override { cut(); }
    void after_io(const IoEvent& /*event*/) override { cut(); }
    std::function<void()> cut = [] {};
  };
  Cutter hooks;
  Trace trace;
  Decisions decisions(11);
  VirtualTime time;
  SimClock clock(decisions, time, {});
  SimEntropy entropy(decisions);
  SimThreads threads;
  SimEnv env(Machine{disk_, hooks, trace, decisions, clock, entropy, threads, nullptr, 1});
  Options options;
  options.create_if_missing = false;
  options.background = false;
  options.checkpoint_every_commit = true;  // meta pages all the time
  options.env = &env;
  Database database = Database::open("db", options).value();
  uint64_t torn = 0;
  uint64_t refused = 0;
  std::string acknowledged;
  std::string writing;
  hooks.cut = [&] {
    const SingleThreaded inline_only;
    SimDisk image = disk_.power_cut(decisions);
    torn += tear_neighbours(disk_, image, 100, decisions);
    Trace copy_trace;
    CopyProcess process(context(), image, decisions, copy_trace, nullptr);
    auto copy = process.open();
    if (!copy) {
      EXPECT_EQ(copy.error().code(), ErrorCode::kCorruption) << copy.error().to_string();
      EXPECT_EQ(copy.error().file(), "tree");
      ++refused;
      return;
    }
    const auto value = copy->get("bucket0", "torn");
    ASSERT_TRUE(value) << value.error().to_string();
    const std::string shown = *value ? std::string(**value) : std::string();
    EXPECT_TRUE(shown == acknowledged || shown == writing) << shown << ", acknowledged " << acknowledged;
    EXPECT_EQ(copy->get("bucket0", "key1")->value(), std::string(40 * 20, 'v'));
    EXPECT_TRUE(copy->check()->damage.empty());
  };
  for (int commit = 0; commit < 60; ++commit) {
    writing = std::to_string(commit);
    ASSERT_TRUE(database.put("bucket0", "torn", writing));
    acknowledged = writing;
  }
  hooks.cut = [] {};
  EXPECT_GT(torn, 200U);
  EXPECT_GT(refused, 0U) << "both copies of a meta page of 4 KiB lie in one unit";
  EXPECT_LT(refused, 60U);
}

}  // namespace
}  // namespace holdfast::sim
