// What opening makes of the log: clean ends, kills, other lanes, lost and foreign files, damage, explicit recovery.
#include <map>

#include "tests/db/failing_env.h"
#include "tests/db/log_test.h"

namespace holdfast {
namespace {

class LogRecovery : public LogTest {
 protected:
  // `commits` durable ones, each with a row of its own, over the lanes; then the copy, as a kill leaves it.
  void commit_and_copy(uint64_t commits, const Options& chosen) {
    Database database = open_at(kPath, chosen);
    for (uint64_t i = 1; i <= commits; ++i) {
      put_elsewhere(database, numbered("k", i), std::to_string(i));
    }
    copy_as_killed();
  }
  static Rows rows_up_to(uint64_t last) {
    Rows rows;
    for (uint64_t i = 1; i <= last; ++i) {
      rows.emplace(numbered("k", i), std::to_string(i));
    }
    return rows;
  }
  // The record of a commit in the copy.
  InspectedRecord record_of(const LogInspection& log, uint64_t csn) {
    const auto& records = log.records();
    const auto found = std::ranges::find(records, Csn{csn}, &InspectedRecord::first_csn);
    EXPECT_NE(found, records.end());
    return *found;
  }
  std::string file_of(uint64_t csn) {
    const LogInspection log = inspect();
    return std::string(record_of(log, csn).file);
  }
  // Damages the redo of a commit in the copy; returns the name of its file.
  std::string damage(uint64_t csn) {
    const LogInspection log = inspect();
    const InspectedRecord record = record_of(log, csn);
    const std::string name(record.file);
    flip_bit_at(kCopyPath, name, record.offset);
    return name;
  }
};

TEST_F(LogRecovery, a_clean_close_leaves_nothing_to_replay_and_the_meta_page_says_so) {
  {
    Database database = open_at(kPath, logged(3));
    for (uint64_t i = 1; i <= 20; ++i) {
      put_elsewhere(database, numbered("k", i), std::to_string(i), Durability::kDeferred);
    }
    EXPECT_FALSE(meta_at(kPath).log.closed);
    ASSERT_OK(database.close());
  }
  EXPECT_TRUE(meta_at(kPath).log.closed);
  EXPECT_EQ(meta_at(kPath).csn, Csn{20});
  Database database = open_at(kPath, logged(3));
  const RecoveryReport recovery = database.stats()->recovery;
  EXPECT_EQ(recovery.checkpoint_csn, Csn{20});
  EXPECT_EQ(recovery.last_csn, Csn{20});
  EXPECT_EQ(recovery.replayed_commits, 0U);
  EXPECT_EQ(recovery.cut_records, 0U);
  EXPECT_EQ(rows_of(database, "t"), rows_up_to(20));
  EXPECT_FALSE(meta_at(kPath).log.closed);
}

TEST_F(LogRecovery, what_it_replayed_is_in_its_report_and_told_on_the_way) {
  commit_and_copy(30, logged(2));
  Options chosen = logged(2);
  uint64_t done_last = 0, total_last = 0;
  chosen.recovery_progress = [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, done_last);
    done_last = done;
    total_last = total;
  };
  Database copy = open_copy(chosen);
  const RecoveryReport recovery = copy.stats()->recovery;
  EXPECT_EQ(recovery.checkpoint_csn, Csn{0});
  EXPECT_EQ(recovery.last_csn, Csn{30});
  EXPECT_EQ(recovery.replayed_commits, 30U);
  EXPECT_GT(recovery.replayed_bytes, 30U * 8);
  EXPECT_TRUE(recovery.damage.empty());
  EXPECT_EQ(done_last, 30U);
  EXPECT_EQ(total_last, 30U);
}

TEST_F(LogRecovery, lanes_may_be_more_or_fewer_or_none_at_each_open) {
  Rows wanted;
  std::string_view at = kPath;
  uint64_t number = 0;
  for (const int drawn : {1, 4, 2, 0, 3, 0, 32, 1}) {
    const auto lanes = static_cast<uint16_t>(drawn);
    Options chosen = logged(lanes);
    chosen.checkpoint_every_commit = lanes == 0;
    Database database = open_at(at, chosen);
    EXPECT_EQ(database.stats()->lanes, lanes);
    ASSERT_EQ(rows_of(database, "t"), wanted) << lanes;
    EXPECT_EQ(database.stats()->csn, Csn{number});
    for (int i = 0; i < 12; ++i) {
      const std::string key = numbered("k", ++number);
      wanted[key] = std::to_string(lanes);
      put_elsewhere(database, key, wanted[key]);
    }
    // The next one finds what a kill leaves.
    const std::string_view next = at == kPath ? kCopyPath : kPath;
    copy_as_killed(at, next);
    at = next;
  }
  Database database = open_at(at, logged());
  EXPECT_EQ(rows_of(database, "t"), wanted);
  sound(database);
  const auto names = names_at(at);
  EXPECT_TRUE(std::ranges::none_of(names, [](const std::string& name) { return name.starts_with("wal-01"); }))
      << "lanes that are given up leave no files";
}

TEST_F(LogRecovery, is_the_same_again_however_often_it_is_cut_short) {
  commit_and_copy(40, logged(3));
  copy_as_killed(kCopyPath, "/untouched");
  std::string tree;
  for (int again = 0; again < 3; ++again) {
    copy_as_killed("/untouched", kCopyPath);
    Database copy = open_copy(logged(3));
    EXPECT_EQ(rows_of(copy, "t"), rows_up_to(40));
    EXPECT_EQ(copy.stats()->csn, Csn{40});
    EXPECT_EQ(copy.stats()->recovery.replayed_commits, 40U);
    // Killed right after it, and recovered from that.
    copy_as_killed(kCopyPath, "/second");
    Database second = open_at("/second", logged(2));
    EXPECT_EQ(rows_of(second, "t"), rows_up_to(40));
    EXPECT_EQ(second.stats()->csn, Csn{40});
    EXPECT_EQ(second.stats()->recovery.replayed_commits, 0U);
  }
}

TEST_F(LogRecovery, what_was_cut_never_comes_back) {
  commit_and_copy(10, logged(1));
  {
    // The last commit's frame is torn: as if its flush had not been over.
    const LogInspection log = inspect();
    const InspectedRecord last = record_of(log, 10);
    write_at(kCopyPath, last.file, last.offset, std::string(8, '\0'));
  }
  {
    Database copy = open_copy(logged(1));
    EXPECT_EQ(rows_of(copy, "t"), rows_up_to(9));
    ASSERT_OK(copy.put("t", "other", "tenth"));
    EXPECT_EQ(copy.stats()->csn, Csn{10});
    copy_as_killed(kCopyPath, "/second");
  }
  Database second = open_at("/second", logged(1));
  Rows wanted = rows_up_to(9);
  wanted["other"] = "tenth";
  EXPECT_EQ(rows_of(second, "t"), wanted);
}

TEST_F(LogRecovery, every_open_that_writes_raises_the_wal_epoch) {
  ASSERT_OK(open_at(kPath, logged()).close());
  Epoch before = meta_at(kPath).log.epoch;
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(open_at(kPath, logged()).close());
    EXPECT_EQ(to_int(meta_at(kPath).log.epoch), to_int(before) + 1);
    before = meta_at(kPath).log.epoch;
  }
  Options chosen = logged();
  chosen.read_only = true;
  ASSERT_OK(open_at(kPath, chosen).close());
  EXPECT_EQ(meta_at(kPath).log.epoch, before);
}

