// What opening promises about damaged, foreign, short and old files.
#include <algorithm>

#include "format/meta.h"
#include "tests/page/fixture.h"

namespace holdfast {
namespace {

using format::PageRef;

class PageStoreOpen : public PageStoreTest {
 protected:
  // Offsets of the copies of the meta page with the newest state (`newest`), or of the other one.
  std::vector<uint64_t> copies(bool newest) const {
    const uint64_t slot = newest ? store_->meta().slot : 1U - store_->meta().slot;
    return {slot * kPageBytes, slot * kPageBytes + kPageBytes - 512};
  }
  void fill() {
    open();
    PageRef ref = replace({}, "one");
    ref = replace(ref, "two");
    replace(ref, "three");
  }
};

TEST_F(PageStoreOpen, fences_what_it_shows) {
  fill();
  const format::Meta before = store_->meta();
  store_.reset();
  faults_.events.clear();
  open();
  EXPECT_EQ(store_->meta().csn, before.csn);
  EXPECT_EQ(to_int(store_->meta().epoch), to_int(before.epoch) + 1);
  EXPECT_EQ(store_->meta().slot, 1 - before.slot);
  EXPECT_EQ(store_->meta().catalog, before.catalog);
  ASSERT_EQ(faults_.events.size(), 4U) << "both copies of one meta page, a sync, and the file's size";
  EXPECT_EQ(faults_.events[2], "sync") << "nothing is shown before it is durable";
  EXPECT_TRUE(faults_.events.back().starts_with("truncate")) << "a size beyond the state's pages may be a page cache's";
}

TEST_F(PageStoreOpen, writes_nothing_when_read_only) {
  fill();
  store_.reset();
  faults_.events.clear();
  store_ = must(try_open(true));
  EXPECT_EQ(read_catalog(), "three");
  EXPECT_TRUE(faults_.events.empty());
  must_fail(store_->begin(Csn{4}), ErrorCode::kReadOnly);
}

TEST_F(PageStoreOpen, finds_the_state_with_any_one_copy_damaged_and_repairs_it) {
  for (const bool newest : {false, true}) {
    for (const size_t copy : {0U, 1U}) {
      fill();
      const uint64_t offset = copies(newest)[copy];
      store_.reset();
      damage(offset + 40);
      open();
      EXPECT_EQ(read_catalog(), "three");
      PageRef ref = replace(store_->meta().catalog, "four");
      ref = replace(ref, "five");
      store_.reset();
      const auto file = must(directory_->open_file("tree", OpenMode::kReadOnly));
      std::array<std::byte, 512> bytes;
      must(file->read_at(offset, bytes));
      EXPECT_TRUE(format::decode_meta(bytes).has_value());
      must(directory_->remove("tree"));
      must(PageStore::create(*env_, *directory_, "tree", test_id(), kPageBytes));
    }
  }
}

// A failed write leaves half of one copy. The open that repairs it may fail in the same way: it must not have touched
// the good one before.
TEST_F(PageStoreOpen, a_good_copy_stays_while_the_other_one_of_its_page_is_repaired) {
  for (const bool newest : {false, true}) {
    for (const size_t copy : {0U, 1U}) {
      for (uint64_t nth = 0, failed = 1; failed > 0; ++nth) {
        SCOPED_TRACE(std::to_string(copy) + (newest ? " of the newest, " : ", ") + std::to_string(nth));
        fill();
        const uint64_t offset = copies(newest)[copy];
        store_.reset();
        damage(offset + 40);
        faults_.fail_at = faults_.changes + nth;
        failed = try_open() ? 0 : 1;
        faults_.fail_at.reset();
        if (const std::string& last = faults_.events.back(); failed > 0 && last.starts_with("write ")) {
          const uint64_t torn = std::stoull(last.substr(6));
          if (torn != offset) {
            damage(torn + 40);
          }
        }
        open();
        EXPECT_EQ(read_catalog(), "three");
        store_.reset();
        must(directory_->remove("tree"));
        must(PageStore::create(*env_, *directory_, "tree", test_id(), kPageBytes));
      }
    }
  }
}

TEST_F(PageStoreOpen, refuses_when_both_copies_of_a_meta_page_are_damaged) {
  for (const bool newest : {false, true}) {
    fill();
    const auto offsets = copies(newest);
    store_.reset();
    damage(offsets[0] + 40);
    damage(offsets[1] + 40);
    const Error error = must_fail(try_open(), ErrorCode::kCorruption);
    EXPECT_EQ(error.file(), "tree");
    EXPECT_EQ(error.offset(), offsets[0]);
    must(directory_->remove("tree"));
    must(PageStore::create(*env_, *directory_, "tree", test_id(), kPageBytes));
  }
}

TEST_F(PageStoreOpen, refuses_a_file_that_is_missing_empty_or_foreign) {
  must(directory_->remove("tree"));
  must_fail(try_open(), ErrorCode::kNotFound);
  auto file = must(directory_->open_file("tree", OpenMode::kCreateNew));
  must_fail(try_open(), ErrorCode::kCorruption);
  must(file->write_at(0, std::vector<std::byte>(100'000, std::byte{'x'})));
  must_fail(try_open(), ErrorCode::kCorruption);
}

TEST_F(PageStoreOpen, refuses_a_file_that_is_too_short) {
  fill();
  const uint64_t pages = store_->meta().page_count;
  store_.reset();
  must(must(directory_->open_file("tree", OpenMode::kReadWrite))->truncate(pages * kPageBytes - 1));
  const Error error = must_fail(try_open(), ErrorCode::kCorruption);
  EXPECT_NE(error.message().find("shorter"), std::string::npos);
}

TEST_F(PageStoreOpen, refuses_a_damaged_free_map_and_names_its_page) {
  fill();
  const PageNumber page = store_->meta().free_map.page;
  std::vector<uint32_t> bad;
  damage(uint64_t{to_int(page)} * kPageBytes + 100);
  store_->verify_free_map([&](PageNumber each, const std::string&) { bad.push_back(to_int(each)); });
  EXPECT_EQ(bad, std::vector<uint32_t>{to_int(page)});
  store_.reset();
  const Error error = must_fail(try_open(), ErrorCode::kCorruption);
  EXPECT_EQ(error.offset(), uint64_t{to_int(page)} * kPageBytes);
  EXPECT_NE(error.message().find("free map"), std::string::npos);
}

TEST_F(PageStoreOpen, a_page_that_one_read_brings_wrongly_is_read_again) {
  fill();
  store_.reset();
  open();
  const uint64_t offset = uint64_t{to_int(store_->meta().catalog.page)} * kPageBytes + 100;
  faults_.before_next_read = [&] {
    damage(offset);
    faults_.before_next_read = [&] { damage(offset); };  // as it was
  };
  EXPECT_EQ(read_catalog(), "three");
  store_.reset();
  open();
  faults_.before_next_read = [&] { damage(offset); };
  EXPECT_NE(read_catalog(), "three") << "what stays wrong is damage";
}

TEST_F(PageStoreOpen, finds_every_page_size_even_when_the_first_copy_is_damaged) {
  for (uint32_t page_bytes = kPageBytesMin; page_bytes <= kPageBytesMax; page_bytes *= 2) {
    must(PageStore::create(*env_, *directory_, "tree", test_id(), page_bytes));
    damage(20);
    open();
    EXPECT_EQ(store_->page_bytes(), page_bytes);
    store_.reset();
  }
}

TEST_F(PageStoreOpen, creates_over_what_an_interrupted_creation_left) {
  auto left = must(directory_->open_file("tree.new", OpenMode::kCreate));
  must(left->write_at(0, std::vector<std::byte>(1'000'000, std::byte{1})));
  must(PageStore::create(*env_, *directory_, "tree", test_id(), kPageBytes));
  open();
  EXPECT_EQ(store_->stats().file_bytes, 2U * kPageBytes);
  EXPECT_EQ(must(directory_->list()), std::vector<std::string>{"tree"});
}

class PageStoreRead : public PageStoreTest {};

TEST_F(PageStoreRead, refuses_a_damaged_page_and_says_where) {
  open();
  const PageRef ref = replace({}, "one");
  reopen();
  damage(uint64_t{to_int(ref.page)} * kPageBytes + 3000);
  PageReader reader = store_->new_reader();
  for (int i = 0; i < 2; ++i) {
    const Error error = must_fail(reader.pin(ref, 0), ErrorCode::kCorruption);
    EXPECT_EQ(error.file(), "tree");
    EXPECT_EQ(error.offset(), uint64_t{to_int(ref.page)} * kPageBytes);
    EXPECT_NE(error.message().find("checksum"), std::string::npos);
  }
  damage(uint64_t{to_int(ref.page)} * kPageBytes + 3000);
  EXPECT_EQ(read(reader, ref), "one") << "nothing bad was cached";
}

TEST_F(PageStoreRead, refuses_a_stale_page_cached_or_not) {
  open();
  const PageRef ref = replace({}, "one");
  for (int i = 0; i < 2; ++i) {
    PageReader reader = store_->new_reader();
    PageRef stale = ref;
    stale.birth = Csn{0};
    must_fail(reader.pin(stale, 0), ErrorCode::kCorruption);
    stale = ref;
    stale.epoch = Epoch{77};
    must_fail(reader.pin(stale, 0), ErrorCode::kCorruption);
    must_fail(reader.pin(ref, 1), ErrorCode::kCorruption);
    EXPECT_EQ(value_in(must(reader.pin_root(ref)).data(), kPageBytes), "one");
    stale = ref;
    stale.page = PageNumber{0xFFFFFFF0};
    must_fail(reader.pin(stale, 0), ErrorCode::kCorruption);
    stale.page = PageNumber{1};
    must_fail(reader.pin(stale, 0), ErrorCode::kCorruption);
    must_fail(reader.pin(store_->meta().free_map, 0), ErrorCode::kCorruption);
    {
      const PageReader gone = std::move(reader);
    }
    reopen();
  }
}

TEST_F(PageStoreRead, fails_on_a_bad_read_and_works_on_the_next) {
  open();
  const PageRef ref = replace({}, "one");
  reopen();
  PageReader reader = store_->new_reader();
  faults_.reads_fail = true;
  must_fail(reader.pin(ref, 0), ErrorCode::kIo);
  faults_.reads_fail = false;
  EXPECT_EQ(read(reader, ref), "one");
  EXPECT_EQ(store_->failure(), "");
}

TEST_F(PageStoreRead, lets_two_readers_load_one_page_at_once) {
  open();
  const PageRef ref = replace({}, "one");
  reopen();
  PageReader first = store_->new_reader();
  PageReader second = store_->new_reader();
  faults_.before_next_read = [&] {
    EXPECT_EQ(read(second, ref), "one");  // while the first is reading the file, without a lock
  };
  const PagePin pin = must(first.pin(ref, 0));
  EXPECT_EQ(value_in(pin.data(), kPageBytes), "one");
  const PagePin other = must(second.pin(ref, 0));
  EXPECT_EQ(pin.data(), other.data()) << "one of them is kept";
}

TEST_F(PageStoreRead, reads_past_the_cache_for_check) {
  open();
  const PageRef ref = replace({}, "one");
  PageReader reader = store_->new_reader();
  EXPECT_EQ(read(reader, ref), "one");
  std::vector<std::byte> buffer(kPageBytes);
  must(reader.read_from_file(ref, 0, PageReader::Root::kNo, buffer));
  must(reader.read_from_file(ref, 9, PageReader::Root::kYes, buffer));
  damage(uint64_t{to_int(ref.page)} * kPageBytes + 3000);
  EXPECT_EQ(read(reader, ref), "one");
  must_fail(reader.read_from_file(ref, 0, PageReader::Root::kNo, buffer), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace holdfast
