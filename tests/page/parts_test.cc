// The parts of the page store against models that are too simple to be wrong.
#include <algorithm>
#include <random>
#include <set>

#include "format/free_map.h"
#include "page/free_map.h"
#include "page/page_bitmap.h"
#include "page/page_lifetimes.h"
#include "page/reader_registry.h"
#include "tests/page/fixture.h"

namespace holdfast {
namespace {

uint32_t draw(std::mt19937& random) { return static_cast<uint32_t>(random()); }

TEST(PageBitmap, finds_bits_and_runs_like_a_vector_of_bools) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const uint32_t size = 1 + draw(random) % 400;
    PageBitmap bitmap;
    bitmap.resize(size);
    std::vector<bool> model(size);
    const uint32_t flips = draw(random) % (3 * size);
    for (uint32_t i = 0; i < flips; ++i) {
      const uint32_t at = draw(random) % size;
      const uint32_t length = std::min<uint32_t>(size - at, 1 + draw(random) % 9);
      for (uint32_t j = at; j < at + length; ++j) {
        bitmap.flip(j);
        model[j] = !model[j];
      }
    }
    EXPECT_EQ(bitmap.count(), static_cast<uint64_t>(std::ranges::count(model, true)));
    const auto begin = draw(random) % size;
    const auto end = begin + draw(random) % (size - begin + 1);
    const auto wanted = 1 + draw(random) % 70;
    std::optional<uint32_t> first;
    std::optional<uint32_t> first_run;
    for (uint32_t at = begin, run = 0; at < end; ++at) {
      run = model[at] ? run + 1 : 0;
      if (model[at] && !first) {
        first = at;
      }
      if (run >= wanted && !first_run) {
        first_run = at + 1 - run;
      }
    }
    EXPECT_EQ(bitmap.find_set(begin, end), first);
    EXPECT_EQ(bitmap.find_run(begin, end, wanted), first_run);
  }
}

TEST(PageLifetimes, free_a_page_exactly_when_no_reader_can_reach_it) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    PageLifetimes lifetimes;
    std::multiset<Csn> readers;
    struct Dead {
      uint64_t birth, death;
      bool is_free = false;
    };
    std::vector<Dead> pages;
    const auto live = [&] {
      std::vector<Csn> csns(readers.begin(), readers.end());
      const auto repeated = std::ranges::unique(csns);
      csns.erase(repeated.begin(), repeated.end());
      return csns;
    };
    const auto settle = [&](const std::vector<PageNumber>& freed) {
      for (const PageNumber page : freed) {
        EXPECT_FALSE(pages[to_int(page)].is_free) << "freed twice";
        pages[to_int(page)].is_free = true;
      }
      uint64_t awaiting = 0;
      for (const Dead& page : pages) {
        const bool reachable = std::ranges::any_of(
            readers, [&](Csn csn) { return to_int(csn) >= page.birth && to_int(csn) < page.death; });
        EXPECT_EQ(page.is_free, !reachable);
        awaiting += reachable ? 1U : 0U;
      }
      EXPECT_EQ(lifetimes.page_count(), awaiting);
    };
    for (uint64_t csn = 1; csn < 60; ++csn) {
      if (draw(random) % 3 != 0) {
        readers.insert(Csn{csn});
      }
      std::vector<DeadPage> dead;
      for (uint64_t i = draw(random) % 5; i > 0; --i) {
        const uint64_t birth = draw(random) % (csn + 2);
        dead.push_back({PageNumber{static_cast<uint32_t>(pages.size())}, Csn{birth}});
        pages.push_back({birth, csn + 1});
      }
      std::vector<PageNumber> freed;
      lifetimes.add(dead, Csn{csn + 1}, live(), freed);
      settle(freed);
      for (uint64_t i = draw(random) % 3; i > 0 && !readers.empty(); --i) {
        readers.erase(std::next(readers.begin(), static_cast<ptrdiff_t>(draw(random) % readers.size())));
      }
      freed.clear();
      lifetimes.collect(live(), freed);
      settle(freed);
    }
  }
}

