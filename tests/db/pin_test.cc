// Pins: a state stays readable, whatever is committed, crashed or reopened, until somebody takes the pin away; and then
// nothing of it is left.
#include <cerrno>

#include "tests/db/failing_env.h"
#include "tests/db/log_test.h"

namespace holdfast {
namespace {

class PinTest : public LogTest {
 protected:
  Database open() { return open_at(kPath, logged()); }

  // A few commits of puts, erases, large values, buckets made and dropped.
  static void change(Database& database, Draw& draw, int commits = 20) {
    for (int commit = 0; commit < commits; ++commit) {
      ASSERT_OK(database.exec([&](Transaction& txn) -> Result<void> {
        for (int write = 0; write < 20; ++write) {
          Bucket bucket = txn.bucket("b" + std::to_string(draw.below(3)));
          const std::string key = numbered("key", draw.below(800));
          if (draw.one_in(4)) {
            HOLDFAST_TRY(bucket.erase(key));
          } else {
            HOLDFAST_TRY(bucket.put(key, draw.text(draw.one_in(30) ? 9000 : draw.below(300))));
          }
        }
        if (draw.one_in(15)) {
          return txn.drop_bucket("b" + std::to_string(draw.below(3))).has_value() ? Result<void>() : Result<void>();
        }
        return {};
      }));
    }
  }
  using Everything = std::map<std::string, Rows>;
  static Everything everything(const Snapshot& snapshot) {
    Everything all;
    const auto buckets = snapshot.buckets();
    EXPECT_OK(buckets);
    for (const std::string& bucket : buckets.value_or(std::vector<std::string>{})) {
      all.emplace(bucket, rows_of(snapshot, bucket));
    }
    return all;
  }
  static void expect_pinned(const Database& database, const std::map<std::string, Everything>& pinned) {
    const auto pins = database.pins();
    ASSERT_OK(pins);
    ASSERT_EQ(pins->size(), pinned.size());
    for (const auto& [name, rows] : pinned) {
      const auto snapshot = database.as_of(name);
      ASSERT_OK(snapshot);
      EXPECT_EQ(everything(*snapshot), rows) << name;
    }
  }
  static uint64_t used_pages(const Database& database) {
    const Stats stats = *database.stats();
    return stats.page_count - stats.free_pages;
  }
};

TEST_F(PinTest, a_pinned_state_is_read_as_it_was_after_commits_checkpoints_and_reopens) {
  Database database = open();
  Draw draw(1);
  change(database, draw);
  std::map<std::string, Everything> pinned;
  for (const std::string name : {"first", "second", "third"}) {
    pinned[name] = everything(database.snapshot());
    const auto pin = database.pin(name);
    ASSERT_OK(pin);
    EXPECT_EQ(database.as_of(pin->csn)->csn(), pin->csn);
    change(database, draw);
    expect_pinned(database, pinned);
    sound(database);
    ASSERT_OK(database.close());
    database = open();
    expect_pinned(database, pinned);
    change(database, draw);
    ASSERT_OK(database.checkpoint());
    change(database, draw);
    expect_pinned(database, pinned);
  }
  EXPECT_GT(sound(database).pinned_pages, 0U);
  EXPECT_GT(database.pins()->front().retained_bytes, 0U);
}

TEST_F(PinTest, a_kill_at_any_time_keeps_every_pin_that_was_acknowledged_with_all_its_pages) {
  Database database = open();
  Draw draw(2);
  std::map<std::string, Everything> pinned;
  for (int round = 0; round < 6; ++round) {
    change(database, draw, 10);
    const std::string name = "pin " + std::to_string(round);
    pinned[name] = everything(database.snapshot());
    ASSERT_OK(database.pin(name));
    change(database, draw, 10);
    if (round % 2 == 1) {
      ASSERT_TRUE(*database.unpin("pin " + std::to_string(round - 1)));
      pinned.erase("pin " + std::to_string(round - 1));
    }
    const Everything newest = everything(database.snapshot());
    copy_as_killed();
    Database copy = open_copy(logged());
    EXPECT_EQ(everything(copy.snapshot()), newest);
    expect_pinned(copy, pinned);
    change(copy, draw, 10);
    expect_pinned(copy, pinned);
    sound(copy);
  }
}

TEST_F(PinTest, a_pin_that_is_taken_away_leaves_no_page_behind) {
  Database database = open();
  Draw draw(3);
  change(database, draw, 60);
  ASSERT_OK(database.pin("a"));
  ASSERT_OK(database.pin("b"));
  const Everything kept = everything(database.snapshot());
  change(database, draw, 60);
  ASSERT_OK(database.close());
  database = open();
  ASSERT_OK(database.pin("c"));
  EXPECT_TRUE(*database.unpin("a"));
  EXPECT_FALSE(*database.unpin("a"));
  EXPECT_ERROR(kNotFound, database.as_of("a"));
  sound(database);
  EXPECT_EQ(everything(*database.as_of("b")), kept) << "another pin of the same state";
  EXPECT_TRUE(*database.unpin("b"));
  EXPECT_TRUE(*database.unpin("c"));
  EXPECT_TRUE(database.pins()->empty());
  ASSERT_OK(database.checkpoint());
  EXPECT_EQ(sound(database).pinned_pages, 0U);
  // The same rows in a database that was never pinned take as many pages, but for those that are not merged yet.
  const uint64_t used = used_pages(database);
  for (const auto& [bucket, rows] : everything(database.snapshot())) {
    ASSERT_OK(database.exec([&](Transaction& txn) { return txn.drop_bucket(bucket); }));
  }
  ASSERT_OK(database.checkpoint());
  ASSERT_OK(database.put("t", "k", "v"));
  ASSERT_OK(database.checkpoint());
  EXPECT_LT(used_pages(database), 12U) << used << " before";
  sound(database);
}

TEST_F(PinTest, a_snapshot_of_a_pinned_state_outlives_the_pin) {
  Database database = open();
  Draw draw(4);
  change(database, draw, 40);
  const Everything before = everything(database.snapshot());
  ASSERT_OK(database.pin("p"));
  change(database, draw, 40);
  {
    const Snapshot pinned = *database.as_of("p");
    const Snapshot second = pinned.clone();
    ASSERT_TRUE(*database.unpin("p"));
    change(database, draw, 40);
    ASSERT_OK(database.checkpoint());
    change(database, draw, 40);
    EXPECT_EQ(everything(pinned), before);
    EXPECT_EQ(everything(second), before);
    EXPECT_GT(sound(database).awaiting_pages, 0U);
  }
  change(database, draw, 1);
  ASSERT_OK(database.checkpoint());
  EXPECT_EQ(sound(database).awaiting_pages, 0U);
}

TEST_F(PinTest, a_state_is_found_by_its_commit_or_by_its_time) {
  Database database = open();
  EXPECT_ERROR(kNotFound, database.as_of_time(UINT64_MAX));
  ASSERT_OK(database.put("t", "k", "1"));
  const Pin first = *database.pin("first");
  ASSERT_OK(database.put("t", "k", "2"));
  const Pin second = *database.pin("second");
  const Commit third = *database.put("t", "k", "3");
  EXPECT_EQ(rows_of(*database.as_of(first.csn), "t"), (Rows{{"k", "1"}}));
  EXPECT_EQ(rows_of(*database.as_of(second.csn), "t"), (Rows{{"k", "2"}}));
  EXPECT_EQ(rows_of(*database.as_of(third.csn), "t"), (Rows{{"k", "3"}}));
  const auto between = database.as_of(next(first.csn));
  EXPECT_ERROR(kNotFound, between);
  EXPECT_NE(
      between.error().message().find(std::to_string(to_int(first.csn)) + ", " + std::to_string(to_int(second.csn))),
      std::string::npos)
      << why(between);
  EXPECT_EQ(rows_of(*database.as_of_time(first.wall_ns), "t"), (Rows{{"k", "1"}}));
  EXPECT_EQ(rows_of(*database.as_of_time(second.wall_ns), "t"), (Rows{{"k", "2"}}));
  EXPECT_EQ(rows_of(*database.as_of_time(UINT64_MAX), "t"), (Rows{{"k", "2"}}));
  EXPECT_ERROR(kNotFound, database.as_of_time(first.wall_ns - 1));
}

TEST_F(PinTest, names_beyond_their_limits_and_names_that_are_there_are_refused) {
  Database database = open();
  EXPECT_ERROR(kInvalidArgument, database.pin(""));
  EXPECT_ERROR(kInvalidArgument, database.pin(std::string(kPinNameBytesMax + 1, 'p')));
  ASSERT_OK(database.pin(std::string(kPinNameBytesMax, 'p')));
  EXPECT_ERROR(kAlreadyExists, database.pin(std::string(kPinNameBytesMax, 'p')));
  EXPECT_ERROR(kInvalidArgument, database.unpin(""));
  EXPECT_FALSE(*database.unpin("nothing"));
  ASSERT_OK(database.close());
  Options read_only = logged();
  read_only.read_only = true;
  database = open_at(kPath, read_only);
  EXPECT_ERROR(kReadOnly, database.pin("x"));
  EXPECT_ERROR(kReadOnly, database.unpin("x"));
  EXPECT_EQ(database.pins()->size(), 1U);
  EXPECT_OK(database.as_of(std::string(kPinNameBytesMax, 'p')));
}

// Where the meta page itself finds no room nobody knows; reopened, the pin is there with all its pages, or nothing is.
TEST_F(PinTest, a_pin_that_finds_no_room_is_whole_or_nothing) {
  FailingEnv env(*memory_);
  Options options = logged();
  options.env = &env;
  Database database = open_at(kPath, options);
  Draw draw(5);
  change(database, draw);
  std::map<std::string, Everything> pinned;
  pinned["first"] = everything(database.snapshot());
  ASSERT_OK(database.pin("first"));
  env.plan().only_writes_to("tree");
  const auto fail_at = [&](uint64_t nth, const auto& call) {
    env.plan().fail(nth, ENOSPC, FailurePlan::Length::kFromThenOn);
    const auto answer = call();
    env.plan().stop();
    if (answer) {
      return true;
    }
    if (answer.error().code() == ErrorCode::kOutcomeUnknown) {
      static_cast<void>(database.close());
      database = open_at(kPath, options);
    } else {
      EXPECT_ERROR(kNoSpace, answer);
    }
    return false;
  };
  int refused = 0;
  for (uint64_t nth = 1; nth < 12; ++nth) {
    change(database, draw, 3);
    const Everything now = everything(database.snapshot());
    const bool made = fail_at(nth, [&] { return database.pin("second"); });
    refused += made ? 0 : 1;
    const bool is_there = database.pins()->size() == 2;
    EXPECT_TRUE(is_there || !made);
    if (is_there) {
      pinned["second"] = now;
    }
    change(database, draw, 3);
    expect_pinned(database, pinned);
    sound(database);
    if (is_there) {
      fail_at(nth, [&] { return database.unpin("second"); });
      if (database.pins()->size() == 2) {
        expect_pinned(database, pinned);
        sound(database);
        ASSERT_TRUE(*database.unpin("second"));
      }
      pinned.erase("second");
    }
    expect_pinned(database, pinned);
    sound(database);
  }
  EXPECT_GT(refused, 3);
}

TEST_F(PinTest, a_database_without_a_log_keeps_pins_too) {
  Options classic = logged();
  classic.checkpoint_every_commit = true;
  Database database = open_at(kPath, classic);
  Draw draw(6);
  change(database, draw);
  std::map<std::string, Everything> pinned;
  pinned["p"] = everything(database.snapshot());
  ASSERT_OK(database.pin("p"));
  change(database, draw);
  copy_as_killed();
  Database copy = open_copy(classic);
  expect_pinned(copy, pinned);
  sound(copy);
  ASSERT_TRUE(*copy.unpin("p"));
  sound(copy);
}

}  // namespace
}  // namespace holdfast
