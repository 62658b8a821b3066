// What a scan says of lanes whose files are not as they were written: torn tails are cut, damage is told apart.
#include "tests/wal/fixture.h"

namespace holdfast::wal {
namespace {

using Kind = holdfast::Kind;

class LaneDamage : public LaneTest {
 protected:
  // Flushes of one small record each, of one frame of one unit each.
  void write_small(uint64_t count) {
    const auto lane = new_lane();
    for (uint64_t csn = 1; csn <= count; ++csn) {
      commit(*lane, csn, 100);
    }
  }
  static uint64_t offset_of(uint64_t frame) { return frame * format::kFrameUnitBytes; }  // frames count from 1
};
INSTANTIATE_TEST_SUITE_P(Environments, LaneDamage, testing::Values(Kind::kMemory, Kind::kPosix), kind_name);

TEST_P(LaneDamage, a_torn_tail_is_cut) {
  {
    const auto lane = new_lane();
    commit(*lane, 1, 100);
    append(*lane, 2, 12000);
    append(*lane, 3, 100);
    ASSERT_TRUE(lane->flush(Csn{1}));
  }
  zero_from(*directory_, "wal-00-0000", offset_of(4));
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), csns(1, 1));
  EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kTorn);
  EXPECT_EQ(contents.end.file, "wal-00-0000");
  EXPECT_EQ(contents.end.offset, offset_of(2));
  const RecoveryPlan found = plan(contents);
  EXPECT_FALSE(found.damage);
  EXPECT_EQ(found.last, Csn{1});
}

// The units of a flush that spans segments may have reached the disk in any subset.
TEST_P(LaneDamage, a_torn_flush_over_segments_is_cut_whichever_frame_is_missing) {
  {
    const auto lane = new_lane();
    commit(*lane, 1, 100);
    append(*lane, 2, 100000);
    append(*lane, 3, 100);
    ASSERT_TRUE(lane->flush(Csn{1}));
  }
  for (const auto& [file, offset] : {std::pair{"wal-00-0000", offset_of(2)}, std::pair{"wal-00-0001", offset_of(1)}}) {
    const auto before = file_bytes(*directory_, file);
    overwrite(*directory_, file, offset, std::vector<std::byte>(format::kFrameUnitBytes));
    const LaneContents contents = scan();
    EXPECT_EQ(csns_of(contents), csns(1, 1));
    EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kTorn) << file;
    EXPECT_FALSE(plan(contents).damage);
    overwrite(*directory_, file, 0, before);
  }
}

TEST_P(LaneDamage, a_zero_filled_tail_is_a_clean_end) {
  write_small(3);
  zero_from(*directory_, "wal-00-0000", offset_of(3));
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), csns(1, 2));
  EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kClean);
  EXPECT_EQ(plan(contents).last, Csn{2});
}

TEST_P(LaneDamage, a_flipped_bit_in_the_first_of_a_thousand_durable_frames_is_damage) {
  write_small(1000);
  ASSERT_EQ(csns_of(scan()), csns(1, 1000));
  for (const uint64_t at : {uint64_t{5}, uint64_t{100}, uint64_t{500}}) {  // header, body, padding
    flip_bit(*directory_, "wal-00-0000", offset_of(1) + at);
    const LaneContents contents = scan();
    EXPECT_TRUE(contents.records.empty());
    EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kDamaged);
    const RecoveryPlan found = plan(contents);
    ASSERT_TRUE(found.damage);
    EXPECT_EQ(found.damage->file, "wal-00-0000");
    EXPECT_EQ(found.damage->offset, offset_of(1));
    EXPECT_EQ(found.damage->first_lost, Csn{1});
    EXPECT_EQ(found.damage->last_lost, Csn{1000});
    EXPECT_EQ(found.damage->to_error().code(), ErrorCode::kCorruption);
    flip_bit(*directory_, "wal-00-0000", offset_of(1) + at);
  }
}

