// What a commit is told about its durability, and when; and how much the log may hold.
#include <atomic>

#include "tests/db/failing_env.h"
#include "tests/db/log_test.h"

namespace holdfast {
namespace {

TEST_F(LogTest, a_deferred_commit_is_visible_at_once_and_durable_after_wait_durable) {
  Database database = open_at(kPath, logged());
  const Csn csn = database.put("t", "k", "v", Durability::kDeferred).value().csn;
  EXPECT_EQ(database.get("t", "k")->value(), "v");
  EXPECT_EQ(database.snapshot().csn(), csn);
  EXPECT_LT(database.durable_csn(), csn);
  copy_as_killed();
  EXPECT_ERROR(kNotFound, open_copy(logged()).get("t", "k"));
  ASSERT_OK(database.wait_durable(csn));
  EXPECT_EQ(database.durable_csn(), csn);
  copy_as_killed();
  EXPECT_EQ(open_copy(logged()).get("t", "k")->value(), "v");
}

TEST_F(LogTest, a_durable_commit_makes_every_deferred_one_before_it_durable) {
  for (const uint16_t lanes : {uint16_t{1}, uint16_t{4}}) {
    Database database = open_at(kPath, logged(lanes));
    for (int i = 0; i < 10; ++i) {
      put_elsewhere(database, numbered("deferred", static_cast<uint64_t>(i)), "v", Durability::kDeferred);
    }
    const Csn csn = database.put("t", "durable", "v").value().csn;
    EXPECT_EQ(database.durable_csn(), csn);
    copy_as_killed();
    Database copy = open_copy(logged(lanes));
    EXPECT_EQ(copy.stats()->csn, csn);
    EXPECT_EQ(rows_of(copy, "t"), rows_of(database, "t"));
    ASSERT_OK(database.close());
  }
}

TEST_F(LogTest, what_a_kill_loses_of_deferred_commits_are_the_last_ones) {
  Database database = open_at(kPath, logged(4));
  for (uint64_t i = 1; i <= 40; ++i) {
    put_elsewhere(database, numbered("k", i), "v", Durability::kDeferred);
    if (i == 20) {
      ASSERT_OK(database.wait_durable(Csn{15}));
    }
  }
  copy_as_killed();
  Database copy = open_copy(logged(4));
  const uint64_t last = to_int(copy.stats()->csn);
  EXPECT_GE(last, 15U);
  const Rows rows = rows_of(copy, "t");
  EXPECT_EQ(rows.size(), last);
  EXPECT_TRUE(rows.empty() || rows.rbegin()->first == numbered("k", last));
}

TEST_F(LogTest, a_transaction_reads_deferred_commits_and_is_durable_with_them) {
  Database database = open_at(kPath, logged(2));
  put_elsewhere(database, "a", "deferred", Durability::kDeferred);
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(const auto read, bucket.get("a"));
    return bucket.put("b", std::string(read.value_or("nothing")) + " and read");
  }));
  copy_as_killed();
  EXPECT_EQ(rows_of(open_copy(logged(2)), "t"), (Rows{{"a", "deferred"}, {"b", "deferred and read"}}));
}

TEST_F(LogTest, when_durable_calls_in_the_order_of_commits_and_each_once) {
  Database database = open_at(kPath, logged(2));
  std::vector<uint64_t> called;
  for (uint64_t i = 1; i <= 4; ++i) {
    put_elsewhere(database, numbered("k", i), "v", Durability::kDeferred);
  }
  for (const uint64_t csn : {4U, 2U, 1U, 3U}) {
    ASSERT_OK(database.when_durable(Csn{csn}, [&called, csn](const Result<void>& done) {
      EXPECT_OK(done);
      called.push_back(csn);
    }));
  }
  EXPECT_TRUE(called.empty());
  ASSERT_OK(database.wait_durable(Csn{4}));
  EXPECT_EQ(called, (std::vector<uint64_t>{1, 2, 3, 4}));
  ASSERT_OK(database.when_durable(Csn{2}, [&](const Result<void>& done) {
    EXPECT_OK(done);
    called.push_back(20);
  }));
  EXPECT_EQ(called.back(), 20U) << "at once: it is durable already";
}

