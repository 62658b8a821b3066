// What the tests of the page store share: an environment in memory, and leaves that are easy to make.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <holdfast/memory_env.h>

#include "format/leaf.h"
#include "page/page_store.h"
#include "tests/page/faulty_env.h"

namespace holdfast {

inline format::DatabaseId test_id() {
  format::DatabaseId id{};
  id[3] = std::byte{7};
  return id;
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().to_string();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}
template <class T>
Error must_fail(Result<T> result, ErrorCode code) {
  if (result) {
    ADD_FAILURE() << "it did not fail";
    return Error(ErrorCode::kUnsupported, "it did not fail");
  }
  EXPECT_EQ(result.error().code(), code) << result.error().to_string();
  return std::move(result).error();
}

// Fills a new leaf with one row.
inline void fill_leaf(PageEdit& edit, uint32_t page_bytes, std::string_view value) {
  format::LeafBuilder builder(page_bytes);
  format::LeafValue leaf_value;
  leaf_value.bytes = value;
  builder.add("key", leaf_value);
  builder.finish(edit.data());
}

inline std::string value_in(const std::byte* page, uint32_t page_bytes) {
  return std::string(format::LeafView(page, page_bytes).value(0).bytes);
}

// The catalog stands for the whole tree: one leaf, or what a test makes of it.
class PageStoreTest : public testing::Test {
 protected:
  static constexpr uint32_t kPageBytes = 4096;
  static constexpr uint64_t kCacheBytes = 256 * 1024;

  PageStoreTest() {
    directory_ =
        std::make_unique<FaultyDirectory>(must(env_->open_directory("db", DirectoryMode::kCreateIfMissing)), faults_);
    must(PageStore::create(*env_, *directory_, "tree", test_id(), kPageBytes));
  }
  Result<std::unique_ptr<PageStore>> try_open(bool read_only = false) {
    return PageStore::open(*env_, *directory_, "tree", {.cache_bytes = kCacheBytes, .read_only = read_only});
  }
  void open() { store_ = must(try_open()); }
  void reopen() {
    store_.reset();
    open();
  }
  PageWriter& begin() { return *must(store_->begin(next(store_->meta().csn))); }
  Result<void> commit(const format::PageRef& catalog) {
    return store_->commit({next(store_->meta().csn), catalog, store_->meta().next_bucket_id});
  }
  format::PageRef new_leaf(PageWriter& writer, std::string_view value) {
    PageEdit edit = must(writer.allocate(format::PageKind::kLeaf, 0));
    fill_leaf(edit, kPageBytes, value);
    return edit.ref();
  }
  std::vector<format::PageRef> new_leaves(PageWriter& writer, uint32_t count, const std::string& prefix) {
    std::vector<format::PageRef> refs;
    for (uint32_t i = 0; i < count; ++i) {
      refs.push_back(new_leaf(writer, prefix + std::to_string(i)));
    }
    return refs;
  }
  // One commit that replaces `old` (or nothing) by a leaf with `value`, which becomes the catalog.
  Result<format::PageRef> try_replace(const format::PageRef& old, std::string_view value) {
    HOLDFAST_TRY_ASSIGN(PageWriter* const writer, store_->begin(next(store_->meta().csn)));
    if (!old.is_null()) {
      must(writer->retire(old));
    }
    const format::PageRef ref = new_leaf(*writer, value);
    HOLDFAST_TRY(commit(ref));
    return ref;
  }
  format::PageRef replace(const format::PageRef& old, std::string_view value) { return must(try_replace(old, value)); }
  static std::string read(PageReader& reader, const format::PageRef& ref) {
    const PageReader::Guard guard(reader);
    const auto page = reader.fetch(ref, 0);
    return page ? value_in(*page, kPageBytes) : page.error().to_string();
  }
  std::string read_catalog() {
    PageReader reader = store_->new_reader();
    return read(reader, reader.state().catalog);
  }
  // Changes a byte of the file.
  void damage(uint64_t offset) {
    const auto file = must(directory_->open_file("tree", OpenMode::kReadWrite));
    std::byte byte{};
    must(file->read_at(offset, {&byte, 1}));
    byte ^= std::byte{0x40};
    must(file->write_at(offset, {&byte, 1}));
  }
  // How many pages are in each place; the whole file is counted.
  std::vector<uint64_t> places() const {
    std::vector<uint64_t> counts(5);
    for (uint32_t page = 0; page < store_->meta().page_count; ++page) {
      ++counts[static_cast<size_t>(store_->place_of(PageNumber{page}))];
    }
    return counts;
  }

  Faults faults_;
  std::unique_ptr<Env> env_ = new_memory_env();
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<PageStore> store_;
};

}  // namespace holdfast
