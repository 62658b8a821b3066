// Failed syncs and what they leave (R14), copies of disks, and determinism.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "sim/sim_disk.h"
#include "tests/sim/disk_image.h"

namespace holdfast::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// Many failed syncs of the same disk; then `act`, and the description of what that leaves.
std::vector<std::string> after_failed_sync(const SimDisk& start, uint32_t file,
                                           const std::function<std::string(SimDisk&)>& act, uint64_t count = 300) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < count; ++seed) {
    SimDisk disk = start;
    Decisions decisions(seed);
    disk.fail_sync(file, decisions);
    seen.insert(act(disk));
  }
  return {seen.begin(), seen.end()};
}
std::string cut_letters(const SimDisk& disk, uint32_t file) {
  Decisions decisions(1);
  return letters(disk.power_cut(decisions), file);
}

TEST(DiskFailure, R14_a_failed_sync_persists_any_part) {
  auto [disk, file] = one_file(sectors('a', 2));
  write(disk, file, 0, sectors('b', 2));
  EXPECT_THAT(after_failed_sync(disk, file, [&](SimDisk& failed) { return cut_letters(failed, file); }),
              UnorderedElementsAre("aa", "ab", "ba", "bb"));
}

TEST(DiskFailure, R14_the_next_sync_answers_success_and_writes_nothing) {
  auto [disk, file] = one_file(sectors('a', 2));
  write(disk, file, 0, sectors('b', 2));
  const auto act = [&](SimDisk& failed) {
    const std::string before = cut_letters(failed, file);
    sync(failed, file);
    EXPECT_EQ(cut_letters(failed, file), before);
    EXPECT_EQ(letters(failed, file), "bb") << "reads see the new bytes all the same";
    return before;
  };
  EXPECT_THAT(after_failed_sync(disk, file, act), UnorderedElementsAre("aa", "ab", "ba", "bb"));
}

TEST(DiskFailure, R14_dropping_the_cache_silently_reverts_reads) {
  auto [disk, file] = one_file(sectors('a', 2));
  write(disk, file, 0, sectors('b', 2));
  const auto act = [&](SimDisk& failed) {
    const std::string durable = cut_letters(failed, file);
    failed.evict(file);
    EXPECT_EQ(letters(failed, file), durable);
    return durable;
  };
  EXPECT_THAT(after_failed_sync(disk, file, act), UnorderedElementsAre("aa", "ab", "ba", "bb"));
}

TEST(DiskFailure, R14_dropping_the_cache_changes_nothing_without_a_failure) {
  auto [disk, file] = one_file(sectors('a', 2));
  write(disk, file, 0, sectors('b'));
  disk.evict(file);
  EXPECT_EQ(letters(disk, file), "ba");
  EXPECT_THAT(outcomes(disk, [&](const SimDisk& image) { return letters(image, file); }),
              UnorderedElementsAre("aa", "ba"));
}

TEST(DiskFailure, R14_reads_revert_at_once_where_the_file_system_does_that) {
  auto [disk, file] = one_file(sectors('a', 2), kBtrfs);
  write(disk, file, 0, sectors('b', 2));
  const auto act = [&](SimDisk& failed) {
    EXPECT_EQ(letters(failed, file), cut_letters(failed, file));
    return letters(failed, file);
  };
  EXPECT_THAT(after_failed_sync(disk, file, act), UnorderedElementsAre("aa", "ab", "ba", "bb"));
}

TEST(DiskFailure, R14_only_what_is_written_again_is_durable_after_the_next_sync) {
  auto [disk, file] = one_file(sectors('a', 3));
  write(disk, file, 0, sectors('b', 3));
  const auto act = [&](SimDisk& failed) {
    write(failed, file, 1, sectors('c'));
    sync(failed, file);
    EXPECT_EQ(letters(failed, file), "bcb");
    return cut_letters(failed, file);
  };
  EXPECT_THAT(after_failed_sync(disk, file, act), UnorderedElementsAre("aca", "acb", "bca", "bcb"));
}