TEST_F(LogRecovery, a_read_only_open_of_a_log_with_commits_answers_read_only_and_changes_nothing) {
  commit_and_copy(5, logged(2));
  std::map<std::string, std::string> before;
  for (const std::string& name : names_at(kCopyPath)) {
    before[name] = content_at(kCopyPath, name);
  }
  Options chosen = logged(2);
  chosen.read_only = true;
  const auto refused = Database::open(kCopyPath, chosen);
  EXPECT_ERROR(kReadOnly, refused);
  EXPECT_NE(refused.error().message().find("5 commits"), std::string::npos) << refused.error().message();
  for (const std::string& name : names_at(kCopyPath)) {
    EXPECT_TRUE(before.contains(name) && before[name] == content_at(kCopyPath, name)) << name;
  }
  ASSERT_OK(open_copy(logged(2)).close());
  EXPECT_EQ(rows_of(open_copy(chosen), "t"), rows_up_to(5));
}

TEST_F(LogRecovery, a_full_disk_refuses_to_open_says_what_to_do_and_loses_nothing) {
  commit_and_copy(30, logged(1));
  FailingEnv env(*memory_);
  env.plan().fail(1, ENOSPC, FailurePlan::Length::kWhileFull);
  Options full = logged(1);
  full.env = &env;
  for (int again = 0; again < 3; ++again) {
    const auto refused = Database::open(kCopyPath, full);
    EXPECT_ERROR(kNoSpace, refused);
    EXPECT_NE(refused.error().message().find("free some and open it again"), std::string::npos)
        << refused.error().to_string();
  }
  full.read_only = true;
  const auto read_only = Database::open(kCopyPath, full);
  EXPECT_ERROR(kReadOnly, read_only);
  EXPECT_NE(read_only.error().message().find("30 commits"), std::string::npos) << read_only.error().to_string();
  env.plan().stop();
  full.read_only = false;
  Database copy = open_copy(full);
  EXPECT_EQ(rows_of(copy, "t"), rows_up_to(30));
  sound(copy);
}