TEST_P(LaneDamage, a_flipped_bit_anywhere_but_in_the_last_flush_is_damage) {
  write_small(4);
  for (uint64_t frame = 1; frame <= 3; ++frame) {
    for (uint64_t byte = 0; byte < format::kFrameUnitBytes; byte += 7) {
      flip_bit(*directory_, "wal-00-0000", offset_of(frame) + byte);
      const LaneContents contents = scan();
      ASSERT_EQ(csns_of(contents), csns(1, frame - 1)) << frame << "+" << byte;
      ASSERT_EQ(contents.end.kind, LaneEnd::Kind::kDamaged) << frame << "+" << byte;
      flip_bit(*directory_, "wal-00-0000", offset_of(frame) + byte);
    }
  }
}

// The header of a later flush is proof enough, even if its body is torn.
TEST_P(LaneDamage, a_torn_later_flush_still_proves_that_an_earlier_one_was_durable) {
  {
    const auto lane = new_lane();
    commit(*lane, 1, 100);
    commit(*lane, 2, 12000);
  }
  zero_from(*directory_, "wal-00-0000", offset_of(3));
  EXPECT_EQ(plan(scan()).last, Csn{1});
  flip_bit(*directory_, "wal-00-0000", offset_of(1));
  EXPECT_EQ(scan().end.kind, LaneEnd::Kind::kDamaged);
}

TEST_P(LaneDamage, a_frame_that_another_one_was_written_over_is_damage) {
  write_small(5);
  const auto bytes = file_bytes(*directory_, "wal-00-0000");
  overwrite(*directory_, "wal-00-0000", offset_of(2), std::span(bytes).subspan(offset_of(4), format::kFrameUnitBytes));
  const LaneContents contents = scan();
  EXPECT_EQ(csns_of(contents), csns(1, 1));
  EXPECT_EQ(contents.end.kind, LaneEnd::Kind::kDamaged);
}

TEST_P(LaneDamage, a_record_whose_bytes_changed_after_the_scan_is_refused) {
  write_small(2);
  const LaneContents contents = scan();
  flip_bit(*directory_, "wal-00-0000", offset_of(1) + 100);
  RecordReader reader(*directory_, contents);
  const auto body = reader.read(0);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(body.error().file(), "wal-00-0000");
}

TEST_P(LaneDamage, every_place_at_which_a_lane_is_zeroed_gives_a_prefix) {
  write_small(12);
  const auto whole = file_bytes(*directory_, "wal-00-0000");
  for (uint64_t offset = offset_of(1); offset <= offset_of(13); offset += 3) {
    zero_from(*directory_, "wal-00-0000", offset);
    const LaneContents contents = scan();
    const uint64_t count = contents.records.size();
    ASSERT_EQ(csns_of(contents), csns(1, count)) << offset;
    // A cut inside the zeros of the padding takes nothing away.
    ASSERT_GE(count, offset / format::kFrameUnitBytes - 1) << offset;
    ASSERT_LE(count, offset / format::kFrameUnitBytes) << offset;
    ASSERT_NE(contents.end.kind, LaneEnd::Kind::kDamaged) << offset;
    expect_bodies(*directory_, contents);
    overwrite(*directory_, "wal-00-0000", 0, whole);
  }
}

// A file of the log never gets shorter by itself, so this is no torn tail.
TEST_P(LaneDamage, every_byte_at_which_a_lane_is_truncated_gives_a_prefix_and_is_damage) {
  write_small(6);
  const auto whole = file_bytes(*directory_, "wal-00-0000");
  const auto file = open("wal-00-0000", OpenMode::kReadWrite);
  for (uint64_t bytes = 0; bytes <= offset_of(8); ++bytes) {
    ASSERT_TRUE(file->truncate(bytes));
    const auto contents = scan_lane(*directory_, identity(), 1);
    if (contents) {
      ASSERT_EQ(csns_of(*contents), csns(1, contents->records.size())) << bytes;
      ASSERT_EQ(contents->end.kind, LaneEnd::Kind::kDamaged) << bytes;
      ASSERT_EQ(contents->end.file, "wal-00-0000");
    } else {
      ASSERT_LT(bytes, format::kFrameUnitBytes);
      ASSERT_EQ(contents.error().code(), ErrorCode::kCorruption) << bytes;
    }
    ASSERT_TRUE(file->write_at(0, std::span(whole).first(offset_of(8))));
  }
}

