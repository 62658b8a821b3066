// See page_lifetimes.h.
#include "page/page_lifetimes.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace holdfast {

// On the largest live csn in [birth, before), or free.
void PageLifetimes::hang(const DeadPage& page, Csn before, std::span<const Csn> live, std::vector<PageNumber>& free) {
  const auto above = std::ranges::lower_bound(live, PLANTED(kDeathBound) ? Csn{to_int(before) - 1} : before);
  if (above == live.begin() || *(above - 1) < page.birth) {
    free.push_back(page.page);
    return;
  }
  awaiting_[*(above - 1)].push_back(page);
  ++page_count_;
}

void PageLifetimes::add(std::span<const DeadPage> pages, Csn death, std::span<const Csn> live,
                        std::vector<PageNumber>& free) {
  for (const DeadPage& page : pages) {
    hang(page, death, live, free);
  }
}

void PageLifetimes::collect(std::span<const Csn> live, std::vector<PageNumber>& free) {
  // From the highest csn down, so that a page that moves to a csn which is over too moves on in the same pass.
  for (auto it = awaiting_.end(); it != awaiting_.begin();) {
    --it;
    const Csn csn = it->first;
    if (std::ranges::binary_search(live, csn)) {
      continue;
    }
    const std::vector<DeadPage> pages = std::move(it->second);
    it = awaiting_.erase(it);
    page_count_ -= pages.size();
    for (const DeadPage& page : pages) {
      hang(page, csn, live, free);  // strictly below csn, so before `it`
    }
  }
}

}  // namespace holdfast
