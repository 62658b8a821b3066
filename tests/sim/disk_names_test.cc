// The rules of a POSIX file system after a power cut, for names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/sim_disk.h"
#include "tests/sim/disk_image.h"

namespace holdfast::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// Every name with the first letter of its file's content.
std::string listing(const SimDisk& image) {
  std::string text;
  for (const std::string& name : image.list(0)) {
    text += name + letters(image, *image.find(0, name)).substr(0, 1) + " ";
  }
  return text;
}

uint32_t durable_file(SimDisk& disk, std::string_view name, char letter) {
  const uint32_t file = disk.create(0, name);
  write(disk, file, 0, sectors(letter));
  sync(disk, file);
  return file;
}

SimDisk empty_disk(const Personality& personality = kPosixMin) {
  SimDisk disk(personality);
  disk.make_directory("db");
  return disk;
}

TEST(DiskNames, R5_a_synced_file_may_have_no_name) {
  SimDisk disk = empty_disk();
  durable_file(disk, "a", '1');
  EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("", "a1 "));
  sync_directory(disk);
  EXPECT_THAT(outcomes(disk, listing), ElementsAre("a1 "));
}

TEST(DiskNames, R5_a_journal_may_take_the_name_along_with_the_sync) {
  int taken = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimDisk disk = empty_disk(kExt4Ordered);
    const uint32_t file = disk.create(0, "a");
    disk.sync(file, disk.moment(), Decisions(seed));
    taken += disk.directory(0).durable().contains("a") ? 1 : 0;
  }
  EXPECT_GT(taken, 20);
  EXPECT_LT(taken, 80);
}

TEST(DiskNames, R6_any_subset_of_independent_changes_survives) {
  SimDisk disk = empty_disk();
  durable_file(disk, "a", '1');
  sync_directory(disk);
  durable_file(disk, "b", '2');
  durable_file(disk, "c", '3');
  disk.remove(0, "a");
  EXPECT_THAT(outcomes(disk, listing),
              UnorderedElementsAre("a1 ", "a1 b2 ", "a1 c3 ", "a1 b2 c3 ", "", "b2 ", "c3 ", "b2 c3 "));
}

TEST(DiskNames, R6_a_change_needs_those_before_it_that_touched_its_names) {
  SimDisk disk = empty_disk();
  durable_file(disk, "a", '1');
  disk.rename(0, "a", "b");
  durable_file(disk, "a", '2');
  EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("", "a1 ", "b1 ", "a2 b1 "));
}

TEST(DiskNames, R6_with_a_journal_a_prefix_survives) {
  for (const Personality& personality : {kExt4Ordered, kXfs, kBtrfs}) {
    SimDisk disk = empty_disk(personality);
    for (const char* name : {"a", "b", "c"}) {
      disk.create(0, name);
    }
    EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("", "a ", "a b ", "a b c "));
  }
}

TEST(DiskNames, R6_a_sync_of_the_directory_covers_what_had_completed_when_it_was_called) {
  SimDisk disk = empty_disk();
  disk.create(0, "a");
  const Sequence called = disk.moment();
  disk.create(0, "b");
  disk.sync_directory(0, called);
  EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("a ", "a b "));
}

TEST(DiskNames, R7_a_rename_replaces_wholly_or_not_at_all) {
  for (const Personality& personality : {kPosixMin, kExt4Ordered}) {
    SimDisk disk = empty_disk(personality);
    durable_file(disk, "a", '1');
    durable_file(disk, "b", '2');
    sync_directory(disk);
    disk.rename(0, "b", "a");
    EXPECT_EQ(listing(disk), "a2 ");
    EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("a1 b2 ", "a2 "));
  }
}

TEST(DiskNames, R8_a_rename_brings_no_content_with_it) {
  SimDisk disk = empty_disk();
  durable_file(disk, "a", '1');
  sync_directory(disk);
  const uint32_t file = disk.create(0, "b");
  write(disk, file, 0, sectors('2'));
  disk.rename(0, "b", "a");
  sync_directory(disk);
  EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("a ", "a0 ", "a2 "));
}

TEST(DiskNames, R18_a_lost_removal_brings_the_file_back_with_its_durable_content) {
  SimDisk disk = empty_disk();
  const uint32_t file = durable_file(disk, "a", '1');
  sync_directory(disk);
  disk.open(file);
  write(disk, file, 0, sectors('2'));
  disk.remove(0, "a");
  EXPECT_EQ(listing(disk), "");
  EXPECT_EQ(letters(disk, file), "2");
  EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("", "a1 ", "a2 "));
}

TEST(DiskNames, R18_a_removed_file_lives_as_long_as_somebody_has_it_open) {
  SimDisk disk = empty_disk();
  const uint32_t file = durable_file(disk, "a", '1');
  disk.open(file);
  sync_directory(disk);
  disk.remove(0, "a");
  sync_directory(disk);
  EXPECT_EQ(letters(disk, file), "1");
  SimDisk killed = disk;
  killed.process_kill();
  EXPECT_FALSE(killed.exists(file));
  disk.close(file);
  EXPECT_FALSE(disk.exists(file));
}

TEST(DiskNames, R18_a_new_file_of_the_same_name_is_another_file) {
  SimDisk disk = empty_disk();
  const uint32_t first = durable_file(disk, "a", '1');
  sync_directory(disk);
  disk.remove(0, "a");
  const uint32_t second = durable_file(disk, "a", '2');
  EXPECT_NE(first, second);
  EXPECT_THAT(outcomes(disk, listing), UnorderedElementsAre("", "a1 ", "a2 "));
}

TEST(DiskNames, R23_a_failed_sync_of_a_directory_makes_some_of_it_durable) {
  SimDisk start = empty_disk();
  durable_file(start, "a", '1');
  durable_file(start, "b", '2');
  std::map<std::string, int> durable;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SimDisk disk = start;
    Decisions decisions(seed);
    disk.fail_sync_directory(0, decisions);
    std::string names;
    for (const auto& [name, file] : disk.directory(0).durable()) {
      names += name;
    }
    ++durable[names];
    EXPECT_EQ(listing(disk), "a1 b2 ");
    sync_directory(disk);
    EXPECT_THAT(outcomes(disk, listing, 5), ElementsAre("a1 b2 ")) << "a later sync covers the rest";
  }
  EXPECT_EQ(durable.size(), 4U);
}

TEST(DiskNames, R23_names_are_listed_in_order) {
  SimDisk disk = empty_disk();
  for (const char* name : {"b", "c", "a", "B", "10", "9"}) {
    disk.create(0, name);
  }
  EXPECT_THAT(disk.list(0), ElementsAre("10", "9", "B", "a", "b", "c"));
}

TEST(DiskNames, keeps_directories_apart) {
  SimDisk disk = empty_disk();
  const uint32_t other = disk.make_directory("backup");
  disk.create(0, "a");
  disk.create(other, "b");
  disk.sync_directory(other, disk.moment());
  EXPECT_EQ(disk.find_directory("backup"), other);
  EXPECT_FALSE(disk.find_directory("db/backup"));
  const auto both = [&](const SimDisk& image) {
    return std::to_string(image.list(0).size()) + std::to_string(image.list(other).size());
  };
  EXPECT_THAT(outcomes(disk, both), UnorderedElementsAre("01", "11"));
}

}  // namespace
}  // namespace holdfast::sim