TEST_F(LogTest, nobody_waits_for_a_commit_that_is_not_there) {
  Database database = open_at(kPath, logged());
  ASSERT_OK(database.put("t", "k", "v"));
  EXPECT_ERROR(kInvalidArgument, database.wait_durable(Csn{2}));
  bool called = false;
  EXPECT_ERROR(kInvalidArgument, database.when_durable(Csn{2}, [&](const Result<void>&) { called = true; }));
  EXPECT_FALSE(called);
}

TEST_F(LogTest, a_failed_flush_is_told_to_everybody_who_waits_and_nothing_before_it_is_lost) {
  FailingEnv failing(*memory_);
  Options chosen = logged(2);
  chosen.env = &failing;
  {
    Database database = open_at(kPath, chosen);
    ASSERT_OK(database.put("t", "a", "1"));
    ASSERT_OK(database.put("t", "b", "2", Durability::kDeferred));
    std::vector<ErrorCode> told;
    ASSERT_OK(database.when_durable(Csn{2}, [&](const Result<void>& done) { told.push_back(done.error().code()); }));
    failing.plan().fail(1, EIO);
    EXPECT_ERROR(kOutcomeUnknown, database.wait_durable(Csn{2}));
    EXPECT_EQ(told, (std::vector<ErrorCode>{ErrorCode::kOutcomeUnknown}));
    EXPECT_ERROR(kOutcomeUnknown, database.wait_durable(Csn{2}));
    EXPECT_EQ(database.durable_csn(), Csn{1});
    EXPECT_ERROR(kReadOnly, database.put("t", "c", "3"));
    EXPECT_FALSE(database.stats()->read_only_reason.empty());
    EXPECT_EQ(database.get("t", "a")->value(), "1");
    EXPECT_ERROR(kOutcomeUnknown, database.close());
  }
  failing.plan().stop();
  Database database = open_at(kPath, chosen);
  EXPECT_EQ(database.get("t", "a")->value(), "1");
  sound(database);
}

TEST_F(LogTest, durable_csn_never_goes_down_nor_beyond_what_is_committed) {
  Options chosen = logged(3, kCheckpointWalBytesMin);
  chosen.background = true;
  Database database = open_at(kPath, chosen);
  std::atomic<uint64_t> committed = 0;
  std::atomic<int> writing = 4;
  std::vector<std::thread> writers;
  for (uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t i = 0; i < 150; ++i) {
        const bool is_durable = i % 7 == writer;
        committed += 1;  // before, so that it is never too low
        const auto commit = database.put("t", numbered("k", i * 4 + writer), "v",
                                         is_durable ? Durability::kDurable : Durability::kDeferred);
        ASSERT_OK(commit);
        if (is_durable) {
          ASSERT_GE(database.durable_csn(), commit->csn);
        }
      }
      writing -= 1;
    });
  }
  Csn before{};
  while (writing > 0) {
    const Csn now = database.durable_csn();
    ASSERT_GE(now, before);
    ASSERT_LE(to_int(now), committed.load());
    before = now;
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  ASSERT_OK(database.wait_durable(Csn{600}));
  EXPECT_EQ(database.durable_csn(), Csn{600});
}

TEST_F(LogTest, deferred_commits_become_durable_without_anybody_who_waits) {
  Options chosen = logged(2);
  chosen.background = true;
  Database database = open_at(kPath, chosen);
  for (int i = 0; i < 5; ++i) {
    put_elsewhere(database, numbered("k", static_cast<uint64_t>(i)), "v", Durability::kDeferred);
  }
  for (int tries = 0; tries < 1000 && database.durable_csn() < Csn{5}; ++tries) {
    memory_->clock().sleep_ns(10'000'000);
  }
  EXPECT_EQ(database.durable_csn(), Csn{5});
}

