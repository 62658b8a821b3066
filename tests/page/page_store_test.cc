// The page store's promises to readers and to the writer, on a disk without faults.
#include "tests/page/fixture.h"

namespace holdfast {
namespace {

using format::PageKind;
using format::PageRef;

class PageStoreGenerations : public PageStoreTest {
 protected:
  PageStoreGenerations() { open(); }
};

TEST_F(PageStoreGenerations, show_a_commit_and_find_it_again) {
  const PageRef ref = replace({}, "one");
  {
    PageReader reader = store_->new_reader();
    EXPECT_EQ(reader.state().csn, Csn{1});
    EXPECT_EQ(reader.state().catalog, ref);
    EXPECT_EQ(read(reader, ref), "one");
  }
  reopen();
  EXPECT_EQ(store_->meta().csn, Csn{1});
  EXPECT_EQ(read_catalog(), "one");
}

TEST_F(PageStoreGenerations, hide_what_is_not_committed) {
  const PageRef one = replace({}, "one");
  PageWriter& writer = begin();
  const PageRef two = new_leaf(writer, "two");
  EXPECT_EQ(read(writer.reader(), two), "two");
  EXPECT_EQ(read(writer.reader(), one), "one");
  EXPECT_EQ(read_catalog(), "one");
  PageReader reader = store_->new_reader();
  {
    const PageReader::Guard guard(reader);
    must_fail(reader.fetch(two, 0), ErrorCode::kCorruption);  // nobody can know it; only damage can lead there
  }
  store_->abort();
}

TEST_F(PageStoreGenerations, undo_everything_on_abort) {
  PageRef ref = replace({}, "one");
  ref = replace(ref, "two");
  ref = replace(ref, "three");
  const auto places_before = places();
  const auto meta_before = store_->meta();
  PageWriter& writer = begin();
  must(writer.retire(ref));
  const auto leaves = new_leaves(writer, 300, "x");  // enough to be written early
  must(writer.retire(leaves[3]));
  must(writer.retire(leaves[299]));
  must(writer.retire_overflow(must(writer.write_overflow(std::string(50'000, 'v')))));
  must(writer.write_overflow(std::string(50'000, 'w')));
  store_->abort();
  EXPECT_EQ(places(), places_before);
  EXPECT_EQ(store_->meta(), meta_before);
  EXPECT_EQ(read_catalog(), "three");
  store_->verify_free_map([](PageNumber page, const std::string& what) { ADD_FAILURE() << to_int(page) << what; });
  const PageRef four = replace(ref, "four");
  for (const PageRef& leaf : leaves) {
    EXPECT_NE(four.page, leaf.page) << "its bytes may be in the file, with the stamp that is used again";
  }
  EXPECT_NE(store_->meta().epoch, meta_before.epoch) << "from now on the stamp cannot come again";
  EXPECT_EQ(read_catalog(), "four");
  store_->verify_free_map([](PageNumber page, const std::string& what) { ADD_FAILURE() << to_int(page) << what; });
}

TEST_F(PageStoreGenerations, keep_a_snapshot_while_commits_go_on) {
  std::vector<PageRef> refs = {replace({}, "0")};
  std::vector<PageReader> readers;
  for (int i = 1; i <= 40; ++i) {
    readers.push_back(store_->new_reader());
    refs.push_back(replace(refs.back(), std::to_string(i)));
  }
  for (size_t i = 0; i < readers.size(); ++i) {
    EXPECT_EQ(read(readers[i], readers[i].state().catalog), std::to_string(i));
    EXPECT_EQ(readers[i].state().catalog, refs[i]);
  }
  EXPECT_EQ(store_->stats().live_readers, 40U);
  EXPECT_EQ(store_->stats().oldest_reader, Csn{1});
  EXPECT_GE(store_->stats().awaiting_pages, 40U);
  readers.clear();
  const PageRef last = replace(refs.back(), "end");
  EXPECT_EQ(store_->stats().awaiting_pages, 0U);
  EXPECT_EQ(read_catalog(), "end");
  EXPECT_EQ(store_->place_of(last.page), PageStore::Place::kTree);
}

TEST_F(PageStoreGenerations, let_an_idle_old_reader_keep_only_its_own_pages) {
  PageRef ref = replace({}, "old");
  PageReader idle = store_->new_reader();
  ref = replace(ref, "new");
  for (int i = 0; i < 20; ++i) {
    ref = replace(ref, std::to_string(i));
  }
  const uint32_t pages = store_->meta().page_count;
  for (int i = 0; i < 2000; ++i) {
    ref = replace(ref, std::to_string(i));
  }
  EXPECT_EQ(store_->meta().page_count, pages);
  EXPECT_LE(store_->stats().awaiting_pages, 1U);
  EXPECT_EQ(read(idle, idle.state().catalog), "old");
}

TEST_F(PageStoreGenerations, do_not_leak_pages_over_a_crash_with_readers) {
  PageRef ref = replace({}, "0");
  std::vector<PageReader> readers;
  for (int i = 1; i < 50; ++i) {
    readers.push_back(store_->new_reader());
    ref = replace(ref, std::to_string(i));
  }
  readers.clear();
  reopen();
  const auto counts = places();
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kTree)], 1U);
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kAwaiting)], 0U);
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kMeta)], 2U);
}

TEST_F(PageStoreGenerations, give_a_page_born_here_back_at_once) {
  PageWriter& writer = begin();
  const PageRef first = new_leaf(writer, "a");
  must(writer.retire(first));
  const PageRef second = new_leaf(writer, "b");
  EXPECT_EQ(second.page, first.page);
  EXPECT_EQ(read(writer.reader(), second), "b");
  must(commit(second));
  EXPECT_EQ(read_catalog(), "b");
}

TEST_F(PageStoreGenerations, never_use_the_number_of_an_early_page_twice) {
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 200, "x");
  ASSERT_FALSE(writer.is_editable(leaves[0])) << "it should have been written early";
  ASSERT_TRUE(writer.is_editable(leaves[199]));
  must(writer.retire(leaves[0]));
  for (const PageRef& each : new_leaves(writer, 50, "y")) {
    EXPECT_NE(each.page, leaves[0].page);
  }
  must_fail(writer.retire(leaves[0]), ErrorCode::kCorruption);
  EXPECT_EQ(read(writer.reader(), leaves[1]), "x1");
  must(commit(leaves[1]));
  EXPECT_EQ(store_->place_of(leaves[0].page), PageStore::Place::kFree);
  EXPECT_EQ(read_catalog(), "x1");
}

