// check(): every page is accounted for, and every damage is named with its place.
#include <set>

#include "format/meta.h"
#include "format/page.h"
#include "tests/db/database_test.h"

namespace holdfast {
namespace {

class CheckTest : public DatabaseTest {
 protected:
  static constexpr uint32_t kPage = 4096;

  void fill() {
    Database database = open();
    for (const char* name : {"one", "two"}) {
      ASSERT_OK(database.exec(name, [](Bucket& bucket) -> Result<void> {
        for (uint64_t i = 0; i < 3000; ++i) {
          HOLDFAST_TRY(bucket.put(numbered("k", i), std::string(50, 'v')));
        }
        return bucket.put("large", std::string(40'000, 'L'));
      }));
    }
  }
  // Numbers of the pages of this kind, as their headers say.
  std::vector<uint32_t> pages_of(format::PageKind kind) {
    const std::string tree = content("tree");
    std::vector<uint32_t> pages;
    for (uint32_t page = 2; (uint64_t{page} + 1) * kPage <= tree.size(); ++page) {
      const auto& header = format::header_of(reinterpret_cast<const std::byte*>(tree.data()) + uint64_t{page} * kPage);
      if (header.kind == static_cast<uint8_t>(kind) && header.page_number == page) {
        pages.push_back(page);
      }
    }
    return pages;
  }
};

TEST_F(CheckTest, accounts_for_every_page) {
  fill();
  Database database = open();
  CheckReport report = sound(database);
  EXPECT_EQ(report.meta_pages, 2U);
  EXPECT_EQ(report.buckets, 2U);
  EXPECT_EQ(report.rows, 6002U);
  EXPECT_EQ(report.payload_bytes, 2U * (3000 * 57 + 40'005));
  EXPECT_EQ(report.awaiting_pages, 0U);
  EXPECT_EQ(report.page_count, database.stats()->page_count);

  const Snapshot snapshot = database.snapshot();
  ASSERT_OK(database.exec([](Transaction& transaction) { return transaction.drop_bucket("one"); }));
  report = sound(database);
  EXPECT_GT(report.awaiting_pages, 50U);
  EXPECT_EQ(report.rows, 3001U);
}

// Found by the simulator: peaceful, seed 2.
TEST_F(CheckTest, nothing_awaits_a_snapshot_that_has_ended_also_if_nobody_has_written_since) {
  fill();
  Database database = open();
  {
    const Snapshot snapshot = database.snapshot();
    ASSERT_OK(database.exec([](Transaction& transaction) { return transaction.drop_bucket("one"); }));
    EXPECT_GT(sound(database).awaiting_pages, 0U);
  }
  const uint64_t free_before = database.stats()->free_pages;
  EXPECT_EQ(sound(database).awaiting_pages, 0U);
  EXPECT_GT(database.stats()->free_pages, free_before);
}

TEST_F(CheckTest, reports_progress_and_stops_when_told) {
  fill();
  Database database = open();
  uint64_t calls = 0;
  uint64_t last = 0;
  const auto report = database.check([&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, total);
    last = done;
    ++calls;
    return true;
  });
  ASSERT_OK(report);
  EXPECT_FALSE(report->stopped);
  EXPECT_EQ(last, report->page_count);
  EXPECT_GE(calls, 1U);
  const auto stopped = database.check([](uint64_t, uint64_t) { return false; });
  ASSERT_OK(stopped);
  EXPECT_TRUE(stopped->damage.empty());
}

TEST_F(CheckTest, finds_a_flipped_bit_in_every_kind_of_page) {
  fill();
  const std::string before = content("tree");
  for (const auto kind :
       {format::PageKind::kLeaf, format::PageKind::kBranch, format::PageKind::kOverflow, format::PageKind::kFreeMap}) {
    SCOPED_TRACE(static_cast<int>(kind));
    uint64_t found = 0;
    for (const uint32_t page : pages_of(kind)) {
      replace("tree", before);
      Options chosen = options();
      chosen.read_only = true;
      flip_bit("tree", uint64_t{page} * kPage + 2000);
      auto database = Database::open(kPath, chosen);
      ASSERT_OK(database);
      const auto report = database->check();
      ASSERT_OK(report);
      bool named = false;
      for (const auto& damage : report->damage) {
        named = named || (damage.file == "tree" && damage.offset == uint64_t{page} * kPage);
      }
      EXPECT_EQ(named, !report->damage.empty());
      EXPECT_EQ(report->page_count, report->meta_pages + report->reachable_pages + report->free_pages +
                                        report->awaiting_pages + report->damaged_pages);
      found += named ? 1U : 0U;
      if (found >= 5) {
        break;
      }
    }
    // Pages of this kind that are free now may be damaged without harm; some are in use.
    if (kind != format::PageKind::kFreeMap) {
      EXPECT_GE(found, 1U);
    }
  }
}

TEST_F(CheckTest, a_damaged_free_map_hides_no_row_from_who_opens_read_only) {
  fill();
  const std::string before = content("tree");
  uint64_t refused = 0;
  for (const uint32_t page : pages_of(format::PageKind::kFreeMap)) {
    replace("tree", before);
    flip_bit("tree", uint64_t{page} * kPage + 2000);
    Options chosen = options();
    chosen.read_only = true;
    {
      Database database = Database::open(kPath, chosen).value();
      EXPECT_EQ(rows_of(database, "one").size(), 3001U);
      EXPECT_EQ(rows_of(database, "two").size(), 3001U);
    }
    const auto opened = Database::open(kPath, options());
    refused += opened ? 0U : 1U;
    EXPECT_TRUE(opened || opened.error().code() == ErrorCode::kCorruption);
  }
  EXPECT_EQ(refused, 1U) << "of the maps in the file, one is in use";
}

TEST_F(CheckTest, finds_damage_behind_the_cache) {
  fill();
  Database database = open();
  sound(database);
  const auto leaves = pages_of(format::PageKind::kLeaf);
  for (const uint32_t page : leaves) {
    flip_bit("tree", uint64_t{page} * kPage + 3000);
  }
  const auto report = database.check();
  ASSERT_OK(report);
  EXPECT_FALSE(report->damage.empty());
  EXPECT_GT(report->damaged_pages, 0U);
}

TEST_F(CheckTest, finds_a_damaged_meta_copy) {
  fill();
  Database database = open();
  for (const uint64_t offset :
       {uint64_t{100}, uint64_t{kPage} - 100, uint64_t{kPage} + 100, uint64_t{2 * kPage} - 100}) {
    flip_bit("tree", offset);
    const auto report = database.check();
    ASSERT_OK(report);
    ASSERT_EQ(report->damage.size(), 1U);
    EXPECT_EQ(report->damage[0].file, "tree");
    EXPECT_LE(report->damage[0].offset, offset);
    EXPECT_GT(report->damage[0].offset + format::kMetaCopyBytes, offset);
    EXPECT_EQ(report->damaged_pages, 1U);
    flip_bit("tree", offset);
  }
  sound(database);
}

}  // namespace
}  // namespace holdfast