TEST_F(LogTest, without_lanes_a_deferred_commit_is_durable_at_once) {
  Options chosen = logged();
  chosen.checkpoint_every_commit = true;
  Database database = open_at(kPath, chosen);
  ASSERT_OK(database.put("t", "k", "v", Durability::kDeferred));
  EXPECT_EQ(database.durable_csn(), Csn{1});
  EXPECT_EQ(database.stats()->lanes, 0);
  copy_as_killed();
  EXPECT_EQ(open_copy(chosen).get("t", "k")->value(), "v");
}

// --- how much the log holds

TEST_F(LogTest, a_checkpoint_makes_what_the_log_holds_superfluous) {
  Database database = open_at(kPath, logged(2));
  for (uint64_t i = 0; i < 50; ++i) {
    put_elsewhere(database, numbered("k", i), "v");
  }
  EXPECT_GT(database.stats()->wal_bytes, 0U);
  ASSERT_OK(database.checkpoint());
  EXPECT_EQ(meta_at(kPath).csn, Csn{50});
  copy_as_killed();
  Database copy = open_copy(logged(2));
  EXPECT_EQ(copy.stats()->recovery.replayed_commits, 0U);
  EXPECT_EQ(rows_of(copy, "t").size(), 50U);
}

TEST_F(LogTest, a_commit_larger_than_the_logs_share_is_whole_after_a_kill) {
  Database database = open_at(kPath, logged(2, kCheckpointWalBytesMin));
  ASSERT_OK(database.put("t", "before", "v"));
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < 200; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), std::string(1000, 'x')));
    }
    return {};
  }));
  EXPECT_EQ(meta_at(kPath).csn, Csn{2}) << "it is a checkpoint";
  ASSERT_OK(database.put("t", "after", "v"));
  copy_as_killed();
  Database copy = open_copy(logged(2, kCheckpointWalBytesMin));
  EXPECT_EQ(rows_of(copy, "t").size(), 202U);
  EXPECT_EQ(copy.stats()->recovery.replayed_commits, 1U);
  sound(copy);
}

