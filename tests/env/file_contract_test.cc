// What every environment promises about files.
#include <gmock/gmock.h>

#include <thread>

#include "tests/env/environments.h"

namespace holdfast {
namespace {

class FileContract : public EnvironmentTest {
 protected:
  FileContract() : file_(open("file", OpenMode::kCreate)) {}

  size_t read(uint64_t offset, size_t bytes, std::string& into) {
    into.assign(bytes, '?');
    return file_->read_at(offset, std::as_writable_bytes(std::span(into))).value();
  }

  std::unique_ptr<File> file_;
};

TEST_P(FileContract, knows_its_name_and_starts_empty) {
  EXPECT_EQ(file_->name(), "file");
  EXPECT_EQ(file_->size().value(), 0U);
  std::string text;
  EXPECT_EQ(read(0, 10, text), 0U);
}

TEST_P(FileContract, reads_back_what_was_written) {
  ASSERT_TRUE(write(*file_, 0, "hello world"));
  ASSERT_TRUE(write(*file_, 6, "there"));
  ASSERT_TRUE(file_->sync());
  EXPECT_EQ(content(*file_), "hello there");
  EXPECT_EQ(content(*open("file", OpenMode::kReadOnly)), "hello there");
}

TEST_P(FileContract, reads_fewer_bytes_only_at_the_end) {
  ASSERT_TRUE(write(*file_, 0, "12345"));
  std::string text;
  EXPECT_EQ(read(0, 5, text), 5U);
  EXPECT_EQ(read(3, 10, text), 2U);
  EXPECT_EQ(text.substr(0, 2), "45");
  EXPECT_EQ(text.substr(2), "????????");
  EXPECT_EQ(read(5, 1, text), 0U);
  EXPECT_EQ(read(uint64_t{1} << 40, 1, text), 0U);
  EXPECT_EQ(read(UINT64_MAX, 1, text), 0U);
}

TEST_P(FileContract, shows_zeros_in_a_gap) {
  ASSERT_TRUE(write(*file_, 200'000, "x"));
  EXPECT_EQ(content(*file_), std::string(200'000, '\0') + "x");
}

TEST_P(FileContract, writing_nothing_changes_nothing) {
  ASSERT_TRUE(write(*file_, 100, ""));
  EXPECT_EQ(file_->size().value(), 0U);
}

TEST_P(FileContract, truncate_cuts_and_extends_with_zeros) {
  ASSERT_TRUE(write(*file_, 0, std::string(100'000, 'a')));
  ASSERT_TRUE(file_->truncate(70'001));
  EXPECT_EQ(file_->size().value(), 70'001U);
  ASSERT_TRUE(file_->truncate(140'000));
  EXPECT_EQ(content(*file_), std::string(70'001, 'a') + std::string(69'999, '\0'));
  ASSERT_TRUE(file_->truncate(0));
  ASSERT_TRUE(file_->truncate(3));
  EXPECT_EQ(content(*file_), std::string(3, '\0'));
}

TEST_P(FileContract, allocate_grows_with_zeros_and_never_shrinks) {
  ASSERT_TRUE(write(*file_, 0, "kept"));
  ASSERT_TRUE(file_->allocate(0, 100'000));
  EXPECT_EQ(content(*file_), "kept" + std::string(99'996, '\0'));
  ASSERT_TRUE(file_->allocate(0, 10));
  ASSERT_TRUE(file_->allocate(50, 0));
  EXPECT_EQ(file_->size().value(), 100'000U);
  ASSERT_TRUE(file_->allocate(99'999, 2));
  EXPECT_EQ(file_->size().value(), 100'001U);
}

TEST_P(FileContract, refuses_impossible_sizes_and_stays_as_it_was) {
  ASSERT_TRUE(write(*file_, 0, "kept"));
  EXPECT_FALSE(file_->truncate(UINT64_MAX));
  EXPECT_FALSE(file_->allocate(UINT64_MAX - 1, 1));
  EXPECT_FALSE(file_->allocate(10, UINT64_MAX));
  EXPECT_FALSE(write(*file_, UINT64_MAX - 2, "beyond"));
  EXPECT_EQ(content(*file_), "kept");
}

TEST_P(FileContract, refuses_changes_when_opened_to_read) {
  ASSERT_TRUE(write(*file_, 0, "kept"));
  auto reader = open("file", OpenMode::kReadOnly);
  auto written = write(*reader, 0, "lost");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kIo);
  EXPECT_NE(written.error().os_error(), 0);
  EXPECT_FALSE(reader->truncate(0));
  EXPECT_FALSE(reader->allocate(0, 100));
  EXPECT_EQ(content(*file_), "kept");
}

TEST_P(FileContract, two_handles_see_one_file) {
  auto second = open("file", OpenMode::kReadWrite);
  ASSERT_TRUE(write(*file_, 0, "abc"));
  ASSERT_TRUE(write(*second, 3, "def"));
  EXPECT_EQ(content(*file_), "abcdef");
  EXPECT_EQ(content(*second), "abcdef");
}

TEST_P(FileContract, moves_many_megabytes_in_one_call) {
  std::string large(20 << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) {
    large[i] = static_cast<char>(i * 2654435761U >> 24);
  }
  ASSERT_TRUE(write(*file_, 12'345, large));
  std::string text;
  EXPECT_EQ(read(12'345, large.size(), text), large.size());
  EXPECT_EQ(text, large);
}

TEST_P(FileContract, positions_beyond_four_gibibytes_work) {
  const uint64_t far = (uint64_t{5} << 30) + 7;
  ASSERT_TRUE(write(*file_, far, "far"));
  EXPECT_EQ(file_->size().value(), far + 3);
  std::string text;
  EXPECT_EQ(read(far - 2, 10, text), 5U);
  EXPECT_EQ(text.substr(0, 5), std::string("\0\0far", 5));
}

TEST_P(FileContract, threads_may_write_side_by_side) {
  constexpr size_t kPiece = 4096;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (size_t i = thread; i < 64; i += 4) {
        ASSERT_TRUE(write(*file_, i * kPiece, std::string(kPiece, static_cast<char>('a' + thread))));
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  const std::string text = content(*file_);
  ASSERT_EQ(text.size(), 64 * kPiece);
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(text.substr(i * kPiece, kPiece), std::string(kPiece, static_cast<char>('a' + i % 4)));
  }
}

TEST_P(FileContract, clock_randomness_and_threads_are_there) {
  const uint64_t before = env_->clock().monotonic_ns();
  env_->clock().sleep_ns(2'000'000);
  EXPECT_GE(env_->clock().monotonic_ns(), before + 2'000'000);
  EXPECT_GT(env_->clock().wall_ns(), int64_t{1'600'000'000} * 1'000'000'000);
  std::array<std::byte, 32> first{};
  std::array<std::byte, 32> second{};
  env_->random().fill(first);
  env_->random().fill(second);
  EXPECT_NE(first, second);
  EXPECT_GE(env_->threads().core_count(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Env, FileContract, testing::Values(Kind::kMemory, Kind::kPosix), kind_name);

}  // namespace
}  // namespace holdfast