TEST(ReaderRegistry, lists_every_csn_once_and_in_order) {
  ReaderRegistry registry;
  std::vector<ReaderSlot*> slots;
  State state;
  for (uint64_t csn = 0; csn < 100; ++csn) {
    registry.publish({Csn{csn}, {}, csn + 1});
    for (uint64_t i = 0; i <= csn % 2; ++i) {
      slots.push_back(registry.claim(csn * 7, state));
      EXPECT_EQ(state.csn, Csn{csn});
      EXPECT_EQ(state.next_bucket_id, csn + 1);
    }
  }
  EXPECT_EQ(registry.live_csns().size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(registry.live_csns()));
  EXPECT_EQ(registry.live_count(), 150U);
  ReaderSlot* writer = registry.claim_without_csn(0);
  EXPECT_EQ(registry.live_count(), 150U);
  ReaderRegistry::release(writer);
  slots.push_back(registry.clone(3, *slots.front()));
  for (ReaderSlot* slot : slots) {
    ReaderRegistry::release(slot);
  }
  EXPECT_TRUE(registry.live_csns().empty());
}

// A free map on a file of its own, with every commit read back.
class FreeMapTest : public testing::Test {
 protected:
  static constexpr uint32_t kPageBytes = 4096;

  FreeMapTest() {
    directory_ = must(env_->open_directory("db", DirectoryMode::kCreateIfMissing));
    file_ = std::make_unique<PageFile>(must(directory_->open_file("map", OpenMode::kCreate)), kPageBytes, 0);
    meta_.page_bytes = kPageBytes;
    meta_.epoch = Epoch{1};
    meta_.page_count = 2;
    must(map_.load(*file_, meta_));
  }
  // Commits the open generation; what died is released at once.
  void commit() {
    std::vector<DeadPage> dead;
    const Csn csn = next(meta_.csn);
    must(map_.plan(meta_.epoch, csn, dead));
    std::vector<std::byte> bytes;
    auto images = map_.encode(bytes);
    std::ranges::sort(images, {}, &PageImage::page);
    must(file_->reserve(map_.page_count()));
    must(file_->write(images));
    map_.commit();
    meta_.csn = csn;
    meta_.page_count = static_cast<uint32_t>(map_.page_count());
    meta_.free_count = static_cast<uint32_t>(map_.free_count());
    meta_.free_map = map_.root();
    meta_.free_map_level = map_.root_level();
    (void)format::encode_meta(meta_);  // checks its fields
    for (const DeadPage& page : dead) {
      dead_.push_back(page.page);
    }
    map_.release(dead_);
    dead_.clear();
    expect_same_when_loaded();
  }
  void expect_same_when_loaded() {
    FreeMap loaded(kPageBytes, 0);
    must(loaded.load(*file_, meta_));
    EXPECT_EQ(loaded.free_count(), map_.free_count());
    EXPECT_EQ(loaded.allocatable_count(), map_.allocatable_count());
    for (uint64_t page = 0; page < map_.page_count(); page += map_.page_count() > 10'000 ? 97U : 1U) {
      const PageNumber each{static_cast<uint32_t>(page)};
      ASSERT_EQ(loaded.is_free(each), map_.is_free(each)) << page;
      ASSERT_EQ(loaded.is_map_page(each), map_.is_map_page(each)) << page;
      ASSERT_FALSE(map_.is_free(each) && map_.is_map_page(each)) << page;
    }
    map_.verify(*file_, [](PageNumber page, const std::string& what) { ADD_FAILURE() << to_int(page) << what; });
  }
  void retire(PageNumber page) {
    EXPECT_EQ(map_.retire(page), nullptr);
    dead_.push_back(page);
  }

  std::unique_ptr<Env> env_ = new_memory_env();
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<PageFile> file_;
  format::Meta meta_;
  FreeMap map_{kPageBytes, 0};
  std::vector<PageNumber> dead_;
};

TEST_F(FreeMapTest, keeps_exactly_the_pages_that_are_in_use) {
  std::mt19937 random(3);
  std::set<uint32_t> used;
  for (int round = 0; round < 400; ++round) {
    const std::set<uint32_t> used_before = used;
    const uint64_t count_before = map_.page_count();
    map_.begin();
    std::vector<PageNumber> taken;
    for (uint64_t i = draw(random) % 60; i > 0; --i) {
      if (draw(random) % 5 == 0) {
        const PageRun run = must(map_.allocate_run(1 + draw(random) % 20));
        for (uint32_t j = 0; j < run.page_count; ++j) {
          taken.push_back(PageNumber{to_int(run.first) + j});
          EXPECT_TRUE(used.insert(to_int(run.first) + j).second) << "given twice";
        }
      } else {
        taken.push_back(must(map_.allocate()));
        EXPECT_TRUE(used.insert(to_int(taken.back())).second) << "given twice";
      }
      if (draw(random) % 4 == 0) {
        const PageNumber back = taken.back();
        taken.pop_back();
        used.erase(to_int(back));
        if (draw(random) % 2 == 0) {
          map_.give_back(back);
        } else {
          retire(back);
        }
      }
    }
    for (const uint32_t page : used_before) {
      if (draw(random) % 8 == 0 || (round % 100 == 99 && page > 20)) {
        retire(PageNumber{page});
        used.erase(page);
      }
    }
    if (draw(random) % 4 == 0) {
      if (draw(random) % 2 == 0) {
        std::vector<DeadPage> dead;
        must(map_.plan(meta_.epoch, next(meta_.csn), dead));
      }
      map_.abort();
      dead_.clear();
      used = used_before;
      EXPECT_EQ(map_.page_count(), count_before);
      expect_same_when_loaded();
    } else {
      commit();
    }
    uint64_t map_pages = 0;
    for (uint32_t page = 2; page < map_.page_count(); ++page) {
      const PageNumber each{page};
      map_pages += map_.is_map_page(each) ? 1U : 0U;
      ASSERT_EQ(used.contains(page), !map_.is_free(each) && !map_.is_map_page(each)) << page;
    }
    EXPECT_EQ(2 + used.size() + map_pages + map_.free_count(), map_.page_count());
  }
}