class LaneFiles : public LaneTest {
 protected:
  void write_segments() {
    const auto lane = new_lane();
    for (uint64_t csn = 1; csn <= 6; ++csn) {
      commit(*lane, csn, 40000);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Environments, LaneFiles, testing::Values(Kind::kMemory, Kind::kPosix), kind_name);

TEST_P(LaneFiles, a_missing_segment_is_an_error_that_names_it) {
  write_segments();
  const auto segments = scan().segments;
  ASSERT_GE(segments.size(), 4U);
  for (const SegmentStats& segment : segments) {
    const auto bytes = file_bytes(*directory_, segment.file);
    ASSERT_TRUE(directory_->remove(segment.file));
    const Error error = scan_error();
    EXPECT_EQ(error.code(), ErrorCode::kCorruption);
    EXPECT_EQ(error.message(), "lane 0: segment " + std::to_string(segment.sequence) + " is missing");
    EXPECT_EQ(error.file(), "wal-00");
    overwrite(*directory_, segment.file, 0, bytes);
  }
}

TEST_P(LaneFiles, a_missing_lane_is_an_error_and_not_an_empty_lane) {
  write_segments();
  ASSERT_TRUE(remove_lane(*directory_, 0));
  EXPECT_EQ(scan_error().message(), "lane 0: segment 1 is missing");
}

TEST_P(LaneFiles, a_lane_from_an_older_backup_is_missing) {
  write_segments();
  const auto contents = scan_lane(*directory_, identity(0, 6), 1);
  ASSERT_FALSE(contents);
  EXPECT_EQ(contents.error().message(), "lane 0: segment 1 is missing");
}

TEST_P(LaneFiles, a_damaged_segment_header_is_an_error_that_names_the_file) {
  write_segments();
  const std::string file = file_of(2);
  for (uint64_t byte = 0; byte < format::kSectorBytes; byte += 5) {
    flip_bit(*directory_, file, byte);
    const Error error = scan_error();
    ASSERT_EQ(error.code(), ErrorCode::kCorruption) << byte;
    ASSERT_EQ(error.file(), file) << byte;
    flip_bit(*directory_, file, byte);
  }
}

TEST_P(LaneFiles, a_file_of_another_database_is_an_error_that_names_it) {
  write_segments();
  LaneIdentity other = identity();
  other.database_id.fill(std::byte{0xDC});
  ASSERT_TRUE(start_segment(*directory_, {other.database_id, Epoch{1}, 0, 3, 1, kSegmentBytes}));
  const Error error = scan_error();
  EXPECT_EQ(error.code(), ErrorCode::kCorruption);
  EXPECT_EQ(error.file(), "wal-00-0003");
  EXPECT_EQ(error.message(), "lane 0: a file of the log belongs to another database");
}

TEST_P(LaneFiles, a_file_under_another_name_is_an_error_that_names_it) {
  write_segments();
  ASSERT_TRUE(directory_->rename("wal-00-0001", "wal-00-0077"));
  const Error error = scan_error();
  EXPECT_EQ(error.file(), "wal-00-0077");
  EXPECT_EQ(error.message(), "lane 0: a file of the log has another's name: it was wal-00-0001");
}

TEST_P(LaneFiles, lanes_do_not_see_each_other) {
  write_segments();
  const auto other = prepare(*directory_, clock_, identity(1));
  commit(*other, 7, 10);
  EXPECT_EQ(csns_of(scan()), csns(1, 6));
  EXPECT_EQ(csns_of(scan_lane(*directory_, identity(1), 1).value()), csns(7, 7));
}

}  // namespace
}  // namespace holdfast::wal