TEST_F(PageStoreGenerations, edit_a_page_once_by_copy_then_in_place) {
  const PageRef old = replace({}, "old");
  PageWriter& writer = begin();
  EXPECT_FALSE(writer.is_editable(old));
  PageRef ref;
  {
    PageEdit edit = must(writer.edit(old, 0));
    EXPECT_EQ(value_in(edit.data(), kPageBytes), "old");
    ref = edit.ref();
    EXPECT_NE(ref.page, old.page);
    fill_leaf(edit, kPageBytes, "new");
  }
  EXPECT_TRUE(writer.is_editable(ref));
  {
    PageEdit edit = must(writer.edit(ref, 0));
    EXPECT_EQ(edit.ref(), ref);
    fill_leaf(edit, kPageBytes, "newer");
  }
  EXPECT_EQ(read_catalog(), "old");
  must(commit(ref));
  EXPECT_EQ(read_catalog(), "newer");
}

TEST_F(PageStoreGenerations, refuse_to_free_what_a_damaged_tree_must_not_name) {
  PageRef ref = replace({}, "one");
  const PageRef dead = ref;
  ref = replace(ref, "two");
  PageWriter& writer = begin();
  const auto retire = [&](PageNumber page) {
    return must_fail(writer.retire({.page = page, .epoch = ref.epoch, .birth = ref.birth, .has_overflow = false}),
                     ErrorCode::kCorruption)
        .message();
  };
  EXPECT_NE(retire(PageNumber{0}).find("not in the file"), std::string::npos);
  EXPECT_NE(retire(PageNumber{1}).find("not in the file"), std::string::npos);
  EXPECT_NE(retire(PageNumber{0xFFFFFFFF}).find("not in the file"), std::string::npos);
  EXPECT_NE(retire(dead.page).find("free already"), std::string::npos);
  EXPECT_NE(retire(store_->meta().free_map.page).find("free map"), std::string::npos);
  const PageRef here = new_leaf(writer, "three");
  EXPECT_NE(retire(here.page).find("stamp"), std::string::npos);
  must(writer.retire(ref));
  EXPECT_NE(retire(ref.page).find("free already"), std::string::npos);
  store_->abort();
  EXPECT_EQ(read_catalog(), "two");
}

