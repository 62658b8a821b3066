// Records, segments and rows of streams: golden bytes, round trips, and decoders that take any bytes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "format/stream_record.h"
#include "format/stream_rows.h"
#include "format/stream_segment.h"
#include "tests/corpus.h"
#include "tests/format/golden.h"
#include "tests/format/samples.h"

namespace holdfast::format {
namespace {

constexpr uint64_t kStreamId = 7;

uint32_t seed() { return stream_checksum_seed(samples::database_id(), kStreamId); }

Hash hash(uint8_t first) {
  Hash hash;
  for (size_t index = 0; index < hash.size(); ++index) {
    hash[index] = static_cast<std::byte>(first + index);
  }
  return hash;
}

std::vector<std::byte> encoded(const Record& record) {
  std::vector<std::byte> bytes(record.bytes());
  encode_record(record, seed(), bytes);
  return bytes;
}

StreamSegmentHeader header() { return {samples::database_id(), kStreamId, 3, 1, 1000, hash(0x40)}; }
StreamFooter footer() { return {1000, 1600, 90'000, hash(0x60), {3'000, 40'000, 80'000}}; }
HeadRow head() {
  HeadRow row;
  row.next_offset = 5;
  row.chain_hash = hash(1);
  row.segment_first = 2;
  row.records_end = 4'200;
  row.file = 2;
  row.block_position = 128;
  row.block_prev_hash = hash(2);
  row.prev_hash = hash(3);
  row.segment_record_bytes = 321;
  row.peaks = {hash(4), hash(5)};
  return row;
}

TEST(StreamGolden, record) {
  const std::string payload = "hello";
  const auto bytes =
      encoded({.offset = 258, .prev_hash = hash(0x20), .stored_as = StoredAs::kPlain, .stored = as_bytes(payload)});
  GoldenDump(bytes)
      .field("offset", 8)
      .field("prev_hash", 32)
      .field("length: kind, codec, stored bytes", 4)
      .field("stored", 5)
      .field("checksum", 4)
      .compare_with("stream_record.golden");
}

TEST(StreamGolden, segment_header) {
  const auto bytes = encode_stream_header(header());
  GoldenDump(bytes)
      .field("magic", 8)
      .field("format_version", 4)
      .field("checksum", 4)
      .field("database_id", 16)
      .field("stream_id", 8)
      .field("file", 4)
      .field("revision", 4)
      .field("first_offset", 8)
      .field("prev_hash", 32)
      .zeros("reserved", 40)
      .compare_with("stream_header.golden");
}

TEST(StreamGolden, segment_footer) {
  const auto bytes = encode_stream_footer(footer(), seed());
  GoldenDump(bytes)
      .field("magic", 8)
      .field("checksum", 4)
      .field("index_count", 4)
      .field("first_offset", 8)
      .field("next_offset", 8)
      .field("records_end", 8)
      .field("chain_hash", 32)
      .zeros("reserved", 56)
      .field("index", 24)
      .compare_with("stream_footer.golden");
}

TEST(StreamGolden, head_row) {
  const std::string bytes = encode(head());
  GoldenDump(as_bytes(bytes))
      .field("next_offset", 8)
      .field("chain_hash", 32)
      .field("segment_first", 8)
      .field("records_end", 8)
      .field("file", 4)
      .zeros("reserved", 4)
      .field("block_position", 8)
      .field("block_prev_hash", 32)
      .field("prev_hash", 32)
      .field("segment_record_bytes", 8)
      .field("peaks[0]", 32)
      .field("peaks[1]", 32)
      .compare_with("stream_head.golden");
}

TEST(StreamRecord, says_what_is_wrong_with_every_changed_byte) {
  const std::string payload = "some payload";
  const auto good =
      encoded({.offset = 5, .prev_hash = hash(9), .stored_as = StoredAs::kPlain, .stored = as_bytes(payload)});
  Record record;
  ASSERT_EQ(decode_record(good, seed(), record), RecordProblem::kNone);
  EXPECT_EQ(record.offset, 5U);
  EXPECT_EQ(as_text(record.stored), payload);
  EXPECT_NE(decode_record(good, seed() + 1, record), RecordProblem::kNone);
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::vector<std::byte> bad = good;
      bad[at] ^= static_cast<std::byte>(flip);
      EXPECT_NE(decode_record(bad, seed(), record), RecordProblem::kNone) << at;
    }
    EXPECT_EQ(decode_record(std::span(good).first(at), seed(), record), RecordProblem::kIncomplete);
  }
}

RC_GTEST_PROP(StreamRecord, survives_encoding, ()) {
  const auto stored = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto offset = *rc::gen::inRange<uint64_t>(0, uint64_t{1} << 62);
  const auto how = *rc::gen::element(StoredAs::kPlain, StoredAs::kLz4, StoredAs::kZstd, StoredAs::kRedacted);
  const auto bytes = encoded({.offset = offset, .prev_hash = hash(1), .stored_as = how, .stored = as_bytes(stored)});
  Record record;
  RC_ASSERT(decode_record(bytes, seed(), record) == RecordProblem::kNone);
  RC_ASSERT(record.offset == offset);
  RC_ASSERT(record.stored_as == how);
  RC_ASSERT(as_text(record.stored) == stored);
  RC_ASSERT(record.prev_hash == hash(1));
}

