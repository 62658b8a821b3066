// The model of projections: it accepts what may be shown, and objects to each kind of what may not.
#include "sim/projection_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/random.h"

namespace holdfast::sim {
namespace {

using testing::HasSubstr;

class ProjectionModelTest : public testing::Test {
 protected:
  static uint64_t payload(uint64_t position) { return mix(0x7465, position); }

  // What a projection shows that applied these events, but for those left out, and was purged and pruned.
  static ProjectionContents shown(uint64_t applied, uint64_t floor = 0, std::optional<uint64_t> left_out = {},
                                  std::optional<std::pair<uint32_t, uint64_t>> purge = {}) {
    ProjectionContents contents;
    contents.is_there = true;
    contents.applied = applied;
    contents.floor = floor;
    contents.generation = 1;
    contents.stream = "s";
    std::array<std::array<std::vector<ShownVersion>, kProjectionKeys>, kProjectionTables> tables;
    for (uint64_t position = 1; position <= applied; ++position) {
      for (const ProjectionWrite& write : writes_of(payload(position))) {
        auto& versions = tables[write.table][write.key];
        if (left_out == position) {
          continue;
        }
        if (!versions.empty() && versions.back().deleted_at == kNeverDeleted) {
          versions.back().deleted_at = position;
          if (versions.back().created_at == position) {
            versions.pop_back();
          }
        }
        if (write.value) {
          versions.push_back({position, kNeverDeleted, ValueMark::of(projection_value(*write.value))});
        }
      }
      if (purge && purge->second == position) {
        tables[purge->first] = {};
      }
    }
    for (uint32_t table = 0; table < kProjectionTables; ++table) {
      for (uint32_t key = 0; key < kProjectionKeys; ++key) {
        auto& to = contents.tables[table][key].emplace();
        for (auto version = tables[table][key].rbegin(); version != tables[table][key].rend(); ++version) {
          if (version->deleted_at > floor) {
            to.push_back(*version);
          }
        }
      }
    }
    return contents;
  }
  void give(uint64_t from, uint64_t to) {
    for (uint64_t position = from + 1; position <= to; ++position) {
      ASSERT_EQ(model_.given(id_, from, position - 1, payload(position)), std::nullopt);
    }
  }
  // Follows up to there, and is told.
  void follow(uint64_t to) {
    model_.may_be_made(id_);
    give(model_.known(id_), to);
    model_.made(id_);
    model_.applied(id_, to);
  }
  Verdict judge(const ProjectionContents& contents, uint64_t least) {
    const uint64_t now = model_.moment();
    return model_.judge(contents, {.asked = now, .shown = now, .least = least}, 0);
  }
  // The contents of a recovered database, whose streams are not looked at.
  void settle(const ProjectionContents& contents) { model_.settle({contents}, 0); }
  static void expect_objection(const Verdict& verdict, const char* text) {
    ASSERT_TRUE(verdict.has_value());
    EXPECT_THAT(*verdict, HasSubstr(text));
  }

