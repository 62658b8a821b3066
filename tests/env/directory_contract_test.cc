// What every environment promises about directories and locks.
#include <gmock/gmock.h>

#include "tests/env/environments.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DirectoryContract : public EnvironmentTest {};

TEST_P(DirectoryContract, is_empty_when_it_is_new) {
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(directory_->path(), path_);
}

TEST_P(DirectoryContract, lists_names_sorted_bytewise) {
  for (const char* name : {"b", "a.new", "Z", "a", "\xc3\xa4", "10", "9"}) {
    open(name, OpenMode::kCreate);
  }
  EXPECT_THAT(names(), ElementsAre("10", "9", "Z", "a", "a.new", "b", "\xc3\xa4"));
}

TEST_P(DirectoryContract, lists_the_same_names_every_time) {
  open("one", OpenMode::kCreate);
  EXPECT_EQ(names(), names());
  open("two", OpenMode::kCreate);
  EXPECT_THAT(names(), ElementsAre("one", "two"));
}

TEST_P(DirectoryContract, tells_a_missing_directory_from_an_empty_one) {
  auto missing = env_->open_directory(path_ + "-missing", DirectoryMode::kMustExist);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(env_->open_directory(path_, DirectoryMode::kMustExist));
}

TEST_P(DirectoryContract, keeps_its_files_when_it_is_opened_again) {
  ASSERT_TRUE(write(*open("kept", OpenMode::kCreate), 0, "text"));
  ASSERT_TRUE(directory_->sync());
  directory_ = env_->open_directory(path_ + "/", DirectoryMode::kCreateIfMissing).value();
  EXPECT_EQ(content(*open("kept", OpenMode::kReadOnly)), "text");
}

TEST_P(DirectoryContract, opens_in_the_four_modes) {
  EXPECT_EQ(open_error("file", OpenMode::kReadOnly), ErrorCode::kNotFound);
  EXPECT_EQ(open_error("file", OpenMode::kReadWrite), ErrorCode::kNotFound);
  EXPECT_THAT(names(), IsEmpty());
  ASSERT_TRUE(write(*open("file", OpenMode::kCreateNew), 0, "first"));
  EXPECT_EQ(open_error("file", OpenMode::kCreateNew), ErrorCode::kAlreadyExists);
  EXPECT_EQ(content(*open("file", OpenMode::kCreate)), "first");
  EXPECT_EQ(content(*open("file", OpenMode::kReadWrite)), "first");
  EXPECT_EQ(content(*open("file", OpenMode::kReadOnly)), "first");
}

TEST_P(DirectoryContract, names_the_file_in_its_errors) {
  auto missing = directory_->open_file("tree", OpenMode::kReadOnly);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().file(), "tree");
  EXPECT_THAT(missing.error().to_string(), HasSubstr("tree"));
}

TEST_P(DirectoryContract, rename_replaces_what_was_there) {
  ASSERT_TRUE(write(*open("tree", OpenMode::kCreate), 0, "old"));
  ASSERT_TRUE(write(*open("tree.new", OpenMode::kCreate), 0, "new"));
  ASSERT_TRUE(directory_->rename("tree.new", "tree"));
  EXPECT_THAT(names(), ElementsAre("tree"));
  EXPECT_EQ(content(*open("tree", OpenMode::kReadOnly)), "new");
}

TEST_P(DirectoryContract, rename_leaves_open_files_with_their_own_bytes) {
  auto old_file = open("tree", OpenMode::kCreate);
  auto new_file = open("tree.new", OpenMode::kCreate);
  ASSERT_TRUE(write(*old_file, 0, "old"));
  ASSERT_TRUE(write(*new_file, 0, "new"));
  ASSERT_TRUE(directory_->rename("tree.new", "tree"));
  EXPECT_EQ(content(*old_file), "old");
  ASSERT_TRUE(write(*new_file, 3, "er"));
  EXPECT_EQ(content(*open("tree", OpenMode::kReadOnly)), "newer");
}

