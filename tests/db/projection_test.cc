// Projections: tables as of any position, made from batches; what a store of the same kind got wrong, as promises.
#include "tests/db/projection_test.h"

#include <set>

namespace holdfast {
namespace {

WriteBatch put_one(uint64_t position, const TableName& table, std::string_view key, std::string_view value) {
  WriteBatch batch(position);
  batch.put(table, key, value);
  return batch;
}

TEST_F(ProjectionTest, a_table_answers_as_of_every_position) {
  Database database = open();
  Projection projection = database.projection("stock");
  ASSERT_OK(projection.apply(WriteBatch(1).put("goods", "apple", "1").put("goods", "pear", "1")));
  ASSERT_OK(projection.apply(WriteBatch(2).put("goods", "apple", "2")));
  ASSERT_OK(projection.apply(WriteBatch(3).erase("goods", "apple").put("goods", "plum", "3")));
  ASSERT_OK(projection.apply(WriteBatch(4).put("goods", "apple", "4")));
  EXPECT_EQ(*projection.get("goods", "apple"), "4");
  EXPECT_EQ(*projection.get_at("goods", "apple", 0), std::nullopt);
  EXPECT_EQ(*projection.get_at("goods", "apple", 1), "1");
  EXPECT_EQ(*projection.get_at("goods", "apple", 2), "2");
  EXPECT_EQ(*projection.get_at("goods", "apple", 3), std::nullopt);
  EXPECT_EQ(*projection.get_at("goods", "apple", 4), "4");
  const Snapshot snapshot = database.snapshot();
  const TableView goods = snapshot.projection("stock").table("goods");
  EXPECT_EQ(rows_of(goods.scan_at(2)), (Rows{{"apple", "2"}, {"pear", "1"}}));
  EXPECT_EQ(rows_of(goods.scan_at(3)), (Rows{{"pear", "1"}, {"plum", "3"}}));
  EXPECT_EQ(rows_of(goods.scan_at(3, "pf")), (Rows{{"plum", "3"}}));
  EXPECT_EQ(rows_of(goods.scan("apple", "pear")), (Rows{{"apple", "4"}}));
  EXPECT_EQ(history_of(goods, "apple"), (std::vector<ModelVersion>{{4, kNeverDeleted, "4"}, {2, 3, "2"}, {1, 2, "1"}}));
  sound(database);
}

TEST_F(ProjectionTest, positions_come_one_after_the_other_and_no_other_is_taken) {
  Database database = open();
  Projection projection = database.projection("p");
  EXPECT_ERROR(kConflict, projection.apply(put_one(0, "t", "k", "v")));
  EXPECT_ERROR(kConflict, projection.apply(put_one(2, "t", "k", "v")));
  ASSERT_OK(projection.apply(put_one(1, "t", "k", "v")));
  EXPECT_ERROR(kConflict, projection.apply(put_one(1, "t", "k", "w")));
  const auto refused = projection.apply(put_one(3, "t", "k", "w"));
  EXPECT_ERROR(kConflict, refused);
  EXPECT_NE(refused.error().message().find("the next one is 2"), std::string::npos) << why(refused);
  EXPECT_EQ(*projection.applied_position(), 1U);
  EXPECT_EQ(*projection.get("t", "k"), "v");
  const std::vector<WriteBatch> batches{put_one(2, "t", "k", "2"), put_one(3, "t", "k", "3")};
  ASSERT_OK(projection.apply(batches));
  EXPECT_EQ(*projection.get_at("t", "k", 2), "2");
  EXPECT_EQ(*projection.applied_position(), 3U);
}

TEST_F(ProjectionTest, what_is_asked_of_a_position_that_is_not_there_names_the_position) {
  Database database = open();
  Projection projection = database.projection("p");
  EXPECT_ERROR(kNotFound, projection.applied_position());
  EXPECT_ERROR(kNotFound, projection.get("t", "k"));
  ASSERT_OK(projection.apply(put_one(1, "t", "k", "v")));
  const auto later = projection.get_at("t", "k", 2);
  EXPECT_ERROR(kInvalidArgument, later);
  EXPECT_NE(later.error().message().find("has applied position 1"), std::string::npos) << why(later);
  EXPECT_EQ(*projection.get("nothing was ever put here", "k"), std::nullopt);
  EXPECT_EQ(*projection.get_at("nothing was ever put here", "k", 1), std::nullopt);
  const Snapshot snapshot = database.snapshot();
  TableRange range = snapshot.projection("p").table("t").scan_at(2);
  EXPECT_TRUE(range.begin() == range.end());
  EXPECT_ERROR(kInvalidArgument, range.status());
  EXPECT_ERROR(kInvalidArgument, snapshot.status());
  EXPECT_ERROR(kInvalidArgument, snapshot.projection("p").table("t").diff(1, 0));
}

TEST_F(ProjectionTest, names_and_keys_beyond_their_limits_are_refused_and_change_nothing) {
  Database database = open();
  EXPECT_ERROR(kInvalidArgument, database.projection("").apply(put_one(1, "t", "k", "v")));
  EXPECT_ERROR(kInvalidArgument, database.projection(std::string(256, 'p')).apply(put_one(1, "t", "k", "v")));
  Projection projection = database.projection(std::string(255, 'p'));
  const size_t longest = 840;  // eight ninths of key_bytes_max(4096), less 8
  EXPECT_ERROR(kInvalidArgument, projection.apply(put_one(1, "", "k", "v")));
  EXPECT_ERROR(kInvalidArgument, projection.apply(put_one(1, std::string(201, 't'), "k", "v")));
  EXPECT_ERROR(kInvalidArgument, projection.apply(put_one(1, "t", "", "v")));
  EXPECT_ERROR(kInvalidArgument, projection.apply(put_one(1, "t", std::string(longest + 1, 'k'), "v")));
  EXPECT_ERROR(kInvalidArgument, projection.apply(std::span<const WriteBatch>()));
  EXPECT_EQ(*projection.applied_position(), 0U);
  const std::string table(200, 't');
  const std::string key(longest, 'k');
  for (uint64_t position = 1; position <= 3; ++position) {
    ASSERT_OK(projection.apply(put_one(position, table, key, std::to_string(position))));
  }
  EXPECT_EQ(*projection.get_at(table, key, 2), "2");
  EXPECT_ERROR(kInvalidArgument, projection.get(table, std::string(longest + 1, 'k')));
  EXPECT_ERROR(kInvalidArgument, projection.get("", key));
  EXPECT_ERROR(kInvalidArgument, projection.get_at(std::string(201, 't'), key, 1));
  EXPECT_ERROR(kInvalidArgument, projection.pin("", 1));
  EXPECT_ERROR(kInvalidArgument, projection.pin("x", 4));
  sound(database);
}

TEST_F(ProjectionTest, a_list_of_buckets_does_not_conflict_with_what_a_projection_changes) {
  Database database = open();
  Transaction transaction = database.begin(Isolation::kSerializable);
  ASSERT_OK(transaction.buckets());
  ASSERT_OK(transaction.bucket("users").put("k", "v"));
  ASSERT_OK(database.projection("p").apply(put_one(1, "t", "k", "v")));
  EXPECT_OK(transaction.commit());
}

TEST_F(ProjectionTest, a_check_tells_rows_of_users_from_those_of_projections) {
  Database database = open();
  ASSERT_OK(database.put("users", "k", "v"));
  ASSERT_OK(database.projection("p").apply(put_one(1, "t", "k", "v")));
  ASSERT_OK(database.projection("p").apply(put_one(2, "t", "k", "w")));
  const CheckReport report = sound(database);
  EXPECT_EQ(report.buckets, 1U);
  EXPECT_EQ(report.rows, 1U);
  EXPECT_EQ(report.payload_bytes, 2U);
  EXPECT_EQ(report.projections, 1U);
  EXPECT_EQ(report.tables, 1U);
  EXPECT_EQ(report.versions, 2U);
}

TEST_F(ProjectionTest, users_cannot_reach_the_buckets_of_projections) {
  Database database = open();
  ASSERT_OK(database.projection("p").apply(put_one(1, "t", "k", "v")));
  ASSERT_OK(database.put("users", "k", "v"));
  EXPECT_EQ(*database.snapshot().buckets(), std::vector<std::string>{"users"});
  EXPECT_EQ(*database.begin().buckets(), std::vector<std::string>{"users"});
  const std::string own{'\0', 'p'};
  EXPECT_ERROR(kInvalidArgument, database.put(own, "k", "v"));
  EXPECT_ERROR(kInvalidArgument, database.get(own, "p"));
  EXPECT_ERROR(kInvalidArgument, database.snapshot().bucket(own).get("p"));
  Transaction transaction = database.begin();
  EXPECT_ERROR(kInvalidArgument, transaction.bucket(own).put("k", "v"));
  EXPECT_ERROR(kInvalidArgument, transaction.bucket(own).get("p"));
  EXPECT_ERROR(kInvalidArgument, transaction.create_bucket(own));
  EXPECT_ERROR(kInvalidArgument, transaction.drop_bucket(own));
  EXPECT_FALSE(transaction.bucket(own).cursor().first());
}

// Of two changes of one key the later one counts, and nobody sees the other.
TEST_F(ProjectionTest, a_key_that_a_batch_changes_twice_has_one_version) {
  Database database = open();
  Projection projection = database.projection("p");
  ASSERT_OK(projection.apply(WriteBatch(1).put("t", "a", "1").put("t", "a", "2").put("t", "b", "1").erase("t", "b")));
  ASSERT_OK(projection.apply(WriteBatch(2).erase("t", "a").put("t", "a", "3").put("t", "a", "4")));
  const Snapshot snapshot = database.snapshot();
  const TableView table = snapshot.projection("p").table("t");
  EXPECT_EQ(history_of(table, "a"), (std::vector<ModelVersion>{{2, kNeverDeleted, "4"}, {1, 2, "2"}}));
  EXPECT_TRUE(history_of(table, "b").empty());
  EXPECT_EQ(rows_of(table.scan_at(1)), (Rows{{"a", "2"}}));
}

TEST_F(ProjectionTest, tables_are_named_by_text_or_by_number) {
  Database database = open();
  Projection projection = database.projection("p");
  ASSERT_OK(projection.apply(WriteBatch(1).put(TableId{7}, "k", "number").put("7", "k", "text")));
  EXPECT_EQ(*projection.get(TableId{7}, "k"), "number");
  EXPECT_EQ(*projection.get("7", "k"), "text");
  const auto tables = database.snapshot().projection("p").tables();
  ASSERT_OK(tables);
  EXPECT_EQ(*tables, (std::vector<TableName>{TableId{7}, "7"}));
  EXPECT_EQ(tables->front().to_string(), "#7");
  EXPECT_EQ(tables->front().id(), TableId{7});
  EXPECT_EQ(tables->back().id(), std::nullopt);
}

TEST_F(ProjectionTest, reads_go_both_ways_and_stop_at_their_limits) {
  Database database = open();
  Projection projection = database.projection("p");
  WriteBatch first(1);
  for (int number = 0; number < 100; ++number) {
    first.put("t", numbered("k", static_cast<uint64_t>(number)), "old");
  }
  ASSERT_OK(projection.apply(first));
  WriteBatch second(2);
  for (int number = 0; number < 100; number += 2) {
    second.erase("t", numbered("k", static_cast<uint64_t>(number)));
  }
  ASSERT_OK(projection.apply(second.put("t", "k000200", "new")));
  const Snapshot snapshot = database.snapshot();
  const TableView table = snapshot.projection("p").table("t");
  const auto keys = [](TableRange range) {
    std::vector<std::string> found;
    for (const TableRow& row : range) {
      found.emplace_back(row.key);
    }
    EXPECT_OK(range.status());
    return found;
  };
  for (const uint64_t position : {1U, 2U}) {
    std::vector<std::string> forwards = keys(table.scan_at(position));
    EXPECT_EQ(forwards.size(), position == 1 ? 100U : 51U);
    std::vector<std::string> backwards = keys(table.scan_at(position).reversed());
    std::ranges::reverse(backwards);
    EXPECT_EQ(backwards, forwards);
  }
  EXPECT_EQ(keys(table.scan_at(1, "k000010", "k000014").reversed().limited(3)),
            (std::vector<std::string>{"k000013", "k000012", "k000011"}));
  EXPECT_EQ(keys(table.scan_at(2, "k000010", "k000014")), (std::vector<std::string>{"k000011", "k000013"}));
  EXPECT_TRUE(keys(table.scan_at(2, "b", "a")).empty());
  // To and fro over a place where there is a row at one position only.
  TableCursor cursor = table.cursor_at(1);
  ASSERT_TRUE(cursor.seek("k000050"));
  ASSERT_TRUE(cursor.prev());
  EXPECT_EQ(cursor.row().key, "k000049");
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.row().key, "k000050");
  EXPECT_EQ(cursor.row().created_at, 1U);
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.row().key, "k000051");
  ASSERT_TRUE(cursor.seek_before("k000050"));
  EXPECT_EQ(cursor.row().key, "k000049");
  EXPECT_FALSE(cursor.seek("z"));
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(cursor.last());
  EXPECT_EQ(cursor.row().key, "k000099");
  EXPECT_FALSE(cursor.next());
  EXPECT_OK(cursor.status());
}

