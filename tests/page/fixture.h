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

namespace holdfast {

inline format::DatabaseId test_id() {
  format::DatabaseId id{};
  id[3] = std::byte{7};
  return id;
}

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << result.error().to_string();
  return std::move(*result);
}
inline void must(const Result<void>& result) { EXPECT_TRUE(result.has_value()) << result.error().to_string(); }
template <class T>
Error must_fail(Result<T> result, ErrorCode code) {
  EXPECT_FALSE(result.has_value());
  if (result) {
    return Error(ErrorCode::kIo, "it did not fail");
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

class PageStoreTest : public testing::Test {
 protected:
  static constexpr uint32_t kPageBytes = 4096;
  static constexpr uint64_t kCacheBytes = 256 * 1024;

  void create() {
    directory_ = must(env_->open_directory("db", DirectoryMode::kCreateIfMissing));
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
  // Commits with `catalog` as the catalog.
  Result<void> commit(const format::PageRef& catalog) {
    return store_->commit({next(store_->meta().csn), catalog, store_->meta().next_bucket_id});
  }
  format::PageRef new_leaf(PageWriter& writer, std::string_view value) {
    PageEdit edit = must(writer.allocate(format::PageKind::kLeaf, 0));
    fill_leaf(edit, kPageBytes, value);
    return edit.ref();
  }
  // One commit that replaces `old` (or nothing) by a leaf with `value`, which becomes the catalog.
  format::PageRef replace(const format::PageRef& old, std::string_view value) {
    PageWriter& writer = begin();
    if (!old.is_null()) {
      must(writer.retire(old));
    }
    const format::PageRef ref = new_leaf(writer, value);
    must(commit(ref));
    return ref;
  }
  static std::string read(PageReader& reader, const format::PageRef& ref) {
    const PageReader::Guard guard(reader);
    const auto page = reader.fetch(ref, 0);
    return page ? value_in(*page, kPageBytes) : page.error().to_string();
  }

  std::unique_ptr<Env> env_ = new_memory_env();
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<PageStore> store_;
};

}  // namespace holdfast
