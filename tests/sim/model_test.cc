// The oracle itself: it accepts right answers and objects to each kind of wrong one.
#include "sim/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "sim/oracle.h"
#include "sim/txn_view.h"

namespace holdfast::sim {
namespace {

using testing::HasSubstr;

class ModelTest : public testing::Test {
 protected:
  TxnLog begin(uint64_t snapshot_csn, std::string who = "tester") {
    TxnLog log;
    log.id = next_id_++;
    log.who = std::move(who);
    log.snapshot_csn = snapshot_csn;
    return log;
  }
  // Rows "a" to "e" of the bucket, in one commit each.
  void fill() {
    for (const char* key : {"a", "b", "c", "d", "e"}) {
      TxnLog log = begin(model_.newest_csn());
      log.put(users_, key, std::string("value of ") + key);
      ASSERT_EQ(model_.apply(log), std::nullopt);
    }
  }
  Step scan(std::vector<Row> rows, bool reversed = false, bool complete = true) {
    Step step;
    step.kind = Step::Kind::kRange;
    step.bucket = users_;
    step.rows = std::move(rows);
    step.reversed = reversed;
    step.complete = complete;
    step.limit = std::numeric_limits<uint64_t>::max();
    return step;
  }
  static Row row(const char* key) { return {key, ValueMark::of(std::string("value of ") + key)}; }
  static void expect_objection(const Verdict& verdict, const char* text) {
    ASSERT_TRUE(verdict.has_value());
    EXPECT_THAT(*verdict, HasSubstr(text));
  }