TEST_F(PageStoreGenerations, keep_overflow_values) {
  std::vector<std::string> values;
  for (const size_t bytes : {1'025U, 4'032U, 4'033U, 100'000U, 1'048'512U, 1'048'513U, 5'000'000U}) {
    std::string value;
    for (size_t i = 0; value.size() < bytes; ++i) {
      value += std::to_string(i * bytes) + ",";
    }
    value.resize(bytes);
    values.push_back(std::move(value));
  }
  PageWriter& writer = begin();
  std::vector<format::OverflowRef> refs;
  for (const std::string& value : values) {
    refs.push_back(must(writer.write_overflow(value)));
    EXPECT_EQ(must(writer.reader().read_overflow(refs.back())), value);
  }
  must(commit({}));
  reopen();
  {
    PageReader reader = store_->new_reader();
    std::string copy;
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string_view view = must(reader.read_overflow(refs[i]));
      EXPECT_EQ(view, values[i]);
      EXPECT_EQ(must(reader.read_overflow(refs[i])).data(), view.data()) << "read twice, kept once";
      must(reader.read_overflow(refs[i], copy));
      EXPECT_EQ(copy, values[i]);
    }
    format::OverflowRef wrong = refs[5];
    --wrong.total_bytes;
    must_fail(reader.read_overflow(wrong, copy), ErrorCode::kCorruption);
    wrong.total_bytes = 2'000'000'000;
    must_fail(reader.read_overflow(wrong), ErrorCode::kCorruption);
  }
  PageWriter& eraser = begin();
  for (const auto& ref : refs) {
    must(eraser.retire_overflow(ref));
  }
  must(commit({}));
  EXPECT_EQ(places()[static_cast<size_t>(PageStore::Place::kTree)], 0U);
}

TEST_F(PageStoreGenerations, notice_a_damaged_overflow_run_anywhere) {
  PageWriter& writer = begin();
  const auto ref = must(writer.write_overflow(std::string(20'000, 'v')));
  must(commit({}));
  for (const uint64_t offset : {0U, 40U, 70U, 9'000U, 20'200U}) {
    damage(uint64_t{to_int(ref.first.page)} * kPageBytes + offset);
    PageReader reader = store_->new_reader();
    const Error error = must_fail(reader.read_overflow(ref), ErrorCode::kCorruption);
    EXPECT_EQ(error.file(), "tree");
    EXPECT_EQ(error.offset(), uint64_t{to_int(ref.first.page)} * kPageBytes);
    damage(uint64_t{to_int(ref.first.page)} * kPageBytes + offset);
  }
}

TEST_F(PageStoreGenerations, put_each_page_in_exactly_one_place) {
  PageRef ref = replace({}, "0");
  const PageReader reader = store_->new_reader();
  for (int i = 0; i < 5; ++i) {
    ref = replace(ref, "x");
  }
  const auto counts = places();
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kMeta)], 2U);
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kTree)], 1U);
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kFreeMap)], 1U);
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kAwaiting)], store_->stats().awaiting_pages);
  EXPECT_EQ(counts[static_cast<size_t>(PageStore::Place::kFree)], store_->stats().free_pages);
  EXPECT_GE(store_->stats().awaiting_pages, 1U);
}

TEST_F(PageStoreGenerations, give_a_long_free_tail_back_to_the_disk_and_do_not_swing) {
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 2000, "x");
  must(commit(leaves[0]));
  const uint64_t full_bytes = store_->stats().file_bytes;
  PageWriter& eraser = begin();
  for (size_t i = 1; i < leaves.size(); ++i) {
    must(eraser.retire(leaves[i]));
  }
  must(commit(leaves[0]));
  PageRef ref = replace(leaves[0], "small");
  ref = replace(ref, "small again");
  EXPECT_LT(store_->meta().page_count, 400U);
  EXPECT_LT(store_->stats().file_bytes, full_bytes / 4);
  EXPECT_EQ(must(must(directory_->open_file("tree", OpenMode::kReadOnly))->size()), store_->stats().file_bytes);
  const uint32_t pages = store_->meta().page_count;
  for (int i = 0; i < 50; ++i) {
    ref = replace(ref, "steady");
    EXPECT_EQ(store_->meta().page_count, pages);
  }
  reopen();
  EXPECT_EQ(read_catalog(), "steady");
  store_->verify_free_map([](PageNumber page, const std::string& what) { ADD_FAILURE() << to_int(page) << what; });
}