// --- files

TEST_F(LogRecovery, a_missing_file_of_the_log_is_an_error_that_names_it) {
  commit_and_copy(12, logged(2));
  const std::vector<std::string> names = names_at(kCopyPath);
  copy_as_killed(kCopyPath, "/whole");
  int removed = 0;
  for (const std::string& name : names) {
    if (!name.starts_with("wal-")) {
      continue;
    }
    copy_as_killed("/whole", kCopyPath);
    const LogInspection whole = inspect("/whole");
    bool is_live = false;
    for (const InspectedLane& lane : whole.lanes()) {
      is_live = is_live || std::ranges::any_of(lane.contents.segments, [&](const wal::SegmentStats& segment) {
                  return segment.file == name && (segment.frame_count > 0 || lane.contents.segments.size() == 1);
                });
    }
    remove_at(kCopyPath, name);
    const auto opened = Database::open(kCopyPath, logged(2));
    if (is_live) {
      EXPECT_ERROR(kCorruption, opened);
      EXPECT_TRUE(names_lane(opened.error(), name.substr(0, 6))) << opened.error().to_string();
      ++removed;
    } else if (opened) {
      EXPECT_EQ(rows_of(*opened, "t"), rows_up_to(12)) << name;
    }
  }
  EXPECT_GE(removed, 2);
}

TEST_F(LogRecovery, a_whole_lane_that_is_missing_is_never_an_empty_one) {
  commit_and_copy(12, logged(2));
  for (const std::string& name : names_at(kCopyPath)) {
    if (name.starts_with("wal-01")) {
      remove_at(kCopyPath, name);
    }
  }
  const auto opened = Database::open(kCopyPath, logged(2));
  EXPECT_ERROR(kCorruption, opened);
  EXPECT_TRUE(names_lane(opened.error(), "wal-01")) << opened.error().to_string();
}

TEST_F(LogRecovery, a_file_of_another_databases_log_is_an_error_that_names_it) {
  {
    Database other = open_at("/other", logged());
    ASSERT_OK(other.put("t", "foreign", "v"));
    copy_as_killed("/other", "/foreign");
  }
  commit_and_copy(5, logged());
  const std::string name = file_of(1);
  write_at(kCopyPath, name, 0, content_at("/foreign", inspect("/foreign").records().front().file));
  const auto opened = Database::open(kCopyPath, logged());
  EXPECT_ERROR(kCorruption, opened);
  EXPECT_EQ(opened.error().file(), name);
  EXPECT_NE(opened.error().message().find("another database"), std::string::npos) << opened.error().message();
}

TEST_F(LogRecovery, a_log_put_back_from_an_older_copy_is_an_error) {
  Database database = open_at(kPath, logged());
  for (uint64_t i = 1; i <= 5; ++i) {
    ASSERT_OK(database.put("t", numbered("k", i), "v"));
  }
  copy_as_killed(kPath, "/older");
  ASSERT_OK(database.close());
  database = open_at(kPath, logged());
  ASSERT_OK(database.put("t", "new", "v"));
  copy_as_killed();
  for (const std::string& name : names_at("/older")) {
    if (name.starts_with("wal-")) {
      remove_at(kCopyPath, name);
      write_at(kCopyPath, name, 0, content_at("/older", name));
    }
  }
  for (const std::string& name : names_at(kCopyPath)) {
    const auto older = names_at("/older");
    if (name.starts_with("wal-") && std::ranges::find(older, name) == older.end()) {
      remove_at(kCopyPath, name);
    }
  }
  EXPECT_ERROR(kCorruption, Database::open(kCopyPath, logged()));
}