  Model model_;
  BucketId users_ = model_.bucket("users");
  uint64_t next_id_ = 1;
};

// A view of nothing may have no address at all; the undefined-behaviour sanitizer looks on.
TEST_F(ModelTest, an_empty_value_is_the_same_with_and_without_an_address) {
  EXPECT_EQ(ValueMark::of(std::string_view()), ValueMark::of(std::string_view("")));
  EXPECT_EQ(ValueMark::of(std::string_view()).to_string(), "\"\" (0 bytes)");
}

TEST_F(ModelTest, answers_for_every_state_of_the_past) {
  fill();
  TxnLog erase = begin(5);
  erase.erase(users_, "b", true);
  ASSERT_EQ(model_.apply(erase), std::nullopt);
  EXPECT_EQ(model_.get(users_, "b", 1), nullptr);
  EXPECT_EQ(*model_.get(users_, "b", 2), ValueMark::of("value of b"));
  EXPECT_EQ(*model_.get(users_, "b", 5), ValueMark::of("value of b"));
  EXPECT_EQ(model_.get(users_, "b", 6), nullptr);
  EXPECT_EQ(model_.row_count(5), 5U);
  EXPECT_EQ(model_.row_count(6), 4U);
  EXPECT_FALSE(model_.exists(users_, 0));
  EXPECT_TRUE(model_.exists(users_, 1));
}

TEST_F(ModelTest, undo_restores_the_state_before) {
  fill();
  TxnLog drop = begin(5);
  drop.drop_bucket(users_, true);
  drop.put(users_, "z", "new");
  ASSERT_EQ(model_.apply(drop), std::nullopt);
  EXPECT_EQ(model_.row_count(6), 1U);
  model_.undo();
  EXPECT_EQ(model_.newest_csn(), 5U);
  EXPECT_EQ(model_.row_count(5), 5U);
  EXPECT_EQ(model_.row_count(6), 5U);
}

TEST_F(ModelTest, objects_to_a_row_that_is_missing_from_a_scan) {
  fill();
  const std::vector<Row> rows = {row("a"), row("b"), row("d"), row("e")};
  expect_objection(model_.judge_rows(users_, rows, false, true, 5), "row \"c\" is missing");
  TxnLog log = begin(5);
  log.steps.push_back(scan(rows));
  expect_objection(model_.judge(log, 5), "expected row \"c\"");
}

TEST_F(ModelTest, objects_to_a_last_row_that_is_missing) {
  fill();
  const std::vector<Row> rows = {row("a"), row("b"), row("c"), row("d")};
  expect_objection(model_.judge_rows(users_, rows, false, true, 5), "row \"e\" is missing");
  EXPECT_EQ(model_.judge_rows(users_, rows, false, false, 5), std::nullopt) << "an incomplete scan may stop anywhere";
}

TEST_F(ModelTest, objects_to_a_row_too_many_and_to_a_wrong_order) {
  fill();
  const std::vector<Row> extra = {row("a"), row("aa"), row("b"), row("c"), row("d"), row("e")};
  expect_objection(model_.judge_rows(users_, extra, false, true, 5), "found row \"aa\"");
  const std::vector<Row> forwards = {row("a"), row("b"), row("c"), row("d"), row("e")};
  EXPECT_EQ(model_.judge_rows(users_, forwards, false, true, 5), std::nullopt);
  EXPECT_NE(model_.judge_rows(users_, forwards, true, true, 5), std::nullopt);
}

TEST_F(ModelTest, objects_to_an_old_value_and_says_who_wrote_the_new_one) {
  fill();
  TxnLog change = begin(5, "client 7");
  change.put(users_, "c", "changed");
  ASSERT_EQ(model_.apply(change), std::nullopt);
  TxnLog log = begin(6);
  log.get(users_, "c", "value of c");
  const Verdict verdict = model_.judge(log, 6);
  expect_objection(verdict, "expected \"changed\"");
  expect_objection(verdict, "commit 6 (transaction 6 of client 7)");
}

TEST_F(ModelTest, judges_what_a_transaction_sees_of_its_own_writes) {
  fill();
  TxnLog log = begin(5);
  log.put(users_, "bb", "own");
  log.erase(users_, "c", true);
  log.steps.push_back(scan({row("a"), row("b"), {"bb", ValueMark::of("own")}, row("d"), row("e")}));
  log.savepoint();
  log.erase_range(users_, "b", "e");
  log.steps.push_back(scan({row("a"), row("e")}));
  log.steps.push_back(scan({row("e"), row("a")}, true));
  log.rollback_to(0);
  log.steps.push_back(scan({row("a"), row("b"), {"bb", ValueMark::of("own")}, row("d"), row("e")}));
  log.drop_bucket(users_, true);
  log.get(users_, "a", std::nullopt);
  log.insert(users_, "a", "again", true);
  log.steps.push_back(scan({{"a", ValueMark::of("again")}}));
  EXPECT_EQ(model_.judge(log, 5), std::nullopt);
  log.get(users_, "b", "value of b");
  expect_objection(model_.judge(log, 5), "expected nothing (erased by the transaction itself)");
}

TEST_F(ModelTest, judges_a_cursor_in_both_directions) {
  fill();
  const auto moved = [&](Step::Kind kind, const char* to, const char* key = "") {
    Step step;
    step.kind = kind;
    step.bucket = users_;
    step.key = key;
    step.found = to != nullptr;
    if (to != nullptr) {
      step.rows.push_back(row(to));
    }
    return step;
  };
  using Kind = Step::Kind;
  TxnLog log = begin(5);
  log.steps = {moved(Kind::kCursorSeek, "c", "bz"), moved(Kind::kCursorNext, "d"),
               moved(Kind::kCursorPrev, "c"),       moved(Kind::kCursorSeekBefore, "b", "c"),
               moved(Kind::kCursorLast, "e"),       moved(Kind::kCursorNext, nullptr),
               moved(Kind::kCursorFirst, "a"),      moved(Kind::kCursorPrev, nullptr)};
  EXPECT_EQ(model_.judge(log, 5), std::nullopt);
  log.steps = {moved(Kind::kCursorSeek, "d", "bz")};
  expect_objection(model_.judge(log, 5), "cursor seek");
}

TEST_F(ModelTest, objects_to_a_lost_update) {
  fill();
  TxnLog first = begin(5, "client 1");
  TxnLog second = begin(5, "client 2");
  first.put(users_, "a", "first");
  second.put(users_, "a", "second");
  ASSERT_EQ(model_.apply(first), std::nullopt);
  expect_objection(model_.apply(second), "lost update");
}

TEST_F(ModelTest, objects_to_a_row_erased_with_a_range_that_somebody_just_put_there) {
  fill();
  TxnLog put = begin(5, "client 1");
  TxnLog erase = begin(5, "client 2");
  put.put(users_, "cc", "new");
  erase.erase_range(users_, "c", "d");
  ASSERT_EQ(model_.apply(put), std::nullopt);
  expect_objection(model_.apply(erase), "lost update");
}

TEST_F(ModelTest, objects_to_a_write_into_a_bucket_that_was_dropped) {
  fill();
  TxnLog drop = begin(5, "client 1");
  TxnLog put = begin(5, "client 2");
  drop.drop_bucket(users_, true);
  put.put(users_, "x", "new");
  ASSERT_EQ(model_.apply(drop), std::nullopt);
  expect_objection(model_.apply(put), "the existence of bucket \"users\"");
}

TEST_F(ModelTest, dropping_a_bucket_that_the_transaction_made_itself_touches_nobody_elses) {
  TxnLog other = begin(0, "client 1");
  TxnLog log = begin(0, "client 2");
  other.put(users_, "a", "value");
  log.create_bucket(users_, true);
  log.put(users_, "b", "value");
  log.drop_bucket(users_, true);
  log.put(model_.bucket("other"), "c", "value");
  ASSERT_EQ(model_.apply(other), std::nullopt);
  ASSERT_EQ(model_.apply(log), std::nullopt);
  EXPECT_NE(model_.get(users_, "a", 2), nullptr);
  EXPECT_EQ(model_.get(users_, "b", 2), nullptr);
}

TEST_F(ModelTest, erasing_a_range_of_a_bucket_that_the_transaction_does_not_see_does_nothing) {
  TxnLog other = begin(0, "client 1");
  TxnLog log = begin(0, "client 2");
  other.put(users_, "a", "value");
  log.erase_range(users_, "", std::nullopt);
  ASSERT_EQ(model_.apply(other), std::nullopt);
  ASSERT_EQ(model_.apply(log), std::nullopt);
  EXPECT_NE(model_.get(users_, "a", 2), nullptr);
}

class OracleTest : public testing::Test {
 protected:
  Oracle::Log put(const char* key, uint64_t snapshot_csn, const char* value = "value") {
    auto log = std::make_shared<TxnLog>();
    log->id = oracle_.next_transaction_id();
    log->who = "client";
    log->snapshot_csn = snapshot_csn;
    log->marker = "t" + std::to_string(log->id);
    log->put(ledger_, log->marker, "marker");
    log->put(users_, key, value);
    return log;
  }
  void commit(const char* key) {
    const auto log = put(key, csn_);
    oracle_.committing(log);
    ASSERT_EQ(oracle_.committed(log->id, ++csn_), std::nullopt);
  }
  // What a database shows that holds these users and ledger rows.
  Contents contents(uint64_t csn, std::vector<const char*> users, std::vector<const char*> markers) {
    Contents shown;
    shown.csn = csn;
    Contents::Bucket ledger{ledger_, {}, true};
    for (const char* marker : markers) {
      ledger.rows.push_back({marker, ValueMark::of("marker")});
    }
    Contents::Bucket rows{users_, {}, true};
    for (const char* user : users) {
      rows.rows.push_back({user, ValueMark::of("value")});
    }
    shown.buckets = {ledger, rows};
    return shown;
  }
  static void expect_objection(const Verdict& verdict, const char* text) {
    ASSERT_TRUE(verdict.has_value());
    EXPECT_THAT(*verdict, HasSubstr(text));
  }