TEST_F(PageStoreGenerations, do_not_cut_a_tail_that_a_snapshot_reads) {
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 1000, "x");
  must(commit(leaves[0]));
  PageReader reader = store_->new_reader();
  PageWriter& eraser = begin();
  for (size_t i = 1; i < leaves.size(); ++i) {
    must(eraser.retire(leaves[i]));
  }
  must(commit(leaves[0]));
  PageRef ref = replace(leaves[0], "a");
  ref = replace(ref, "b");
  for (size_t i = 0; i < leaves.size(); ++i) {
    ASSERT_EQ(read(reader, leaves[i]), "x" + std::to_string(i));
  }
}

TEST_F(PageStoreGenerations, grow_the_file_ahead) {
  faults_.events.clear();
  PageRef ref = replace({}, "0");
  for (int i = 0; i < 10; ++i) {
    ref = replace(ref, "x");
  }
  EXPECT_EQ(std::ranges::count_if(faults_.events, [](const std::string& e) { return e.starts_with("allocate"); }), 1);
}

TEST_F(PageStoreGenerations, work_in_a_cache_far_smaller_than_the_data) {
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 5000, "v");  // 20 MB
  must(commit(leaves[0]));
  PageReader reader = store_->new_reader();
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < leaves.size(); ++i) {
      ASSERT_EQ(read(reader, leaves[i * 7919 % leaves.size()]), "v" + std::to_string(i * 7919 % leaves.size()));
    }
  }
  EXPECT_LE(store_->stats().cache_bytes, kCacheBytes + kCacheBytes / 4) << "soft: what a guard still sees";
  EXPECT_GT(store_->stats().cache_evictions, 10'000U);
}

TEST_F(PageStoreGenerations, keep_held_and_pinned_pages_whatever_is_evicted) {
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 1000, "v");
  must(commit(leaves[0]));
  PageReader reader = store_->new_reader();
  std::vector<std::string_view> views;
  std::vector<PagePin> pins;
  for (size_t i = 0; i < 200; ++i) {  // more than the cache
    const PageReader::Guard guard(reader);
    const std::byte* page = must(reader.fetch(leaves[i], 0));
    reader.hold(page);
    reader.hold(page);
    views.push_back(format::LeafView(page, kPageBytes).value(0).bytes);
    pins.push_back(must(reader.pin(leaves[500 + i], 0)));
  }
  PageReader other = store_->new_reader();
  for (const PageRef& ref : leaves) {
    read(other, ref);
  }
  for (size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(views[i], "v" + std::to_string(i));
    EXPECT_EQ(value_in(pins[i].data(), kPageBytes), "v" + std::to_string(500 + i));
  }
  EXPECT_GT(store_->stats().cache_bytes, 2 * kCacheBytes) << "soft";
  pins.clear();
  reader = store_->new_reader();
  for (const PageRef& ref : leaves) {
    read(other, ref);
  }
  EXPECT_LE(store_->stats().cache_bytes, kCacheBytes + kCacheBytes / 4) << "given back";
}

TEST_F(PageStoreGenerations, keep_what_a_guard_saw_whatever_is_evicted) {
  PageWriter& writer = begin();
  const auto leaves = new_leaves(writer, 1000, "v");
  must(commit(leaves[0]));
  PageReader reader = store_->new_reader();
  PageReader other = store_->new_reader();
  const PageReader::Guard guard(reader);
  const std::byte* page = must(reader.fetch(leaves[5], 0));
  for (const PageRef& ref : leaves) {
    read(other, ref);
  }
  EXPECT_EQ(value_in(page, kPageBytes), "v5");
}

TEST_F(PageStoreGenerations, clone_a_reader_of_the_same_state) {
  const PageRef ref = replace({}, "old");
  auto first = std::make_unique<PageReader>(store_->new_reader());
  replace(ref, "new");
  PageReader second = store_->clone_reader(*first);
  first.reset();
  for (int i = 0; i < 10; ++i) {
    replace(store_->meta().catalog, "newer");
  }
  EXPECT_EQ(second.state().csn, Csn{1});
  EXPECT_EQ(read(second, ref), "old");
}

TEST_F(PageStoreGenerations, serve_more_readers_than_any_fixed_table_holds) {
  replace({}, "x");
  std::vector<PageReader> readers;
  for (int i = 0; i < 1000; ++i) {
    readers.push_back(store_->new_reader());
  }
  EXPECT_EQ(store_->stats().live_readers, 1000U);
  EXPECT_EQ(read(readers[999], readers[999].state().catalog), "x");
}

}  // namespace
}  // namespace holdfast