// --- damage

TEST_F(LogRecovery, a_flipped_bit_in_the_first_of_a_thousand_acknowledged_frames_is_refused_with_its_place) {
  Database database = open_at(kPath, logged(1, uint64_t{16} << 20));
  for (uint64_t i = 1; i <= 1000; ++i) {
    ASSERT_OK(database.put("t", numbered("k", i), std::to_string(i)));
  }
  copy_as_killed();
  const std::string name = damage(1);
  const std::string damaged = content_at(kCopyPath, name);
  for (int again = 0; again < 2; ++again) {
    const auto opened = Database::open(kCopyPath, logged());
    EXPECT_ERROR(kCorruption, opened);
    EXPECT_EQ(opened.error().file(), name);
    EXPECT_EQ(opened.error().offset(), uint64_t{4096});
    EXPECT_NE(opened.error().message().find("csns 1 to 1000"), std::string::npos) << opened.error().message();
  }
  EXPECT_TRUE(content_at(kCopyPath, name) == damaged);

  const auto recovered = Database::recover(kCopyPath, logged());
  ASSERT_OK(recovered);
  EXPECT_EQ(recovered->first_lost, Csn{1});
  EXPECT_EQ(recovered->last_lost, Csn{1000});
  EXPECT_EQ(recovered->last_csn, Csn{0});
  EXPECT_NE(recovered->damage.find(name), std::string::npos) << recovered->damage;
  EXPECT_TRUE(std::ranges::any_of(recovered->kept_files,
                                  [&](const std::string& kept) { return content_at(kCopyPath, kept) == damaged; }));
  Database copy = open_copy(logged());
  EXPECT_EQ(copy.stats()->csn, Csn{0});
  EXPECT_EQ(rows_of(copy, "t"), Rows{});
  ASSERT_OK(copy.put("t", "k", "v"));
  sound(copy);
}

TEST_F(LogRecovery, recover_keeps_everything_before_the_first_lost_commit) {
  for (const uint64_t csn : {2U, 17U, 29U}) {
    commit_and_copy(csn == 2 ? 30 : 0, logged(3));
    if (csn != 2) {
      copy_as_killed("/whole", kCopyPath);
    } else {
      copy_as_killed(kCopyPath, "/whole");
    }
    damage(csn);
    EXPECT_ERROR(kCorruption, Database::open(kCopyPath, logged(3)));
    const auto recovered = Database::recover(kCopyPath, logged(3));
    ASSERT_OK(recovered);
    EXPECT_EQ(recovered->last_csn, Csn{csn - 1});
    EXPECT_EQ(recovered->first_lost, Csn{csn});
    EXPECT_GE(recovered->last_lost, Csn{29});
    EXPECT_FALSE(recovered->kept_files.empty());
    Database copy = open_copy(logged(3));
    EXPECT_EQ(rows_of(copy, "t"), rows_up_to(csn - 1));
    sound(copy);
  }
}

TEST_F(LogRecovery, recover_does_no_harm_to_a_sound_database) {
  commit_and_copy(30, logged(2));
  const auto recovered = Database::recover(kCopyPath, logged(2));
  ASSERT_OK(recovered);
  EXPECT_TRUE(recovered->damage.empty());
  EXPECT_TRUE(recovered->kept_files.empty());
  EXPECT_EQ(recovered->last_csn, Csn{30});
  EXPECT_EQ(rows_of(open_copy(logged(2)), "t"), rows_up_to(30));
}

TEST_F(LogRecovery, recover_of_an_open_database_is_busy) {
  Database database = open_at(kPath, logged());
  EXPECT_ERROR(kBusy, Database::recover(kPath, logged()));
}

