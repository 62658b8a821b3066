// The writer: what was flushed is what a scan finds, and slots are made and reused as promised.
#include "wal/lane.h"

#include "tests/db/failing_env.h"
#include "tests/wal/fixture.h"

namespace holdfast::wal {
namespace {

class LaneWriter : public LaneTest {};
INSTANTIATE_TEST_SUITE_P(Environments, LaneWriter, testing::Values(Kind::kMemory, Kind::kPosix), kind_name);

TEST_P(LaneWriter, a_new_lane_has_a_segment_and_a_spare_and_no_records) {
  const auto lane = new_lane(7);
  EXPECT_TRUE(lane->empty());
  EXPECT_EQ(lane->live_bytes(), 0U);
  EXPECT_EQ(names(), (std::vector<std::string>{"wal-00-0000", "wal-00-0001"}));
  const LaneContents contents = scan(7);
  EXPECT_EQ(contents.segments.size(), 2U);
  EXPECT_TRUE(contents.records.empty());
  EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kClean);
}

TEST_P(LaneWriter, what_was_flushed_is_found_and_what_was_not_is_not) {
  const auto lane = new_lane();
  append(*lane, 1, 100);
  append(*lane, 2, 0);
  append(*lane, 5, 3000, 4);
  EXPECT_GT(lane->buffered_bytes(), 3100U);
  const Flushed flushed = lane->flush(Csn{0}).value();
  EXPECT_EQ(flushed.csns, (std::vector<std::pair<Csn, Csn>>{{Csn{1}, Csn{2}}, {Csn{5}, Csn{8}}}));
  EXPECT_EQ(flushed.bytes, lane->live_bytes());
  EXPECT_TRUE(lane->empty());
  append(*lane, 9, 50);
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), (std::vector<uint64_t>{1, 2, 5}));
  EXPECT_EQ(contents.records[2].csn_count, 4U);
  EXPECT_EQ(contents.last_csn_seen, Csn{8});
  expect_bodies(*directory_, contents);
}

TEST_P(LaneWriter, a_flush_of_nothing_writes_nothing) {
  const auto lane = new_lane();
  const auto before = file_bytes(*directory_, "wal-00-0000");
  const Flushed flushed = lane->flush(Csn{0}).value();
  EXPECT_TRUE(flushed.csns.empty());
  EXPECT_EQ(flushed.bytes, 0U);
  EXPECT_EQ(file_bytes(*directory_, "wal-00-0000"), before);
}

TEST_P(LaneWriter, records_larger_than_a_frame_and_than_a_segment_come_back_whole) {
  constexpr uint32_t kLarge = format::kSegmentBytesMax;
  auto made = Lane::prepare(*directory_, clock_, identity(), 1, kLarge);
  ASSERT_TRUE(made);
  Lane& lane = **made;
  commit(lane, 1, format::kFrameBodyBytesMax);
  commit(lane, 2, format::kFrameBodyBytesMax + 1000);
  commit(lane, 3, 2 * kLarge + 12345);
  commit(lane, 4, 10);
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), csns(1, 4));
  EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kClean);
  expect_bodies(*directory_, contents);
}

// Also record headers that are cut by the end of a segment, wherever it falls.
TEST_P(LaneWriter, a_record_may_be_cut_at_any_of_its_bytes) {
  for (uint32_t shift = 0; shift < 60; ++shift) {
    const auto lane = prepare(*directory_, clock_, identity(0, 10 + shift));
    append(*lane, 1, kSegmentBytes - 512 - 64 - 24 - shift);
    append(*lane, 2, 20);
    ASSERT_TRUE(lane->flush(Csn{0}));
    commit(*lane, 3, 1);
    const auto contents = scan_lane(*directory_, identity(0, 10 + shift), 1).value();
    ASSERT_EQ(csns_of(contents), csns(1, 3)) << shift;
    expect_bodies(*directory_, contents);
  }
}

TEST_P(LaneWriter, the_clock_stepping_back_has_no_effect_on_order) {
  const auto lane = new_lane();
  for (uint64_t csn = 1; csn <= 5; ++csn) {
    clock_.set(1'000'000 - static_cast<int64_t>(csn) * 400'000);
    commit(*lane, csn, 100);
  }
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), csns(1, 5));
  EXPECT_EQ(plan(contents).last, Csn{5});
}