TEST(StreamSegment, header_and_footer_refuse_every_changed_byte) {
  const auto good_header = encode_stream_header(header());
  EXPECT_EQ(*decode_stream_header(good_header), header());
  for (size_t at = 0; at < good_header.size(); ++at) {
    auto bad = good_header;
    bad[at] ^= std::byte{1};
    EXPECT_FALSE(decode_stream_header(bad).has_value()) << at;
  }
  const auto good_footer = encode_stream_footer(footer(), seed());
  EXPECT_EQ(*decode_stream_footer(good_footer, seed()), footer());
  for (size_t at = 0; at < good_footer.size(); ++at) {
    auto bad = good_footer;
    bad[at] ^= std::byte{1};
    EXPECT_FALSE(decode_stream_footer(bad, seed()).has_value()) << at;
    EXPECT_FALSE(decode_stream_footer(std::span(good_footer).first(at), seed()).has_value()) << at;
  }
}

TEST(StreamRows, survive_encoding_and_refuse_other_lengths) {
  HeadRow head_row;
  ASSERT_TRUE(decode(encode(head()), head_row));
  EXPECT_EQ(head_row, head());
  const FloorRow floor{600, std::vector<Hash>(88, hash(7))};
  FloorRow floor_row;
  ASSERT_TRUE(decode(encode(floor), floor_row));
  EXPECT_EQ(floor_row, floor);
  const NodeRow node{hash(1), hash(2), 12'345};
  NodeRow node_row;
  ASSERT_TRUE(decode(encode(node, kBlockLevel), kBlockLevel, node_row));
  EXPECT_EQ(node_row, node);
  ASSERT_TRUE(decode(encode(node, 16), 16, node_row));
  EXPECT_EQ(node_row, (NodeRow{hash(1), {}, 0}));
  const SegmentRow segment{3, 1, 700, 90'000};
  SegmentRow segment_row;
  ASSERT_TRUE(decode(encode(segment), segment_row));
  EXPECT_EQ(segment_row, segment);
  for (const std::string& row : {encode(head()), encode(floor), encode(node, kBlockLevel), encode(segment)}) {
    for (size_t bytes = 0; bytes < row.size() + 2; ++bytes) {
      std::string other = row;
      other.resize(bytes);
      if (bytes != row.size()) {
        const bool taken = (row == encode(head()) && decode(other, head_row)) ||
                           (row == encode(floor) && decode(other, floor_row)) ||
                           (row == encode(node, kBlockLevel) && decode(other, kBlockLevel, node_row)) ||
                           (row == encode(segment) && decode(other, segment_row));
        EXPECT_FALSE(taken) << bytes;
      }
    }
  }
}

TEST(StreamCorpus, records_segments_and_rows) {
  const auto text = [](std::string_view bytes) {
    return std::vector<std::byte>(as_bytes(bytes).begin(), as_bytes(bytes).end());
  };
  const auto record = [&](StoredAs how, std::string_view stored) {
    return encoded({.offset = 1, .prev_hash = hash(9), .stored_as = how, .stored = as_bytes(stored)});
  };
  const std::vector<std::byte> plain = record(StoredAs::kPlain, "payload");
  std::string bomb(12, '\xff');
  bomb.replace(0, 4, std::string("\xff\xff\xff\x00", 4));
  expect_inputs("stream_record_fuzz", {{"plain", plain},
                                       {"empty", record(StoredAs::kPlain, "")},
                                       {"lz4_of_garbage", record(StoredAs::kLz4, bomb)},
                                       {"zstd_of_garbage", record(StoredAs::kZstd, bomb)},
                                       {"redacted", record(StoredAs::kRedacted, std::string(36, '\0'))},
                                       {"cut_short", {plain.begin(), plain.end() - 5}}});
  const auto header_bytes = encode_stream_header(header());
  const std::vector<std::byte> footer_bytes = encode_stream_footer(footer(), seed());
  expect_inputs("stream_segment_fuzz", {{"header", {header_bytes.begin(), header_bytes.end()}},
                                        {"footer", footer_bytes},
                                        {"footer_cut_short", {footer_bytes.begin(), footer_bytes.end() - 8}}});
  expect_inputs("stream_rows_fuzz", {{"head", text(encode(head()))},
                                     {"floor", text(encode(FloorRow{256, {hash(1)}}))},
                                     {"block", text(encode(NodeRow{hash(1), hash(2), 9}, kBlockLevel))},
                                     {"node", text(encode(NodeRow{hash(1), {}, 0}, 16))},
                                     {"segment", text(encode(SegmentRow{1, 0, 5, 99}))},
                                     {"id", text(encode_stream_id(7))}});
}

TEST(StreamRows, keys_of_a_stream_lie_in_the_order_of_their_numbers) {
  EXPECT_LT(stream_segment_key(1, 255), stream_segment_key(1, 256));
  EXPECT_LT(stream_segment_key(1, UINT64_MAX), stream_segment_key(2, 0));
  EXPECT_LT(stream_node_key(1, 8, 300), stream_node_key(1, 8, 301));
  EXPECT_LT(stream_node_key(1, 8, UINT64_MAX), stream_node_key(1, 16, 0));
  EXPECT_EQ(last_number(stream_segment_key(9, 0x0102030405060708)), 0x0102030405060708U);
}

}  // namespace
}  // namespace holdfast::format