TEST_F(ProjectionTest, a_difference_names_the_keys_that_are_not_the_same) {
  Database database = open();
  Projection projection = database.projection("p");
  ASSERT_OK(projection.apply(WriteBatch(1).put("t", "gone", "1").put("t", "same", "1").put("t", "changed", "1")));
  ASSERT_OK(projection.apply(WriteBatch(2).erase("t", "gone").put("t", "changed", "2").put("t", "brief", "2")));
  ASSERT_OK(projection.apply(WriteBatch(3).erase("t", "brief").put("t", "new", "3")));
  const Snapshot snapshot = database.snapshot();
  const auto changes = [&](uint64_t from, uint64_t to) {
    std::vector<std::string> found;
    auto diff = snapshot.projection("p").table("t").diff(from, to);
    EXPECT_OK(diff);
    for (auto change = diff->next(); change && *change; change = diff->next()) {
      const auto text = [](const auto& version) { return version ? std::string(version->value) : "-"; };
      found.push_back(std::string((*change)->key) + " " + text((*change)->before) + " " + text((*change)->after));
    }
    return found;
  };
  EXPECT_EQ(changes(1, 3), (std::vector<std::string>{"changed 1 2", "gone 1 -", "new - 3"}));
  EXPECT_EQ(changes(2, 3), (std::vector<std::string>{"brief 2 -", "new - 3"}));
  EXPECT_EQ(changes(0, 1), (std::vector<std::string>{"changed - 1", "gone - 1", "same - 1"}));
  EXPECT_TRUE(changes(3, 3).empty());
}

