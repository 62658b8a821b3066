// Faults that strike during operations: each happens at its rate, does what its rule says, and no more.
#include "sim/io_faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "base/bytes.h"
#include "sim/damage.h"
#include "tests/sim/disk_image.h"
#include "tests/sim/test_machine.h"

namespace holdfast::sim {
namespace {

constexpr size_t kPageBytes = 4096;

// A machine whose file "f" holds 16 synced pages, page i full of letter 'a' + i, after an older version in capitals.
class FaultyFile {
 public:
  explicit FaultyFile(const fault::FaultPlan& plan, uint64_t seed = 1, DiskHooks* hooks = nullptr)
      : machine_(kPosixMin, hooks, seed), faults_(plan) {
    faults_.switch_off();
    machine_.restart_with(&faults_);
    directory_ = machine_.env().open_directory("db", DirectoryMode::kCreateIfMissing).value();
    file_ = directory_->open_file("f", OpenMode::kCreate).value();
    for (const char first : {'A', 'a'}) {
      for (int page = 0; page < 16; ++page) {
        EXPECT_TRUE(file_->write_at(static_cast<uint64_t>(page) * kPageBytes, as_bytes(page_of(first, page))));
      }
      EXPECT_TRUE(file_->sync());
    }
    EXPECT_TRUE(directory_->sync());
    faults_.switch_on();
  }
  static std::string page_of(char first, int page) { return std::string(kPageBytes, static_cast<char>(first + page)); }

  TestMachine& machine() { return machine_; }
  IoFaults& faults() { return faults_; }
  Directory& directory() { return *directory_; }
  File& file() { return *file_; }
  uint32_t number() { return *machine_.disk().find(0, "f"); }
  uint64_t count(fault::Kind kind) { return faults_.counts()[static_cast<size_t>(kind)]; }
  Result<std::string> read(int page) {
    std::string text(kPageBytes, '\0');
    const auto bytes =
        file_->read_at(static_cast<uint64_t>(page) * kPageBytes, std::as_writable_bytes(std::span(text)));
    if (!bytes) {
      return std::unexpected<Error>(bytes.error());
    }
    return text.substr(0, *bytes);
  }

