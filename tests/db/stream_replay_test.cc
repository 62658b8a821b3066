// Streams and the log: a replay gives what the commits gave, and nothing is written over what a commit in doubt names.
#include <cerrno>

#include "tests/db/failing_env.h"
#include "tests/db/log_test.h"
#include "tests/db/stream_test.h"

namespace holdfast {
namespace {

class StreamReplayTest : public LogTest {
 protected:
  bool is_there(std::string_view name) { return std::ranges::count(names_at(kCopyPath), name) > 0; }

  FailingEnv env_{*memory_};
};

// Without room in the tree file there are no checkpoints: everything stays in the log.
TEST_F(StreamReplayTest, segments_end_where_they_ended_though_the_option_is_another_and_a_trim_is_in_the_log) {
  env_.plan().only_writes_to("tree");
  Options small = logged();
  small.env = &env_;
  small.stream_segment_bytes = kStreamSegmentBytesMin;
  small.page_bytes = 16384;  // so that no row needs pages of its own, which are written at once
  Database database = open_at(kPath, small);
  env_.plan().fail(1, ENOSPC, FailurePlan::Length::kFromThenOn);
  for (uint64_t offset = 0; offset < 100; ++offset) {
    ASSERT_OK(database.stream("audit").append(event_text("audit", offset, 100)));
  }
  const auto trimmed = database.stream("audit").trim(60);
  ASSERT_OK(trimmed);
  ASSERT_GT(trimmed->first_offset, 0U);
  ASSERT_OK(database.stream("audit").append(event_text("audit", 100, 100)));
  const StreamHead head = *database.stream("audit").head();
  for (const uint64_t segment_bytes : {kStreamSegmentBytesMin, uint64_t{1} << 20}) {
    Options other = logged();
    other.stream_segment_bytes = segment_bytes;
    copy_as_killed();
    Database copy = open_copy(other);
    ASSERT_EQ(copy.stats()->recovery.replayed_commits, 102U);
    const Stream stream = copy.stream("audit");
    EXPECT_EQ(stream.head()->first_offset, trimmed->first_offset);
    EXPECT_EQ(stream.head()->chain_hash, head.chain_hash);
    const std::vector<std::string> left = payloads(stream, trimmed->first_offset);
    ASSERT_EQ(left.size(), 101 - trimmed->first_offset);
    EXPECT_EQ(left.front(), event_text("audit", trimmed->first_offset, 100));
    EXPECT_FALSE(is_there("stream-1-1-0")) << "a segment that was trimmed came back";
    EXPECT_EQ(copy.snapshot().stream_totals()->files, 2U);
    expect_sound(stream, {.trusted_head = head});
    sound(copy);
  }
  env_.plan().stop();
}

TEST_F(StreamReplayTest, upkeep_after_a_failed_write_leaves_the_file_of_a_commit_in_doubt_alone) {
  constexpr std::string_view kRewritten = "stream-1-1-1";
  uint64_t in_doubt = 0;
  for (uint64_t nth = 1; nth < 40; ++nth) {
    env_.plan().stop();
    memory_ = new_memory_env();
    FailingEnv env(*memory_);
    Options options = logged();
    options.env = &env;
    options.checkpoint_every_commit = true;
    Database database = open_at(kPath, options);
    Stream stream = database.stream("audit");
    for (uint64_t offset = 0; offset < 10; ++offset) {
      ASSERT_OK(stream.append(event_text("audit", offset, 100)));
    }
    ASSERT_OK(stream.seal());
    env.plan().fail(nth, EIO);
    const auto redacted = stream.redact(3);
    if (redacted || redacted.error().code() != ErrorCode::kOutcomeUnknown) {
      continue;
    }
    ++in_doubt;
    const bool was_there = std::ranges::count(names_at(kPath), kRewritten) > 0;
    const std::string before = was_there ? content(kRewritten) : "";
    EXPECT_ERROR(kReadOnly, stream.redact(5));
    EXPECT_EQ(was_there ? content(kRewritten) : "", before);
    copy_as_killed();
    Database copy = open_copy(logged());
    expect_sound(copy.stream("audit"));
    EXPECT_FALSE(copy.stream("audit").read(5, 1)->front().redacted);
    sound(copy);
  }
  EXPECT_GT(in_doubt, 0U);
}

}  // namespace
}  // namespace holdfast
