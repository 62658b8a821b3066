// What a per-core log of another engine broke, kept here as promises of the whole database. The same at the level of
// one lane is in tests/wal.
#include <map>

#include "tests/db/log_test.h"

namespace holdfast {
namespace {

// The memory environment with a wall clock that a test sets.
class ClockEnv final : public Env, private Clock {
 public:
  explicit ClockEnv(Env& inner) : inner_(inner) {}
  void set(int64_t wall_ns) { wall_ns_ = wall_ns; }

  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override {
    return inner_.open_directory(path, mode);
  }
  Clock& clock() override { return *this; }
  Random& random() override { return inner_.random(); }
  Threads& threads() override { return inner_.threads(); }

 private:
  uint64_t monotonic_ns() override { return inner_.clock().monotonic_ns(); }
  int64_t wall_ns() override { return wall_ns_; }
  void sleep_ns(uint64_t duration_ns) override { inner_.clock().sleep_ns(duration_ns); }

  Env& inner_;
  int64_t wall_ns_ = 0;
};

class LaminarPromises : public LogTest {
 protected:
  void commit_and_copy(uint64_t commits, const Options& chosen) {
    Database database = open_at(kPath, chosen);
    for (uint64_t i = 1; i <= commits; ++i) {
      put_elsewhere(database, numbered("k", i), "v");
    }
    copy_as_killed();
  }
  struct Place {
    std::string file;
    uint64_t offset = 0;
    uint16_t lane = 0;
  };
  Place place_of(uint64_t csn) {
    const LogInspection log = inspect();
    for (const InspectedRecord& record : log.records()) {
      if (record.first_csn == Csn{csn}) {
        return {std::string(record.file), record.offset, record.lane};
      }
    }
    ADD_FAILURE() << "no record of csn " << csn;
    return {};
  }
};

// Upstream: replay order was the wall clock's, so a clock that stepped back let an older value win.
TEST_F(LaminarPromises, a_clock_that_steps_back_lets_no_older_value_win) {
  ClockEnv env(*memory_);
  Options chosen = logged(4);
  chosen.env = &env;
  Database database = open_at(kPath, chosen);
  for (int i = 0; i < 20; ++i) {
    env.set(1'000'000'000'000 - int64_t{i} * 1'000'000'000);
    put_elsewhere(database, "k", std::to_string(i));
  }
  copy_as_killed();
  Database copy = open_copy(chosen);
  EXPECT_EQ(copy.get("t", "k")->value(), "19");
  env.set(-5);
  ASSERT_OK(copy.put("t", "k", "20"));
  copy_as_killed(kCopyPath, "/second");
  EXPECT_EQ(open_at("/second", chosen).get("t", "k")->value(), "20");
}

// Upstream: what intact lanes held beyond the torn one was kept, so that no moment in time was restored.
TEST_F(LaminarPromises, a_torn_lane_beside_intact_ones_gives_a_state_that_was) {
  commit_and_copy(24, logged(4));
  const Place last = place_of(24);
  write_at(kCopyPath, last.file, last.offset, std::string(4, '\0'));
  Database copy = open_copy(logged(4));
  EXPECT_EQ(copy.stats()->csn, Csn{23});
  EXPECT_EQ(rows_of(copy, "t").size(), 23U);
  EXPECT_EQ(rows_of(copy, "t").rbegin()->first, numbered("k", 23));
}

// Upstream: damage in the middle was the silent end of the log.
TEST_F(LaminarPromises, damage_in_one_lane_that_others_prove_acknowledged_is_refused) {
  commit_and_copy(24, logged(4));
  const uint16_t lane_of_last = place_of(24).lane;
  uint64_t csn = 23;
  while (csn > 1 && place_of(csn).lane == lane_of_last) {
    --csn;
  }
  const Place place = place_of(csn);
  ASSERT_NE(place.lane, lane_of_last) << "all commits went to one lane";
  flip_bit_at(kCopyPath, place.file, place.offset);
  const auto opened = Database::open(kCopyPath, logged(4));
  EXPECT_ERROR(kCorruption, opened);
  EXPECT_EQ(opened.error().file(), place.file);
}

// Upstream: zeros behind the last record made the log unreadable.
TEST_F(LaminarPromises, zeros_behind_the_log_are_its_end) {
  commit_and_copy(10, logged());
  const std::string file = place_of(10).file;
  const uint64_t bytes = content_at(kCopyPath, file).size();
  write_at(kCopyPath, file, bytes, std::string(100'000, '\0'));
  EXPECT_EQ(rows_of(open_copy(logged()), "t").size(), 10U);
}

// Upstream: truncation kept the old part of the log and dropped the new one.
TEST_F(LaminarPromises, a_checkpoint_drops_the_old_end_of_the_log_and_keeps_the_new_one) {
  const Options chosen = logged(2, kCheckpointWalBytesMin);
  Database database = open_at(kPath, chosen);
  std::map<std::string, std::string> wanted;
  for (uint64_t i = 0; i < 400; ++i) {
    const std::string key = numbered("k", i % 37);
    wanted[key] = std::to_string(i);
    put_elsewhere(database, key, wanted[key]);
    if (i % 50 == 49) {
      copy_as_killed();
      Database copy = open_copy(chosen);
      ASSERT_EQ(rows_of(copy, "t"), wanted) << i;
      ASSERT_EQ(copy.stats()->csn, Csn{i + 1});
    }
  }
  EXPECT_GT(database.stats()->checkpoints, 2U);
}

// Upstream: numbers began anew after a reopen, so that records of two lives were mixed up.
TEST_F(LaminarPromises, records_of_an_earlier_life_are_never_replayed_again) {
  {
    Database database = open_at(kPath, logged());
    for (int i = 0; i < 30; ++i) {
      ASSERT_OK(database.put("t", "k", "old " + std::to_string(i)));
    }
    copy_as_killed();
  }
  {
    // The same files, taken over by the next epoch, with fewer commits than lie in them.
    Database copy = open_copy(logged());
    ASSERT_OK(copy.put("t", "k", "new"));
    copy_as_killed(kCopyPath, "/second");
  }
  Database second = open_at("/second", logged());
  EXPECT_EQ(second.get("t", "k")->value(), "new");
  EXPECT_EQ(second.stats()->csn, Csn{31});
  EXPECT_EQ(second.stats()->recovery.replayed_commits, 1U);
}

// Upstream: opening for reading cut the log.
TEST_F(LaminarPromises, looking_changes_nothing_even_where_the_log_is_torn) {
  commit_and_copy(10, logged(2));
  const Place last = place_of(10);
  write_at(kCopyPath, last.file, last.offset, std::string(4, '\0'));
  std::map<std::string, std::string> before;
  for (const std::string& name : names_at(kCopyPath)) {
    before[name] = content_at(kCopyPath, name);
  }
  Options chosen = logged(2);
  chosen.read_only = true;
  EXPECT_ERROR(kReadOnly, Database::open(kCopyPath, chosen));
  EXPECT_EQ(inspect().plan().last, Csn{9});
  for (const auto& [name, content] : before) {
    EXPECT_TRUE(content_at(kCopyPath, name) == content) << name;
  }
}

// Upstream: the writer took a record that the reader then refused, and with it everything behind.
TEST_F(LaminarPromises, whatever_size_is_committed_is_also_recovered) {
  Options chosen = logged(1, uint64_t{64} << 20);
  Database database = open_at(kPath, chosen);
  Rows wanted;
  for (const size_t bytes :
       {size_t{0}, size_t{4000}, size_t{4096}, size_t{70'000}, size_t{5} << 20, size_t{20} << 20}) {
    const std::string key = numbered("k", bytes);
    wanted[key] = Draw(bytes).text(bytes);
    ASSERT_OK(database.put("t", key, wanted[key]));
  }
  ASSERT_OK(database.put("t", "behind", "v"));
  wanted["behind"] = "v";
  copy_as_killed();
  EXPECT_TRUE(rows_of(open_copy(chosen), "t") == wanted);
}

// Upstream: nothing kept a second manager out of the directory.
TEST_F(LaminarPromises, two_databases_in_one_directory_do_not_share_a_log) {
  Database database = open_at(kPath, logged());
  ASSERT_OK(database.put("t", "k", "v"));
  EXPECT_ERROR(kBusy, Database::open(kPath, logged(2)));
  EXPECT_ERROR(kBusy, Database::recover(kPath, logged(2)));
  ASSERT_OK(database.put("t", "k", "w"));
  copy_as_killed();
  EXPECT_EQ(open_copy(logged()).get("t", "k")->value(), "w");
}

}  // namespace
}  // namespace holdfast