 private:
  TestMachine machine_;
  IoFaults faults_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<File> file_;
};

TEST(IoFaults, R17_short_transfers_and_interruptions_are_invisible) {
  fault::FaultPlan plan;
  plan.short_transfer.one_in = 2;
  FaultyFile faulty(plan);
  for (int round = 0; round < 20; ++round) {
    for (int page = 0; page < 16; ++page) {
      ASSERT_TRUE(
          faulty.file().write_at(static_cast<uint64_t>(page) * kPageBytes, as_bytes(FaultyFile::page_of('a', page))));
      ASSERT_EQ(faulty.read(page).value(), FaultyFile::page_of('a', page));
    }
  }
  EXPECT_GT(faulty.count(fault::Kind::kShortTransfer), 300U);
}

TEST(IoFaults, R17_a_failed_write_leaves_any_part_of_itself) {
  fault::FaultPlan plan;
  plan.io_error.write_one_in = 1;
  std::set<size_t> parts;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    FaultyFile faulty(plan, seed);
    const auto result = faulty.file().write_at(0, as_bytes(std::string(kPageBytes, 'z')));
    ASSERT_EQ(result.error().code(), ErrorCode::kIo);
    EXPECT_EQ(result.error().os_error(), EIO);
    const std::string page = faulty.read(0).value();
    const size_t part = std::min(page.find('a'), kPageBytes);
    EXPECT_EQ(page, std::string(part, 'z') + std::string(kPageBytes - part, 'a'));
    parts.insert(part);
  }
  EXPECT_GT(parts.size(), 30U);
}

TEST(IoFaults, R17_a_failed_read_has_no_effect) {
  fault::FaultPlan plan;
  plan.io_error.read_one_in = 2;
  FaultyFile faulty(plan);
  int failed = 0;
  for (int round = 0; round < 200; ++round) {
    const auto page = faulty.read(round % 16);
    if (page) {
      EXPECT_EQ(*page, FaultyFile::page_of('a', round % 16));
    } else {
      EXPECT_EQ(page.error().code(), ErrorCode::kIo);
      ++failed;
    }
  }
  EXPECT_GT(failed, 60);
  EXPECT_LT(failed, 140);
}

TEST(IoFaults, R17_a_full_disk_refuses_growth_and_takes_overwrites) {
  fault::FaultPlan plan;
  plan.no_space.one_in = 1;
  FaultyFile faulty(plan);
  EXPECT_TRUE(faulty.file().write_at(0, as_bytes(std::string(kPageBytes, 'z'))));
  EXPECT_EQ(faulty.file().write_at(16 * kPageBytes, as_bytes(std::string(kPageBytes, 'z'))).error().code(),
            ErrorCode::kNoSpace);
  EXPECT_EQ(faulty.file().allocate(16 * kPageBytes, 1).error().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(faulty.directory().open_file("g", OpenMode::kCreate).error().code(), ErrorCode::kNoSpace);
  EXPECT_TRUE(faulty.file().sync());
  faulty.faults().switch_off();
  EXPECT_TRUE(faulty.file().write_at(16 * kPageBytes, as_bytes(std::string(kPageBytes, 'z'))));
}

TEST(IoFaults, R17_a_full_disk_has_space_again_after_a_while) {
  fault::FaultPlan plan;
  plan.no_space.one_in = 10;
  plan.no_space.duration_max = 8;
  FaultyFile faulty(plan);
  int runs = 0;
  bool was_full = false;
  for (uint64_t page = 16; page < 1000; ++page) {
    const bool full = !faulty.file().write_at(page * kPageBytes, as_bytes(std::string(kPageBytes, 'z')));
    runs += full && !was_full ? 1 : 0;
    was_full = full;
  }
  EXPECT_GT(runs, 20);
}

TEST(IoFaults, R22_a_copy_on_write_file_system_refuses_overwrites_too) {
  fault::FaultPlan plan;
  plan.no_space.one_in = 1;
  plan.no_space.refuses_overwrites = true;
  FaultyFile faulty(plan);
  EXPECT_EQ(faulty.file().write_at(0, as_bytes(std::string(kPageBytes, 'z'))).error().code(), ErrorCode::kNoSpace);
}

TEST(IoFaults, R14_evicting_the_cache_is_harmless_while_syncs_work) {
  fault::FaultPlan plan;
  plan.cache_eviction.one_in = 1;
  FaultyFile faulty(plan);
  for (int page = 0; page < 16; ++page) {
    EXPECT_EQ(faulty.read(page).value(), FaultyFile::page_of('a', page));
  }
  EXPECT_EQ(faulty.count(fault::Kind::kCacheEviction), 16U);
}

TEST(IoFaults, R25_rot_changes_what_is_read_and_stays) {
  for (const fault::Kind kind : {fault::Kind::kBitRot, fault::Kind::kZeroedSector, fault::Kind::kStaleSector}) {
    fault::FaultPlan plan;
    plan.bit_rot.one_in = kind == fault::Kind::kBitRot ? 1 : 0;
    plan.zeroed_sector.one_in = kind == fault::Kind::kZeroedSector ? 1 : 0;
    plan.stale_sector.one_in = kind == fault::Kind::kStaleSector ? 1 : 0;
    FaultyFile faulty(plan);
    const std::string damaged = faulty.read(3).value();
    EXPECT_NE(damaged, FaultyFile::page_of('a', 3));
    EXPECT_EQ(faulty.count(kind), 1U);
    faulty.faults().switch_off();
    EXPECT_EQ(faulty.read(3).value(), damaged) << "however often it is read";
    EXPECT_TRUE(is_damaged(faulty.machine().disk(), faulty.number(), 3 * kPageBytes, kPageBytes));
    EXPECT_FALSE(is_damaged(faulty.machine().disk(), faulty.number(), 0, 3 * kPageBytes));
    ASSERT_EQ(list_damage(faulty.machine().disk()).size(), 1U);
    EXPECT_EQ(list_damage(faulty.machine().disk())[0].kind, kind);
    if (kind == fault::Kind::kStaleSector) {
      EXPECT_EQ(damaged.find_first_not_of("Dd"), std::string::npos);
    }
    heal(faulty.machine().disk());
    EXPECT_EQ(faulty.read(3).value(), FaultyFile::page_of('a', 3)) << "the truth was never destroyed";
  }
}

TEST(IoFaults, R25_damage_survives_a_power_cut_and_ends_with_a_rewrite) {
  fault::FaultPlan plan;
  plan.zeroed_sector.one_in = 1;
  FaultyFile faulty(plan);
  ASSERT_TRUE(faulty.read(3));
  faulty.faults().switch_off();
  Decisions decisions(1);
  const SimDisk image = faulty.machine().disk().power_cut(decisions);
  EXPECT_TRUE(is_damaged(image, faulty.number(), 3 * kPageBytes, kPageBytes));
  ASSERT_TRUE(faulty.file().write_at(3 * kPageBytes, as_bytes(std::string(kPageBytes, 'n'))));
  EXPECT_EQ(faulty.read(3).value(), std::string(kPageBytes, 'n'));
  EXPECT_TRUE(list_damage(faulty.machine().disk()).empty());
}

TEST(IoFaults, R26_a_latent_sector_fails_every_read_that_touches_it_until_it_is_written) {
  fault::FaultPlan plan;
  plan.latent_sector.one_in = 1;
  FaultyFile faulty(plan);
  EXPECT_EQ(faulty.read(3).error().code(), ErrorCode::kIo);
  faulty.faults().switch_off();
  EXPECT_EQ(faulty.read(3).error().code(), ErrorCode::kIo);
  EXPECT_TRUE(faulty.read(2));
  std::array<std::byte, kSectorBytes> sector{};
  int unreadable = 0;
  for (uint64_t offset = 3 * kPageBytes; offset < 4 * kPageBytes; offset += kSectorBytes) {
    unreadable += faulty.file().read_at(offset, sector) ? 0 : 1;
  }
  EXPECT_EQ(unreadable, 1) << "smaller reads go around it";
  ASSERT_TRUE(faulty.file().write_at(3 * kPageBytes, as_bytes(std::string(kPageBytes, 'n'))));
  EXPECT_EQ(faulty.read(3).value(), std::string(kPageBytes, 'n'));
}

TEST(IoFaults, R27_a_lost_write_is_acknowledged_synced_and_not_there) {
  fault::FaultPlan plan;
  plan.lost_write.one_in = 1;
  FaultyFile faulty(plan);
  ASSERT_TRUE(faulty.file().write_at(3 * kPageBytes, as_bytes(std::string(kPageBytes, 'n'))));
  ASSERT_TRUE(faulty.file().sync());
  EXPECT_EQ(faulty.read(3).value(), FaultyFile::page_of('a', 3));
  heal(faulty.machine().disk());
  EXPECT_EQ(faulty.read(3).value(), std::string(kPageBytes, 'n'));
}

TEST(IoFaults, R27_a_misdirected_write_has_two_victims) {
  fault::FaultPlan plan;
  plan.misdirected_write.one_in = 1;
  int elsewhere = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    FaultyFile faulty(plan, seed);
    ASSERT_TRUE(faulty.file().write_at(3 * kPageBytes, as_bytes(std::string(kPageBytes, 'z'))));
    EXPECT_EQ(faulty.read(3).value(), FaultyFile::page_of('a', 3));
    for (int page = 0; page < 16; ++page) {
      if (page != 3 && faulty.read(page).value() == std::string(kPageBytes, 'z')) {
        ++elsewhere;
        EXPECT_TRUE(is_damaged(faulty.machine().disk(), faulty.number(), static_cast<uint64_t>(page) * kPageBytes, 1));
      }
    }
    heal(faulty.machine().disk());
    EXPECT_EQ(faulty.read(3).value(), std::string(kPageBytes, 'z'));
  }
  EXPECT_GT(elsewhere, 10);
}

TEST(IoFaults, R27_a_misdirected_read_brings_another_place_once) {
  fault::FaultPlan plan;
  plan.misdirected_read.one_in = 1;
  FaultyFile faulty(plan);
  int wrong = 0;
  for (int round = 0; round < 20; ++round) {
    const std::string page = faulty.read(3).value();
    ASSERT_EQ(page, std::string(kPageBytes, page[0]));
    wrong += page[0] != 'd' ? 1 : 0;
  }
  EXPECT_GT(wrong, 10);
  faulty.faults().switch_off();
  EXPECT_EQ(faulty.read(3).value(), FaultyFile::page_of('a', 3));
}

TEST(IoFaults, R3_a_disk_without_power_safe_overwrite_leaves_garbage_beside_what_it_wrote) {
  FaultyFile faulty({});
  ASSERT_TRUE(faulty.file().write_at(3 * kPageBytes, as_bytes(std::string(kSectorBytes, 'n'))));
  int hit_durable_neighbour = 0;
  int hit_several = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Decisions decisions(seed);
    SimDisk image = faulty.machine().disk().power_cut(decisions);
    EXPECT_EQ(tear_neighbours(faulty.machine().disk(), image, 100, decisions), 1U);
    const std::vector<Damage> damage = list_damage(image);
    ASSERT_FALSE(damage.empty());
    for (const Damage& each : damage) {
      EXPECT_EQ(each.offset / kPageBytes, 3U);
    }
    hit_durable_neighbour += damage.back().offset != 3 * kPageBytes ? 1 : 0;
    hit_several += damage.size() > 1 ? 1 : 0;
  }
  EXPECT_GT(hit_durable_neighbour, 30);
  EXPECT_GT(hit_several, 3);
  EXPECT_LT(hit_several, 30);
}