TEST_P(LaneWriter, the_header_of_the_next_segment_is_there_before_frames_are_in_one) {
  const auto lane = new_lane();
  for (uint64_t csn = 1; csn <= 12; ++csn) {
    commit(*lane, csn, 30000);
    const LaneContents contents = scan();
    ASSERT_EQ(contents.segments.back().frame_count, 0U);
    ASSERT_EQ(csns_of(contents), csns(1, csn));
  }
}

TEST_P(LaneWriter, recycled_segments_are_used_again_and_never_show_old_frames) {
  const auto lane = new_lane();
  uint64_t first = 1;
  for (uint64_t csn = 1; csn <= 200; ++csn) {
    commit(*lane, csn, 20000);
    if (csn % 5 == 0) {
      const uint64_t checkpoint = csn - 2;
      first = lane->first_sequence_needed(Csn{checkpoint});
      lane->recycle(first);
      const LaneContents contents = scan(first);
      ASSERT_EQ(plan(contents, Csn{checkpoint}).last, Csn{csn});
      ASSERT_EQ(contents.end.kind, LaneEnd::Kind::kClean);
      ASSERT_LE(csns_of(contents).front(), checkpoint + 1);
      expect_bodies(*directory_, contents);
    }
  }
  EXPECT_LE(names().size(), 6U);
  EXPECT_LE(lane->live_bytes(), 4U * kSegmentBytes);
}

TEST_P(LaneWriter, a_lane_can_be_read_from_the_middle_of_a_record_that_was_recycled) {
  const auto lane = new_lane();
  append(*lane, 1, 3 * kSegmentBytes);
  append(*lane, 2, 100);
  ASSERT_TRUE(lane->flush(Csn{0}));
  commit(*lane, 3, 100);
  const uint64_t first = lane->first_sequence_needed(Csn{1});
  EXPECT_EQ(first, 4U);
  lane->recycle(first);
  EXPECT_EQ(csns_of(scan(first)), csns(2, 3));
}

TEST_P(LaneWriter, a_new_epoch_takes_the_files_of_the_old_one_and_shows_nothing_of_it) {
  {
    const auto lane = new_lane();
    for (uint64_t csn = 1; csn <= 6; ++csn) {
      commit(*lane, csn, 30000);
    }
  }
  const auto before = names();
  overwrite(*directory_, "wal-00-0099", 0, as_bytes("a slot of another size"));
  const auto lane = prepare(*directory_, clock_, identity(0, 6), 1);
  EXPECT_EQ(names(), before);
  const auto contents = scan_lane(*directory_, identity(0, 6), 1).value();
  EXPECT_EQ(contents.segments.size(), 2U);
  EXPECT_TRUE(contents.records.empty());
}

TEST_P(LaneWriter, prepare_leaves_kept_slots_alone_until_the_first_recycle) {
  {
    const auto lane = new_lane();
    commit(*lane, 1, 100);
  }
  const std::vector<uint16_t> kept = {0, 1};
  auto lane = Lane::prepare(*directory_, clock_, identity(0, 6), 1, kSegmentBytes, kept);
  ASSERT_TRUE(lane);
  EXPECT_EQ(csns_of(scan()), csns(1, 1));
  (*lane)->recycle(1);
  commit(**lane, 2, 30000);
  commit(**lane, 3, 40000);
  EXPECT_EQ(names().size(), 4U);
  EXPECT_EQ(csns_of(scan_lane(*directory_, identity(0, 6), 1).value()), csns(2, 3));
}

// An open that failed after it had prepared lanes, and one that follows with the same epoch.
TEST_P(LaneWriter, preparing_the_same_epoch_again_starts_afresh) {
  new_lane();
  ASSERT_TRUE(Lane::prepare(*directory_, clock_, identity(), 1, kSegmentBytes, std::vector<uint16_t>{0}));
  const auto lane = new_lane();
  commit(*lane, 1, 100);
  EXPECT_EQ(csns_of(scan()), csns(1, 1));
}

