// The decisions inside the operating system's files that no healthy disk shows.
#include "env/posix_file.h"

#include <gtest/gtest.h>

#include "env/os_error.h"
#include "tests/env/environments.h"

namespace holdfast {
namespace {

int call_count = 0;

int interrupted_sync(int) {
  ++call_count;
  errno = EINTR;
  return -1;
}

TEST(PosixFile, an_interrupted_sync_is_a_failure_and_not_tried_again) {
  call_count = 0;
  EXPECT_EQ(sync_descriptor(0, interrupted_sync), EINTR);
  EXPECT_EQ(call_count, 1);
}

TEST(PosixFile, without_fallocate_space_is_made_of_written_zeros) {
  const auto env = new_memory_env();
  const auto directory = env->open_directory("d", DirectoryMode::kCreateIfMissing).value();
  const auto file = directory->open_file("f", OpenMode::kCreate).value();
  ASSERT_TRUE(write(*file, 0, "kept"));
  ASSERT_TRUE(append_zeros(*file, 200'000));
  EXPECT_EQ(content(*file), "kept" + std::string(199'996, '\0'));
  ASSERT_TRUE(append_zeros(*file, 100));
  EXPECT_EQ(file->size().value(), 200'000U);
}

TEST(OsError, a_code_says_what_a_caller_can_do) {
  EXPECT_EQ(os_error_code(ENOSPC), ErrorCode::kNoSpace);
  EXPECT_EQ(os_error_code(EDQUOT), ErrorCode::kNoSpace);
  EXPECT_EQ(os_error_code(ENOENT), ErrorCode::kNotFound);
  EXPECT_EQ(os_error_code(EEXIST), ErrorCode::kAlreadyExists);
  EXPECT_EQ(os_error_code(ENOTDIR), ErrorCode::kInvalidArgument);
  EXPECT_EQ(os_error_code(ENAMETOOLONG), ErrorCode::kInvalidArgument);
  for (const int os_error : {EIO, EACCES, EPERM, EROFS, EBADF, EFBIG, EINVAL, EMFILE}) {
    EXPECT_EQ(os_error_code(os_error), ErrorCode::kIo) << os_error;
  }
}

TEST(OsError, the_message_hints_at_what_to_look_at) {
  EXPECT_EQ(os_failure("open the file", "tree", EROFS).to_string(),
            "io: cannot open the file (the file system is mounted read-only) (file tree): Read-only file system");
  EXPECT_EQ(os_failure("open the file", "tree", EACCES).to_string(),
            "io: cannot open the file (check the owner and the permissions) (file tree): Permission denied");
}

}  // namespace
}  // namespace holdfast
