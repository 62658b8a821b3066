// BornPages: the frames of pages that were born in the open generation and are not written yet.
//
// They are not in the arena's table: nobody but the writer may see a page that still changes.
// Threads: the writer's.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "page/arena.h"

namespace holdfast {

class BornPages {
 public:
  Frame* find(PageNumber page) const {
    const auto found = frames_.find(page);
    return found == frames_.end() ? nullptr : found->second;
  }
  void insert(PageNumber page, Frame* frame) {
    frames_.emplace(page, frame);
    pages_.push_back(page);
  }
  void erase(PageNumber page) { frames_.erase(page); }
  size_t count() const { return frames_.size(); }
  // The pages in increasing order.
  const std::vector<PageNumber>& sorted() {
    std::ranges::sort(pages_);
    const auto repeated = std::ranges::unique(pages_);
    pages_.erase(repeated.begin(), repeated.end());
    std::erase_if(pages_, [this](PageNumber page) { return !frames_.contains(page); });
    return pages_;
  }
  void clear() {
    frames_.clear();
    pages_.clear();
  }

 private:
  std::unordered_map<PageNumber, Frame*> frames_;  // looked up, never walked
  std::vector<PageNumber> pages_;                  // every page in frames_, and some that were erased
};

}  // namespace holdfast
