// What only the operating system's environment can show: descriptors, foreign kinds of files, permissions.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "tests/env/environments.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

std::set<int> open_descriptors() {
  std::set<int> fds;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) {
      fds.insert(fd);
    }
  }
  return fds;
}

class PosixDirectoryTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Directory>> open(DirectoryMode mode) {
    return posix_env().open_directory(temporary_.path() + "/base", mode);
  }
  TemporaryPath temporary_;
};

TEST_F(PosixDirectoryTest, no_descriptor_is_inherited_by_another_program_and_none_leaks) {
  const std::set<int> before = open_descriptors();
  {
    auto directory = open(DirectoryMode::kCreateIfMissing).value();
    auto file = directory->open_file("file", OpenMode::kCreate).value();
    auto reader = directory->open_file("file", OpenMode::kReadOnly).value();
    auto exclusive = directory->lock("lock", LockMode::kExclusive).value();
    auto shared = directory->lock("other", LockMode::kShared).value();
    ASSERT_TRUE(directory->list());
    ASSERT_FALSE(directory->lock("lock", LockMode::kShared));
    size_t new_count = 0;
    for (const int fd : open_descriptors()) {
      if (!before.contains(fd)) {
        ++new_count;
        EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << fd;
      }
    }
    EXPECT_EQ(new_count, 5U);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(PosixDirectoryTest, creates_the_directory_but_not_its_parents) {
  auto deep = posix_env().open_directory(temporary_.path() + "/a/b", DirectoryMode::kCreateIfMissing);
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(open(DirectoryMode::kCreateIfMissing));
  EXPECT_TRUE(open(DirectoryMode::kCreateIfMissing));
  EXPECT_TRUE(std::filesystem::is_directory(temporary_.path() + "/base"));
}

TEST_F(PosixDirectoryTest, refuses_a_path_that_is_a_file) {
  posix_env()
      .open_directory(temporary_.path(), DirectoryMode::kMustExist)
      .value()
      ->open_file("base", OpenMode::kCreate)
      .value();
  for (const DirectoryMode mode : {DirectoryMode::kMustExist, DirectoryMode::kCreateIfMissing}) {
    auto opened = open(mode);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(opened.error().to_string(), HasSubstr("not a directory"));
  }
}

TEST_F(PosixDirectoryTest, refuses_what_is_not_a_plain_file_without_waiting_for_it) {
  auto directory = open(DirectoryMode::kCreateIfMissing).value();
  ASSERT_EQ(::mkfifo((directory->path() + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir((directory->path() + "/folder").c_str(), 0700), 0);
  for (const char* name : {"fifo", "folder"}) {
    for (const OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
      auto file = directory->open_file(name, mode);
      ASSERT_FALSE(file) << name;
      EXPECT_EQ(file.error().code(), ErrorCode::kIo);
    }
  }
}

TEST_F(PosixDirectoryTest, stays_with_its_directory_when_the_path_is_renamed) {
  auto directory = open(DirectoryMode::kCreateIfMissing).value();
  std::filesystem::rename(temporary_.path() + "/base", temporary_.path() + "/moved");
  ASSERT_TRUE(directory->open_file("file", OpenMode::kCreateNew));
  EXPECT_TRUE(std::filesystem::exists(temporary_.path() + "/moved/file"));
}

TEST_F(PosixDirectoryTest, reports_a_place_where_nothing_can_be_created) {
  auto created = posix_env().open_directory("/proc/holdfast", DirectoryMode::kCreateIfMissing);
  ASSERT_FALSE(created);
  EXPECT_THAT(created.error().to_string(), HasSubstr("/proc/holdfast"));
}

TEST_F(PosixDirectoryTest, reports_a_file_that_cannot_be_reached) {
  auto directory = open(DirectoryMode::kCreateIfMissing).value();
  ASSERT_EQ(::symlink("loop", (directory->path() + "/loop").c_str()), 0);
  auto file = directory->open_file("loop", OpenMode::kReadOnly);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kIo);
  EXPECT_EQ(file.error().os_error(), ELOOP);
}

}  // namespace
}  // namespace holdfast
