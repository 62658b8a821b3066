// check() and projections: rows that no projection writes are found, whoever wrote them, and reads of them are errors.
#include "db/apply.h"
#include "db/open.h"
#include "db/pins.h"
#include "format/projection_rows.h"
#include "tests/db/projection_test.h"

namespace holdfast {
namespace {

class ProjectionCheckTest : public ProjectionTest {
 protected:
  // A closed database with a projection "p" of table "t": key "k" was changed at positions 1, 3 and 5.
  void make() {
    Database database = open();
    for (uint64_t position = 1; position <= 5; ++position) {
      WriteBatch batch(position);
      batch.put("t", position % 2 == 1 ? "k" : "other", std::to_string(position));
      ASSERT_OK(database.projection("p").apply(batch));
    }
    ASSERT_OK(database.pin("pin"));
    ASSERT_OK(database.put("t", "k", "v"));
    ASSERT_OK(database.close());
  }

  // Puts a row into a bucket of the engine's own, as a commit that is sound but for its meaning.
  void forge(const std::string& bucket, std::string_view key, std::string_view value) {
    auto files = open_files(*memory_, kPath, small()).value();
    Streams streams(*files.directory, files.store->meta().database_id, small().stream_segment_bytes);
    ASSERT_OK(load_pins(*files.store));
    const State base = files.store->newest();
    WriteSet writes;
    const uint32_t index = writes.index_of(bucket);
    writes.set_implied(index);
    writes.put(index, key, value);
    PageWriter& writer = **files.store->begin(next(base.csn));
    WriteSetApplier applier(writer, base, streams);
    ASSERT_OK(applier.apply(writes));
    const auto state = applier.finish(next(base.csn));
    ASSERT_OK(state);
    ASSERT_OK(files.store->commit(*state));
  }
  static std::string bucket(format::TableTree tree, std::string_view table = "nt", uint32_t id = 1) {
    return format::tables_prefix(id, 1, tree) + std::string(table);
  }
  static std::string version_key(std::string_view key, uint64_t created_at) {
    std::string bytes;
    format::encode_version_key(key, created_at, bytes);
    return bytes;
  }
  static std::string version_row(uint64_t position) {
    std::string bytes;
    format::encode(format::VersionRow{.position = position, .data = "forged"}, bytes);
    return bytes;
  }
  std::string found() {
    Database database = open();
    const auto report = database.check();
    EXPECT_OK(report);
    std::string all;
    for (const auto& damage : report->damage) {
      all += damage.what + "\n";
    }
    return all;
  }
};

TEST_F(ProjectionCheckTest, a_sound_projection_has_nothing_wrong) {
  make();
  Database database = open();
  EXPECT_EQ(sound(database).tables, 1U);
}

TEST_F(ProjectionCheckTest, a_row_of_a_position_that_was_not_applied_is_found) {
  make();
  forge(bucket(format::TableTree::kCurrent), "new", version_row(6));
  EXPECT_EQ(found(), "table t of projection p: a row of a position that was not applied\n");
}

TEST_F(ProjectionCheckTest, versions_that_overlap_are_found) {
  make();
  forge(bucket(format::TableTree::kHistory), version_key("k", 2), version_row(3));
  EXPECT_EQ(found(), "table t of projection p: a version that cannot be, or overlaps another one\n");
}

TEST_F(ProjectionCheckTest, a_version_that_overlaps_the_current_row_is_found) {
  make();
  forge(bucket(format::TableTree::kCurrent), "k", version_row(4));
  EXPECT_EQ(found(), "table t of projection p: a superseded version overlaps the current row\n");
}

TEST_F(ProjectionCheckTest, a_table_of_no_projection_is_found) {
  make();
  forge(bucket(format::TableTree::kCurrent, "nt", 9), "k", version_row(1));
  EXPECT_EQ(found(), "a table belongs to no projection that is there\n");
}

TEST_F(ProjectionCheckTest, bytes_that_are_no_row_are_an_error_for_who_reads_them_and_a_finding) {
  make();
  forge(bucket(format::TableTree::kCurrent), "k", "short");
  forge(bucket(format::TableTree::kHistory), "no version key", "short");
  {
    Database database = open();
    const Snapshot snapshot = database.snapshot();
    const TableView table = snapshot.projection("p").table("t");
    EXPECT_ERROR(kCorruption, table.get("k"));
    EXPECT_ERROR(kCorruption, table.get_at("k", 5));
    EXPECT_EQ(**table.get_at("k", 4), "3");  // its row is sound
    EXPECT_EQ(**table.get("other"), "4");
    TableRange rows = table.scan_at(4);
    for (const TableRow& row : rows) {
      EXPECT_FALSE(row.key.empty());
    }
    EXPECT_ERROR(kCorruption, rows.status());
    EXPECT_ERROR(kCorruption, database.projection("p").apply(WriteBatch(6).put("t", "k", "6")));
    EXPECT_ERROR(kCorruption, database.projection("p").prune(3));
  }
  EXPECT_NE(found().find("table t of projection p"), std::string::npos);
}

TEST_F(ProjectionCheckTest, states_that_cannot_be_are_refused) {
  make();
  forge(format::generation_bucket(1, 1), format::kStateKey, "short");
  {
    Database database = open();
    EXPECT_ERROR(kCorruption, database.projection("p").get("t", "k"));
    EXPECT_ERROR(kCorruption, database.projection("p").apply(WriteBatch(6)));
    EXPECT_ERROR(kCorruption, database.projection("p").prune(1));
  }
  EXPECT_NE(found(), "");
}

// A pin that names a state which was never there is not believed; and as long as it hides what is pinned, nothing that
// dies is written over.
TEST_F(ProjectionCheckTest, where_damage_hides_the_pins_no_page_that_dies_is_used_again) {
  make();
  const format::PinRow row{.csn = Csn{1000}, .wall_ns = 0, .catalog = {}, .streams = {}, .next_bucket_id = 1};
  const format::PinRowOnDisk bytes = format::encode(row);
  forge(format::pins_bucket(), "forged", as_text(std::as_bytes(std::span(&bytes, 1))));
  EXPECT_NE(found().find("the stored pin forged is damaged"), std::string::npos);
  Database database = open();
  EXPECT_ERROR(kCorruption, database.pins());
  EXPECT_ERROR(kCorruption, database.as_of("pin"));
  EXPECT_ERROR(kCorruption, database.pin("another"));
  const auto used = [&] { return database.stats()->page_count - database.stats()->free_pages; };
  const uint64_t used_before = used();
  for (int round = 0; round < 50; ++round) {
    ASSERT_OK(database.put("t", "k", std::to_string(round)));
    ASSERT_OK(database.checkpoint());
  }
  EXPECT_GE(used(), used_before + 50) << "each round replaces a page, and none of them is used again";
  EXPECT_EQ(*database.get("t", "k"), "49");
}

}  // namespace
}  // namespace holdfast