TEST_P(DirectoryContract, rename_of_a_missing_file_changes_nothing) {
  ASSERT_TRUE(write(*open("tree", OpenMode::kCreate), 0, "old"));
  auto renamed = directory_->rename("tree.new", "tree");
  ASSERT_FALSE(renamed);
  EXPECT_EQ(renamed.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(content(*open("tree", OpenMode::kReadOnly)), "old");
}

TEST_P(DirectoryContract, rename_to_itself_keeps_the_file) {
  ASSERT_TRUE(write(*open("tree", OpenMode::kCreate), 0, "old"));
  ASSERT_TRUE(directory_->rename("tree", "tree"));
  EXPECT_EQ(content(*open("tree", OpenMode::kReadOnly)), "old");
}

TEST_P(DirectoryContract, remove_takes_the_name_and_leaves_open_files_usable) {
  auto file = open("gone", OpenMode::kCreate);
  ASSERT_TRUE(write(*file, 0, "still "));
  ASSERT_TRUE(directory_->remove("gone"));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(open_error("gone", OpenMode::kReadOnly), ErrorCode::kNotFound);
  ASSERT_TRUE(write(*file, 6, "here"));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(content(*file), "still here");
  EXPECT_EQ(content(*open("gone", OpenMode::kCreateNew)), "");
}

TEST_P(DirectoryContract, remove_of_a_missing_file_is_not_found) {
  auto removed = directory_->remove("never");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), ErrorCode::kNotFound);
}

TEST_P(DirectoryContract, refuses_names_that_leave_the_directory) {
  const std::string long_name(256, 'n');
  for (const std::string_view name :
       {std::string_view(""), std::string_view("."), std::string_view(".."), std::string_view("a/b"),
        std::string_view("/etc"), std::string_view("a\0b", 3), std::string_view(long_name)}) {
    EXPECT_EQ(open_error(name, OpenMode::kCreate), ErrorCode::kInvalidArgument);
    EXPECT_EQ(directory_->remove(name).error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(directory_->rename(name, "x").error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(directory_->rename("x", name).error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(directory_->lock(name, LockMode::kExclusive).error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_TRUE(directory_->open_file(std::string(255, 'n'), OpenMode::kCreate));
}

TEST_P(DirectoryContract, lock_excludes_a_second_handle_of_this_process) {
  auto first = directory_->lock("lock", LockMode::kExclusive);
  ASSERT_TRUE(first);
  auto other = env_->open_directory(path_, DirectoryMode::kMustExist).value();
  for (const LockMode mode : {LockMode::kExclusive, LockMode::kShared}) {
    auto second = other->lock("lock", mode);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::kBusy);
    EXPECT_THAT(second.error().message(), HasSubstr("this process has it open already"));
  }
}

TEST_P(DirectoryContract, lock_is_free_again_once_it_is_destroyed) {
  {
    auto lock = directory_->lock("lock", LockMode::kExclusive).value();
  }
  EXPECT_TRUE(directory_->lock("lock", LockMode::kExclusive));
  EXPECT_THAT(names(), ElementsAre("lock"));
  EXPECT_EQ(content(*open("lock", OpenMode::kReadOnly)), "");
}

TEST_P(DirectoryContract, shared_locks_admit_each_other_and_no_writer) {
  auto first = directory_->lock("lock", LockMode::kShared);
  auto second = directory_->lock("lock", LockMode::kShared);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_EQ(directory_->lock("lock", LockMode::kExclusive).error().code(), ErrorCode::kBusy);
  first->reset();
  EXPECT_EQ(directory_->lock("lock", LockMode::kExclusive).error().code(), ErrorCode::kBusy);
  second->reset();
  EXPECT_TRUE(directory_->lock("lock", LockMode::kExclusive));
}

TEST_P(DirectoryContract, locks_of_different_names_are_strangers) {
  auto first = directory_->lock("lock", LockMode::kExclusive);
  EXPECT_TRUE(directory_->lock("other", LockMode::kExclusive));
}

TEST_P(DirectoryContract, sync_answers_for_any_state_of_the_directory) {
  EXPECT_TRUE(directory_->sync());
  open("file", OpenMode::kCreate);
  EXPECT_TRUE(directory_->sync());
  ASSERT_TRUE(directory_->remove("file"));
  EXPECT_TRUE(directory_->sync());
}

INSTANTIATE_TEST_SUITE_P(Env, DirectoryContract, testing::Values(Kind::kMemory, Kind::kPosix), kind_name);

}  // namespace
}  // namespace holdfast