// A store of this kind lost a key after 93 updates of 8 bytes: all its versions had to fit a page.
TEST_F(ProjectionTest, keeps_every_version_of_a_key_that_is_updated_more_often_than_a_page_holds) {
  Database database = open();
  Projection projection = database.projection("p");
  ProjectionModel model;
  std::vector<WriteBatch> batches;
  for (uint64_t position = 1; position <= 3000; ++position) {
    batches.push_back(put_one(position, "t", "hot", "value " + std::to_string(position)));
    batches.back().put("t", position % 2 == 0 ? "even" : "odd", std::to_string(position));
    model.apply(batches.back());
    if (batches.size() == 93) {
      ASSERT_OK(projection.apply(batches));
      batches.clear();
    }
  }
  ASSERT_OK(projection.apply(batches));
  const Snapshot snapshot = database.snapshot();
  const TableView table = snapshot.projection("p").table("t");
  EXPECT_EQ(history_of(table, "hot"), model.history("t", "hot"));
  for (const uint64_t position : {1U, 2U, 92U, 93U, 94U, 1500U, 2999U, 3000U}) {
    EXPECT_EQ(rows_of(table.scan_at(position)), model.rows_at("t", position)) << position;
    EXPECT_EQ(*table.get_at("hot", position), "value " + std::to_string(position));
  }
  sound(database);
}

