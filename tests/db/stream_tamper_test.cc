// Tampering: whoever changes a stream's files, checksums and all, is named: where, and what was done.
#include "tests/db/stream_test.h"

#include "format/stream_record.h"
#include "format/stream_segment.h"
#include "log/segment_file.h"

namespace holdfast {
namespace {

using format::Record;

// A database that is closed, and its one stream "audit" of one segment, taken apart.
class StreamTamperTest : public StreamTest {
 protected:
  struct Event {
    Record record;
    std::string stored;
  };

  void SetUp() override {
    Options options = stream_options();
    options.stream_segment_bytes = uint64_t{1} << 20;
    Database database = open_with(options);
    fill(database, "audit", kRecords);
    fill(database, "other", kRecords);
    kept_ = *database.stream("audit").head();
    kept_tree_ = *database.stream("audit").tree_head();
    ASSERT_OK(database.close());
    load();
  }

  static constexpr uint64_t kRecords = 600;

  static constexpr std::string_view kFile = "stream-1-1-0";

  void load() {
    const std::string identity = content("identity");
    std::memcpy(id_.data(), identity.data() + 16, 16);
    const std::string file = content(kFile);
    events_.clear();
    for (size_t at = format::kStreamHeaderBytes; events_.size() < kRecords;) {
      Record record;
      ASSERT_EQ(decode_record(as_bytes(file).subspan(at), seed(), record), format::RecordProblem::kNone);
      events_.push_back({record, std::string(as_text(record.stored))});
      at += record.bytes();
    }
  }
  uint32_t seed(uint64_t stream = 1) const { return format::stream_checksum_seed(id_, stream); }
  static std::string text_of(const Event& event, uint32_t seed) {
    Record record = event.record;
    record.stored = as_bytes(event.stored);
    std::string text(record.bytes(), '\0');
    encode_record(record, seed, std::as_writable_bytes(std::span(text)));
    return text;
  }
  // Writes the events back, with good checksums; the file gets no shorter than it was.
  void store(bool keep_length = true) {
    std::string file = content(kFile);
    std::string text = file.substr(0, format::kStreamHeaderBytes);
    for (const Event& event : events_) {
      text += text_of(event, seed());
    }
    if (keep_length && text.size() < file.size()) {
      text.resize(file.size());
    }
    replace(kFile, text);
  }
  Hash hash_of(const Event& event) const {
    return format::chain_hash({.database_id = id_,
                               .stream_id = 1,
                               .offset = static_cast<int64_t>(event.record.offset),
                               .kind = 0,
                               .length = static_cast<uint32_t>(event.stored.size()),
                               .previous = event.record.prev_hash,
                               .payload_digest = sha256(as_bytes(event.stored))});
  }
  // Makes the chain from `from` on consistent again.
  void relink(size_t from) {
    for (size_t at = from; at < events_.size(); ++at) {
      events_[at].record.offset = at;
      if (at > 0) {
        events_[at].record.prev_hash = hash_of(events_[at - 1]);
      }
    }
  }
  VerifyReport::Finding verify(const VerifyOptions& options = {}) {
    Database database = open();
    const auto report = database.stream("audit").verify(options);
    EXPECT_OK(report);
    if (!report || !report->finding) {
      ADD_FAILURE() << "nothing was found";
      return {};
    }
    // And check finds it too.
    const auto checked = database.check();
    EXPECT_OK(checked);
    EXPECT_TRUE(!checked || !checked->damage.empty());
    return *report->finding;
  }

