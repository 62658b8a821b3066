// The exhaustive explorer: how many states it visits is pinned, so that none is lost unnoticed.
#include "sim/exhaust.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include <fmt/format.h>

#include "base/planted.h"
#include "sim/exhaust_images.h"
#include "tests/sim/disk_image.h"

namespace holdfast::sim {
namespace {

// --- images

class AllImages {
 public:
  AllImages(const SimDisk& disk, uint64_t bound) : images(disk, bound) {
    for (size_t index = 0; index < images.count(); ++index) {
      seen.insert(letters(images.image(index), *disk.find(0, "f")));
    }
  }
  CutImages images;
  std::set<std::string> seen;
};

TEST(CutImages, are_all_subsets_of_the_sectors_of_a_write) {
  OneFile made = one_file(sectors('a', 3));
  write(made.disk, made.file, 0, sectors('b', 3));
  const AllImages all(made.disk, 8);
  EXPECT_TRUE(all.images.complete());
  EXPECT_EQ(all.images.count(), 8U);
  EXPECT_EQ(all.seen, (std::set<std::string>{"aaa", "baa", "aba", "bba", "aab", "bab", "abb", "bbb"}));
}

TEST(CutImages, hold_every_version_of_a_sector) {
  OneFile made = one_file(sectors('a'));
  write(made.disk, made.file, 0, sectors('b'));
  write(made.disk, made.file, 0, sectors('c'));
  const AllImages all(made.disk, 100);
  EXPECT_EQ(all.images.count(), 3U);
  EXPECT_EQ(all.seen, (std::set<std::string>{"a", "b", "c"}));
}

TEST(CutImages, do_not_tell_apart_what_reads_the_same) {
  OneFile made = one_file(sectors('a', 2));
  write(made.disk, made.file, 0, sectors('a') + sectors('b'));
  write(made.disk, made.file, 0, sectors('a') + sectors('a'));
  const AllImages all(made.disk, 100);
  EXPECT_EQ(all.images.count(), 2U);
  EXPECT_EQ(all.seen, (std::set<std::string>{"aa", "ab"}));
}

TEST(CutImages, are_the_same_as_those_that_are_drawn) {
  OneFile made = one_file(sectors('a', 2));
  write(made.disk, made.file, 1, sectors('b', 2));
  made.disk.truncate(made.file, 2 * kSectorBytes);
  write(made.disk, made.file, 0, sectors('c'));
  const auto describe = [&](const SimDisk& disk) { return letters(disk, made.file); };
  const std::vector<std::string> drawn = outcomes(made.disk, describe, 20'000);
  const AllImages all(made.disk, 10'000);
  EXPECT_TRUE(all.images.complete());
  EXPECT_EQ(all.seen, std::set<std::string>(drawn.begin(), drawn.end()));
}

TEST(CutImages, begin_with_whole_changes_where_a_bound_cuts_them_short) {
  OneFile made = one_file(sectors('a', 8));
  write(made.disk, made.file, 0, sectors('b', 4));
  write(made.disk, made.file, 4, sectors('c', 4));
  const AllImages all(made.disk, 12);
  EXPECT_FALSE(all.images.complete());
  EXPECT_EQ(all.images.count(), 12U);
  for (const char* whole : {"aaaaaaaa", "bbbbaaaa", "aaaacccc", "bbbbcccc", "baaaaaaa"}) {
    EXPECT_TRUE(all.seen.contains(whole)) << whole;
  }
}

TEST(CutImages, include_every_subset_of_names) {
  SimDisk disk;
  disk.make_directory("db");
  disk.create(0, "f");
  disk.create(0, "g");
  disk.rename(0, "g", "h");
  std::set<std::string> seen;
  const CutImages images(disk, 100);
  for (size_t index = 0; index < images.count(); ++index) {
    std::string names;
    for (const std::string& name : images.image(index).list(0)) {
      names += name;
    }
    seen.insert(names);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "f", "g", "fg", "h", "fh"}));
}

// --- programs

TEST(Exhaust, reads_the_programs_that_it_writes) {
  for (const ExhaustProgram& program : all_programs(2)) {
    EXPECT_EQ(program_from(to_string(program)), program);
  }
  EXPECT_EQ(all_programs(2).size(), 1U + 16 + 16 * 16);
  EXPECT_EQ(program_from("put; jump"), std::nullopt);
}

// A change that makes these fewer is made on purpose, and says why.
std::string explored(const ExhaustSetup& setup, size_t length, const ExhaustBounds& bounds) {
  Explorer explorer(setup, bounds);
  for (const ExhaustProgram& program : all_programs(length)) {
    if (const auto failure = explorer.explore(program, program.size())) {
      return fmt::format("{}: {}: {}", to_string(program), failure->where, failure->account);
    }
  }
  const ExhaustCounts counts = explorer.take_counts();
  return fmt::format("{} programs, {} moments, {} images, {} distinct, {} after second crashes", counts.programs,
                     counts.points, counts.images, counts.distinct, counts.second_distinct);
}

TEST(Exhaust, visits_all_states_of_one_operation_on_nothing) {
  const ExhaustBounds bounds{.images = 256, .second_images = 2};
  EXPECT_EQ(explored({Origin::kEmpty, LogMode::kLog}, 1, bounds),
            "17 programs, 250 moments, 4473 images, 2014 distinct, 8885 after second crashes");
  EXPECT_EQ(explored({Origin::kEmpty, LogMode::kNone}, 1, bounds),
            "17 programs, 206 moments, 2777 images, 1278 distinct, 4243 after second crashes");
}

TEST(Exhaust, visits_all_states_of_one_operation_on_something_of_everything) {
  const ExhaustBounds bounds{.images = 256, .second_images = 0};
  EXPECT_EQ(explored({Origin::kPrepared, LogMode::kLog}, 1, bounds),
            "17 programs, 591 moments, 10118 images, 4195 distinct, 0 after second crashes");
  EXPECT_EQ(explored({Origin::kPrepared, LogMode::kNone}, 1, bounds),
            "17 programs, 547 moments, 7442 images, 3201 distinct, 0 after second crashes");
}

TEST(Exhaust, visits_states_of_two_operations) {
  const ExhaustBounds bounds{.images = 12, .second_images = 0};
  EXPECT_EQ(explored({Origin::kEmpty, LogMode::kLog}, 2, bounds),
            "273 programs, 3318 moments, 18310 images, 7137 distinct, 0 after second crashes");
  EXPECT_EQ(explored({Origin::kEmpty, LogMode::kNone}, 2, bounds),
            "273 programs, 3018 moments, 14282 images, 6259 distinct, 0 after second crashes");
}

// In processes of their own, which have the bug.
TEST(Exhaust, finds_what_a_power_cut_takes_from_an_engine_that_does_not_sync) {
  const auto finds = [](planted::Bug bug) {
    planted::active = bug;
    Explorer explorer({Origin::kEmpty, LogMode::kLog}, {.second_images = 2});
    const auto failure = explorer.explore(*program_from("put; checkpoint"), 0);
    _exit(failure && failure->point > 0 && !failure->account.empty() ? 0 : 1);
  };
  EXPECT_EXIT(finds(planted::Bug::kLogSync), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(finds(planted::Bug::kTreeDataSync), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(finds(planted::Bug::kNone), testing::ExitedWithCode(1), "");
}

TEST(Exhaust, explores_just_the_moment_and_the_image_that_it_is_asked_for) {
  Explorer explorer({Origin::kEmpty, LogMode::kLog}, {.second_images = 0});
  EXPECT_EQ(explorer.explore(*program_from("put; checkpoint"), 0, {.point = 90, .image = "0"}).has_value(), false);
  const ExhaustCounts counts = explorer.take_counts();
  EXPECT_EQ(counts.points, 1U);
  EXPECT_EQ(counts.images, 1U);
  EXPECT_EQ(counts.recoveries, 1U);
}

}  // namespace
}  // namespace holdfast::sim