TEST(IoFaults, R28_a_lying_flush_makes_nothing_durable) {
  fault::FaultPlan plan;
  plan.lying_flush.one_in = 1;
  FaultyFile faulty(plan);
  ASSERT_TRUE(faulty.file().write_at(0, as_bytes(std::string(kPageBytes, 'n'))));
  ASSERT_TRUE(faulty.file().sync());
  EXPECT_FALSE(faulty.machine().disk().settled());
}

TEST(IoFaults, R29_a_file_that_somebody_removed_or_put_back_from_a_backup_is_listed) {
  FaultyFile faulty({});
  const SimDisk backup = faulty.machine().disk();
  ASSERT_TRUE(faulty.file().write_at(0, as_bytes(std::string(kPageBytes, 'n'))));
  SimDisk removed = faulty.machine().disk();
  take_file_away(removed, 0, "f");
  EXPECT_FALSE(removed.find(0, "f"));
  SimDisk older = faulty.machine().disk();
  put_older_file_back(older, backup, 0, "f");
  EXPECT_EQ(content(older, *older.find(0, "f"))[0], 'a');
  EXPECT_TRUE(older.settled()) << "what somebody did between two runs is durable";
  EXPECT_EQ(content(faulty.machine().disk(), faulty.number())[0], 'n');
}

