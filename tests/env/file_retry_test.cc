// Short transfers and interruptions stay inside File.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include <holdfast/env.h>

namespace holdfast {
namespace {

// One answer of the operating system: at most `bytes` are moved, or the call fails.
struct Step {
  size_t bytes = 0;
  int os_error = 0;
};

// A file over a string whose transfers follow a script, and are complete once it has ended.
class ScriptedFile final : public File {
 public:
  ScriptedFile(std::string bytes, std::deque<Step> script) : bytes_(std::move(bytes)), script_(std::move(script)) {}

  Result<void> sync() override { return {}; }
  Result<uint64_t> size() override { return bytes_.size(); }
  Result<void> truncate(uint64_t bytes) override {
    bytes_.resize(bytes);
    return {};
  }
  Result<void> allocate(uint64_t, uint64_t) override { return {}; }
  const std::string& name() const override { return name_; }
  const std::string& bytes() const { return bytes_; }
  size_t call_count() const { return call_count_; }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    const Step step = next(buffer.size());
    const size_t left = offset < bytes_.size() ? bytes_.size() - offset : 0;
    const size_t bytes = std::min({step.bytes, buffer.size(), left});
    if (bytes > 0) {
      std::memcpy(buffer.data(), bytes_.data() + offset, bytes);
    }
    return {.bytes = bytes, .os_error = step.os_error};
  }
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    const Step step = next(data.size());
    const size_t bytes = std::min(step.bytes, data.size());
    if (bytes > 0) {
      bytes_.resize(std::max(bytes_.size(), static_cast<size_t>(offset) + bytes));
      std::memcpy(bytes_.data() + offset, data.data(), bytes);
    }
    return {.bytes = bytes, .os_error = step.os_error};
  }

 private:
  Step next(size_t wanted) {
    ++call_count_;
    if (script_.empty()) {
      return {.bytes = wanted};
    }
    const Step step = script_.front();
    script_.pop_front();
    return step;
  }

  std::string name_ = "scripted";
  std::string bytes_;
  std::deque<Step> script_;
  size_t call_count_ = 0;
};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(FileRetry, short_reads_are_invisible) {
  ScriptedFile file("0123456789", {{.bytes = 1}, {.bytes = 3}, {.bytes = 2}});
  std::string text(10, '?');
  EXPECT_EQ(file.read_at(0, std::as_writable_bytes(std::span(text))).value(), 10U);
  EXPECT_EQ(text, "0123456789");
  EXPECT_EQ(file.call_count(), 4U);
}

TEST(FileRetry, interrupted_reads_are_invisible) {
  ScriptedFile file("0123456789", {{.os_error = EINTR}, {.bytes = 4}, {.os_error = EINTR}, {.os_error = EINTR}});
  std::string text(10, '?');
  EXPECT_EQ(file.read_at(0, std::as_writable_bytes(std::span(text))).value(), 10U);
  EXPECT_EQ(text, "0123456789");
}

TEST(FileRetry, the_end_of_the_file_is_not_an_error) {
  ScriptedFile file("0123", {{.bytes = 2}, {.os_error = EINTR}});
  std::string text(10, '?');
  EXPECT_EQ(file.read_at(0, std::as_writable_bytes(std::span(text))).value(), 4U);
  EXPECT_EQ(text, "0123??????");
}

TEST(FileRetry, reading_nothing_asks_nothing) {
  ScriptedFile file("0123", {{.os_error = EIO}});
  EXPECT_EQ(file.read_at(0, {}).value(), 0U);
  EXPECT_EQ(file.call_count(), 0U);
}

TEST(FileRetry, a_failed_read_names_file_and_offset) {
  ScriptedFile file("0123456789", {{.bytes = 4}, {.os_error = EIO}});
  std::string text(8, '?');
  const auto read = file.read_at(1, std::as_writable_bytes(std::span(text)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kIo);
  EXPECT_EQ(read.error().os_error(), EIO);
  EXPECT_EQ(read.error().file(), "scripted");
  EXPECT_EQ(read.error().offset(), 5U);
}

TEST(FileRetry, short_and_interrupted_writes_are_invisible) {
  ScriptedFile file("", {{.bytes = 1}, {.os_error = EINTR}, {.bytes = 5}, {.bytes = 1}});
  ASSERT_TRUE(file.write_at(2, bytes_of("0123456789")));
  EXPECT_EQ(file.bytes(), std::string("\0\0", 2) + "0123456789");
  EXPECT_EQ(file.call_count(), 5U);
}

TEST(FileRetry, a_full_disk_is_no_space_even_after_a_short_write) {
  for (const int os_error : {ENOSPC, EDQUOT}) {
    ScriptedFile file("", {{.bytes = 3}, {.os_error = os_error}});
    const auto written = file.write_at(0, bytes_of("0123456789"));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), ErrorCode::kNoSpace);
    EXPECT_EQ(written.error().os_error(), os_error);
    EXPECT_EQ(written.error().offset(), 3U);
  }
}

TEST(FileRetry, a_failed_write_is_not_tried_again) {
  ScriptedFile file("", {{.os_error = EIO}});
  const auto written = file.write_at(0, bytes_of("0123456789"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kIo);
  EXPECT_EQ(file.call_count(), 1U);
}

TEST(FileRetry, a_write_that_takes_nothing_does_not_spin) {
  ScriptedFile file("", {{.bytes = 0}});
  const auto written = file.write_at(0, bytes_of("0123456789"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kIo);
}

}  // namespace
}  // namespace holdfast
