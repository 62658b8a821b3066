// Segment, frame and record headers of the write-ahead log: their bytes, and what is refused.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/crc32c.h"
#include "tests/format/golden.h"
#include "tests/format/wal_samples.h"

namespace holdfast::format {
namespace {

using samples::Bytes;

constexpr uint16_t kSector = 9;

uint32_t seed() { return frame_seed_of(samples::segment()); }

// Null, or what is wrong with a frame at kSector.
const char* find_frame_damage(std::span<const std::byte> frame, uint32_t frame_seed, FrameHeader& header) {
  const auto bytes = frame.first<kFrameHeaderBytes>();
  if (const char* damage = decode_frame_header(bytes, frame_seed, kSector, header)) {
    return damage;
  }
  return find_body_damage(frame.subspan(kFrameHeaderBytes), header, frame_seed);
}

std::string frame_damage(std::span<const std::byte> frame, uint32_t frame_seed) {
  FrameHeader header;
  const char* damage = find_frame_damage(frame, frame_seed, header);
  return damage == nullptr ? "" : damage;
}

TEST(Golden, wal_segment_header) {
  const auto bytes = encode_segment_header(samples::segment());
  GoldenDump(bytes)
      .field("magic", 8)
      .field("format_version", 4)
      .field("checksum", 4)
      .field("database_id", 16)
      .field("epoch", 4)
      .field("lane", 2)
      .field("slot", 2)
      .field("sequence", 8)
      .field("segment_bytes", 4)
      .zeros("reserved", 460)
      .compare_with("wal_segment.golden");
}

TEST(Golden, wal_frame) {
  GoldenDump(samples::frame())
      .field("header_checksum", 4)
      .field("body_checksum", 4)
      .field("body_bytes", 4)
      .field("flags", 2)
      .field("unit", 2)
      .field("first_csn", 8)
      .field("last_csn", 8)
      .field("watermark", 8)
      .field("wall_ns", 8)
      .field("frame_number", 8)
      .field("flush_segments_back", 2)
      .field("flush_unit", 2)
      .field("continued_bytes", 4)
      .field("body", 12)
      .zeros("padding", kFrameUnitBytes - 64 - 12)
      .compare_with("wal_frame.golden");
}

TEST(Golden, wal_record_header) {
  const auto bytes = encode_record_header(samples::record_header("body"), as_bytes("body"), samples::kSeed);
  GoldenDump(std::as_bytes(std::span(&bytes, 1)))
      .field("checksum", 4)
      .field("csn_count", 4)
      .field("first_csn", 8)
      .field("body_bytes", 8)
      .compare_with("wal_record.golden");
}

TEST(WalSegment, refuses_every_single_flipped_bit) {
  auto sector = encode_segment_header(samples::segment());
  for (size_t bit = 0; bit < 8 * sector.size(); ++bit) {
    sector[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto header = decode_segment_header(sector);
    ASSERT_FALSE(header) << bit;
    ASSERT_EQ(header.error().code(), ErrorCode::kCorruption) << bit;
    sector[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
  EXPECT_EQ(decode_segment_header(sector).value(), samples::segment());
}

TEST(WalSegment, refuses_a_zeroed_sector) {
  const std::array<std::byte, kSectorBytes> zeros{};
  EXPECT_EQ(decode_segment_header(zeros).error().message(), "segment header: no magic");
}

TEST(WalFrame, refuses_every_single_flipped_bit) {
  Bytes frame = samples::frame();
  for (size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    frame[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    ASSERT_NE(frame_damage(frame, seed()), "") << bit;
    frame[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
  EXPECT_EQ(frame_damage(frame, seed()), "");
}

TEST(WalFrame, is_valid_in_no_other_segment) {
  const Bytes frame = samples::frame();
  const auto damage_in = [&](auto change) {
    SegmentHeader other = samples::segment();
    change(other);
    return frame_damage(frame, frame_seed_of(other));
  };
  EXPECT_EQ(damage_in([](SegmentHeader& other) { other.database_id[0] ^= std::byte{1}; }), "header checksum");
  EXPECT_EQ(damage_in([](SegmentHeader& other) { other.epoch = Epoch{7}; }), "header checksum");
  EXPECT_EQ(damage_in([](SegmentHeader& other) { other.lane = 4; }), "header checksum");
  EXPECT_EQ(damage_in([](SegmentHeader& other) { other.sequence = 344; }), "header checksum");
}

TEST(WalFrame, is_valid_at_no_other_sector) {
  const Bytes frame = samples::frame();
  FrameHeader header;
  EXPECT_STREQ(decode_frame_header(std::span(frame).first<kFrameHeaderBytes>(), seed(), kSector + 1, header), "unit");
}

TEST(WalFrame, refuses_zeros_and_a_body_that_leaves_its_segment) {
  EXPECT_EQ(frame_damage(Bytes(512), seed()), "header checksum");
  const Bytes frame = samples::frame();
  EXPECT_EQ(frame_damage(std::span(frame).first(511), seed()), "body_bytes");
}

// Fields that break a rule, with the checksum made right.
TEST(WalFrame, refuses_what_breaks_a_rule) {
  const auto damage_with = [](size_t offset, auto value) {
    Bytes frame = samples::frame();
    store_le(frame.data() + offset, value);
    store_le(frame.data(), crc32c(std::span(frame).subspan(4, 60), seed()));
    return frame_damage(frame, seed());
  };
  EXPECT_EQ(damage_with(8, uint32_t{0}), "body_bytes");
  EXPECT_EQ(damage_with(8, kFrameBodyBytesMax + 1), "body_bytes");
  EXPECT_EQ(damage_with(12, uint16_t{2}), "flags");
  EXPECT_EQ(damage_with(14, uint16_t{0}), "unit");
  EXPECT_EQ(damage_with(14, uint16_t{8}), "unit");
  EXPECT_EQ(damage_with(16, uint64_t{0}), "first_csn");
  EXPECT_EQ(damage_with(16, uint64_t{108}), "first_csn");
  EXPECT_EQ(damage_with(24, kCsnMax + 1), "last_csn");
  EXPECT_EQ(damage_with(32, uint64_t{101}), "watermark");
  EXPECT_EQ(damage_with(48, uint64_t{0}), "frame_number");
  EXPECT_EQ(damage_with(56, kSlotsMax), "flush_segments_back");
  EXPECT_EQ(damage_with(58, uint16_t{0}), "flush_unit");
  EXPECT_EQ(damage_with(60, uint32_t{13}), "continued_bytes");
}

TEST(WalFrame, refuses_a_flush_that_began_behind_it_or_inside_a_record) {
  FrameHeader header = samples::frame_header(12);
  const Bytes frame = samples::frame();
  const auto damage_with = [&](uint16_t flush_unit) {
    Bytes changed = frame;
    store_le(changed.data() + 56, uint16_t{0});
    store_le(changed.data() + 58, flush_unit);
    store_le(changed.data(), crc32c(std::span(changed).subspan(4, 60), seed()));
    return frame_damage(changed, seed());
  };
  EXPECT_EQ(damage_with(8), "");
  EXPECT_EQ(damage_with(10), "flush_unit");
  EXPECT_EQ(damage_with(9), "continued_bytes");
  header.flush_segments_back = 0;
  header.flush_unit = 9;
  header.continued_bytes = 0;
  EXPECT_EQ(frame_damage(samples::sealed_frame("body", header, seed()), seed()), "");
}

TEST(WalRecord, refuses_what_breaks_a_rule) {
  const auto damage_of = [](uint32_t csn_count, uint64_t first_csn, uint64_t body_bytes) {
    RecordHeaderOnDisk fields{};
    fields.csn_count = csn_count;
    fields.first_csn = first_csn;
    fields.body_bytes = body_bytes;
    RecordHeader header;
    const char* damage = decode_record_header(std::as_bytes(std::span(&fields, 1)).first<kRecordHeaderBytes>(), header);
    return std::string(damage == nullptr ? "" : damage);
  };
  EXPECT_EQ(damage_of(1, 1, 0), "");
  EXPECT_EQ(damage_of(1, kCsnMax, kRecordBytesMax), "");
  EXPECT_EQ(damage_of(0, 1, 0), "csn_count");
  EXPECT_EQ(damage_of(1, 0, 0), "first_csn");
  EXPECT_EQ(damage_of(2, kCsnMax, 0), "first_csn");
  EXPECT_EQ(damage_of(1, UINT64_MAX, 0), "first_csn");
  EXPECT_EQ(damage_of(1, 1, kRecordBytesMax + 1), "body_bytes");
}

TEST(WalRecord, a_flipped_bit_in_header_or_body_is_noticed) {
  Bytes body = samples::text_bytes("some redo");
  auto bytes = encode_record_header(samples::record_header(as_text(body)), body, samples::kSeed);
  const auto is_intact = [&] {
    RecordHeader header;
    const auto all = std::as_bytes(std::span(&bytes, 1)).first<kRecordHeaderBytes>();
    return decode_record_header(all, header) == nullptr && header.body_bytes == body.size() &&
           is_record_intact(header, body, samples::kSeed);
  };
  EXPECT_TRUE(is_intact());
  for (const auto part : {std::as_writable_bytes(std::span(&bytes, 1)), std::span<std::byte>(body)}) {
    for (size_t bit = 0; bit < 8 * part.size(); ++bit) {
      part[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      EXPECT_FALSE(is_intact()) << bit;
      part[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    }
  }
}

RC_GTEST_PROP(WalSegment, reads_what_was_written, ()) {
  SegmentHeader header;
  for (std::byte& byte : header.database_id) {
    byte = static_cast<std::byte>(*rc::gen::inRange(0, 256));
  }
  header.epoch = Epoch{*rc::gen::positive<uint32_t>()};
  header.lane = *rc::gen::inRange<uint16_t>(0, kLanesMax);
  header.slot = *rc::gen::inRange<uint16_t>(0, kSlotsMax);
  header.sequence = *rc::gen::positive<uint64_t>();
  header.segment_bytes = kSegmentBytesMin << *rc::gen::inRange(0, 7);
  RC_ASSERT(decode_segment_header(encode_segment_header(header)).value() == header);
}

RC_GTEST_PROP(WalFrame, reads_what_was_written, ()) {
  const auto body = *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
  FrameHeader header;
  header.ends_inside = *rc::gen::arbitrary<bool>();
  header.unit = kSector;
  header.watermark = Csn{*rc::gen::inRange<uint64_t>(0, 1000)};
  header.first_csn = Csn{to_int(header.watermark) + *rc::gen::inRange<uint64_t>(1, 1000)};
  header.last_csn = Csn{to_int(header.first_csn) + *rc::gen::inRange<uint64_t>(0, 1000)};
  header.wall_ns = *rc::gen::arbitrary<int64_t>();
  header.frame_number = *rc::gen::positive<uint64_t>();
  header.flush_segments_back = *rc::gen::inRange<uint16_t>(0, 3);
  header.flush_unit = *rc::gen::inRange<uint16_t>(1, kSector + 1);
  const bool begins_flush = header.flush_segments_back == 0 && header.flush_unit == kSector;
  header.continued_bytes = begins_flush ? 0 : *rc::gen::inRange<uint32_t>(0, static_cast<uint32_t>(body.size()) + 1);
  const auto frame_seed = *rc::gen::arbitrary<uint32_t>();
  const Bytes frame = samples::sealed_frame(body, header, frame_seed);
  FrameHeader found;
  RC_ASSERT(find_frame_damage(frame, frame_seed, found) == nullptr);
  header.body_bytes = static_cast<uint32_t>(body.size());
  header.body_checksum = found.body_checksum;
  RC_ASSERT(found == header);
  RC_ASSERT(as_text(frame.data() + kFrameHeaderBytes, found.body_bytes) == body);
}

// Whatever a few changed bytes make of a frame whose checksums are right again: it decodes within its bounds, or not.
RC_GTEST_PROP(MutatedFrame, is_refused_or_stays_in_its_bounds, ()) {
  Bytes frame = samples::frame();
  for (int times = *rc::gen::inRange(1, 4); times > 0; --times) {
    frame[*rc::gen::inRange<size_t>(4, kFrameHeaderBytes)] = static_cast<std::byte>(*rc::gen::inRange(0, 256));
  }
  store_le(frame.data(), crc32c(std::span(frame).subspan(4, 60), seed()));
  FrameHeader header;
  if (find_frame_damage(frame, seed(), header) == nullptr) {
    RC_ASSERT(header.body_bytes > 0);
    RC_ASSERT(header.continued_bytes <= header.body_bytes);
    RC_ASSERT(frame_bytes(header.body_bytes) <= frame.size());
    RC_ASSERT(header.watermark < header.first_csn);
  }
}

}  // namespace
}  // namespace holdfast::format
