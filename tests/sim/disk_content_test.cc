// The rules of a POSIX file system after a power cut, for the content of files. Each test names its rule; each checks
// both that every legal outcome occurs and that no other does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/sim_disk.h"
#include "tests/sim/disk_image.h"

namespace holdfast::sim {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

auto letters_of(uint32_t file) {
  return [file](const SimDisk& image) { return letters(image, file); };
}

TEST(DiskContent, R1_each_sector_keeps_any_version_of_its_history) {
  auto [disk, file] = one_file(sectors('a', 2));
  write(disk, file, 0, sectors('b', 2));
  write(disk, file, 0, sectors('c', 1));
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("aa", "ba", "ca", "ab", "bb", "cb"));
}

TEST(DiskContent, R1_writes_to_different_files_survive_in_any_order) {
  auto [disk, first] = one_file(sectors('a'));
  const uint32_t second = disk.create(0, "g");
  write(disk, second, 0, sectors('a'));
  sync(disk, second);
  sync_directory(disk);
  write(disk, first, 0, sectors('b'));
  write(disk, second, 0, sectors('b'));
  const auto both = [&](const SimDisk& image) { return letters(image, first) + letters(image, second); };
  EXPECT_THAT(outcomes(disk, both), UnorderedElementsAre("aa", "ab", "ba", "bb"));
}

TEST(DiskContent, R1_many_sectors_include_all_none_all_but_one_and_one) {
  constexpr uint64_t kCount = 40;
  auto [disk, file] = one_file(sectors('a', kCount));
  write(disk, file, 0, sectors('b', kCount));
  std::map<int64_t, int> by_survivors;
  for (const auto& [image, times] : cuts(disk, letters_of(file))) {
    ASSERT_EQ(image.find_first_not_of("ab"), std::string::npos);
    by_survivors[std::count(image.begin(), image.end(), 'b')] += times;
  }
  for (const int64_t survivors : {int64_t{0}, int64_t{1}, int64_t{kCount / 2}, int64_t{kCount - 1}, int64_t{kCount}}) {
    EXPECT_GT(by_survivors[survivors], 0) << survivors;
  }
}

TEST(DiskContent, R2_a_block_is_atomic_where_the_device_says_so) {
  Personality personality = kPosixMin;
  personality.atomic_unit = AtomicUnit::kBlock;
  auto [disk, file] = one_file(sectors('a', 16), personality);
  write(disk, file, 0, sectors('b', 16));
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre(std::string(16, 'a'), std::string(16, 'b'),
                                                                     std::string(8, 'a') + std::string(8, 'b'),
                                                                     std::string(8, 'b') + std::string(8, 'a')));
}

TEST(DiskContent, R2_a_block_written_in_parts_passes_through_its_states_in_order) {
  Personality personality = kPosixMin;
  personality.atomic_unit = AtomicUnit::kBlock;
  auto [disk, file] = one_file(sectors('a', 8), personality);
  write(disk, file, 0, sectors('b'));
  write(disk, file, 7, sectors('c'));
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("aaaaaaaa", "baaaaaaa", "baaaaaac"));
}

TEST(DiskContent, R3_bytes_outside_a_write_never_change) {
  auto [disk, file] = one_file(sectors('a', 3));
  disk.write(file, 700, as_bytes("xyz"));
  const auto others = [&](const SimDisk& image) {
    std::string text = content(image, file);
    EXPECT_TRUE(text.substr(700, 3) == "xyz" || text.substr(700, 3) == "aaa");
    text.replace(700, 3, "aaa");
    return text;
  };
  EXPECT_THAT(outcomes(disk, others), ElementsAre(sectors('a', 3)));
}