TEST(IoFaults, fail_in_the_same_places_on_a_second_run) {
  fault::FaultPlan plan;
  plan.short_transfer.one_in = 3;
  plan.io_error.read_one_in = 20;
  plan.io_error.write_one_in = 20;
  plan.no_space.one_in = 10;
  plan.bit_rot.one_in = 30;
  plan.misdirected_write.one_in = 30;
  std::set<uint64_t> digests;
  for (int run = 0; run < 3; ++run) {
    FaultyFile faulty(plan, 9);
    for (uint64_t round = 0; round < 300; ++round) {
      static_cast<void>(faulty.file().write_at(round % 40 * kPageBytes, as_bytes(std::string(kPageBytes, 'x'))));
      static_cast<void>(faulty.read(static_cast<int>(round % 16)));
    }
    digests.insert(faulty.machine().trace().digest());
  }
  EXPECT_EQ(digests.size(), 1U);
}

// Scopes that the test chooses, as a runner does that knows the action of the workload.
class ScopedHooks final : public DiskHooks {
 public:
  uint64_t scope = 0;
  uint64_t fault_scope() override { return scope; }
};

TEST(IoFaults, stay_with_their_operation_when_those_on_other_files_or_of_other_kinds_are_left_out) {
  fault::FaultPlan plan;
  plan.io_error.read_one_in = 4;
  plan.io_error.write_one_in = 4;
  const auto failed_writes = [&](bool reads_too, bool other_file_too) {
    FaultyFile faulty(plan, 4);
    const auto other = faulty.directory().open_file("g", OpenMode::kCreate).value();
    std::set<int> failed;
    for (int number = 0; number < 100; ++number) {
      if (reads_too) {
        static_cast<void>(faulty.read(number % 16));
      }
      if (other_file_too) {
        static_cast<void>(other->write_at(0, as_bytes(std::string(kPageBytes, 'g'))));
      }
      if (!faulty.file().write_at(0, as_bytes(std::string(kPageBytes, 'n')))) {
        failed.insert(number);
      }
    }
    return failed;
  };
  const std::set<int> alone = failed_writes(false, false);
  EXPECT_GT(alone.size(), 10U);
  EXPECT_EQ(failed_writes(true, true), alone);
}

TEST(IoFaults, stay_with_their_operation_when_others_are_left_out) {
  fault::FaultPlan plan;
  plan.io_error.read_one_in = 4;
  const auto failures = [&](const std::vector<uint64_t>& operations) {
    ScopedHooks hooks;
    FaultyFile faulty(plan, 4, &hooks);
    std::set<uint64_t> failed;
    for (const uint64_t operation : operations) {
      hooks.scope = mix(operation, 1);
      if (!faulty.read(0)) {
        failed.insert(operation);
      }
    }
    return failed;
  };
  std::vector<uint64_t> all(100);
  std::iota(all.begin(), all.end(), 0);
  const std::set<uint64_t> failed = failures(all);
  EXPECT_GT(failed.size(), 10U);
  EXPECT_EQ(failures({failed.begin(), failed.end()}), failed);
}

}  // namespace
}  // namespace holdfast::sim