// There, a value that did not fit emptied the page of its neighbours first.
TEST_F(ProjectionTest, a_value_larger_than_a_page_leaves_its_neighbours_alone) {
  Database database = open();
  Projection projection = database.projection("p");
  ProjectionModel model;
  const auto apply = [&](const WriteBatch& batch) {
    ASSERT_OK(projection.apply(batch));
    model.apply(batch);
  };
  apply(WriteBatch(1).put("t", "a", "1").put("t", "b", "2").put("t", "c", "3").put("t", "d", "4"));
  apply(WriteBatch(2).put("t", "bb", std::string(5000, 'x')));
  apply(WriteBatch(3).put("t", "bb", std::string(100000, 'y')));
  apply(WriteBatch(4).put("t", "bb", "small again"));
  apply(WriteBatch(5).erase("t", "bb"));
  expect_same(database.snapshot(), "p", model);
  sound(database);
}

// There, a batch that failed in its middle left its first half to be seen, with the old position.
TEST_F(ProjectionTest, a_batch_that_fails_leaves_nothing_behind) {
  Database database = open();
  Projection projection = database.projection("p");
  ASSERT_OK(projection.apply(put_one(1, "t", "a", "1")));
  WriteBatch broken(2);
  broken.put("t", "a", "2").put("t", "b", "2").put("t", std::string(5000, 'k'), "2");
  EXPECT_ERROR(kInvalidArgument, projection.apply(broken));
  EXPECT_EQ(*projection.applied_position(), 1U);
  EXPECT_EQ(*projection.get("t", "a"), "1");
  EXPECT_EQ(*projection.get("t", "b"), std::nullopt);
  ASSERT_OK(projection.apply(WriteBatch(2).put("t", "a", "2")));
  EXPECT_EQ(history_of(database.snapshot().projection("p").table("t"), "a"),
            (std::vector<ModelVersion>{{2, kNeverDeleted, "2"}, {1, 2, "1"}}));
}