  StreamModel streams_;
  ProjectionModel model_;
  ProjectionId id_ = model_.projection("p", streams_.stream("s"));
};

TEST_F(ProjectionModelTest, accepts_each_position_between_what_was_known_and_what_was_given) {
  follow(40);
  give(40, 60);
  for (uint64_t position = 40; position <= 60; ++position) {
    EXPECT_EQ(judge(shown(position), 40), std::nullopt);
  }
  expect_objection(judge(shown(39), 40), "its position is 39, expected 40 to 60");
  expect_objection(judge(shown(61), 40), "its position is 61, expected 40 to 60");
}

TEST_F(ProjectionModelTest, objects_to_each_event_that_is_left_out) {
  follow(60);
  uint64_t objections = 0;
  for (uint64_t position = 1; position <= 60; ++position) {
    const bool shows = shown(60, 0, position).tables != shown(60).tables;
    EXPECT_EQ(judge(shown(60, 0, position), 60).has_value(), shows) << position;
    objections += shows ? 1U : 0U;
  }
  EXPECT_GT(objections, 40U);
}

TEST_F(ProjectionModelTest, a_follower_gets_every_event_once_and_the_same) {
  follow(10);
  expect_objection(model_.given(id_, 10, 9, payload(10)), "although position 10 was applied");
  expect_objection(model_.given(id_, 10, 11, payload(12)), "although nobody was given event 10");
  EXPECT_EQ(model_.given(id_, 10, 10, payload(11)), std::nullopt);
  expect_objection(model_.given(id_, 10, 10, payload(12)), "not what it was before");
}

TEST_F(ProjectionModelTest, a_redacted_event_may_have_been_applied_either_way_until_that_shows) {
  follow(20);
  ASSERT_FALSE(writes_of(payload(21)).empty());
  ASSERT_EQ(model_.given(id_, 20, 20, std::nullopt), std::nullopt);
  ASSERT_EQ(model_.given(id_, 20, 20, payload(21)), std::nullopt);
  EXPECT_EQ(judge(shown(21), 20), std::nullopt);
  EXPECT_EQ(judge(shown(21, 0, 21), 20), std::nullopt);
  settle(shown(21, 0, 21));
  EXPECT_EQ(judge(shown(21, 0, 21), 21), std::nullopt);
  expect_objection(judge(shown(21), 21), "has the versions");
}

TEST_F(ProjectionModelTest, a_floor_that_was_answered_stays_and_another_was_asked_for) {
  follow(30);
  const size_t prune = model_.begin_prune(id_, 12);
  EXPECT_EQ(judge(shown(30), 30), std::nullopt);
  EXPECT_EQ(judge(shown(30, 12), 30), std::nullopt);
  expect_objection(judge(shown(30, 13), 30), "its floor is 13");
  ASSERT_EQ(model_.pruned(id_, prune, 12), std::nullopt);
  expect_objection(judge(shown(30), 30), "its floor is 0, expected 12");
  // What a stream tells again comes back with its versions: that is no objection, but there is no such stream here.
  expect_objection(model_.judge_all({shown(30)}, {}, streams_, 0, 0), "its stream has only 0 records");
}

TEST_F(ProjectionModelTest, a_floor_passes_no_pin) {
  follow(30);
  model_.begin_pin(id_, "kept", 8);
  model_.pin_is(id_, "kept", 8);
  expect_objection(model_.pruned(id_, model_.begin_prune(id_, 20), 9), "\"kept\" pins position 8");
}

TEST_F(ProjectionModelTest, a_purge_happened_where_it_was_asked_for_or_not_at_all) {
  follow(20);
  model_.begin_purge(id_, 1);
  give(20, 30);
  const ProjectionContents purged = shown(30, 0, {}, std::pair{1U, uint64_t{25}});
  EXPECT_EQ(judge(shown(30), 20), std::nullopt);
  EXPECT_EQ(judge(purged, 20), std::nullopt);
  EXPECT_EQ(judge(shown(30, 0, {}, std::pair{1U, uint64_t{20}}), 20), std::nullopt);
  ASSERT_NE(shown(30, 0, {}, std::pair{1U, uint64_t{10}}).tables, shown(30, 0, {}, std::pair{1U, uint64_t{20}}).tables);
  expect_objection(judge(shown(30, 0, {}, std::pair{1U, uint64_t{10}}), 20), "has the versions");
  expect_objection(judge(shown(30, 0, {}, std::pair{2U, uint64_t{25}}), 20), "has the versions");
  model_.purged(id_);
  expect_objection(judge(shown(30), 20), "has the versions");
  EXPECT_EQ(judge(purged, 20), std::nullopt);
}

TEST_F(ProjectionModelTest, a_rebuild_is_shown_from_its_answer_on) {
  follow(20);
  settle(shown(20));
  ASSERT_TRUE(model_.begin(id_, ProjectionModel::Work::kRebuild));
  model_.begin_rebuild(id_);
  for (uint64_t position = 1; position <= 20; ++position) {
    ASSERT_EQ(model_.given(id_, std::nullopt, position - 1, payload(position)), std::nullopt);
  }
  ProjectionContents rebuilt = shown(20);
  rebuilt.generation = 2;
  EXPECT_EQ(judge(shown(20), 20), std::nullopt);
  EXPECT_EQ(judge(rebuilt, 20), std::nullopt);
  model_.rebuilt(id_, 20);
  EXPECT_EQ(judge(rebuilt, 20), std::nullopt);
  settle(rebuilt);
  expect_objection(judge(shown(20), 20), "generation 1 is shown, expected 2");
}

TEST_F(ProjectionModelTest, a_checkpoint_is_what_a_crash_leaves_at_least) {
  follow(10);
  const ProjectionModel::Mark mark = model_.mark();
  follow(20);
  model_.durable(mark);
  expect_objection(model_.judge_all({shown(9)}, {}, streams_, 0, 0), "its position is 9, expected 10 to 20");
  model_.begin_drop(id_);
  model_.dropped(id_, 0);
  expect_objection(model_.judge_all({shown(10)}, {}, streams_, 0, 0), "nobody made it, or it was dropped");
  EXPECT_EQ(model_.judge_all({ProjectionContents{}}, {}, streams_, 0, 0), std::nullopt);
}

TEST_F(ProjectionModelTest, batches_are_what_the_commits_say) {
  const ProjectionId fed = model_.projection("fed", std::nullopt);
  model_.may_be_made(fed);
  model_.made(fed);
  for (uint64_t position = 1; position <= 5; ++position) {
    TxnLog log;
    log.batches.push_back({fed, position, payload(position), {}});
    ASSERT_EQ(model_.apply(log, 10 + position), std::nullopt);
  }
  const auto judge_fed = [&](uint64_t position, uint64_t csn) {
    ProjectionContents contents = shown(position);
    contents.projection = fed;
    const uint64_t now = model_.moment();
    return model_.judge(contents, {.asked = now, .shown = now, .least = 0}, csn);
  };
  EXPECT_EQ(judge_fed(3, 13), std::nullopt);
  expect_objection(judge_fed(4, 13), "its position is 4, expected 3 to 3");
  model_.undo(15);
  EXPECT_EQ(judge_fed(4, 20), std::nullopt);
  TxnLog wrong;
  wrong.batches.push_back({fed, 6, payload(6), {}});
  expect_objection(model_.apply(wrong, 15), "applied position 6 to projection \"fed\", which had applied 4");
}

}  // namespace
}  // namespace holdfast::sim