TEST_F(LogTest, a_record_larger_than_several_segments_is_whole_after_a_kill) {
  Options chosen = logged(1, uint64_t{2} << 20);
  Database database = open_at(kPath, chosen);
  const std::string large = Draw(1).text(400'000);
  ASSERT_OK(database.put("t", "small", "v"));
  ASSERT_OK(database.put("t", "large", large));
  EXPECT_EQ(meta_at(kPath).csn, Csn{0}) << "it is in the log";
  copy_as_killed();
  Database copy = open_copy(chosen);
  EXPECT_TRUE(copy.get("t", "large")->value() == large);
  EXPECT_EQ(copy.stats()->recovery.replayed_commits, 2U);
}

struct BoundCase {
  bool background = false;
  Durability durability = Durability::kDurable;
};

class LogBound : public LogTest, public testing::WithParamInterface<BoundCase> {};

TEST_P(LogBound, the_log_never_grows_far_over_twice_its_limit) {
  constexpr uint64_t kWalBytes = kCheckpointWalBytesMin;
  constexpr uint64_t kWriters = 4;
  // Who was let through just below twice the limit adds a frame for two thousand bytes; deferred commits gather in
  // memory, up to twice a quarter of the limit, while as much may be on its way into each lane.
  const uint64_t let_through = GetParam().durability == Durability::kDurable ? kWriters * 4096 : kWalBytes / 2 * 3;
  Options chosen = logged(2, kWalBytes);
  chosen.background = GetParam().background;
  chosen.cache_bytes = uint64_t{64} << 20;  // so that only the log makes checkpoints due
  Database database = open_at(kPath, chosen);
  std::atomic<uint64_t> highest = 0;
  std::vector<std::thread> writers;
  for (uint64_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t i = 0; i < 300; ++i) {
        ASSERT_OK(database.put("t", numbered("k", (i * kWriters + writer) % 100), std::string(2000, 'x'),
                               GetParam().durability));
        const uint64_t now = database.stats()->wal_bytes;
        for (uint64_t before = highest; before < now && !highest.compare_exchange_weak(before, now);) {
        }
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  if (GetParam().durability == Durability::kDurable) {
    EXPECT_GE(highest, kWalBytes / 2) << "the load is no load";
  }
  EXPECT_LE(highest, 2 * kWalBytes + let_through);
  EXPECT_GT(database.stats()->checkpoints, 0U);
  uint64_t file_bytes = 0;
  for (const std::string& name : names_at(kPath)) {
    file_bytes += name.starts_with("wal-") ? content_at(kPath, name).size() : 0;
  }
  // Of each lane the segment that is written to and its spare come on top, live ones that are nearly empty, too.
  EXPECT_LE(file_bytes, 2 * (2 * kWalBytes + let_through) + 6 * format::kSegmentBytesMin);
  sound(database);
}

INSTANTIATE_TEST_SUITE_P(, LogBound,
                         testing::Values(BoundCase{false, Durability::kDurable},
                                         BoundCase{false, Durability::kDeferred}, BoundCase{true, Durability::kDurable},
                                         BoundCase{true, Durability::kDeferred}),
                         [](const testing::TestParamInfo<BoundCase>& kind) {
                           return std::string(kind.param.durability == Durability::kDurable ? "durable" : "deferred") +
                                  (kind.param.background ? "_with_a_thread_of_its_own" : "_inline");
                         });

// --- a clean close

class LogClose : public LogTest {
 protected:
  static constexpr uint64_t kCommits = 100;
  // Of a lane: the last segment and its spare, which a closed log still names, and the two that the next open takes.
  static constexpr size_t kFilesLeft = 4;

  Database with_many_segments(const Options& chosen) {
    Database database = open_at(kPath, chosen);
    for (uint64_t i = 0; i < kCommits; ++i) {
      EXPECT_OK(database.put("t", numbered("k", i), std::string(3000, 'x')));
    }
    return database;
  }
  std::vector<std::string> log_files_at(std::string_view path) {
    std::vector<std::string> names = names_at(path);
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("wal-"); });
    return names;
  }
  const Options chosen_ = logged(1, kCheckpointWalBytesMin * 8);
};