// There, the 202nd table ended the program.
TEST_F(ProjectionTest, more_tables_than_a_superblock_has_room_for) {
  Database database = open();
  Projection projection = database.projection("p");
  WriteBatch batch(1);
  for (uint64_t number = 0; number < 500; ++number) {
    batch.put(TableId{number}, "k", std::to_string(number));
  }
  ASSERT_OK(projection.apply(batch));
  ASSERT_OK(database.checkpoint());
  ASSERT_OK(database.close());
  database = open();
  EXPECT_EQ(database.snapshot().projection("p").tables()->size(), 500U);
  EXPECT_EQ(*database.projection("p").get(TableId{499}, "k"), "499");
  sound(database);
}

// There, 44 keys of 500 bytes lost five that had been committed.
TEST_F(ProjectionTest, keeps_keys_longer_than_492_bytes) {
  Database database = open();
  Projection projection = database.projection("p");
  ProjectionModel model;
  for (uint64_t position = 1; position <= 150; ++position) {
    const std::string key = std::string(493 + position, 'k') + std::to_string(position % 50);
    const WriteBatch batch = put_one(position, "t", key, std::to_string(position));
    ASSERT_OK(projection.apply(batch));
    model.apply(batch);
  }
  const Snapshot snapshot = database.snapshot();
  EXPECT_EQ(rows_of(snapshot.projection("p").table("t").scan()), model.rows_at("t", 150));
  EXPECT_EQ(rows_of(snapshot.projection("p").table("t").scan_at(75)), model.rows_at("t", 75));
  sound(database);
}