  format::DatabaseId id_{};
  std::vector<Event> events_;
  StreamHead kept_;
  TreeHead kept_tree_;
};

#define EXPECT_FOUND(wanted, at, ...)                                                  \
  do {                                                                                 \
    const VerifyReport::Finding finding = __VA_ARGS__;                                 \
    EXPECT_EQ(tamper_name(finding.kind), tamper_name(Tamper::wanted)) << finding.what; \
    EXPECT_EQ(finding.offset, at) << finding.what;                                     \
  } while (false)

TEST_F(StreamTamperTest, an_untouched_stream_is_sound) {
  store();
  Database database = open();
  expect_sound(database.stream("audit"), {.trusted_head = kept_, .trusted_tree = kept_tree_});
}

TEST_F(StreamTamperTest, a_changed_payload_with_a_good_checksum_is_named) {
  for (const uint64_t at : {0U, 1U, 100U, 254U, 300U, 598U}) {
    const std::string before = events_[at].stored;
    events_[at].stored[3] ^= 1;
    store();
    EXPECT_FOUND(kChanged, at, verify());
    events_[at].stored = before;
    store();
  }
}

TEST_F(StreamTamperTest, a_first_record_that_holds_a_hash_of_one_before_it_is_named) {
  events_[0].record.prev_hash[7] = std::byte{1};
  store();
  EXPECT_FOUND(kChanged, 0U, verify());
  Database database = open();
  EXPECT_ERROR(kCorruption, database.stream("audit").leaves(0, 1));
}

TEST_F(StreamTamperTest, a_changed_last_record_of_a_block_is_found_in_its_block) {
  events_[255].stored[3] ^= 1;
  store();
  const auto found = verify();
  EXPECT_TRUE(found.kind == Tamper::kForked || found.kind == Tamper::kChanged);
  EXPECT_LE(found.offset, 255U);
}

TEST_F(StreamTamperTest, a_changed_last_record_disagrees_with_the_head) {
  events_[kRecords - 1].stored[3] ^= 1;
  store();
  EXPECT_FOUND(kChanged, kRecords - 1, verify());
}

TEST_F(StreamTamperTest, a_removed_record_is_named) {
  events_.erase(events_.begin() + 100);
  store();
  EXPECT_FOUND(kRemoved, 100U, verify());
}

TEST_F(StreamTamperTest, a_first_record_that_another_stream_begins_with_too_is_not_foreign) {
  {
    Database database = open();
    ASSERT_OK(database.stream("twin").append(event_text("audit", 0)));
    ASSERT_OK(database.close());
  }
  const std::string begin = text_of(events_[0], seed());
  const std::string next = text_of(events_[1], seed());
  flip_bit(kFile, format::kStreamHeaderBytes + begin.size() + next.size() - 1);
  EXPECT_FOUND(kUnreadable, 1U, verify());
}

TEST_F(StreamTamperTest, swapped_records_are_named) {
  std::swap(events_[100], events_[101]);
  store();
  EXPECT_FOUND(kReordered, 100U, verify());
}

TEST_F(StreamTamperTest, a_record_that_stands_twice_is_named) {
  events_.insert(events_.begin() + 101, events_[100]);
  store();
  EXPECT_FOUND(kReordered, 101U, verify());
}

TEST_F(StreamTamperTest, a_record_of_another_stream_is_named_with_its_owner) {
  const std::string other = content("stream-2-1-0");
  size_t at = format::kStreamHeaderBytes;
  Record record;
  for (uint64_t offset = 0; offset <= 100; ++offset) {
    ASSERT_EQ(decode_record(as_bytes(other).subspan(at), seed(2), record), format::RecordProblem::kNone);
    at += record.bytes();
  }
  // With this stream's checksum, and with its own.
  const Event ours = events_[100];
  events_[100] = {record, std::string(as_text(record.stored))};
  store();
  auto found = verify();
  EXPECT_FOUND(kForeign, 100U, found);
  EXPECT_NE(found.what.find("other"), std::string::npos) << found.what;
  ASSERT_EQ(ours.stored.size(), record.stored.size());
  const size_t place = content(kFile).find(text_of(events_[100], seed()));
  ASSERT_NE(place, std::string::npos);
  overwrite(kFile, place, text_of(events_[100], seed(2)));
  found = verify();
  EXPECT_FOUND(kForeign, 100U, found);
  EXPECT_NE(found.what.find("other"), std::string::npos) << found.what;
}

TEST_F(StreamTamperTest, a_shorter_record_of_another_stream_is_named_and_not_the_garbage_behind_it) {
  {
    Database database = open();
    fill(database, "o", 3);
  }
  const std::string other = content("stream-3-1-0");
  Record record;
  ASSERT_EQ(decode_record(as_bytes(other).subspan(format::kStreamHeaderBytes), seed(3), record),
            format::RecordProblem::kNone);
  ASSERT_LT(record.stored.size(), events_[0].stored.size());
  overwrite(kFile, format::kStreamHeaderBytes, text_of({record, std::string(as_text(record.stored))}, seed()));
  const auto found = verify();
  EXPECT_FOUND(kForeign, 0U, found);
  EXPECT_NE(found.what.find("stream o"), std::string::npos) << found.what;
}

TEST_F(StreamTamperTest, the_file_of_another_stream_in_its_place_is_foreign) {
  replace(kFile, content("stream-2-1-0"));
  EXPECT_FOUND(kForeign, 0U, verify());
}

TEST_F(StreamTamperTest, a_cut_tail_is_named) {
  events_.resize(550);
  store(false);
  EXPECT_FOUND(kTruncated, 550U, verify());
  EXPECT_FOUND(kTruncated, 550U, verify({.from = 540}));
}

TEST_F(StreamTamperTest, a_missing_file_is_named) {
  directory_ = memory_->open_directory(kPath, DirectoryMode::kMustExist).value();
  ASSERT_OK(directory_->remove(kFile));
  EXPECT_FOUND(kTruncated, 0U, verify());
}

TEST_F(StreamTamperTest, a_rewritten_suffix_disagrees_with_the_tree_in_its_block) {
  const std::string original = content(kFile);
  for (const uint64_t at : {10U, 300U, 590U}) {
    load();
    events_[at].stored[3] ^= 1;
    relink(at + 1);
    store();
    EXPECT_FOUND(kForked, at / 256 * 256, verify());
    replace(kFile, original);
  }
}

TEST_F(StreamTamperTest, a_rewritten_suffix_is_found_from_the_beginning_of_its_block_after_more_events_too) {
  for (const uint64_t at : {10U, 590U}) {
    events_[at].stored[3] ^= 1;
    relink(at + 1);
    store();
    {
      Database database = open();
      ASSERT_OK(database.stream("audit").append("one more"));
      ASSERT_OK(database.close());
    }
    EXPECT_FOUND(kForked, at / 256 * 256, verify());
    memory_ = new_memory_env();
    SetUp();
  }
}

TEST_F(StreamTamperTest, a_file_that_is_missing_does_not_keep_the_database_from_going_on) {
  directory_ = memory_->open_directory(kPath, DirectoryMode::kMustExist).value();
  ASSERT_OK(directory_->remove(kFile));
  {
    Database database = open();
    ASSERT_OK(database.stream("audit").append("one more"));
    ASSERT_OK(database.close());
  }
  const auto found = verify();
  EXPECT_EQ(found.offset, 0U);
}

TEST_F(StreamTamperTest, damage_of_one_bit_is_found_and_named) {
  const std::string file = content(kFile);
  const size_t end = file.find_last_not_of('\0') + 1;  // padding holds nothing
  for (size_t at = 0; at < end; at += 1999) {
    flip_bit(kFile, at);
    Database database = open();
    const auto report = database.stream("audit").verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->finding.has_value()) << at;
    ASSERT_OK(database.close());
    flip_bit(kFile, at);
  }
}

TEST_F(StreamTamperTest, reads_answer_corruption_with_file_and_position_and_what_is_sound_stays_readable) {
  events_[100].record.offset = 7;
  store();
  Database database = open();
  Stream stream = database.stream("audit");
  EXPECT_EQ(stream.read(0, 100)->front().offset, 0U);
  const auto damaged = stream.read(100, 1);
  EXPECT_ERROR(kCorruption, damaged);
  EXPECT_EQ(damaged.error().file(), kFile);
  EXPECT_TRUE(damaged.error().offset().has_value());
  EXPECT_EQ(stream.read(300, 1)->front().offset, 300U);
  EXPECT_OK(stream.append("one more"));
}

}  // namespace
}  // namespace holdfast