TEST_P(LaneWriter, reserved_space_is_there_when_the_flush_needs_it) {
  for (const size_t bytes : {size_t{1}, size_t{1000}, size_t{64900}, size_t{65000}, size_t{200000}, size_t{1000000}}) {
    const auto lane = new_lane();
    commit(*lane, 1, 333);
    append(*lane, 2, 777);
    ASSERT_TRUE(lane->reserve(bytes));
    const auto before = names();
    append(*lane, 3, bytes);
    ASSERT_TRUE(lane->flush(Csn{1}));
    EXPECT_EQ(names(), before) << bytes;
    ASSERT_TRUE(remove_lane(*directory_, 0));
  }
}

TEST_P(LaneWriter, reserve_with_a_full_disk_leaves_everything_as_it_was) {
  FailingEnv failing(*env_);
  const auto directory = failing.open_directory(path_, DirectoryMode::kMustExist).value();
  const auto lane = prepare(*directory, clock_, identity());
  commit(*lane, 1, 100);
  const auto before = names();
  for (uint64_t nth = 1;; ++nth) {
    failing.plan().fail(nth, ENOSPC);
    const auto reserved = lane->reserve(200000);
    const bool fired = failing.plan().fired();
    failing.plan().stop();
    if (!fired) {
      ASSERT_TRUE(reserved);
      ASSERT_EQ(nth, 4U * 5U + 1U + 1U);  // four slots of five calls each, and the directory
      break;
    }
    ASSERT_FALSE(reserved);
    ASSERT_EQ(reserved.error().code(), ErrorCode::kNoSpace);
    ASSERT_EQ(names(), before) << nth;
    ASSERT_EQ(csns_of(scan()).size(), 1 + (nth - 1) / 6);
    if (nth % 6 == 0) {  // a few, so that they stay in the first segment
      commit(*lane, 1 + nth / 6, 10);
    }
  }
}

TEST_P(LaneWriter, a_failed_write_or_sync_poisons_the_lane) {
  FailingEnv failing(*env_);
  const auto directory = failing.open_directory(path_, DirectoryMode::kMustExist).value();
  for (const uint64_t nth : {1U, 2U}) {
    const auto lane = prepare(*directory, clock_, identity(0, static_cast<uint32_t>(10 + nth)));
    commit(*lane, 1, 100);
    append(*lane, 2, 100);
    failing.plan().fail(nth, EIO);
    const auto flushed = lane->flush(Csn{1});
    ASSERT_FALSE(flushed);
    EXPECT_EQ(flushed.error().code(), ErrorCode::kIo);
    EXPECT_TRUE(failing.plan().fired());
    failing.plan().stop();
    append(*lane, 3, 100);
    ASSERT_FALSE(lane->flush(Csn{1}));
  }
}

// A writer that dies at any of its calls: what an earlier flush made durable is there, and no file is missed.
TEST_P(LaneWriter, whatever_call_fails_what_was_flushed_before_is_found) {
  FailingEnv failing(*env_);
  failing.plan().tear_failed_writes();
  const auto directory = failing.open_directory(path_, DirectoryMode::kMustExist).value();
  for (uint64_t nth = 1;; ++nth) {
    const LaneIdentity self = identity(0, static_cast<uint32_t>(10 + nth));
    const auto lane = prepare(*directory, clock_, self);
    failing.plan().fail(nth, EIO, FailurePlan::Length::kFromThenOn);
    uint64_t flushed = 0;
    for (uint64_t csn = 1; csn <= 6; ++csn) {
      append(*lane, csn, 40000);
      flushed = lane->flush(Csn{csn - 1}) ? csn : flushed;
    }
    const bool fired = failing.plan().fired();
    failing.plan().stop();
    const auto contents = scan_lane(*directory_, self, 1);
    ASSERT_TRUE(contents) << contents.error().to_string() << nth;
    ASSERT_NE(contents->end.kind, LaneEnd::Kind::kDamaged) << nth;
    const RecoveryPlan found = plan(*contents);
    ASSERT_FALSE(found.damage) << nth;
    ASSERT_GE(found.last, Csn{flushed}) << nth;
    expect_bodies(*directory_, *contents);
    if (!fired) {
      ASSERT_EQ(flushed, 6U);
      break;
    }
  }
}

}  // namespace
}  // namespace holdfast::wal
