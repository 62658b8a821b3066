// Leaves, subtrees and older tree heads of a stream: what proofs and exports are made of.
#include "tests/db/stream_test.h"

#include <optional>

#include <holdfast/proof.h>

#include "format/stream_record.h"
#include "format/stream_segment.h"
#include "log/merkle.h"
#include "log/segment_file.h"

namespace holdfast {
namespace {

class StreamLeafTest : public StreamTest {
 protected:
  static Hash hash_of(const RecordLeaf& leaf) { return proof::chain_hash(leaf); }
};

TEST_F(StreamLeafTest, leaves_hash_to_the_chain_and_speak_of_their_payloads) {
  Database database = open();
  fill(database, "audit", 700, 50);
  Stream stream = database.stream("audit");
  for (const bool in_files : {false, true}) {
    if (in_files) {
      ASSERT_OK(database.checkpoint());
    }
    std::vector<RecordLeaf> leaves;
    for (uint64_t from = 0; from < 700; from += 100) {
      const auto some = stream.leaves(from, 100);
      ASSERT_OK(some);
      leaves.insert(leaves.end(), some->begin(), some->end());
    }
    ASSERT_EQ(leaves.size(), 700U);
    Hash previous{};
    for (uint64_t offset = 0; offset < 700; ++offset) {
      const auto leaf = proof::parse_leaf(leaves[offset]);
      ASSERT_TRUE(leaf.has_value());
      EXPECT_EQ(leaf->offset, offset);
      EXPECT_EQ(leaf->previous, previous);
      const std::string payload = event_text("audit", offset, 50);
      EXPECT_TRUE(proof::check_payload(*leaf, as_bytes(payload)).has_value());
      previous = hash_of(leaves[offset]);
    }
    EXPECT_EQ(previous, stream.head()->chain_hash);
    EXPECT_EQ(stream.leaves(690, UINT64_MAX)->size(), 10U);
    EXPECT_TRUE(stream.leaves(700, 1)->empty());
    EXPECT_TRUE(stream.leaves(5, 0)->empty());
    EXPECT_ERROR(kInvalidArgument, stream.leaves(701, 1));
  }
  EXPECT_TRUE(database.stream("nothing").leaves(0, 10)->empty());
  EXPECT_ERROR(kInvalidArgument, database.stream("nothing").leaves(1, 10));
}

TEST_F(StreamLeafTest, subtrees_and_older_tree_heads_are_those_of_the_leaves) {
  Database database = open();
  Stream stream = database.stream("audit");
  std::map<uint64_t, TreeHead> kept;
  for (const uint64_t size : {1U, 255U, 256U, 257U, 600U}) {
    fill(database, "audit", size - stream.head()->next_offset);
    kept[size] = *stream.tree_head();
  }
  const std::vector<RecordLeaf> leaves = *stream.leaves(0, 600);
  for (const auto& [size, head] : kept) {
    const auto then = stream.tree_head_at(size);
    ASSERT_OK(then);
    EXPECT_EQ(*then, head) << size;
  }
  EXPECT_EQ(stream.tree_head_at(0)->root, log::empty_root());
  EXPECT_ERROR(kInvalidArgument, stream.tree_head_at(601));
  for (const uint8_t level : std::initializer_list<uint8_t>{0, 1, 3, 7, 8, 9}) {
    const uint64_t width = uint64_t{1} << level;
    for (uint64_t index = 0; (index + 1) * width <= 600; index += level == 0 ? 37 : 1) {
      log::CompactRange range;
      for (uint64_t at = index * width; at < (index + 1) * width; ++at) {
        range.append(hash_of(leaves[at]));
      }
      const auto hash = stream.subtree(level, index);
      ASSERT_OK(hash);
      EXPECT_EQ(*hash, range.root());
    }
  }
  for (const auto& [level, index] : {std::pair(0, 600), std::pair(8, 2), std::pair(9, 1), std::pair(64, 0)}) {
    EXPECT_ERROR(kInvalidArgument, stream.subtree(static_cast<uint8_t>(level), static_cast<uint64_t>(index)));
  }
  EXPECT_ERROR(kInvalidArgument, database.stream("nothing").subtree(0, 0));
  EXPECT_EQ(database.stream("nothing").tree_head_at(0)->root, log::empty_root());
}

TEST_F(StreamLeafTest, a_redacted_record_keeps_its_leaf_and_a_trimmed_one_has_none) {
  Database database = open();
  fill(database, "audit", 600, 100);
  Stream stream = database.stream("audit");
  const std::vector<RecordLeaf> before = *stream.leaves(0, 600);
  const TreeHead kept = *stream.tree_head_at(512);
  ASSERT_OK(stream.redact(321));
  EXPECT_EQ(*stream.leaves(0, 600), before);
  ASSERT_OK(database.checkpoint());
  const auto trimmed = stream.trim(300);
  ASSERT_OK(trimmed);
  const uint64_t first = trimmed->first_offset;
  ASSERT_GT(first, 0U);
  EXPECT_ERROR(kNotFound, stream.leaves(first - 1, 10));
  const auto rest = stream.leaves(first, 600);
  ASSERT_OK(rest);
  const auto from = before.begin() + static_cast<ptrdiff_t>(first);
  EXPECT_EQ(*rest, std::vector<RecordLeaf>(from, before.end()));
  EXPECT_EQ(*stream.tree_head_at(512), kept);
}

// A record whose checksum was made good again after its payload was changed.
TEST_F(StreamLeafTest, a_changed_record_gets_no_leaf) {
  {
    Database database = open();
    fill(database, "audit", 20);
  }
  const std::string identity = content("identity");
  format::DatabaseId id{};
  std::memcpy(id.data(), identity.data() + 16, 16);
  const uint32_t seed = format::stream_checksum_seed(id, 1);
  std::string file = content("stream-1-1-0");
  const auto bytes = std::as_writable_bytes(std::span(file)).subspan(format::kStreamHeaderBytes);
  format::Record record;
  ASSERT_EQ(format::decode_record(bytes, seed, record), format::RecordProblem::kNone);
  const std::string changed = "Event" + std::string(as_text(record.stored)).substr(5);
  record.stored = as_bytes(changed);
  format::encode_record(record, seed, bytes.first(record.bytes()));
  replace("stream-1-1-0", file);
  Database database = open();
  for (const uint64_t count : {1U, 2U, 20U}) {
    const auto leaves = database.stream("audit").leaves(0, count);
    ASSERT_FALSE(leaves.has_value()) << count;
    EXPECT_EQ(leaves.error().code(), ErrorCode::kCorruption);
    EXPECT_EQ(leaves.error().file(), "stream-1-1-0");
  }
  EXPECT_OK(database.stream("audit").leaves(1, 19));
}

TEST_F(StreamLeafTest, totals_count_what_is_there) {
  Database database = open();
  EXPECT_EQ(database.snapshot().stream_totals()->streams, 0U);
  fill(database, "audit", 600, 100);
  fill(database, "other", 10);
  EXPECT_GT(database.stats()->stream_tail_bytes, 0U);
  ASSERT_OK(database.checkpoint());
  EXPECT_EQ(database.stats()->stream_tail_bytes, 0U);
  const uint64_t trimmed = database.stream("audit").trim(300)->first_offset;
  ASSERT_OK(database.checkpoint());
  const StreamTotals totals = *database.snapshot().stream_totals();
  EXPECT_EQ(totals.streams, 2U);
  EXPECT_EQ(totals.records, 610 - trimmed);
  EXPECT_EQ(totals.files, segment_files().size());
  uint64_t bytes = 0;
  for (const std::string& name : segment_files()) {
    bytes += content(name).size();
  }
  EXPECT_LE(totals.file_bytes, bytes);
  EXPECT_GT(totals.file_bytes + format::kStreamUnitBytes * totals.files, bytes);
  EXPECT_GT(database.stats()->stream_bytes_written, totals.file_bytes / 2);
}

}  // namespace
}  // namespace holdfast
