// The lock between processes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "tests/env/environments.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

// A forked process that runs `body`, says so, and then waits to be ended.
class Child {
 public:
  explicit Child(const std::function<bool()>& body) {
    std::array<int, 2> pipe_ends{};
    EXPECT_EQ(::pipe2(pipe_ends.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const char answer = body() ? 'y' : 'n';
      static_cast<void>(!::write(pipe_ends[1], &answer, 1));
      for (;;) {
        ::pause();
      }
    }
    ::close(pipe_ends[1]);
    char answer = 'n';
    EXPECT_EQ(::read(pipe_ends[0], &answer, 1), 1);
    ::close(pipe_ends[0]);
    succeeded_ = answer == 'y';
  }
  ~Child() { kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
    }
  }
  pid_t pid() const { return pid_; }
  bool succeeded() const { return succeeded_; }

 private:
  pid_t pid_ = 0;
  bool succeeded_ = false;
};

class PosixLock : public testing::Test {
 protected:
  Result<std::unique_ptr<FileLock>> lock(LockMode mode) { return directory_->lock("lock", mode); }

  TemporaryPath temporary_;
  std::unique_ptr<Directory> directory_ =
      posix_env().open_directory(temporary_.path(), DirectoryMode::kMustExist).value();
  std::unique_ptr<FileLock> kept_;
};

TEST_F(PosixLock, excludes_another_process_and_names_its_pid) {
  for (const LockMode theirs : {LockMode::kExclusive, LockMode::kShared}) {
    Child owner([&] {
      auto taken = lock(theirs);
      kept_ = taken ? std::move(*taken) : nullptr;
      return kept_ != nullptr;
    });
    ASSERT_TRUE(owner.succeeded());
    auto refused = lock(LockMode::kExclusive);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kBusy);
    EXPECT_EQ(refused.error().file(), "lock");
    EXPECT_THAT(refused.error().message(), HasSubstr("process " + std::to_string(owner.pid()) + " has it open"));
  }
}

TEST_F(PosixLock, is_released_by_sigkill) {
  Child owner([&] {
    auto taken = lock(LockMode::kExclusive);
    kept_ = taken ? std::move(*taken) : nullptr;
    return kept_ != nullptr;
  });
  ASSERT_TRUE(owner.succeeded());
  ASSERT_FALSE(lock(LockMode::kExclusive));
  owner.kill();
  EXPECT_TRUE(lock(LockMode::kExclusive));
}

TEST_F(PosixLock, shared_locks_of_two_processes_admit_each_other) {
  Child reader([&] {
    auto taken = lock(LockMode::kShared);
    kept_ = taken ? std::move(*taken) : nullptr;
    return kept_ != nullptr;
  });
  ASSERT_TRUE(reader.succeeded());
  EXPECT_TRUE(lock(LockMode::kShared));
}

TEST_F(PosixLock, holds_the_owner_pid_while_it_is_held) {
  auto taken = lock(LockMode::kExclusive);
  ASSERT_TRUE(taken);
  auto file = directory_->open_file("lock", OpenMode::kReadOnly).value();
  EXPECT_EQ(content(*file), std::to_string(::getpid()) + "\n");
  taken->reset();
  EXPECT_EQ(content(*file), "");
}

TEST_F(PosixLock, never_removes_or_replaces_the_lock_file) {
  struct stat before{};
  struct stat after{};
  const std::string path = temporary_.path() + "/lock";
  {
    auto taken = lock(LockMode::kExclusive).value();
  }
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  {
    auto taken = lock(LockMode::kExclusive).value();
  }
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(PosixLock, survives_a_forked_child_that_destroys_its_copy) {
  auto taken = lock(LockMode::kExclusive);
  ASSERT_TRUE(taken);
  Child child([&] {
    taken->reset();
    return true;
  });
  ASSERT_TRUE(child.succeeded());
  child.kill();
  auto other = posix_env().open_directory(temporary_.path(), DirectoryMode::kMustExist).value();
  EXPECT_FALSE(other->lock("lock", LockMode::kExclusive));
}

TEST_F(PosixLock, ends_with_its_owner_although_a_forked_child_lives) {
  auto taken = lock(LockMode::kExclusive);
  ASSERT_TRUE(taken);
  Child child([] { return true; });
  taken->reset();
  EXPECT_TRUE(lock(LockMode::kExclusive));
}

TEST_F(PosixLock, shared_needs_no_right_to_write) {
  {
    auto taken = lock(LockMode::kExclusive).value();
  }
  ASSERT_EQ(::chmod((temporary_.path() + "/lock").c_str(), 0444), 0);
  ASSERT_EQ(::chmod(temporary_.path().c_str(), 0555), 0);
  Child reader([&] {
    static_cast<void>(!::setuid(65534));  // root ignores permissions
    auto taken = lock(LockMode::kShared);
    kept_ = taken ? std::move(*taken) : nullptr;
    return kept_ != nullptr;
  });
  EXPECT_TRUE(reader.succeeded());
  EXPECT_EQ(lock(LockMode::kExclusive).error().code(), ErrorCode::kBusy);
  ASSERT_EQ(::chmod(temporary_.path().c_str(), 0755), 0);
}

TEST_F(PosixLock, shared_in_a_read_only_directory_without_a_lock_file_is_granted) {
  ASSERT_EQ(::chmod(temporary_.path().c_str(), 0555), 0);
  Child reader([&] {
    static_cast<void>(!::setuid(65534));
    auto exclusive = lock(LockMode::kExclusive);
    return !exclusive && exclusive.error().code() == ErrorCode::kIo && lock(LockMode::kShared).has_value();
  });
  EXPECT_TRUE(reader.succeeded());
  EXPECT_TRUE(directory_->list().value().empty());
  ASSERT_EQ(::chmod(temporary_.path().c_str(), 0755), 0);
}

}  // namespace
}  // namespace holdfast
