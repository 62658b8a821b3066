// Descent: the way from a root down to the leaf in which a key would lie, one page per step. Two of them that take
// their steps in turn wait for memory together.
//
// Threads: the reader's. Lives inside one Guard, as the pages that it points to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <holdfast/result.h>

#include "format/branch.h"
#include "format/page.h"
#include "page/page_reader.h"

namespace holdfast::tree {

class Descent {
 public:
  explicit Descent(PageReader& reader) : reader_(&reader) {}

  // Pre: root is not null. Errors: io, corruption.
  Result<void> start(const format::PageRef& root) {
    auto page = reader_->fetch_root(root);
    if (!page) [[unlikely]] {
      return fail(std::move(page).error());
    }
    page_ = *page;
    level_ = format::header_of(page_).level;
    return {};
  }
  // One step is a choice, which asks for the child, and a move to it. Nothing where it has arrived, or never started.
  // Always inline: g++ takes a function that only prefetches for one without effect, and drops calls of it.
  [[gnu::always_inline]] void choose(std::string_view key) {
    if (level_ > 0) {
      const format::BranchView branch(page_, reader_->page_bytes());
      child_ = branch.child(branch.find_child(key));
      reader_->prefetch(child_);
    }
  }
  // Errors: io, corruption.
  Result<void> move() {
    if (level_ > 0) {
      auto page = reader_->fetch(child_, --level_);
      if (!page) [[unlikely]] {
        return fail(std::move(page).error());
      }
      page_ = *page;
    }
    return {};
  }
  bool arrived() const { return level_ == 0; }
  // Pre: arrived(). Null: it never started.
  const std::byte* leaf() const { return page_; }

 private:
  PageReader* reader_;
  const std::byte* page_ = nullptr;
  format::PageRef child_;
  uint8_t level_ = 0;
};

}  // namespace holdfast::tree
