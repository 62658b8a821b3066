// Redaction, trimming, compaction: what goes is gone, and everything that stays can still be proved.
#include <holdfast/proof.h>

#include "tests/db/stream_test.h"

namespace holdfast {
namespace {

class StreamLifeTest : public StreamTest {
 protected:
  // Every file of the database, one behind the other.
  std::string all_segments() {
    std::string all;
    for (const std::string& name : segment_files()) {
      all += content(name);
    }
    return all;
  }
  static void expect_proofs(const Stream& stream, uint64_t from) {
    const auto tree = stream.tree_head();
    ASSERT_OK(tree);
    for (uint64_t offset = from; offset < tree->size; offset += 13) {
      const Hash hash =
          offset + 1 < tree->size ? stream.read(offset + 1, 0)->front().prev_hash : stream.head()->chain_hash;
      const auto proof = stream.prove_inclusion(offset, tree->size);
      ASSERT_OK(proof);
      EXPECT_TRUE(proof::check_inclusion(hash, offset, tree->size, tree->root, *proof).has_value());
    }
  }
};

TEST_F(StreamLifeTest, a_redacted_payload_is_in_no_file_of_the_stream_and_the_chain_still_verifies) {
  Database database = open();
  fill(database, "audit", 400, 100);
  Stream stream = database.stream("audit");
  const StreamHead head = *stream.head();
  const TreeHead tree = *stream.tree_head();
  for (const uint64_t offset : {0U, 57U, 255U, 256U, 399U}) {
    const auto redacted = stream.redact(offset);
    ASSERT_OK(redacted);
    EXPECT_TRUE(redacted->has_value());
    const auto record = stream.read(offset, 1000);
    ASSERT_OK(record);
    EXPECT_TRUE(record->front().redacted);
    EXPECT_EQ(record->front().payload, "");
    EXPECT_EQ(record->front().payload_bytes, 100U);
    EXPECT_EQ(all_segments().find(event_text("audit", offset, 100)), std::string::npos);
    EXPECT_FALSE(stream.redact(offset)->has_value());
  }
  EXPECT_ERROR(kNotFound, stream.redact(400));
  EXPECT_EQ(stream.head()->chain_hash, head.chain_hash);
  EXPECT_EQ(stream.tree_head(), tree);
  const auto report = stream.verify({.trusted_head = head, .trusted_tree = tree});
  ASSERT_OK(report);
  EXPECT_TRUE(report->sound());
  EXPECT_EQ(report->redacted, 5U);
  expect_proofs(stream, 0);
  sound(database);
  ASSERT_OK(database.close());
  database = open();
  EXPECT_TRUE(database.stream("audit").read(57, 1)->front().redacted);
  EXPECT_EQ(database.stream("audit").read(58, 1)->front().payload, event_text("audit", 58, 100));
  fill(database, "audit", 300, 100);
  expect_sound(database.stream("audit"));
  sound(database);
}

TEST_F(StreamLifeTest, trimming_drops_whole_segments_and_keeps_the_anchor) {
  Database database = open();
  fill(database, "audit", 1000, 100);
  Stream stream = database.stream("audit");
  const TreeHead tree = *stream.tree_head();
  ASSERT_OK(database.checkpoint());
  const size_t files = segment_files().size();
  const auto trimmed = stream.trim(500);
  ASSERT_OK(trimmed);
  const uint64_t first = trimmed->first_offset;
  EXPECT_GT(first, 300U);
  EXPECT_LE(first, 500U);
  EXPECT_LT(segment_files().size(), files);
  EXPECT_EQ(stream.head()->first_offset, first);
  EXPECT_ERROR(kNotFound, stream.read(first - 1, 1));
  EXPECT_ERROR(kNotFound, stream.redact(first - 1));
  EXPECT_EQ(stream.read(first, 1)->front().payload, event_text("audit", first, 100));
  EXPECT_EQ(stream.tree_head(), tree);
  expect_sound(stream, {.trusted_tree = tree});
  expect_proofs(stream, first);
  EXPECT_ERROR(kNotFound, stream.prove_inclusion(3, 1000));
  EXPECT_OK(stream.prove_consistency(512, 1000));
  EXPECT_EQ(stream.trim(0)->first_offset, first);
  EXPECT_FALSE(stream.trim(500)->commit.has_value());
  sound(database);
  const uint64_t last = stream.trim(UINT64_MAX)->first_offset;
  EXPECT_GT(last, first);
  EXPECT_LE(last, 1000U);
  expect_sound(stream);
  ASSERT_OK(database.close());
  database = open();
  EXPECT_EQ(database.stream("audit").head()->first_offset, last);
  expect_sound(database.stream("audit"), {.trusted_tree = tree});
  fill(database, "audit", 10);
  sound(database);
}

TEST_F(StreamLifeTest, a_stream_of_which_all_is_trimmed_still_agrees_with_the_tree_heads_of_before) {
  Database database = open();
  Stream stream = database.stream("audit");
  fill(database, "audit", 5);
  const TreeHead early = *stream.tree_head();
  fill(database, "audit", 3);
  ASSERT_OK(stream.seal());
  EXPECT_EQ(stream.trim(8)->first_offset, 8U);
  expect_sound(stream, {.trusted_tree = early});
  expect_sound(stream, {.trusted_tree = *stream.tree_head()});
}

TEST_F(StreamLifeTest, a_trim_is_a_conflict_for_who_looked_at_the_head) {
  Database database = open();
  fill(database, "audit", 1000, 100);
  Transaction transaction = database.begin(Isolation::kSerializable);
  ASSERT_OK(transaction.stream("audit").head());
  ASSERT_OK(transaction.bucket("users").put("key", "value"));
  EXPECT_TRUE(database.stream("audit").trim(500)->commit.has_value());
  EXPECT_ERROR(kConflict, transaction.commit());
}

TEST_F(StreamLifeTest, compaction_merges_small_segments_compresses_and_changes_no_hash) {
  {
    Database database = open();
    fill(database, "audit", 2000, 100);
  }
  Options options = stream_options();
  options.stream_segment_bytes = uint64_t{1} << 20;
  Database database = open_with(options);
  Stream stream = database.stream("audit");
  const StreamHead head = *stream.head();
  const TreeHead tree = *stream.tree_head();
  const size_t files = segment_files().size();
  const std::vector<std::string> before = payloads(stream);
  for (const std::optional<Codec> codec :
       {std::optional<Codec>(), std::optional(Codec::kZstd), std::optional(Codec::kNone)}) {
    const auto report = stream.compact({.codec = codec});
    ASSERT_OK(report);
    EXPECT_EQ(report->segments_after, 2U);
    if (codec == Codec::kZstd) {
      EXPECT_LT(report->bytes_after, report->bytes_before);
    }
    EXPECT_LT(segment_files().size(), files);
    EXPECT_EQ(payloads(stream), before);
    expect_sound(stream, {.trusted_head = head, .trusted_tree = tree});
    expect_proofs(stream, 0);
    sound(database);
  }
  ASSERT_OK(database.close());
  database = open();
  EXPECT_EQ(payloads(database.stream("audit")), before);
  EXPECT_EQ(database.stream("audit").tree_head(), tree);
  for (uint64_t from = 0; from < 2000; from += 111) {
    EXPECT_EQ(database.stream("audit").read(from, 1)->front().payload, before[from]);
  }
}

TEST_F(StreamLifeTest, files_that_nobody_names_are_removed_by_the_next_open) {
  {
    Database database = open();
    fill(database, "audit", 400, 100);
  }
  replace("stream-1-1-7", "left over");
  replace("stream-9-1-0", "left over");
  Database database = open();
  const auto files = segment_files();
  EXPECT_EQ(std::ranges::count(files, "stream-1-1-7"), 0);
  EXPECT_EQ(std::ranges::count(files, "stream-9-1-0"), 0);
  expect_sound(database.stream("audit"));
}

TEST_F(StreamLifeTest, a_large_durable_batch_is_written_once_and_a_deferred_one_does_not_wait_for_that) {
  Database database = open();
  Stream stream = database.stream("audit");
  const std::vector<std::string> texts(600, std::string(1000, 'e'));
  const std::vector<std::string_view> events(texts.begin(), texts.end());
  const auto logged = [&] { return database.stats()->wal_bytes_written; };
  const uint64_t before = logged();
  ASSERT_OK(stream.append_batch(events));
  EXPECT_EQ(logged(), before);
  const auto deferred = stream.append_batch(events, std::nullopt, Codec::kNone, Durability::kDeferred);
  ASSERT_OK(deferred);
  ASSERT_OK(database.wait_durable(deferred->csn));
  EXPECT_GT(logged(), before + 600'000);
  EXPECT_EQ(payloads(stream).size(), 1200U);
  expect_sound(stream);
}

TEST_F(StreamLifeTest, events_that_did_not_survive_do_not_stay_behind_the_end) {
  {
    Database database = open();
    fill(database, "audit", 20, 100);
    ASSERT_OK(database.close());
  }
  std::string file = content("stream-1-1-0");
  const size_t end = file.size();
  for (int times = 0; times < 1000; ++times) {
    file += "an event of another history; ";
  }
  replace("stream-1-1-0", file);
  Database database = open();
  fill(database, "audit", 1, 100);
  ASSERT_OK(database.checkpoint());
  const std::string after = content("stream-1-1-0");
  EXPECT_EQ(after.substr(0, end), file.substr(0, end));
  EXPECT_EQ(after.find("another history"), std::string::npos);
  expect_sound(database.stream("audit"));
}

}  // namespace
}  // namespace holdfast
