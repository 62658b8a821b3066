// PageLifetimes: dead pages that a live reader can still reach.
//
// Owns:       the list of such pages, hung on readers' csns. Threads: the writer's.
// Invariants: (1) a page hangs on the largest live csn in [birth, death); when no reader of that csn is left it moves
// to
//                 the next lower one, or is free. So an idle old reader keeps only pages that it can reach;
//             (2) a page moves down at most once per live csn, and is looked at only when it moves.
// Fails:      never (but for memory).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include <holdfast/ids.h>

#include "base/ids.h"

namespace holdfast {

struct DeadPage {
  PageNumber page{};
  Csn birth{};
};

class PageLifetimes {
 public:
  // Takes pages that died at `death`. Those that no csn of `live` (increasing) can reach are appended to `free`.
  void add(std::span<const DeadPage> pages, Csn death, std::span<const Csn> live, std::vector<PageNumber>& free);
  // Moves on what hangs on csns that are not live any more.
  void collect(std::span<const Csn> live, std::vector<PageNumber>& free);
  uint64_t page_count() const { return page_count_; }

 private:
  void hang(const DeadPage& page, Csn before, std::span<const Csn> live, std::vector<PageNumber>& free);

  std::map<Csn, std::vector<DeadPage>> awaiting_;  // by the csn that they hang on
  uint64_t page_count_ = 0;
};

}  // namespace holdfast