// There, no sync succeeded any more after a reopen, or once the first page had left the cache; and a kill after that
// lost keys that had been synced.
TEST_F(ProjectionTest, is_made_durable_after_a_reopen_and_after_everything_left_the_cache) {
  Options tiny = small();
  tiny.cache_bytes = kCacheBytesMin;
  Database database = open_at(kPath, tiny);
  ProjectionModel model;
  uint64_t position = 0;
  for (int round = 0; round < 4; ++round) {
    Projection projection = database.projection("p");
    for (int batch = 0; batch < 10; ++batch) {
      WriteBatch next(++position);
      for (uint64_t number = 0; number < 100; ++number) {
        next.put("t", numbered("key", (position * 7919 + number * 104729) % 5000), std::string(200, 'v') + "!");
      }
      ASSERT_OK(projection.apply(next));
      model.apply(next);
    }
    ASSERT_OK(database.checkpoint());
    // Reads that push everything out.
    EXPECT_EQ(rows_of(database.snapshot().projection("p").table("t").scan()), model.rows_at("t", position));
    ASSERT_OK(database.checkpoint());
    copy_as_killed();
    {
      Database copy = open_copy(tiny);
      EXPECT_EQ(rows_of(copy.snapshot().projection("p").table("t").scan()), model.rows_at("t", position));
      EXPECT_EQ(rows_of(copy.snapshot().projection("p").table("t").scan_at(position / 2)),
                model.rows_at("t", position / 2));
      sound(copy);
    }
    ASSERT_OK(database.close());
    database = open_at(kPath, tiny);
  }
  EXPECT_GT(database.stats()->file_bytes, 8 * kCacheBytesMin);
}

TEST_F(ProjectionTest, what_was_applied_by_hand_survives_a_kill) {
  Database database = open();
  ProjectionModel model;
  Draw draw(7);
  for (uint64_t position = 1; position <= 60; ++position) {
    WriteBatch batch(position);
    ASSERT_OK(reduce({.payload = drawn_events(draw, 1).front()}, batch));
    ASSERT_OK(database.projection("p").apply(batch));
    model.apply(batch);
    if (position == 30) {
      ASSERT_OK(database.checkpoint());
    }
  }
  copy_as_killed();
  Database copy = open_copy(small());
  EXPECT_GT(copy.stats()->recovery.replayed_commits, 0U);
  expect_same(copy.snapshot(), "p", model);
  sound(copy);
}

TEST_F(ProjectionTest, a_random_run_answers_like_a_model_that_forgets_nothing) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    memory_ = new_memory_env();
    Database database = open();
    Draw draw(seed);
    ProjectionModel model;
    uint64_t position = 0;
    for (int round = 0; round < 5; ++round) {
      std::vector<WriteBatch> batches;
      for (int count = 0; count < 8; ++count) {
        WriteBatch batch(++position);
        for (const std::string& event : drawn_events(draw, 1 + draw.below(6))) {
          ASSERT_OK(reduce({.payload = event}, batch));
        }
        model.apply(batch);
        batches.push_back(std::move(batch));
      }
      ASSERT_OK(database.projection("p").apply(batches));
      expect_same(database.snapshot(), "p", model);
    }
    sound(database);
  }
}

}  // namespace
}  // namespace holdfast