TEST_F(LogClose, gives_back_the_files_that_the_next_open_does_not_need) {
  Options chosen = logged(1, kCheckpointWalBytesMin);
  uint64_t most = 0;
  {
    Database database = open_at(kPath, chosen);
    for (uint64_t i = 0; i < kCommits; ++i) {
      ASSERT_OK(database.put("t", numbered("k", i), std::string(14'000, 'x')));
    }
    most = log_files_at(kPath).size();
    ASSERT_OK(database.close());
  }
  EXPECT_LE(log_files_at(kPath).size(), kFilesLeft);
  {
    Database database = with_many_segments(chosen_);
    most = std::max<uint64_t>(most, log_files_at(kPath).size());
    ASSERT_OK(database.close());
  }
  EXPECT_GT(most, kFilesLeft);
  const auto left = log_files_at(kPath);
  EXPECT_LE(left.size(), kFilesLeft);
  for (int again = 0; again < 3; ++again) {
    Database database = open_at(kPath, chosen_);
    ASSERT_OK(database.put("t", "again", "v"));
    EXPECT_EQ(log_files_at(kPath), left) << "it makes none anew";
    ASSERT_OK(database.close());
    EXPECT_EQ(log_files_at(kPath), left);
  }
}

TEST_F(LogClose, whatever_files_a_power_cut_brings_back_nothing_changes) {
  Database database = with_many_segments(chosen_);
  const Rows rows = rows_of(database, "t");
  copy_as_killed(kPath, "/before");
  ASSERT_OK(database.close());
  const auto left = log_files_at(kPath);
  std::vector<std::string> gone = log_files_at("/before");
  std::erase_if(gone, [&](const std::string& name) { return std::ranges::binary_search(left, name); });
  ASSERT_GE(gone.size(), 1U);
  for (uint64_t subset = 0; subset < uint64_t{1} << gone.size(); ++subset) {
    SCOPED_TRACE(subset);
    copy_as_killed(kPath, kCopyPath);
    for (size_t file = 0; file < gone.size(); ++file) {
      if ((subset >> file & 1U) != 0) {
        write_at(kCopyPath, gone[file], 0, content_at("/before", gone[file]));
      }
    }
    Database copy = open_copy(chosen_);
    EXPECT_EQ(copy.stats()->recovery.replayed_commits, 0U);
    EXPECT_EQ(rows_of(copy, "t"), rows);
    ASSERT_OK(copy.put("t", "later", "v"));
    sound(copy);
  }
}

TEST_F(LogClose, that_is_cut_off_at_any_place_loses_nothing) {
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    for (const std::string& name : names_at(kPath)) {
      remove_at(kPath, name);
    }
    FailingEnv env(*memory_);
    Options failing = chosen_;
    failing.env = &env;
    Rows rows;
    {
      Database database = with_many_segments(failing);
      rows = rows_of(database, "t");
      env.plan().fail(nth, EIO, FailurePlan::Length::kFromThenOn);
      ASSERT_OK(database.close());
    }
    Database database = open_at(kPath, chosen_);
    EXPECT_EQ(rows_of(database, "t"), rows);
    sound(database);
    if (!env.plan().fired()) {
      EXPECT_GT(nth, 6U) << "two syncs, a meta page, and some removals";
      break;
    }
  }
}

class LogWithoutCheckpoints : public LogTest, public testing::WithParamInterface<bool> {};

TEST_P(LogWithoutCheckpoints, commits_answer_no_space_at_twice_the_limit_and_work_again_when_there_is_space) {
  constexpr uint64_t kWalBytes = 4 * kCheckpointWalBytesMin;
  constexpr uint64_t kFrameBytes = 4096;
  FailingEnv env(*memory_);
  env.plan().only_writes_to("tree");
  Options chosen = logged(2, kWalBytes);
  chosen.env = &env;
  chosen.background = GetParam();
  chosen.cache_bytes = uint64_t{64} << 20;  // so that only the log makes checkpoints due
  Database database = open_at(kPath, chosen);
  env.plan().fail(1, ENOSPC, FailurePlan::Length::kFromThenOn);
  Rows acknowledged;
  Result<Commit> answer = Commit{};
  for (uint64_t i = 0; answer && i < 4 * kWalBytes / kFrameBytes; ++i) {
    answer = database.put("t", numbered("k", i), "v");
    if (answer) {
      acknowledged.emplace(numbered("k", i), "v");
    }
  }
  EXPECT_ERROR(kNoSpace, answer);
  EXPECT_TRUE(env.plan().fired());
  EXPECT_GE(database.stats()->wal_bytes, 2 * kWalBytes) << "it answers no_space before it must";
  for (int again = 0; again < 50; ++again) {
    EXPECT_ERROR(kNoSpace, database.put("t", "refused", "v"));
  }
  EXPECT_LE(database.stats()->wal_bytes, 2 * kWalBytes + kFrameBytes);
  EXPECT_EQ(database.stats()->read_only_reason, "");
  EXPECT_EQ(rows_of(database, "t"), acknowledged);
  copy_as_killed();
  EXPECT_EQ(rows_of(open_copy(logged(1, kWalBytes)), "t"), acknowledged);

  env.plan().stop();
  ASSERT_OK(database.put("t", "later", "v"));
  acknowledged.emplace("later", "v");
  EXPECT_LT(database.stats()->wal_bytes, kWalBytes) << "the checkpoint that makes room for it";
  EXPECT_EQ(rows_of(database, "t"), acknowledged);
  sound(database);
  ASSERT_OK(database.close());
  EXPECT_EQ(rows_of(open_at(kPath, logged(1, kWalBytes)), "t"), acknowledged);
}

INSTANTIATE_TEST_SUITE_P(, LogWithoutCheckpoints, testing::Bool(), [](const testing::TestParamInfo<bool>& background) {
  return background.param ? "with_a_thread_of_its_own" : "inline";
});

}  // namespace
}  // namespace holdfast
