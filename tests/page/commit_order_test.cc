// What a commit does to the file and in which order, and what is left of it when a call fails.
#include <algorithm>
#include <set>

#include "tests/page/fixture.h"

namespace holdfast {
namespace {

using format::PageRef;

class PageStoreCommit : public PageStoreTest {
 protected:
  // Some commits, so that there are free pages, a free map, and both meta pages were used; then the one that is meant.
  void prepare() {
    open();
    ref_ = replace({}, "one");
    ref_ = replace(ref_, "two");
    ref_ = replace(ref_, "three");
    faults_.events.clear();
    faults_.changes = 0;
  }
  // A commit of some size: born pages, an overflow run, growth.
  Result<PageRef> big_commit() {
    HOLDFAST_TRY_ASSIGN(PageWriter* const writer, store_->begin(next(store_->meta().csn)));
    PageRef catalog;
    for (int i = 0; i < 200; ++i) {
      auto edit = writer->allocate(format::PageKind::kLeaf, 0);
      if (!edit) {
        store_->abort();
        return fail(std::move(edit).error());
      }
      fill_leaf(*edit, kPageBytes, "four");
      catalog = edit->ref();
    }
    if (auto overflow = writer->write_overflow(std::string(30'000, 'v')); !overflow) {
      store_->abort();
      return fail(std::move(overflow).error());
    }
    must(writer->retire(ref_));
    HOLDFAST_TRY(commit(catalog));
    return catalog;
  }
  uint64_t count_changes_of_big_commit() {
    const PageRef before = ref_;
    must(big_commit());
    const uint64_t changes = faults_.changes;
    ref_ = before;
    return changes;
  }
  // The pages that the events since the last clear() name as written; meta pages and whole runs' first pages too.
  std::set<uint64_t> written_pages() const {
    std::set<uint64_t> pages;
    for (const std::string& event : faults_.events) {
      if (event.starts_with("write ")) {
        const uint64_t begin = std::stoull(event.substr(6)) / kPageBytes;
        const uint64_t bytes = std::stoull(event.substr(event.find('+') + 1));
        for (uint64_t page = begin; page < begin + bytes / kPageBytes; ++page) {
          pages.insert(page);
        }
      }
    }
    return pages;
  }
  void start_over() {
    store_.reset();
    must(directory_->remove("tree"));
    must(PageStore::create(*env_, *directory_, "tree", test_id(), kPageBytes));
    prepare();
  }

  PageRef ref_;
};

TEST_F(PageStoreCommit, writes_pages_syncs_writes_both_meta_copies_syncs) {
  prepare();
  const uint8_t slot = static_cast<uint8_t>(1 - store_->meta().slot);
  must(try_replace(ref_, "four"));
  const std::string first = "write " + std::to_string(slot * kPageBytes) + "+512";
  const std::string second = "write " + std::to_string(slot * kPageBytes + kPageBytes - 512) + "+512";
  ASSERT_GE(faults_.events.size(), 5U);
  const std::vector<std::string> tail(faults_.events.end() - 4, faults_.events.end());
  EXPECT_EQ(tail, (std::vector<std::string>{"sync", first, second, "sync"}));
  for (size_t i = 0; i + 4 < faults_.events.size(); ++i) {
    const std::string& event = faults_.events[i];
    ASSERT_TRUE(event.starts_with("write "));
    EXPECT_GE(std::stoull(event.substr(6)), 2 * kPageBytes);
  }
}

TEST_F(PageStoreCommit, never_writes_where_the_newest_state_or_a_reader_can_look) {
  prepare();
  std::vector<PageReader> readers;
  for (int i = 0; i < 30; ++i) {
    if (i % 3 == 0) {
      readers.push_back(store_->new_reader());
    }
    if (i % 7 == 6) {
      readers.erase(readers.begin());
    }
    std::vector<uint64_t> forbidden;
    for (uint32_t page = 2; page < store_->meta().page_count; ++page) {
      const auto place = store_->place_of(PageNumber{page});
      if (place == PageStore::Place::kTree || place == PageStore::Place::kFreeMap) {
        forbidden.push_back(page);
      }
    }
    for (const PageReader& reader : readers) {
      forbidden.push_back(to_int(reader.state().catalog.page));
    }
    faults_.events.clear();
    ref_ = must(try_replace(ref_, std::to_string(i)));
    for (const std::string& event : faults_.events) {
      if (!event.starts_with("write ")) {
        continue;
      }
      const uint64_t begin = std::stoull(event.substr(6));
      const uint64_t end = begin + std::stoull(event.substr(event.find('+') + 1));
      for (const uint64_t page : forbidden) {
        EXPECT_TRUE(end <= page * kPageBytes || begin >= (page + 1) * kPageBytes) << event << " hits " << page;
      }
    }
  }
}

TEST_F(PageStoreCommit, writes_neighbours_with_one_call) {
  prepare();
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 20, "x");
  must(commit(leaves[0]));
  EXPECT_LE(std::ranges::count_if(faults_.events, [](const std::string& e) { return e.starts_with("write"); }), 6);
}

TEST_F(PageStoreCommit, aborts_cleanly_on_a_full_disk_before_the_meta_page_and_works_again) {
  prepare();
  const uint64_t changes = count_changes_of_big_commit();
  ASSERT_GT(changes, 8U);
  for (uint64_t at = 0; at + 3 < changes; ++at) {  // the last three: two meta copies and a sync
    start_over();
    faults_.os_error = ENOSPC;
    faults_.fail_at = at;
    const auto places_before = places();
    const auto result = big_commit();
    if (result) {
      // Growing ahead failed, growing by what is needed did not.
      EXPECT_TRUE(faults_.events[at].starts_with("allocate")) << faults_.events[at];
      continue;
    }
    EXPECT_EQ(result.error().code(), ErrorCode::kNoSpace) << result.error().to_string();
    EXPECT_EQ(store_->failure(), "");
    EXPECT_EQ(places(), places_before);
    EXPECT_EQ(read_catalog(), "three");
    const std::set<uint64_t> tried = written_pages();
    faults_.events.clear();
    must(big_commit());
    for (const uint64_t page : written_pages()) {
      EXPECT_FALSE(tried.contains(page)) << "page " << page << " may hold the same stamp from the failed attempt";
    }
    EXPECT_EQ(read_catalog(), "four");
    store_->verify_free_map([](PageNumber page, const std::string& what) { ADD_FAILURE() << to_int(page) << what; });
    reopen();
    EXPECT_EQ(read_catalog(), "four");
  }
}

TEST_F(PageStoreCommit, turns_read_only_when_a_write_or_sync_fails) {
  prepare();
  const uint64_t changes = count_changes_of_big_commit();
  for (uint64_t at = 0; at < changes; ++at) {
    for (const int os_error : {EIO, ENOSPC}) {
      if (os_error == ENOSPC && at + 3 < changes) {
        continue;  // the test above
      }
      start_over();
      PageReader old = store_->new_reader();
      faults_.os_error = os_error;
      faults_.fail_at = at;
      const auto result = big_commit();
      ASSERT_FALSE(result);
      const bool early = result.error().code() == ErrorCode::kIo;  // before commit(): an early write
      EXPECT_TRUE(early || result.error().code() == ErrorCode::kOutcomeUnknown) << result.error().to_string();
      EXPECT_NE(store_->failure(), "");
      EXPECT_EQ(read(old, old.state().catalog), "three");
      EXPECT_EQ(read_catalog(), "three");
      EXPECT_EQ(store_->meta().csn, Csn{3});
      const Error refused = must_fail(store_->begin(Csn{4}), ErrorCode::kReadOnly);
      EXPECT_NE(refused.message().find("earlier write failed"), std::string::npos);
      {
        const PageReader gone = std::move(old);
      }
      reopen();
      const std::string found = read_catalog();
      EXPECT_TRUE(found == "three" || (at + 2 >= changes && found == "four")) << found;
      ref_ = store_->meta().catalog;
      must(try_replace(ref_, "five"));
    }
  }
}

TEST_F(PageStoreCommit, survives_a_file_that_cannot_be_cut) {
  prepare();
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 1000, "x");
  must(writer.retire(ref_));
  must(commit(leaves[0]));
  PageWriter& eraser = begin();
  for (size_t i = 1; i < leaves.size(); ++i) {
    must(eraser.retire(leaves[i]));
  }
  must(commit(leaves[0]));
  faults_.events.clear();
  faults_.truncations_fail = true;
  const PageRef ref = replace(leaves[0], "a");
  const auto cut = std::ranges::find_if(faults_.events, [](const std::string& e) { return e.starts_with("truncate"); });
  ASSERT_NE(cut, faults_.events.end());
  EXPECT_EQ(*(cut - 1), "sync") << "only when the shorter state is durable";
  EXPECT_EQ(store_->failure(), "");
  EXPECT_EQ(read_catalog(), "a");
  PageWriter& grower = begin();
  new_leaves(grower, 1000, "x");
  must(commit(ref));
  reopen();
  EXPECT_EQ(read_catalog(), "a");
}

}  // namespace
}  // namespace holdfast
