// Projections of streams: every event exactly once, whatever is cut off, and only of the stream that was applied.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "format/stream_record.h"
#include "format/stream_segment.h"
#include "tests/db/failing_env.h"
#include "tests/db/projection_test.h"

namespace holdfast {
namespace {

class ProjectionFollowTest : public ProjectionTest {
 protected:
  static void expect_followed(Database& database, std::string_view projection = "p",
                              std::string_view stream = "events") {
    expect_same(database.snapshot(), projection, model_of(database, stream));
    EXPECT_EQ(*database.projection(projection).applied_hash(), database.stream(stream).head()->chain_hash);
    EXPECT_EQ(database.projection(projection).stats()->lag, 0U);
  }
};

TEST_F(ProjectionFollowTest, applies_every_event_at_its_position_with_the_chain_hash_of_the_stream) {
  Database database = open();
  Draw draw(1);
  append(database, "events", drawn_events(draw, 100));
  Projection projection = database.projection("p");
  const auto report = projection.follow("events", reduce, {.batch_events = 7});
  ASSERT_OK(report);
  EXPECT_EQ(report->from, 0U);
  EXPECT_EQ(report->to, 100U);
  expect_followed(database);
  append(database, "events", drawn_events(draw, 30));
  EXPECT_EQ(projection.stats()->lag, 30U);
  ASSERT_OK(projection.follow("events", reduce, {.until = 110}));
  EXPECT_EQ(projection.stats()->lag, 20U);
  ASSERT_OK(projection.follow("events", reduce));
  expect_followed(database);
  EXPECT_EQ(projection.follow("events", reduce)->to, 130U) << "there is nothing left, and that is no error";
  sound(database);
}

TEST_F(ProjectionFollowTest, what_a_kill_takes_is_what_no_checkpoint_had_and_is_applied_once_again) {
  Database database = open();
  Draw draw(2);
  append(database, "events", drawn_events(draw, 60));
  ASSERT_OK(database.projection("p").follow("events", reduce));
  ASSERT_OK(database.checkpoint());
  append(database, "events", drawn_events(draw, 60));
  ASSERT_OK(database.projection("p").follow("events", reduce, {.batch_events = 10}));
  ASSERT_OK(database.put("users", "k", "durable"));
  copy_as_killed();
  Database copy = open_copy(small());
  EXPECT_EQ(copy.stats()->csn, database.stats()->csn);
  EXPECT_EQ(*copy.projection("p").applied_position(), 60U) << "not logged: the stream can tell it again";
  EXPECT_EQ(rows_of(copy.snapshot().projection("p").table("t1").scan()),
            model_of(copy, "events", 60).rows_at("t1", 60));
  uint64_t applied = 0;
  const auto counting = [&](const StreamRecord& event, WriteBatch& batch) {
    EXPECT_EQ(event.offset, 60 + applied++);
    return reduce(event, batch);
  };
  ASSERT_OK(copy.projection("p").follow("events", counting));
  EXPECT_EQ(applied, 60U);
  expect_followed(copy);
  sound(copy);
}

// The log does not grow with what is applied; and a table that comes to be after the checkpoint is there after a kill.
TEST_F(ProjectionFollowTest, rows_of_a_followed_projection_are_in_no_log) {
  Database database = open();
  append(database, "events", std::vector<std::string>(200, "put t key " + std::string(300, 'x')));
  const uint64_t before = database.stats()->wal_bytes_written;
  ASSERT_OK(database.projection("p").follow("events", reduce));
  ASSERT_OK(database.put("users", "k", "v"));
  EXPECT_LT(database.stats()->wal_bytes_written - before, 20000U);
  copy_as_killed();
  Database copy = open_copy(small());
  EXPECT_EQ(*copy.projection("p").applied_position(), 0U);
  EXPECT_TRUE(rows_of(copy.snapshot().projection("p").table("t").scan()).empty());
  // Ids of buckets and streams are given in the same order as before the kill.
  ASSERT_OK(database.stream("later").append("x"));
  ASSERT_OK(copy.stream("later").append("x"));
  EXPECT_EQ(database.stream("later").head()->chain_hash, copy.stream("later").head()->chain_hash);
  ASSERT_OK(copy.projection("p").follow("events", reduce));
  expect_followed(copy);
}

TEST_F(ProjectionFollowTest, an_event_that_the_reducer_refuses_stops_everything_before_it) {
  Database database = open();
  append(database, "events", {"put t a 1", "put t b 2", "fail", "put t c 3"});
  EXPECT_ERROR(kInvalidArgument, database.projection("p").follow("events", reduce, {.batch_events = 1}));
  EXPECT_EQ(*database.projection("p").applied_position(), 2U);
  EXPECT_EQ(rows_of(database.snapshot().projection("p").table("t").scan()), (Rows{{"a", "1"}, {"b", "2"}}));
  EXPECT_ERROR(kInvalidArgument, database.projection("q").follow("events", reduce));
  EXPECT_EQ(*database.projection("q").applied_position(), 0U) << "the whole commit goes, and none of it is seen";
  EXPECT_TRUE(database.snapshot().projection("q").tables()->empty());
}

// A stream of the same name with another history: what a restored backup, or somebody with access to the files, leaves.
TEST_F(ProjectionFollowTest, refuses_a_stream_that_is_not_the_one_that_was_applied_and_says_where_they_part) {
  Database database = open();
  append(database, "events", std::vector<std::string>(1001, "put t k v"));
  Projection projection = database.projection("p");
  ASSERT_OK(projection.follow("events", reduce, {.until = 1}));
  // The rest by hand, as if the events from 600 on had been others.
  const auto records = database.stream("events").read(0, UINT64_MAX).value();
  std::vector<WriteBatch> batches;
  for (uint64_t position = 2; position <= 1000; ++position) {
    batches.emplace_back(position,
                         position <= 600 ? records[position].prev_hash : sha256(as_bytes(numbered("", position))));
  }
  ASSERT_OK(projection.apply(batches));
  const auto refused = projection.follow("events", reduce);
  EXPECT_ERROR(kCorruption, refused);
  EXPECT_NE(refused.error().message().find("they part at an offset from 512 to 767"), std::string::npos)
      << why(refused);
  EXPECT_EQ(*projection.applied_position(), 1000U);
}

TEST_F(ProjectionFollowTest, refuses_a_stream_that_is_shorter_than_what_was_applied) {
  Database database = open();
  append(database, "events", {"put t a 1", "put t b 2"});
  // By hand beyond the end, as if the stream had been longer once.
  ASSERT_OK(database.projection("p").follow("events", reduce));
  WriteBatch more(3);
  more.put("t", "c", "3");
  ASSERT_OK(database.projection("p").apply(more));
  const auto refused = database.projection("p").follow("events", reduce);
  EXPECT_ERROR(kCorruption, refused);
  EXPECT_NE(refused.error().message().find("has applied 3 events, but stream events has only 2"), std::string::npos)
      << why(refused);
}

TEST_F(ProjectionFollowTest, events_that_were_trimmed_before_they_were_applied_are_missed) {
  Database database = open();
  Draw draw(4);
  append(database, "events", drawn_events(draw, 100));
  ASSERT_OK(database.projection("p").follow("events", reduce, {.until = 50}));
  ASSERT_OK(database.stream("events").seal());
  ASSERT_OK(database.checkpoint());
  append(database, "events", drawn_events(draw, 10));
  ASSERT_OK(database.stream("events").trim(100));
  const auto missed = database.projection("p").follow("events", reduce);
  EXPECT_ERROR(kNotFound, missed);
  EXPECT_NE(missed.error().message().find("event 50 "), std::string::npos) << why(missed);
  EXPECT_ERROR(kNotFound, database.projection("q").follow("events", reduce));
  // One that has applied them goes on.
  EXPECT_EQ(*database.projection("p").applied_position(), 50U);
}

// The trim is logged, and what was applied is not: a kill before the next checkpoint must not part the two.
TEST_F(ProjectionFollowTest, what_was_applied_before_a_trim_is_not_missed_after_a_kill) {
  FailingEnv env(*memory_);
  env.plan().only_writes_to("tree");
  Options options = small();
  options.env = &env;
  Database database = open_at(kPath, options);
  append(database, "events", {"put t a 1", "put t b 2"});
  ASSERT_OK(database.stream("events").seal());
  append(database, "events", {"put t c 3"});
  ASSERT_OK(database.projection("p").follow("events", reduce));
  // No checkpoint can be made, before the trim or behind it: as if the kill came first.
  env.plan().fail(1, ENOSPC, FailurePlan::Length::kFromThenOn);
  EXPECT_ERROR(kNoSpace, database.stream("events").trim(2));
  copy_as_killed();
  env.plan().stop();
  Database copy = open_copy(small());
  ASSERT_OK(copy.projection("p").follow("events", reduce));
  EXPECT_EQ(rows_of(copy.snapshot().projection("p").table("t").scan()), (Rows{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(database.stream("events").trim(2)->first_offset, 2U);
  copy_as_killed();
  Database trimmed = open_copy(small());
  ASSERT_OK(trimmed.projection("p").follow("events", reduce));
  EXPECT_EQ(*trimmed.projection("p").applied_position(), 3U);
}

TEST_F(ProjectionFollowTest, follows_behind_a_trim_and_over_redacted_events) {
  Database database = open();
  append(database, "events", {"put t a 1", "put t secret 2", "put t b 3"});
  ASSERT_OK(database.stream("events").redact(1));
  size_t redacted = 0;
  const auto reducer = [&](const StreamRecord& event, WriteBatch& batch) -> Result<void> {
    redacted += event.redacted ? 1U : 0U;
    return event.redacted ? Result<void>() : reduce(event, batch);
  };
  ASSERT_OK(database.projection("p").follow("events", reducer));
  EXPECT_EQ(redacted, 1U);
  EXPECT_EQ(rows_of(database.snapshot().projection("p").table("t").scan()), (Rows{{"a", "1"}, {"b", "3"}}));
  ASSERT_OK(database.stream("events").trim(3));
  append(database, "events", {"put t c 4"});
  ASSERT_OK(database.projection("p").follow("events", reducer));
  EXPECT_EQ(*database.projection("p").get("t", "c"), "4");
  EXPECT_EQ(*database.projection("p").applied_hash(), database.stream("events").head()->chain_hash);
}

TEST_F(ProjectionFollowTest, a_changed_event_is_not_applied) {
  Options options = small();
  Database database = open_at(kPath, options);
  append(database, "events", {"put t a 1", "put t b 2", "put t c 3"});
  ASSERT_OK(database.close());
  const std::string name = "stream-1-1-0";
  std::string segment = content_at(kPath, name);
  const size_t at = segment.find("put t b 2");
  ASSERT_NE(at, std::string::npos);
  flip_bit_at(kPath, name, at + 8);
  database = open_at(kPath, options);
  const auto refused = database.projection("p").follow("events", reduce, {.batch_events = 1});
  EXPECT_ERROR(kCorruption, refused);
  EXPECT_EQ(refused.error().file(), name);
  EXPECT_EQ(*database.projection("p").applied_position(), 1U);
}

// Nothing but the head of the stream speaks of the hash of the last event.
TEST_F(ProjectionFollowTest, a_last_event_that_was_changed_with_its_checksum_is_not_applied) {
  Database database = open();
  append(database, "events", {"put t a 1", "put t b 2"});
  ASSERT_OK(database.close());
  const std::string name = "stream-1-1-0";
  const std::string segment = content_at(kPath, name);
  const size_t at = segment.find("put t b 2") - 44;  // behind offset, hash and length
  format::DatabaseId id{};
  std::memcpy(id.data(), content_at(kPath, "identity").data() + 16, id.size());
  const uint32_t seed = format::stream_checksum_seed(id, 1);
  format::Record record;
  ASSERT_EQ(format::decode_record(as_bytes(segment).subspan(at), seed, record), format::RecordProblem::kNone);
  record.stored = as_bytes("put t b 3");
  std::vector<std::byte> changed(record.bytes());
  format::encode_record(record, seed, changed);
  write_at(kPath, name, at, as_text(changed));
  database = open();
  const auto refused = database.projection("p").follow("events", reduce, {.batch_events = 1});
  EXPECT_ERROR(kCorruption, refused);
  EXPECT_EQ(*database.projection("p").applied_position(), 1U);
}

TEST_F(ProjectionFollowTest, is_fed_by_batches_or_by_one_stream) {
  Database database = open();
  append(database, "events", {"put t a 1"});
  append(database, "others", {"put t a 1"});
  ASSERT_OK(database.projection("fed").follow("events", reduce));
  EXPECT_ERROR(kInvalidArgument, database.projection("fed").follow("others", reduce));
  ASSERT_OK(database.projection("by hand").apply(WriteBatch(1).put("t", "k", "v")));
  EXPECT_ERROR(kInvalidArgument, database.projection("by hand").follow("events", reduce));
  EXPECT_ERROR(kInvalidArgument, database.projection("by hand").rebuild(reduce));
  EXPECT_ERROR(kNotFound, database.projection("nobody").rebuild(reduce));
  EXPECT_ERROR(kInvalidArgument, database.projection("fed").follow("", reduce));
  EXPECT_ERROR(kInvalidArgument, database.projection("fed").follow("events", reduce, {.batch_events = 0}));
  EXPECT_EQ(*database.snapshot().projections(), (std::vector<std::string>{"by hand", "fed"}));
}

TEST_F(ProjectionFollowTest, two_followers_apply_every_event_once) {
  Options options = small();
  options.background = true;
  Database database = open_at(kPath, options);
  Draw draw(5);
  append(database, "events", drawn_events(draw, 300));
  std::vector<std::thread> threads;
  for (int number = 0; number < 3; ++number) {
    threads.emplace_back([&] {
      const auto followed = database.projection("p").follow("events", reduce, {.batch_events = 5});
      EXPECT_OK(followed);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  expect_followed(database);
  sound(database);
}

TEST_F(ProjectionFollowTest, a_follower_applies_in_the_background_what_is_appended) {
  Options options = small();
  options.background = true;
  Database database = open_at(kPath, options);
  Draw draw(6);
  auto follower = database.projection("p").follow_in_background("events", reduce);
  ASSERT_OK(follower);
  for (int round = 0; round < 10; ++round) {
    append(database, "events", drawn_events(draw, 10));
  }
  for (int tries = 0; tries < 2000 && database.projection("p").applied_position().value_or(0) < 100; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_OK(follower->status());
  EXPECT_OK(follower->stop());
  expect_followed(database);
  append(database, "events", {"fail"});
  auto failing = database.projection("p").follow_in_background("events", reduce);
  ASSERT_OK(failing);
  for (int tries = 0; tries < 2000 && failing->status(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_ERROR(kInvalidArgument, failing->stop());
}

TEST_F(ProjectionFollowTest, a_rebuild_is_read_by_nobody_until_it_is_whole) {
  Database database = open();
  Draw draw(8);
  append(database, "events", drawn_events(draw, 80));
  ASSERT_OK(database.projection("p").follow("events", reduce));
  const auto upper = [](const StreamRecord& event, WriteBatch& batch) -> Result<void> {
    WriteBatch plain(event.offset + 1);
    HOLDFAST_TRY(reduce(event, plain));
    for (const WriteBatch::Write& write : plain.writes()) {
      if (write.value) {
        batch.put(write.table, write.key, "new " + *write.value);
      } else {
        batch.erase(write.table, write.key);
      }
    }
    return {};
  };
  const Snapshot before = database.snapshot();
  const ProjectionModel model = model_of(database, "events");
  FollowOptions options{.batch_events = 9};
  options.progress = [&](uint64_t, uint64_t) {
    EXPECT_EQ(rows_of(database.snapshot().projection("p").table("t0").scan()), model.rows_at("t0", 80));
    return true;
  };
  const auto rebuilt = database.projection("p").rebuild(upper, options);
  ASSERT_OK(rebuilt);
  EXPECT_EQ(rebuilt->position, 80U);
  EXPECT_FALSE(rebuilt->same());
  EXPECT_EQ(rows_of(before.projection("p").table("t0").scan()), model.rows_at("t0", 80));
  for (const auto& [key, value] : rows_of(database.snapshot().projection("p").table("t0").scan())) {
    EXPECT_TRUE(value.starts_with("new ")) << key;
  }
  const auto again = database.projection("p").rebuild(upper);
  ASSERT_OK(again);
  EXPECT_TRUE(again->same());
  EXPECT_EQ(database.projection("p").stats()->generation, 3U);
  sound(database);
}

// Whoever prunes or purges works on the old tables; the new ones have what the stream tells.
TEST_F(ProjectionFollowTest, a_rebuild_is_not_disturbed_by_a_prune_or_a_purge_at_any_of_its_commits) {
  Draw draw(10);
  const std::vector<std::string> events = drawn_events(draw, 40);
  for (uint64_t at = 4; at <= 40; at += 4) {
    for (const bool purges : {false, true}) {
      memory_ = new_memory_env();
      Database database = open();
      append(database, "events", events);
      Projection projection = database.projection("p");
      ASSERT_OK(projection.follow("events", reduce));
      FollowOptions options{.batch_events = 4};
      options.progress = [&](uint64_t position, uint64_t) {
        if (position == at && purges) {
          EXPECT_OK(projection.purge_table("t0"));
          EXPECT_TRUE(rows_of(database.snapshot().projection("p").table("t0").scan()).empty());
        } else if (position == at) {
          EXPECT_EQ(projection.prune(30)->floor, 30U);
          expect_same(database.snapshot(), "p", model_of(database, "events"), 30);
        }
        return true;
      };
      const auto rebuilt = projection.rebuild(reduce, options);
      ASSERT_OK(rebuilt);
      EXPECT_EQ(rebuilt->same(), !purges) << "made anew at " << at;
      expect_followed(database);
      copy_as_killed();
      Database copy = open_copy(small());
      expect_followed(copy);
      sound(copy);
    }
  }
}

// A prune that is still at it when the tables are put in place leaves the new ones alone.
TEST_F(ProjectionFollowTest, a_prune_ends_where_a_rebuild_puts_other_tables_in_place) {
  Database database = open();
  Draw draw(11);
  append(database, "events", drawn_events(draw, 60));
  Projection projection = database.projection("p");
  ASSERT_OK(projection.follow("events", reduce));
  uint64_t steps = 0;
  PruneOptions options;
  options.progress = [&](uint64_t) {
    if (++steps == 1) {
      EXPECT_OK(projection.rebuild(reduce));
    }
    return true;
  };
  const auto pruned = projection.prune(50, options);
  EXPECT_TRUE(pruned.has_value() || pruned.error().code() == ErrorCode::kConflict);
  EXPECT_GE(steps, 1U);
  expect_followed(database);
  sound(database);
}

TEST_F(ProjectionFollowTest, a_rebuild_that_is_cut_off_anywhere_leaves_the_old_tables_or_the_new_ones) {
  Draw draw(9);
  const std::vector<std::string> events = drawn_events(draw, 60);
  for (uint64_t cut = 1; cut < 60; cut += 3) {
    memory_ = new_memory_env();
    Database database = open();
    append(database, "events", events);
    ASSERT_OK(database.projection("p").follow("events", reduce));
    FollowOptions options{.batch_events = 4};
    options.progress = [&](uint64_t position, uint64_t) {
      if (position >= cut) {
        copy_as_killed();
      }
      return position < cut;
    };
    const auto rebuilt = database.projection("p").rebuild(reduce, options);
    ASSERT_OK(rebuilt);
    EXPECT_EQ(rebuilt->stopped, true);
    expect_followed(database);
    EXPECT_TRUE(database.projection("p").stats()->rebuilding);
    Database copy = open_copy(small());
    ASSERT_OK(copy.projection("p").follow("events", reduce));
    expect_followed(copy);
    ASSERT_OK(copy.projection("p").rebuild(reduce));
    expect_followed(copy);
    EXPECT_FALSE(copy.projection("p").stats()->rebuilding);
    const CheckReport report = sound(copy);
    EXPECT_EQ(report.damage.size(), 0U);
    ASSERT_OK(copy.projection("p").drop());
    EXPECT_TRUE(copy.snapshot().projections()->empty());
    sound(copy);
  }
}

// After the switch the new tables are what a crash leaves: never less than the old ones held.
TEST_F(ProjectionFollowTest, a_kill_after_a_rebuild_finds_the_new_tables_as_far_as_the_old_ones_were) {
  Database database = open();
  Draw draw(10);
  append(database, "events", drawn_events(draw, 60));
  ASSERT_OK(database.projection("p").follow("events", reduce));
  ASSERT_OK(database.projection("p").rebuild(reduce));
  copy_as_killed();
  Database copy = open_copy(small());
  EXPECT_EQ(copy.projection("p").stats()->generation, 2U);
  expect_followed(copy);
}

TEST_F(ProjectionFollowTest, the_same_events_give_the_same_content_hash_and_others_do_not) {
  Database database = open();
  Draw draw(13);
  append(database, "events", drawn_events(draw, 70));
  ASSERT_OK(database.projection("p").follow("events", reduce, {.batch_events = 3}));
  ASSERT_OK(database.projection("q").follow("events", reduce, {.until = 69}));
  const auto content = [&](std::string_view name, uint64_t from, uint64_t to) {
    const auto hash = database.snapshot().projection(name).content_hash(from, to);
    EXPECT_OK(hash);
    return hash.value_or(Hash{});
  };
  EXPECT_EQ(content("p", 0, 69), content("q", 0, 69));
  EXPECT_NE(content("p", 0, 70), content("q", 0, 69));
  ASSERT_OK(database.projection("p").prune(40));
  EXPECT_EQ(content("p", 40, 69), content("q", 40, 69));
  EXPECT_ERROR(kNotFound, database.snapshot().projection("p").content_hash(39, 69));
}

// No write of follow(), rebuild() or prune() may fail in a way that leaves less than what was there.
TEST_F(ProjectionFollowTest, a_full_disk_changes_nothing_and_everything_goes_on_afterwards) {
  FailingEnv env(*memory_);
  Options options = small();
  options.env = &env;
  options.checkpoint_every_commit = true;
  Database database = open_at(kPath, options);
  Draw draw(14);
  append(database, "events", drawn_events(draw, 40));
  Projection projection = database.projection("p");
  ASSERT_OK(projection.follow("events", reduce, {.until = 20}));
  const ProjectionModel model = model_of(database, "events", 20);
  env.plan().fail(1, ENOSPC, FailurePlan::Length::kFromThenOn);
  EXPECT_ERROR(kNoSpace, projection.follow("events", reduce));
  EXPECT_ERROR(kNoSpace, projection.prune(10));
  EXPECT_ERROR(kNoSpace, projection.rebuild(reduce));
  env.plan().stop();
  expect_same(database.snapshot(), "p", model);
  ASSERT_OK(projection.rebuild(reduce));
  expect_followed(database);
  sound(database);
}

}  // namespace
}  // namespace holdfast
