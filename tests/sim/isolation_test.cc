// The isolation checker: it names each anomaly in a history made by hand, and has nothing to say about good ones.
#include "sim/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/sim/story.h"

namespace holdfast::sim {
namespace {

using testing::HasSubstr;

TEST(Isolation, transactions_one_after_the_other_are_clean) {
  Story story;
  for (const char* value : {"x1", "x2", "x3"}) {
    const auto log = story.begin(Isolation::kSerializable);
    read(log, "y", "y0");
    write(log, "x", value);
    read(log, "x", value);
    story.commit(log);
  }
  const auto last = story.begin();
  read(last, "x", "x3");
  last->erase(kBucket, "y", true);
  miss(last, "y");
  story.commit(last);
  story.expect_clean({{"x", "x3"}});
}

TEST(Isolation, a_snapshot_may_be_old_for_as_long_as_it_lives) {
  Story story;
  const auto snapshot = story.snapshot();
  const auto more = Story::again(snapshot);
  read(snapshot, "x", "x0");
  story.looked(snapshot);
  story.put("x", "x1");
  story.put("y", "y1");
  read(more, "y", "y0");
  story.looked(more);
  story.expect_clean({{"x", "x1"}, {"y", "y1"}});
}

TEST(Isolation, a_snapshot_that_changes_its_mind_is_read_skew) {
  Story story;
  const auto writer = story.begin();
  write(writer, "x", "x1");
  const auto snapshot = story.snapshot();
  const auto more = Story::again(snapshot);
  read(snapshot, "x", "x0");
  story.looked(snapshot);
  story.commit(writer);
  read(more, "x", "x1");
  story.looked(more);
  story.expect("G-single (read skew)", {{"x", "x1"}, {"y", "y0"}});
}

TEST(Isolation, finds_a_write_cycle) {
  Story story;
  const auto a = story.begin();
  const auto b = story.begin();
  for (const auto& [log, name] : {std::pair(a, "a"), std::pair(b, "b")}) {
    log->blind = true;
    write(log, "x", std::string("x of ") + name);
    write(log, "y", std::string("y of ") + name);
    story.commit(log);
  }
  const auto snapshot = story.snapshot();
  read(snapshot, "x", "x of a");
  read(snapshot, "y", "y of b");
  story.looked(snapshot);
  story.expect("G0 (write cycle)", {{"x", "x of a"}, {"y", "y of b"}});
}

TEST(Isolation, finds_an_aborted_read) {
  Story story;
  const auto aborted = story.begin();
  write(aborted, "x", "x1");
  story.refuse(aborted);
  const auto reader = story.begin();
  read(reader, "x", "x1");
  story.give_up(reader);
  story.expect("G1a (aborted read): transaction 2 of tester read key \"x\" of bucket \"users\"",
               {{"x", "x0"}, {"y", "y0"}});
}

TEST(Isolation, finds_what_was_aborted_and_is_there_after_all) {
  Story story;
  const auto aborted = story.begin();
  write(aborted, "x", "x1");
  story.give_up(aborted);
  story.expect("G1a (aborted read): the database that was opened next read", {{"x", "x1"}, {"y", "y0"}});
}

TEST(Isolation, finds_an_intermediate_read) {
  Story story;
  const auto writer = story.begin();
  write(writer, "x", "x1");
  write(writer, "x", "x2");
  story.commit(writer);
  const auto snapshot = story.snapshot();
  read(snapshot, "x", "x1");
  story.looked(snapshot);
  story.expect("G1b (intermediate read)", {{"x", "x2"}, {"y", "y0"}});
}

TEST(Isolation, finds_what_was_rolled_back_to_a_savepoint) {
  Story story;
  const auto writer = story.begin();
  writer->savepoint();
  write(writer, "x", "x1");
  writer->rollback_to(0);
  read(writer, "x", "x0");
  write(writer, "y", "y1");
  story.commit(writer);
  story.expect("G1b (intermediate read)", {{"x", "x1"}, {"y", "y1"}});
}

TEST(Isolation, finds_a_value_that_nobody_wrote) {
  Story story;
  const auto reader = story.begin();
  read(reader, "y", "y7");
  story.give_up(reader);
  story.expect("but nobody left that there", {{"x", "x0"}, {"y", "y0"}});
}

TEST(Isolation, finds_circular_information_flow) {
  Story story;
  const auto a = story.begin();
  const auto b = story.begin();
  write(a, "x", "x1");
  write(b, "y", "y1");
  read(a, "y", "y1");
  read(b, "x", "x1");
  story.commit(a);
  story.commit(b);
  story.expect("G1c (circular information flow)", {{"x", "x1"}, {"y", "y1"}});
}

TEST(Isolation, finds_read_skew) {
  Story story;
  const auto reader = story.begin();
  read(reader, "x", "x0");
  const auto writer = story.begin();
  write(writer, "x", "x1");
  write(writer, "y", "y1");
  story.commit(writer);
  read(reader, "y", "y1");
  story.give_up(reader);
  story.expect(
      "G-single (read skew): transaction 2 of tester wrote key \"y\" of bucket \"users\", which transaction 1 of "
      "tester "
      "read; transaction 1 of tester read key \"x\" of bucket \"users\" before transaction 2 of tester wrote it",
      {{"x", "x1"}, {"y", "y1"}});
}

TEST(Isolation, finds_a_row_that_a_scan_missed) {
  Story story;
  const auto writer = story.begin();
  write(writer, "x", "x1");
  write(writer, "z", "z1");
  story.ask_to_commit(writer);
  const auto snapshot = story.snapshot();
  scan(snapshot, {{"x", "x1"}, {"y", "y0"}});
  story.looked(snapshot);
  story.answer(writer);
  story.expect("G-single (read skew)", {{"x", "x1"}, {"y", "y0"}, {"z", "z1"}});
}

TEST(Isolation, a_scan_says_nothing_of_what_lies_behind_its_limit) {
  Story story;
  const auto writer = story.begin();
  write(writer, "x", "x1");
  write(writer, "z", "z1");
  story.commit(writer);
  const auto snapshot = story.snapshot();
  scan(snapshot, {{"x", "x1"}, {"y", "y0"}}, 2);
  story.looked(snapshot);
  story.expect_clean({{"x", "x1"}, {"y", "y0"}, {"z", "z1"}});
}

TEST(Isolation, finds_a_state_older_than_what_was_acknowledged_before_it_was_asked_for) {
  Story story;
  story.put("x", "x1");
  const auto reader = story.snapshot();
  read(reader, "x", "x0");
  story.looked(reader);
  story.expect("G-single (read skew) against real time", {{"x", "x1"}, {"y", "y0"}});
}

TEST(Isolation, finds_a_state_older_than_what_was_shown_before) {
  Story story;
  const auto writer = story.begin();
  write(writer, "x", "x1");
  story.ask_to_commit(writer);
  const auto newer = story.snapshot();
  read(newer, "x", "x1");
  story.looked(newer);
  const auto older = story.snapshot();
  read(older, "x", "x0");
  story.looked(older);
  story.answer(writer);
  story.expect("against real time", {{"x", "x1"}, {"y", "y0"}});
}

TEST(Isolation, finds_a_lost_update) {
  Story story;
  const auto a = story.begin();
  const auto b = story.begin();
  read(a, "x", "x0");
  read(b, "x", "x0");
  write(a, "x", "x1");
  write(b, "x", "x2");
  story.commit(a);
  story.commit(b);
  story.expect(
      "lost update: transaction 1 of tester wrote key \"x\" of bucket \"users\" before transaction 2 of tester did; "
      "transaction 2 of tester read key \"x\" of bucket \"users\" before transaction 1 of tester wrote it",
      {{"x", "x2"}, {"y", "y0"}});
}

TEST(Isolation, finds_two_that_wrote_a_key_side_by_side) {
  Story story({{"x", "x0"}, {"y", "y0"}, {"z", "z0"}});
  const auto a = story.begin();
  const auto b = story.begin();
  read(a, "y", "y0");
  read(b, "z", "z0");
  write(a, "z", "z1");
  write(b, "y", "y1");
  write(a, "x", "x1");
  write(b, "x", "x2");
  story.commit(a);
  story.commit(b);
  story.put("x", "x3");
  story.expect(
      "lost update: transaction 1 of tester and transaction 2 of tester both wrote key \"x\" of bucket \"users\", but "
      "neither committed before the other started",
      {{"x", "x3"}, {"y", "y1"}, {"z", "z1"}});
}

Story write_skew(Isolation first, Isolation second) {
  Story story;
  const auto a = story.begin(first);
  const auto b = story.begin(second);
  for (const auto& log : {a, b}) {
    read(log, "x", "x0");
    read(log, "y", "y0");
  }
  write(a, "x", "x1");
  write(b, "y", "y1");
  story.commit(a);
  story.commit(b);
  return story;
}

TEST(Isolation, write_skew_is_for_serializable_transactions_to_avoid) {
  const Rows after = {{"x", "x1"}, {"y", "y1"}};
  write_skew(Isolation::kSerializable, Isolation::kSerializable).expect("G2 (anti-dependency cycle)", after);
  write_skew(Isolation::kSnapshot, Isolation::kSnapshot).expect_clean(after);
  write_skew(Isolation::kSerializable, Isolation::kSnapshot).expect_clean(after);
}

Story phantoms(Isolation isolation) {
  Story story;
  const auto a = story.begin(isolation);
  const auto b = story.begin(isolation);
  scan(a, {{"x", "x0"}, {"y", "y0"}});
  scan(b, {{"x", "x0"}, {"y", "y0"}});
  write(a, "a", "a1");
  write(b, "b", "b1");
  story.commit(a);
  story.commit(b);
  return story;
}

TEST(Isolation, phantoms_are_for_serializable_transactions_to_avoid) {
  const Rows after = {{"a", "a1"}, {"b", "b1"}, {"x", "x0"}, {"y", "y0"}};
  phantoms(Isolation::kSerializable).expect("G2 (anti-dependency cycle)", after);
  phantoms(Isolation::kSnapshot).expect_clean(after);
}

TEST(Isolation, finds_a_long_fork) {
  Story story;
  const auto a = story.begin();
  const auto b = story.begin();
  write(a, "x", "x1");
  write(b, "y", "y1");
  story.ask_to_commit(a);
  story.ask_to_commit(b);
  const auto other = story.begin();
  const auto one = story.snapshot();
  read(one, "x", "x1");
  read(one, "y", "y0");
  read(other, "x", "x0");
  read(other, "y", "y1");
  story.looked(one);
  story.give_up(other);
  story.answer(a);
  story.answer(b);
  story.expect("G-nonadjacent (long fork)", {{"x", "x1"}, {"y", "y1"}});
}

TEST(Isolation, finds_a_transaction_that_does_not_see_itself) {
  Story story;
  const auto log = story.begin();
  write(log, "x", "x1");
  read(log, "x", "x0");
  story.commit(log);
  story.expect("internal: transaction 1 of tester read key \"x\" = \"x0\" (2 bytes), but had itself written \"x1\"",
               {{"x", "x1"}, {"y", "y0"}});
}

TEST(Isolation, finds_an_acknowledged_commit_that_a_crash_took) {
  Story story;
  story.put("x", "x1");
  story.expect("against real time", {{"x", "x0"}, {"y", "y0"}});
}

// --- in doubt, and deferred

TEST(Isolation, what_is_in_doubt_may_be_lost_or_not_but_only_as_a_whole) {
  for (const bool survives : {true, false}) {
    for (const bool in_part : {true, false}) {
      Story story;
      const auto doubtful = story.begin();
      write(doubtful, "x", "x1");
      write(doubtful, "y", "y1");
      story.ask_to_commit(doubtful);
      const Rows after = {{"x", survives ? "x1" : "x0"}, {"y", survives != in_part ? "y1" : "y0"}};
      if (in_part) {
        story.expect("G-single (read skew)", after);
      } else {
        story.expect_clean(after);
      }
    }
  }
}

TEST(Isolation, what_is_in_doubt_and_was_never_seen_conflicts_with_nobody) {
  Story story;
  const auto doubtful = story.begin(Isolation::kSerializable);
  const auto other = story.begin(Isolation::kSerializable);
  for (const auto& log : {doubtful, other}) {
    read(log, "x", "x0");
    write(log, "x", log == doubtful ? "x1" : "x2");
    story.ask_to_commit(log);
  }
  story.answer(other);
  story.expect_clean({{"x", "x2"}, {"y", "y0"}});
}

TEST(Isolation, deferred_commits_are_lost_from_the_end_only) {
  const auto told = [](const Rows& after) {
    Story story;
    for (const char* key : {"x", "y"}) {
      const auto log = story.begin();
      read(log, "x", *key == 'x' ? "x0" : "x1");
      write(log, key, std::string(key) + "1");
      log->deferred = true;
      story.commit(log);
    }
    return story.end(after);
  };
  EXPECT_EQ(told({{"x", "x1"}, {"y", "y1"}}), std::nullopt);
  EXPECT_EQ(told({{"x", "x1"}, {"y", "y0"}}), std::nullopt);
  EXPECT_EQ(told({{"x", "x0"}, {"y", "y0"}}), std::nullopt);
  EXPECT_THAT(told({{"x", "x0"}, {"y", "y1"}}).value_or(""), HasSubstr("G-single (read skew)"));
}

TEST(Isolation, what_was_erased_as_a_range_may_be_missing) {
  Story story;
  const auto log = story.begin();
  log->erase_range(kBucket, "x", "y");
  story.commit(log);
  const auto snapshot = story.snapshot();
  miss(snapshot, "x");
  read(snapshot, "y", "y0");
  story.looked(snapshot);
  story.expect_clean({{"y", "y0"}});
}

}  // namespace
}  // namespace holdfast::sim