TEST(DiskContent, R4_what_a_sync_covered_is_in_every_image) {
  for (const Personality& personality : {kPosixMin, kExt4Ordered, kExt4Writeback, kXfs, kBtrfs}) {
    auto [disk, file] = one_file("", personality);
    write(disk, file, 0, sectors('a', 9));
    write(disk, file, 4, sectors('b'));
    disk.truncate(file, 8 * kSectorBytes);
    sync(disk, file);
    EXPECT_THAT(outcomes(disk, letters_of(file), 100), ElementsAre("aaaabaaa"));
  }
}

TEST(DiskContent, R4_a_sync_covers_only_what_had_completed_when_it_was_called) {
  auto [disk, file] = one_file(sectors('a', 2));
  write(disk, file, 0, sectors('b', 2));
  const Sequence called = disk.moment();
  write(disk, file, 1, sectors('c', 2));
  disk.sync(file, called, Decisions(0));
  EXPECT_EQ(letters(disk, file), "bcc");
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("bb", "bc", "bb0", "bc0", "bbc", "bcc"));
  sync(disk, file);
  EXPECT_THAT(outcomes(disk, letters_of(file)), ElementsAre("bcc"));
}

TEST(DiskContent, R4_a_sync_of_one_file_says_nothing_about_another) {
  auto [disk, first] = one_file(sectors('a'));
  const uint32_t second = disk.create(0, "g");
  sync_directory(disk);
  write(disk, first, 0, sectors('b'));
  sync(disk, second);
  EXPECT_THAT(outcomes(disk, letters_of(first)), UnorderedElementsAre("a", "b"));
}

TEST(DiskContent, R9_size_and_data_survive_independently) {
  auto [disk, file] = one_file(sectors('a'));
  write(disk, file, 1, sectors('b'));
  write(disk, file, 0, sectors('c'));
  // The header, written last, may survive without the growth that it describes.
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("a", "c", "a0", "c0", "ab", "cb"));
}

TEST(DiskContent, R9_bytes_under_a_size_without_data_read_as_zeros) {
  auto [disk, file] = one_file("");
  disk.truncate(file, 2 * kSectorBytes);
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("", "00"));
}

TEST(DiskContent, R9_unwritten_blocks_may_hold_garbage_with_data_writeback) {
  auto [disk, file] = one_file(sectors('a', 8), kExt4Writeback);
  write(disk, file, 8, sectors('b', 8));
  int garbage = 0;
  for (const auto& [image, times] : cuts(disk, letters_of(file))) {
    EXPECT_EQ(image.substr(0, 8), "aaaaaaaa") << "what was durable is never garbage";
    garbage += image.find_first_of("a?", 8) != std::string::npos ? times : 0;
  }
  EXPECT_GT(garbage, 0);
}

TEST(DiskContent, R10_a_lost_truncate_brings_the_old_tail_back) {
  for (const Personality& personality : {kPosixMin, kExt4Ordered}) {
    auto [disk, file] = one_file(sectors('a', 3), personality);
    disk.truncate(file, kSectorBytes);
    EXPECT_EQ(letters(disk, file), "a");
    const auto seen = outcomes(disk, letters_of(file));
    EXPECT_THAT(seen, Contains("a"));
    EXPECT_THAT(seen, Contains("aaa"));
    if (personality.metadata_order == MetadataOrder::kPrefix) {
      EXPECT_THAT(seen, SizeIs(2)) << "a journal truncates size and blocks together";
    }
  }
}

TEST(DiskContent, R10_truncate_and_rewrite_leave_each_sector_old_new_or_zero) {
  auto [disk, file] = one_file(sectors('a', 2));
  disk.truncate(file, 0);
  write(disk, file, 0, sectors('b', 2));
  EXPECT_THAT(outcomes(disk, letters_of(file), 5000),
              UnorderedElementsAre("", "aa", "ab", "a0", "ba", "bb", "b0", "0a", "0b", "00"));
}

