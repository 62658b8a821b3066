// The life of a projection's tables: what is pruned, purged or dropped is gone, and nothing else is.
#include "tests/db/projection_test.h"

namespace holdfast {
namespace {

using ProjectionLifeTest = ProjectionTest;

TEST_F(ProjectionLifeTest, pruning_drops_what_can_be_read_below_the_floor_alone) {
  Database database = open();
  Draw draw(11);
  append(database, "events", drawn_events(draw, 120));
  Projection projection = database.projection("p");
  ASSERT_OK(projection.follow("events", reduce));
  const ProjectionModel model = model_of(database, "events");
  ASSERT_OK(projection.pin("quarter", 40));
  EXPECT_ERROR(kInvalidArgument, projection.prune(121));
  const auto first = projection.prune(80);
  ASSERT_OK(first);
  EXPECT_EQ(first->floor, 40U) << "the pin holds it";
  EXPECT_GT(first->versions, 0U);
  expect_same(database.snapshot(), "p", model, 40);
  const auto below = projection.get_at("t0", "k", 39);
  EXPECT_ERROR(kNotFound, below);
  EXPECT_NE(below.error().message().find("the oldest position is 40"), std::string::npos) << why(below);
  EXPECT_ERROR(kNotFound, projection.pin("too old", 39));
  EXPECT_EQ(projection.pins()->front().name, "quarter");
  EXPECT_TRUE(*projection.unpin("quarter"));
  EXPECT_FALSE(*projection.unpin("quarter"));
  const auto second = projection.prune(120);
  ASSERT_OK(second);
  EXPECT_EQ(second->floor, 120U);
  expect_same(database.snapshot(), "p", model, 120);
  EXPECT_EQ(projection.prune(10)->floor, 120U) << "a floor never sinks";
  EXPECT_EQ(projection.prune(120)->versions, 0U);
  sound(database);
}

TEST_F(ProjectionLifeTest, pruning_gives_the_space_back) {
  Database database = open();
  Projection projection = database.projection("p");
  for (uint64_t position = 1; position <= 400; ++position) {
    WriteBatch batch(position);
    for (uint64_t number = 0; number < 20; ++number) {
      batch.put("t", numbered("key", number), std::string(100, static_cast<char>('a' + position % 26)));
    }
    ASSERT_OK(projection.apply(batch, Durability::kDeferred));
  }
  ASSERT_OK(database.checkpoint());
  const Stats before = *database.stats();
  const auto pruned = projection.prune(400);
  ASSERT_OK(pruned);
  EXPECT_EQ(pruned->versions, 399U * 20U);
  ASSERT_OK(database.checkpoint());
  ASSERT_OK(database.checkpoint());
  const Stats after = *database.stats();
  const uint64_t used_before = before.page_count - before.free_pages;
  const uint64_t used_after = after.page_count - after.free_pages;
  EXPECT_LT(used_after, used_before / 10);
  sound(database);
}

TEST_F(ProjectionLifeTest, a_kill_in_the_middle_of_pruning_leaves_everything_that_can_be_read) {
  Database database = open();
  Projection projection = database.projection("p");
  ProjectionModel model;
  for (uint64_t position = 1; position <= 50; ++position) {
    WriteBatch batch(position);
    for (uint64_t table = 0; table < 4; ++table) {
      batch.put("t" + std::to_string(table), numbered("key", position % 5), std::to_string(position));
    }
    ASSERT_OK(projection.apply(batch));
    model.apply(batch);
  }
  PruneOptions options;
  int steps = 0;
  options.progress = [&](uint64_t) {
    ++steps;
    copy_as_killed();
    return steps < 3;
  };
  const auto stopped = projection.prune(30, options);
  ASSERT_OK(stopped);
  EXPECT_TRUE(stopped->stopped);
  expect_same(database.snapshot(), "p", model, 30);
  Database copy = open_copy(small());
  expect_same(copy.snapshot(), "p", model, 30);
  const auto rest = copy.projection("p").prune(30);
  ASSERT_OK(rest);
  EXPECT_GT(rest->versions, 0U);
  expect_same(copy.snapshot(), "p", model, 30);
  sound(copy);
}

TEST_F(ProjectionLifeTest, a_purged_table_is_empty_and_its_pages_are_free) {
  Database database = open();
  append(database, "events", std::vector<std::string>(300, "put big key " + std::string(3000, 'x')));
  append(database, "events", {"put small key v"});
  Projection projection = database.projection("p");
  ASSERT_OK(projection.follow("events", reduce));
  ASSERT_OK(database.checkpoint());
  const uint64_t free_before = database.stats()->free_pages;
  EXPECT_TRUE(*projection.purge_table("big"));
  EXPECT_FALSE(*projection.purge_table("big"));
  EXPECT_FALSE(*projection.purge_table("was never there"));
  EXPECT_EQ(*projection.get("big", "key"), std::nullopt);
  EXPECT_EQ(*projection.get_at("big", "key", 100), std::nullopt);
  EXPECT_EQ(*projection.get("small", "key"), "v");
  copy_as_killed();
  ASSERT_OK(database.checkpoint());
  ASSERT_OK(database.checkpoint());
  EXPECT_GT(database.stats()->free_pages, free_before + 250);
  sound(database);
  // What was applied before the purge is not applied again behind it.
  append(database, "events", {"put big key again"});
  ASSERT_OK(projection.follow("events", reduce));
  EXPECT_EQ(*projection.get("big", "key"), "again");
  Database copy = open_copy(small());
  ASSERT_OK(copy.projection("p").follow("events", reduce));
  EXPECT_EQ(*copy.projection("p").get("big", "key"), std::nullopt);
  EXPECT_EQ(*copy.projection("p").get("small", "key"), "v");
  sound(copy);
}

TEST_F(ProjectionLifeTest, a_projection_that_is_dropped_leaves_nothing) {
  Database database = open();
  Draw draw(12);
  append(database, "events", drawn_events(draw, 50));
  ASSERT_OK(database.projection("p").follow("events", reduce));
  ASSERT_OK(database.projection("q").follow("events", reduce));
  ASSERT_OK(database.projection("p").pin("x", 10));
  ASSERT_OK(database.projection("p").drop());
  EXPECT_ERROR(kNotFound, database.projection("p").drop());
  EXPECT_ERROR(kNotFound, database.projection("p").applied_position());
  expect_same(database.snapshot(), "q", model_of(database, "events"));
  copy_as_killed();
  Database copy = open_copy(small());
  EXPECT_EQ(*copy.snapshot().projections(), std::vector<std::string>{"q"});
  ASSERT_OK(copy.projection("p").follow("events", reduce));
  EXPECT_TRUE(copy.projection("p").pins()->empty());
  expect_same(copy.snapshot(), "p", model_of(copy, "events"));
  sound(copy);
}

}  // namespace
}  // namespace holdfast