  Oracle oracle_;
  BucketId ledger_ = oracle_.model().bucket(Oracle::kLedger);
  BucketId users_ = oracle_.model().bucket("users");
  uint64_t csn_ = 0;
};

TEST_F(OracleTest, objects_to_a_lost_acknowledged_commit) {
  commit("a");
  commit("b");
  oracle_.crashed();
  expect_objection(oracle_.recovered(contents(1, {"a"}, {"t1"})), "commit 2 (transaction 2 of client) had been ack");
}

TEST_F(OracleTest, objects_to_the_loss_of_a_state_that_was_only_shown) {
  commit("a");
  oracle_.committing(put("b", 1));
  ASSERT_EQ(oracle_.shown("reader", 2, 1), std::nullopt);
  oracle_.crashed();
  expect_objection(oracle_.recovered(contents(1, {"a"}, {"t1"})), "commit 2 had been shown to reader");
}

TEST_F(OracleTest, a_commit_in_doubt_may_survive_or_not_but_not_by_half) {
  for (const bool survived : {true, false}) {
    OracleTest::SetUp();
    oracle_ = Oracle();
    csn_ = 0;
    ledger_ = oracle_.model().bucket(Oracle::kLedger);
    users_ = oracle_.model().bucket("users");
    commit("a");
    oracle_.committing(put("b", 1));
    EXPECT_EQ(oracle_.probed(contents(2, {"a", "b"}, {"t1", "t2"})), std::nullopt);
    EXPECT_EQ(oracle_.probed(contents(1, {"a"}, {"t1"})), std::nullopt);
    oracle_.crashed();
    expect_objection(oracle_.recovered(contents(2, {"a"}, {"t1", "t2"})), "row \"b\" is missing");
    expect_objection(oracle_.recovered(contents(1, {"a", "b"}, {"t1"})), "found row \"b\"");
    EXPECT_EQ(oracle_.recovered(survived ? contents(2, {"a", "b"}, {"t1", "t2"}) : contents(1, {"a"}, {"t1"})),
              std::nullopt);
    EXPECT_TRUE(oracle_.settled());
  }
}

TEST_F(OracleTest, a_commit_that_was_lost_once_never_comes_back) {
  commit("a");
  oracle_.committing(put("b", 1));
  oracle_.crashed();
  ASSERT_EQ(oracle_.recovered(contents(1, {"a"}, {"t1"})), std::nullopt);
  oracle_.crashed();
  EXPECT_NE(oracle_.recovered(contents(2, {"a", "b"}, {"t1", "t2"})), std::nullopt);
}

TEST_F(OracleTest, a_commit_that_was_shown_once_stays) {
  commit("a");
  oracle_.committing(put("b", 1));
  oracle_.crashed();
  ASSERT_EQ(oracle_.recovered(contents(2, {"a", "b"}, {"t1", "t2"})), std::nullopt);
  oracle_.crashed();
  expect_objection(oracle_.recovered(contents(1, {"a"}, {"t1"})), "had been shown by an earlier recovery");
}

TEST_F(OracleTest, finds_the_order_of_several_in_doubt) {
  commit("a");
  oracle_.committing(put("b", 1));
  oracle_.committing(put("c", 1));
  oracle_.committing(put("b", 2));  // it saw the first: must come after it
  oracle_.crashed();
  EXPECT_EQ(oracle_.recovered(contents(4, {"a", "b", "c"}, {"t1", "t2", "t3", "t4"})), std::nullopt);
}

TEST_F(OracleTest, a_refused_transaction_must_not_be_there) {
  commit("a");
  const auto log = put("b", 1);
  oracle_.committing(log);
  ASSERT_EQ(oracle_.refused(log->id), std::nullopt);
  oracle_.crashed();
  EXPECT_NE(oracle_.recovered(contents(2, {"a", "b"}, {"t1", "t2"})), std::nullopt);
}

TEST_F(OracleTest, judges_a_snapshot_when_the_commits_that_it_shows_are_known) {
  const auto early = put("a", 0);
  oracle_.committing(early);
  const auto look = std::make_shared<TxnLog>();
  look->who = "reader";
  look->snapshot_csn = 1;
  look->get(users_, "a", "something else");
  EXPECT_EQ(oracle_.looked(look), std::nullopt) << "commit 1 is not known yet";
  expect_objection(oracle_.committed(early->id, 1), "expected \"value\"");
}

TEST_F(OracleTest, objects_to_a_transaction_that_does_not_see_an_acknowledged_commit) {
  commit("a");
  expect_objection(oracle_.shown("reader", 0, oracle_.floor()), "expected at least commit 1");
}

TEST_F(OracleTest, objects_to_commit_numbers_that_are_used_twice_or_leave_gaps) {
  commit("a");
  const auto twice = put("b", 0);
  oracle_.committing(twice);
  EXPECT_NE(oracle_.committed(twice->id, 1), std::nullopt);
  const auto gap = put("c", 1);
  oracle_.committing(gap);
  EXPECT_NE(oracle_.committed(gap->id, 5), std::nullopt);
}

TEST_F(OracleTest, a_serializable_transaction_must_read_what_held_when_it_committed) {
  commit("a");
  const auto other = put("b", 1);
  oracle_.committing(other);
  ASSERT_EQ(oracle_.committed(other->id, 2), std::nullopt);
  auto log = std::make_shared<TxnLog>(*put("c", 1));
  log->serializable = true;
  log->get(users_, "b", std::nullopt);  // true on its snapshot, but "b" came before it committed
  oracle_.committing(log);
  expect_objection(oracle_.committed(log->id, 3), "serializable");
}

}  // namespace
}  // namespace holdfast::sim