TEST(DiskContent, R10_a_durable_truncate_is_durable) {
  auto [disk, file] = one_file(sectors('a', 20));
  disk.truncate(file, 700);
  disk.truncate(file, 20 * kSectorBytes);
  sync(disk, file);
  const std::string expected = std::string(700, 'a') + std::string(20 * kSectorBytes - 700, '\0');
  EXPECT_THAT(outcomes(disk, [&](const SimDisk& image) { return content(image, file); }, 100), ElementsAre(expected));
}

TEST(DiskContent, R11_appends_survive_in_any_order_with_holes_of_zeros) {
  auto [disk, file] = one_file("");
  write(disk, file, 0, sectors('a'));
  write(disk, file, 1, sectors('b'));
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("", "0", "a", "00", "a0", "0b", "ab"));
}

TEST(DiskContent, R12_a_device_with_a_cache_loses_the_latest_writes) {
  auto [disk, file] = one_file(sectors('a', 64));
  for (uint64_t sector = 0; sector < 64; ++sector) {
    write(disk, file, sector, sectors('b'));
  }
  // An image whose losses all lie behind a long run of survivors: far out of reach of fair coins.
  int prefixes = 0;
  for (const auto& [image, times] : cuts(disk, letters_of(file))) {
    const size_t first_lost = image.find('a');
    const auto lost = std::count(image.begin(), image.end(), 'a');
    prefixes += first_lost != std::string::npos && first_lost >= 32 && lost >= 4 ? times : 0;
  }
  EXPECT_GT(prefixes, 0);
}

TEST(DiskContent, R13_a_cut_inside_a_sync_leaves_anything_from_nothing_to_all) {
  // The hook before the sync sees the disk before it, the hook after it the disk after it: both images are legal.
  auto [disk, file] = one_file(sectors('a', 2));
  write(disk, file, 0, sectors('b', 2));
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("aa", "ab", "ba", "bb"));
  sync(disk, file);
  EXPECT_THAT(outcomes(disk, letters_of(file), 100), ElementsAre("bb"));
}

TEST(DiskContent, R15_a_killed_process_leaves_the_cache_and_a_power_cut_may_still_take_it) {
  auto [disk, file] = one_file(sectors('a'));
  write(disk, file, 0, sectors('b'));
  disk.process_kill();
  EXPECT_EQ(letters(disk, file), "b");
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("a", "b"));
}

TEST(DiskContent, R16_closing_is_not_a_barrier) {
  auto [disk, file] = one_file(sectors('a'));
  disk.open(file);
  write(disk, file, 0, sectors('b'));
  disk.close(file);
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("a", "b"));
}

TEST(DiskContent, R22_allocated_space_reads_as_zeros_and_may_be_undone) {
  auto [disk, file] = one_file(sectors('a'));
  disk.allocate(file, 0, 3 * kSectorBytes);
  EXPECT_EQ(letters(disk, file), "a00");
  EXPECT_FALSE(disk.file(file).needs_space(0, 3 * kSectorBytes));
  EXPECT_TRUE(disk.file(file).needs_space(0, kBlockBytes + 1));
  EXPECT_THAT(outcomes(disk, letters_of(file)), UnorderedElementsAre("a", "a00"));
  sync(disk, file);
  EXPECT_THAT(outcomes(disk, letters_of(file)), ElementsAre("a00"));
}

TEST(DiskContent, R22_undone_space_has_to_be_found_again) {
  auto [disk, file] = one_file(sectors('a', 8));
  disk.allocate(file, 0, 64 * kSectorBytes);
  EXPECT_FALSE(disk.file(file).needs_space(0, 64 * kSectorBytes));
  const auto needs = [&](const SimDisk& image) {
    const bool undone = image.file(file).size() == 8 * kSectorBytes;
    EXPECT_EQ(image.file(file).needs_space(0, 64 * kSectorBytes), undone);
    return std::string(undone ? "undone" : "kept");
  };
  EXPECT_THAT(outcomes(disk, needs), UnorderedElementsAre("undone", "kept"));
}

}  // namespace
}  // namespace holdfast::sim
