// The simulated environment keeps the contract of holdfast::Env, and ends when it is killed.
#include "sim/sim_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "sim/io_faults.h"
#include "tests/sim/test_machine.h"

namespace holdfast::sim {
namespace {

using ::testing::ElementsAre;

std::string read_all(File& file) {
  std::string text(file.size().value(), '\0');
  EXPECT_EQ(file.read_at(0, std::as_writable_bytes(std::span(text))).value(), text.size());
  return text;
}

TEST(SimEnv, reads_what_was_written) {
  TestMachine machine;
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto file = directory->open_file("tree", OpenMode::kCreateNew).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("hello")));
  ASSERT_TRUE(file->write_at(10'000, as_bytes("world")));
  EXPECT_EQ(file->size().value(), 10'005U);
  std::string text(5, '\0');
  EXPECT_EQ(file->read_at(10'000, std::as_writable_bytes(std::span(text))).value(), 5U);
  EXPECT_EQ(text, "world");
  EXPECT_EQ(file->read_at(5, std::as_writable_bytes(std::span(text))).value(), 5U);
  EXPECT_EQ(text, std::string(5, '\0'));
  EXPECT_EQ(file->read_at(10'003, std::as_writable_bytes(std::span(text))).value(), 2U);
  EXPECT_EQ(file->read_at(20'000, std::as_writable_bytes(std::span(text))).value(), 0U);
}

TEST(SimEnv, zeroes_what_a_truncation_cut) {
  TestMachine machine;
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto file = directory->open_file("tree", OpenMode::kCreate).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("0123456789")));
  ASSERT_TRUE(file->truncate(4));
  ASSERT_TRUE(file->truncate(8));
  EXPECT_EQ(read_all(*file), std::string("0123\0\0\0\0", 8));
}

TEST(SimEnv, answers_as_a_file_system_does) {
  TestMachine machine;
  EXPECT_EQ(machine.env().open_directory("db", DirectoryMode::kMustExist).error().code(), ErrorCode::kNotFound);
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  EXPECT_EQ(directory->open_file("a", OpenMode::kReadOnly).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(directory->open_file("a", OpenMode::kReadWrite).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(directory->open_file("a", OpenMode::kCreate));
  EXPECT_EQ(directory->open_file("a", OpenMode::kCreateNew).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(directory->open_file("a/b", OpenMode::kCreate).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(directory->rename("x", "y").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(directory->remove("x").error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(directory->rename("a", "z"));
  EXPECT_TRUE(directory->open_file("b", OpenMode::kCreate));
  EXPECT_THAT(directory->list().value(), ElementsAre("b", "z"));
  auto read_only = directory->open_file("z", OpenMode::kReadOnly).value();
  EXPECT_EQ(read_only->write_at(0, as_bytes("x")).error().os_error(), EBADF);
}

TEST(SimEnv, keeps_an_open_file_readable_after_its_name_is_gone) {
  TestMachine machine;
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto file = directory->open_file("a", OpenMode::kCreate).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("still here")));
  ASSERT_TRUE(directory->remove("a"));
  ASSERT_TRUE(directory->sync());
  EXPECT_EQ(read_all(*file), "still here");
  EXPECT_EQ(machine.disk().files().size(), 1U);
  file.reset();
  EXPECT_EQ(machine.disk().files().size(), 0U);
}

TEST(SimEnv, lets_one_process_hold_the_lock_and_names_it) {
  TestMachine machine;
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto lock = directory->lock("lock", LockMode::kExclusive).value();
  EXPECT_EQ(read_all(*directory->open_file("lock", OpenMode::kReadOnly).value()), "1000\n");
  Error busy = directory->lock("lock", LockMode::kShared).error();
  EXPECT_EQ(busy.code(), ErrorCode::kBusy);
  EXPECT_THAT(busy.message(), ::testing::HasSubstr("1000"));
  lock.reset();
  auto first = directory->lock("lock", LockMode::kShared).value();
  auto second = directory->lock("lock", LockMode::kShared).value();
  EXPECT_EQ(directory->lock("lock", LockMode::kExclusive).error().code(), ErrorCode::kBusy);
}

TEST(SimEnv, does_nothing_more_after_it_was_killed) {
  TestMachine machine;
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto file = directory->open_file("a", OpenMode::kCreate).value();
  auto lock = directory->lock("lock", LockMode::kExclusive).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("before")));
  const uint64_t digest = machine.disk().digest();
  machine.env().kill();
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(file->write_at(0, as_bytes("after")).error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->read_at(0, buffer).error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->sync().error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->size().error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->truncate(1).error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->allocate(0, 9000).error().code(), ErrorCode::kIo);
  EXPECT_EQ(directory->open_file("b", OpenMode::kCreate).error().code(), ErrorCode::kIo);
  EXPECT_EQ(directory->rename("a", "b").error().code(), ErrorCode::kIo);
  EXPECT_EQ(directory->remove("a").error().code(), ErrorCode::kIo);
  EXPECT_EQ(directory->list().error().code(), ErrorCode::kIo);
  EXPECT_EQ(directory->sync().error().code(), ErrorCode::kIo);
  EXPECT_EQ(directory->lock("other", LockMode::kExclusive).error().code(), ErrorCode::kIo);
  EXPECT_EQ(machine.env().open_directory("db", DirectoryMode::kMustExist).error().code(), ErrorCode::kIo);
  file.reset();
  lock.reset();
  EXPECT_EQ(machine.disk().digest(), digest);
}

// Kills the process in the hook, before or after the operation takes effect.
class KillingHooks final : public DiskHooks {
 public:
  SimEnv* victim = nullptr;
  bool before = false;
  bool after = false;
  void before_io(const IoEvent& event) override {
    if (before && event.kind == IoKind::kWrite) {
      victim->kill();
    }
  }
  void after_io(const IoEvent& event) override {
    if (after && event.kind == IoKind::kWrite) {
      victim->kill();
    }
  }
};

TEST(SimEnv, acknowledges_nothing_that_a_kill_interrupted) {
  for (const bool before : {true, false}) {
    KillingHooks hooks;
    TestMachine machine(kPosixMin, &hooks);
    hooks.victim = &machine.env();
    auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
    auto file = directory->open_file("a", OpenMode::kCreate).value();
    (before ? hooks.before : hooks.after) = true;
    EXPECT_EQ(file->write_at(0, as_bytes("x")).error().code(), ErrorCode::kIo);
    const uint32_t number = machine.disk().find(0, "a").value();
    EXPECT_EQ(machine.disk().file(number).size(), before ? 0U : 1U);
  }
}

TEST(SimEnv, frees_locks_and_forgets_unlinked_files_when_the_process_is_killed) {
  TestMachine machine;
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto lock = directory->lock("lock", LockMode::kExclusive).value();
  auto file = directory->open_file("a", OpenMode::kCreate).value();
  ASSERT_TRUE(directory->remove("a"));
  ASSERT_TRUE(directory->sync());
  machine.env().kill();
  machine.disk().process_kill();
  EXPECT_EQ(machine.disk().files().size(), 1U);
  TestMachine next(machine.disk());
  auto again = next.env().open_directory("db", DirectoryMode::kMustExist).value();
  EXPECT_TRUE(again->lock("lock", LockMode::kExclusive));
}

class CountingHooks final : public DiskHooks {
 public:
  std::vector<std::string> violations;
  void contract_violated(std::string_view what) override { violations.emplace_back(what); }
};

TEST(SimEnv, reports_a_change_or_a_sync_through_a_handle_whose_sync_has_failed) {
  CountingHooks hooks;
  TestMachine machine(kPosixMin, &hooks);
  fault::FaultPlan plan;
  plan.sync_fails.one_in = 1;
  IoFaults faults(plan);
  machine.restart_with(&faults);
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto file = directory->open_file("a", OpenMode::kCreate).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("x")));
  EXPECT_EQ(file->sync().error().code(), ErrorCode::kIo);
  faults.switch_off();
  EXPECT_TRUE(hooks.violations.empty());
  EXPECT_TRUE(file->sync());  // told once
  EXPECT_EQ(hooks.violations.size(), 1U);
  EXPECT_TRUE(file->write_at(0, as_bytes("y")));
  EXPECT_EQ(hooks.violations.size(), 2U);
}

TEST(SimEnv, tells_every_open_handle_of_a_failed_sync_once) {
  CountingHooks hooks;
  TestMachine machine(kPosixMin, &hooks);
  fault::FaultPlan plan;
  plan.sync_fails.one_in = 1;
  IoFaults faults(plan);
  machine.restart_with(&faults);
  auto directory = machine.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
  auto first = directory->open_file("a", OpenMode::kCreate).value();
  auto second = directory->open_file("a", OpenMode::kReadWrite).value();
  EXPECT_FALSE(first->sync());
  faults.switch_off();
  EXPECT_FALSE(second->sync());
  EXPECT_TRUE(second->sync());
  EXPECT_TRUE(first->sync());
  EXPECT_TRUE(directory->open_file("a", OpenMode::kReadWrite).value()->sync());
}

}  // namespace
}  // namespace holdfast::sim