TEST_F(LogRecovery, recover_keeps_copies_also_of_a_lane_of_which_a_file_is_missing) {
  Options chosen = logged(1, kCheckpointWalBytesMin * 8);
  {
    Database database = open_at(kPath, chosen);
    for (uint64_t i = 1; i <= 60; ++i) {
      ASSERT_OK(database.put("t", numbered("k", i), std::string(3000, 'x')));
    }
    copy_as_killed();
  }
  std::string first, second;
  {
    const LogInspection log = inspect();
    ASSERT_GE(log.lanes()[0].contents.segments.size(), 3U);
    first = log.lanes()[0].contents.segments[0].file;
    second = log.lanes()[0].contents.segments[1].file;
  }
  const std::string left = content_at(kCopyPath, second);
  remove_at(kCopyPath, first);
  EXPECT_ERROR(kCorruption, Database::open(kCopyPath, chosen));
  const auto recovered = Database::recover(kCopyPath, chosen);
  ASSERT_OK(recovered);
  EXPECT_TRUE(std::ranges::any_of(recovered->kept_files,
                                  [&](const std::string& kept) { return content_at(kCopyPath, kept) == left; }));
  Database copy = open_copy(chosen);
  sound(copy);
}

// A log of one lane with four live files or more, and their names.
class LogLosesFiles : public LogRecovery {
 protected:
  LogLosesFiles() {
    Database database = open_at(kPath, chosen_);
    for (uint64_t i = 1; i <= kCommits; ++i) {
      EXPECT_OK(database.put("t", numbered("k", i), std::string(3000, 'x')));
    }
    copy_as_killed();
    const LogInspection log = inspect();
    segments_ = log.lanes()[0].contents.segments;
  }

  static constexpr uint64_t kCommits = 110;
  const Options chosen_ = logged(1, kCheckpointWalBytesMin * 8);
  std::vector<wal::SegmentStats> segments_;
};

TEST_F(LogLosesFiles, recover_keeps_what_lies_before_a_missing_file_and_says_what_was_behind_it) {
  ASSERT_GE(segments_.size(), 4U);
  copy_as_killed(kCopyPath, "/whole");
  for (size_t lost = 0; lost < segments_.size(); ++lost) {
    SCOPED_TRACE(lost);
    copy_as_killed("/whole", kCopyPath);
    remove_at(kCopyPath, segments_[lost].file);
    EXPECT_ERROR(kCorruption, Database::open(kCopyPath, chosen_));
    const wal::RecoveryPlan foretold = inspect().plan();
    const auto recovered = Database::recover(kCopyPath, chosen_);
    ASSERT_OK(recovered);
    uint64_t kept = 0;
    for (size_t before = 0; before < lost; ++before) {
      kept += segments_[before].frame_count;  // each holds one commit
    }
    EXPECT_EQ(recovered->last_csn, Csn{kept});
    EXPECT_EQ(recovered->first_lost, Csn{kept + 1});
    // The last file never holds frames, and what the one before it held nobody else knows.
    const bool is_known = lost + 2 < segments_.size();
    EXPECT_EQ(recovered->last_lost, is_known ? Csn{kCommits} : segments_[lost - 1].last_csn);
    EXPECT_EQ(foretold.last, recovered->last_csn);
    EXPECT_EQ(foretold.damage->first_lost, recovered->first_lost);
    EXPECT_EQ(foretold.damage->last_lost, recovered->last_lost);
    EXPECT_EQ(recovered->kept_files.size(), segments_.size() - 1);
    Database copy = open_copy(chosen_);
    EXPECT_EQ(rows_of(copy, "t").size(), kept);
    sound(copy);
  }
}

TEST_F(LogLosesFiles, recover_works_after_it_was_cut_off_at_any_place) {
  remove_at(kCopyPath, segments_[1].file);
  copy_as_killed(kCopyPath, "/damaged");
  const uint64_t kept = segments_[0].frame_count;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    copy_as_killed("/damaged", kCopyPath);
    FailingEnv env(*memory_);
    env.plan().fail(nth, EIO, FailurePlan::Length::kFromThenOn);
    Options failing = chosen_;
    failing.env = &env;
    const auto cut_off = Database::recover(kCopyPath, failing);
    const auto recovered = Database::recover(kCopyPath, chosen_);
    ASSERT_OK(recovered);
    EXPECT_EQ(recovered->last_csn, Csn{kept});
    Database copy = open_copy(chosen_);
    EXPECT_EQ(rows_of(copy, "t").size(), kept);
    for (const wal::SegmentStats& segment : segments_) {
      if (segment.file != segments_[1].file) {
        const std::string name = "cut-" + std::to_string(to_int(meta_at("/damaged").log.epoch)) + "-" + segment.file;
        EXPECT_EQ(content_at(kCopyPath, name), content_at("/damaged", segment.file));
      }
    }
    sound(copy);
    if (cut_off) {
      break;
    }
  }
}

}  // namespace
}  // namespace holdfast