class BreathingFreeMap : public FreeMapTest {
 protected:
  void take(uint32_t count) {
    map_.begin();
    for (; count > 0; --count) {
      pages_.push_back(must(map_.allocate()));
    }
    commit();
  }
  // In forty commits, the newest pages first. Counts how often the file is cut.
  uint64_t give_back(size_t count) {
    uint64_t cuts = 0;
    for (int step = 0; step < 40; ++step) {
      const uint64_t before = map_.page_count();
      map_.begin();
      for (size_t i = count / 40; i > 0; --i) {
        retire(pages_.back());
        pages_.pop_back();
      }
      commit();
      cuts += map_.page_count() < before ? 1U : 0U;
    }
    return cuts;
  }
  std::vector<PageNumber> pages_;
};

TEST_F(BreathingFreeMap, a_file_that_breathes_by_a_tenth_is_never_cut) {
  take(4000);
  uint64_t cuts = 0;
  for (int breath = 0; breath < 20; ++breath) {
    take(480);
    cuts += give_back(480);
  }
  RecordProperty("cuts", std::to_string(cuts));
  EXPECT_EQ(cuts, 0U);
}

TEST_F(BreathingFreeMap, a_file_that_breathes_by_two_thirds_is_cut_a_few_times_a_breath) {
  take(2000);
  uint64_t cuts = 0;
  for (int breath = 0; breath < 20; ++breath) {
    take(4000);
    cuts += give_back(4000);
  }
  RecordProperty("cuts", std::to_string(cuts));
  EXPECT_GE(cuts, 20U) << "the space is given back";
  EXPECT_LE(cuts, 20U * 14);
  EXPECT_LE(map_.page_count(), 2000U * 3 / 2);
}

TEST_F(FreeMapTest, grows_and_shrinks_through_three_levels) {
  const uint32_t per_chunk = format::free_map_pages_covered(kPageBytes);
  const uint64_t two_levels_of_index = uint64_t{per_chunk} * format::free_map_index_fanout(kPageBytes) + 5'000;
  std::vector<PageNumber> pages;
  for (const uint64_t target :
       {uint64_t{1000}, uint64_t{per_chunk} - 3, uint64_t{3} * per_chunk, two_levels_of_index}) {
    map_.begin();
    while (map_.page_count() < target) {
      const PageRun run = must(map_.allocate_run(256));
      for (uint32_t i = 0; i < run.page_count; ++i) {
        pages.push_back(PageNumber{to_int(run.first) + i});
      }
    }
    commit();
    map_.begin();
    for (int i = 0; i < 10; ++i) {  // one page in each of ten places
      std::swap(pages[pages.size() / 11 * static_cast<size_t>(i)], pages.back());
      retire(pages.back());
      pages.pop_back();
    }
    commit();
  }
  EXPECT_EQ(map_.root_level(), 2);
  for (const uint64_t target : {uint64_t{4} * per_chunk, uint64_t{100}}) {
    map_.begin();
    for (PageNumber& page : pages) {
      if (to_int(page) > target) {
        retire(page);
        page = PageNumber{0};
      }
    }
    std::erase(pages, PageNumber{0});
    commit();
    for (int i = 0; i < 40; ++i) {
      map_.begin();
      pages.push_back(must(map_.allocate()));
      commit();
    }
  }
  EXPECT_EQ(map_.root_level(), 0);
  EXPECT_LT(map_.page_count(), per_chunk);
}

}  // namespace
}  // namespace holdfast
