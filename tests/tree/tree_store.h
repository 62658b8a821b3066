// A PageStore in memory that holds a single tree, and the std::map that the tree must equal.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <holdfast/memory_env.h>

#include "format/identity.h"
#include "page/page_store.h"
#include "tree/check.h"
#include "tree/cursor.h"
#include "tree/tree.h"

namespace holdfast::tree {

using Model = std::map<std::string, std::string>;
// What a batch does: a value, or erase.
using Batch = std::map<std::string, std::optional<std::string>>;

template <class T>
std::string why(const Result<T>& result) {
  return result ? "ok" : result.error().to_string();
}

class TreeStore {
 public:
  explicit TreeStore(uint32_t page_bytes = 4096, uint64_t cache_bytes = uint64_t{8} << 20)
      : env_(new_memory_env()), cache_bytes_(cache_bytes) {
    directory_ = env_->open_directory("db", DirectoryMode::kCreateIfMissing).value();
    const format::DatabaseId id{std::byte{7}};
    const auto created = PageStore::create(*env_, *directory_, "tree", id, page_bytes);
    EXPECT_TRUE(created) << why(created);
    reopen();
  }

  void reopen() {
    store_.reset();
    auto opened = PageStore::open(*env_, *directory_, "tree", {.cache_bytes = cache_bytes_, .read_only = false});
    EXPECT_TRUE(opened) << why(opened);
    store_ = std::move(opened).value();
  }

  PageStore& store() { return *store_; }
  format::PageRef root() { return store_->meta().catalog; }

  using Change = std::function<Result<format::PageRef>(PageWriter&, format::PageRef)>;
  // One generation; the tree's root travels in the catalog's place.
  Result<void> commit(const Change& change) {
    const Csn csn = next(store_->meta().csn);
    HOLDFAST_TRY_ASSIGN(PageWriter * writer, store_->begin(csn));
    auto root_after = change(*writer, root());
    if (!root_after) {
      store_->abort();
      return fail(std::move(root_after).error());
    }
    return store_->commit({.csn = csn, .catalog = *root_after, .next_bucket_id = 1});
  }
  // The same, thrown away.
  void try_and_abort(const Change& change) {
    auto writer = store_->begin(next(store_->meta().csn));
    ASSERT_TRUE(writer) << why(writer);
    const auto ignored = change(**writer, root());
    EXPECT_TRUE(ignored) << why(ignored);
    store_->abort();
  }

  Result<void> apply(const Batch& batch) { return commit(applying(batch)); }
  static Change applying(const Batch& batch) {
    return [&batch](PageWriter& writer, format::PageRef root) {
      std::vector<Op> ops;
      for (const auto& [key, value] : batch) {
        ops.push_back({key, value ? std::optional<std::string_view>(*value) : std::nullopt});
      }
      return tree::apply(writer, root, ops);
    };
  }

  // Everything that check() sees.
  struct Seen {
    Model rows;
    std::vector<std::string> damage;
    std::set<uint32_t> pages;
  };
  Seen see() {
    Seen seen;
    PageReader reader = store_->new_reader();
    std::string last;
    check(reader, root(),
          {.page =
               [&](PageNumber page) {
                 const bool is_new = seen.pages.insert(to_int(page)).second;
                 return is_new ? CheckVisitor::Visit::kEnter : CheckVisitor::Visit::kTwice;
               },
           .damage = [&](PageNumber page,
                         std::string what) { seen.damage.push_back(std::to_string(to_int(page)) + ": " + what); },
           .row =
               [&](std::string_view key, std::string_view value) {
                 if (!seen.rows.empty() && key <= last) {
                   seen.damage.push_back("rows out of order");
                 }
                 last = key;
                 seen.rows.emplace(key, value);
               }});
    return seen;
  }

  // The tree is sound and equals `model`; each page of the file has exactly one place.
  void expect_equals(const Model& model) {
    const Seen seen = see();
    expect_none(seen.damage);
    ASSERT_TRUE(seen.rows == model) << "tree has " << seen.rows.size() << " rows, model " << model.size();
    for (uint32_t page = 0; page < store_->meta().page_count; ++page) {
      const bool reached = seen.pages.contains(page);
      ASSERT_EQ(reached, store_->place_of(PageNumber{page}) == PageStore::Place::kTree) << "page " << page;
    }
    for (const uint32_t page : seen.pages) {
      ASSERT_LT(page, store_->meta().page_count);
    }
  }

 private:
  static void expect_none(const std::vector<std::string>& damage) {
    EXPECT_TRUE(damage.empty()) << damage.size() << " damaged, first: " << damage.front();
  }

  std::unique_ptr<Env> env_;
  uint64_t cache_bytes_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<PageStore> store_;
};

inline void apply_to(Model& model, const Batch& batch) {
  for (const auto& [key, value] : batch) {
    if (value) {
      model[key] = *value;
    } else {
      model.erase(key);
    }
  }
}

// 16 digits, as the benchmarks have them.
inline std::string numbered_key(uint64_t number) {
  std::string key(16, '0');
  for (size_t at = 16; number > 0; number /= 10) {
    key[--at] = static_cast<char>('0' + number % 10);
  }
  return key;
}

}  // namespace holdfast::tree
