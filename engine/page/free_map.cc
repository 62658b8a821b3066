// See free_map.h. Allocation, and how a generation is undone; the map's pages are in free_map_pages.cc.
#include "page/free_map.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "format/free_map.h"

namespace holdfast {

namespace {

constexpr uint64_t kPageCountMax = std::numeric_limits<uint32_t>::max();
// An overflow run takes this share of what it asked for, rather than let the file grow.
constexpr uint32_t kRunShareMin = 8;

}  // namespace

FreeMap::FreeMap(uint32_t page_bytes, uint32_t checksum_seed)
    : page_bytes_(page_bytes),
      checksum_seed_(checksum_seed),
      pages_per_chunk_(format::free_map_pages_covered(page_bytes)),
      fanout_(format::free_map_index_fanout(page_bytes)) {
  CHECK(pages_per_chunk_ % PageBitmap::kBitsPerWord == 0);
}

PageBitmap& FreeMap::bitmap(Which which) {
  switch (which) {
    case Which::kFree: return free_;
    case Which::kAllocatable: return allocatable_;
    case Which::kFresh: return fresh_;
    case Which::kMapPages: return map_pages_;
  }
  CHECK(false);
}

void FreeMap::apply(Which which, PageNumber page) {
  bitmap(which).flip(to_int(page));
  if (which == Which::kAllocatable) {
    ChunkStock& stock = stock_[to_int(page) / pages_per_chunk_];
    if (allocatable_.test(to_int(page))) {
      ++stock.allocatable;
      stock.search_from = std::min(stock.search_from, to_int(page));
    } else {
      --stock.allocatable;
    }
  }
}

void FreeMap::change(Which which, PageNumber page) {
  changes_.push_back({which, page});
  apply(which, page);
  if (which == Which::kFree) {
    mark_changed(0, to_int(page) / pages_per_chunk_);
  }
}

// Pre: for a smaller count, no bit is set beyond it.
void FreeMap::set_page_count(uint64_t page_count) {
  page_count_ = page_count;
  for (const Which which : {Which::kFree, Which::kAllocatable, Which::kFresh, Which::kMapPages}) {
    bitmap(which).resize(page_count);
  }
  const size_t chunks_before = stock_.size();
  stock_.resize((page_count + pages_per_chunk_ - 1) / pages_per_chunk_);
  for (size_t chunk = chunks_before; chunk < stock_.size(); ++chunk) {
    stock_[chunk].search_from = static_cast<uint32_t>(chunk_begin(chunk));
  }
}

void FreeMap::release(std::span<const PageNumber> pages) {
  CHECK(changes_.empty());
  for (const PageNumber page : pages) {
    CHECK(free_.test(to_int(page)) && !allocatable_.test(to_int(page)));
    apply(Which::kAllocatable, page);
  }
}

void FreeMap::withhold(std::span<const PageNumber> pages) {
  CHECK(changes_.empty());
  for (const PageNumber page : pages) {
    const uint32_t index = to_int(page);
    if (index >= page_count_) {
      set_page_count(uint64_t{index} + 1);
    }
    if (!free_.test(index)) {
      apply(Which::kFree, page);
      mark_changed(0, index / pages_per_chunk_);
    }
    if (allocatable_.test(index)) {
      apply(Which::kAllocatable, page);
    }
  }
}

void FreeMap::begin() {
  CHECK(changes_.empty());
  page_count_before_ = page_count_;
  prefer_lowest_ = false;
  levels_before_ = levels_;
}

// From the free pages.
PageNumber FreeMap::take(PageNumber page) {
  CHECK(free_.test(to_int(page)) && allocatable_.test(to_int(page)) && !fresh_.test(to_int(page)));
  change(Which::kAllocatable, page);
  change(Which::kFree, page);
  change(Which::kFresh, page);
  return page;
}

// From beyond the end.
Result<PageNumber> FreeMap::extend(uint32_t pages) {
  if (page_count_ + pages > kPageCountMax) {
    return fail(ErrorCode::kNoSpace, "page numbers are used up");
  }
  const auto first = static_cast<uint32_t>(page_count_);
  set_page_count(page_count_ + pages);
  for (uint32_t i = 0; i < pages; ++i) {
    change(Which::kFresh, PageNumber{first + i});
  }
  return PageNumber{first};
}

Result<PageNumber> FreeMap::allocate() {
  if (allocatable_.count() == 0) {
    return extend(1);
  }
  // A chunk that changes anyway costs no further map page; otherwise the lowest page, so that the file's tail empties.
  size_t best = stock_.size();
  for (size_t chunk = 0; chunk < stock_.size(); ++chunk) {
    if (stock_[chunk].allocatable == 0) {
      continue;
    }
    if (!prefer_lowest_ && chunk < levels_[0].size() && levels_[0][chunk].is_changed) {
      best = chunk;
      break;
    }
    best = std::min(best, chunk);
    if (prefer_lowest_) {
      break;
    }
  }
  ChunkStock& stock = stock_[best];
  const auto page = allocatable_.find_set(stock.search_from, chunk_begin(best + 1));
  CHECK(page.has_value());
  stock.search_from = *page;
  return take(PageNumber{*page});
}

Result<PageRun> FreeMap::allocate_run(uint32_t pages_max) {
  const uint32_t least = std::max(1U, pages_max / kRunShareMin);
  for (uint32_t pages = pages_max; pages >= least; pages /= 2) {
    for (size_t chunk = 0; chunk < stock_.size(); ++chunk) {
      if (stock_[chunk].allocatable < pages) {
        continue;
      }
      const auto first = allocatable_.find_run(stock_[chunk].search_from, chunk_begin(chunk + 1), pages);
      if (!first) {
        continue;
      }
      for (uint32_t i = 0; i < pages; ++i) {
        take(PageNumber{*first + i});
      }
      return PageRun{PageNumber{*first}, pages};
    }
  }
  HOLDFAST_TRY_ASSIGN(const PageNumber first, extend(pages_max));
  return PageRun{first, pages_max};
}

void FreeMap::give_back(PageNumber page) {
  CHECK(fresh_.test(to_int(page)) && !free_.test(to_int(page)));
  change(Which::kFresh, page);
  change(Which::kFree, page);
  change(Which::kAllocatable, page);
}

const char* FreeMap::retire(PageNumber page) {
  if (to_int(page) < format::kMetaPages || to_int(page) >= page_count_) {
    return "a page to free that is not in the file";
  }
  if (free_.test(to_int(page))) {
    return "a page to free that is free already";
  }
  if (map_pages_.test(to_int(page))) {
    return "a page to free that belongs to the free map";
  }
  if (fresh_.test(to_int(page))) {
    change(Which::kFresh, page);
  }
  change(Which::kFree, page);
  return nullptr;
}

void FreeMap::keep() {
  for (const Change& each : changes_) {
    if (each.which == Which::kFresh && fresh_.test(to_int(each.page))) {
      apply(Which::kFresh, each.page);
    }
  }
  changes_.clear();
}

void FreeMap::commit() {
  keep();
  for (Level& level : levels_) {
    for (Node& node : level) {
      node.is_changed = node.is_placed = false;
    }
  }
}

void FreeMap::place_again(Epoch epoch, Csn csn) {
  for (size_t level = 0; level < levels_.size(); ++level) {
    for (size_t index = 0; index < levels_[level].size(); ++index) {
      const format::PageRef& ref = levels_[level][index].ref;
      if (!ref.is_null() && ref.epoch == epoch && ref.birth == csn) {
        mark_changed(level, index);
      }
    }
  }
}

void FreeMap::abort() {
  if (page_count_ < page_count_before_) {
    set_page_count(page_count_before_);  // the bits that are flipped back may lie there
  }
  for (; !changes_.empty(); changes_.pop_back()) {
    apply(changes_.back().which, changes_.back().page);
  }
  set_page_count(page_count_before_);
  levels_ = levels_before_;
}

std::vector<PageNumber> FreeMap::taken() const {
  std::vector<PageNumber> pages;
  for (const Change& each : changes_) {
    if (each.which == Which::kFresh) {
      pages.push_back(each.page);
    }
  }
  return pages;
}

}  // namespace holdfast
