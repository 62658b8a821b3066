// BornPages: the frames of pages that are not written yet, by page number.
//
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
  // Pre: it is not there.
  void insert(PageNumber page, Frame* frame) {
    frames_.emplace(page, frame);
    pages_.push_back(page);
    if (pages_.size() > 2 * frames_.size() + kErasedMin) {
      sorted();
    }
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
  static constexpr size_t kErasedMin = 1024;  // so many pages may stand in pages_ in vain

  std::unordered_map<PageNumber, Frame*> frames_;  // looked up, never walked
  std::vector<PageNumber> pages_;                  // every page in frames_, and some that were erased
};

}  // namespace holdfast