TEST(DiskFailure, R14_a_later_write_and_sync_bring_the_size_back) {
  auto [disk, file] = one_file("");
  write(disk, file, 0, sectors('a', 4));
  const auto act = [&](SimDisk& failed) {
    write(failed, file, 2, sectors('b'));
    sync(failed, file);
    const std::string durable = cut_letters(failed, file);
    EXPECT_GE(durable.size(), 3U);
    return durable.substr(2, 1);
  };
  EXPECT_THAT(after_failed_sync(disk, file, act), ElementsAre("b"));
}

// A disk in the middle of things: durable, pending, lying, renamed, removed.
SimDisk busy_disk(const Personality& personality) {
  SimDisk disk(personality);
  disk.make_directory("db");
  Decisions decisions(7);
  const uint32_t tree = disk.create(0, "tree");
  const uint32_t other = disk.create(0, "other");
  disk.sync_directory(0, disk.moment());
  write(disk, tree, 0, sectors('a', 100));
  disk.fail_sync(tree, decisions);
  write(disk, tree, 0, sectors('b', 50));
  sync(disk, tree);
  write(disk, tree, 10, sectors('c', 120));
  disk.truncate(tree, 90 * kSectorBytes);
  write(disk, other, 0, sectors('x', 9));
  disk.rename(0, "other", "another");
  disk.create(0, "new");
  return disk;
}

TEST(DiskFailure, gives_the_same_image_for_the_same_decisions) {
  for (const Personality& personality : {kPosixMin, kExt4Writeback, kXfs, kBtrfs}) {
    const SimDisk first = busy_disk(personality);
    const SimDisk second = busy_disk(personality);
    EXPECT_EQ(first.digest(), second.digest());
    std::set<uint64_t> images;
    for (uint64_t seed = 0; seed < 50; ++seed) {
      Decisions a(seed);
      Decisions b(seed);
      const uint64_t digest = first.power_cut(a).digest();
      EXPECT_EQ(digest, second.power_cut(b).digest());
      images.insert(digest);
    }
    EXPECT_GT(images.size(), 20U);
  }
}

TEST(DiskFailure, copies_are_independent) {
  const SimDisk original = busy_disk(kPosixMin);
  const uint64_t digest = original.digest();
  Decisions before(3);
  const uint64_t image = original.power_cut(before).digest();
  {
    SimDisk copy = original;
    EXPECT_EQ(copy.digest(), digest);
    const uint32_t tree = *copy.find(0, "tree");
    write(copy, tree, 0, sectors('z', 200));
    copy.truncate(tree, 3);
    sync(copy, tree);
    copy.rename(0, "tree", "gone");
    copy.remove(0, "new");
    copy.sync_directory(0, copy.moment());
    copy.process_kill();
    EXPECT_NE(copy.digest(), digest);
  }
  EXPECT_EQ(original.digest(), digest);
  Decisions after(3);
  EXPECT_EQ(original.power_cut(after).digest(), image);
}

TEST(DiskFailure, changing_the_original_leaves_the_copy_alone) {
  SimDisk original = busy_disk(kPosixMin);
  const SimDisk copy = original;
  const uint64_t digest = copy.digest();
  Decisions before(3);
  const uint64_t image = copy.power_cut(before).digest();
  const uint32_t tree = *original.find(0, "tree");
  write(original, tree, 5, sectors('z', 99));
  sync(original, tree);
  original.remove(0, "tree");
  original.sync_directory(0, original.moment());
  EXPECT_EQ(copy.digest(), digest);
  Decisions after(3);
  EXPECT_EQ(copy.power_cut(after).digest(), image);
}

TEST(DiskFailure, forks_of_decisions_leave_the_run_alone) {
  Decisions run(5);
  Decisions undisturbed(5);
  const SimDisk disk = busy_disk(kPosixMin);
  for (uint64_t probe = 0; probe < 10; ++probe) {
    Decisions aside = run.fork(probe);
    disk.power_cut(aside);
  }
  EXPECT_EQ(run.draw(Stream::kCrash), undisturbed.draw(Stream::kCrash));
}

TEST(DiskFailure, long_histories_of_one_block_are_torn_down_without_recursion) {
  auto [disk, file] = one_file(sectors('a', 8));
  for (int round = 0; round < 20'000; ++round) {
    write(disk, file, 0, sectors('b'));
  }
  const SimDisk copy = disk;
  sync(disk, file);
  EXPECT_EQ(letters(disk, file), "baaaaaaa");
}

}  // namespace
}  // namespace holdfast::sim
