// Rot damage: what a rot probe does to a copy of the disk at rest, before the engine opens it.
//
// Much of it is aimed: at branches (few among the pages, and a wrong way down is the worst that a bit can do), at the
// free map, at headers under a checksum that is right, and at pages that were never stored.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sim/copies.h"
#include "sim/live_pages.h"

namespace holdfast::sim {

struct RotDamage {
  std::string text;            // in words; empty: nothing that shows
  std::string blamed;          // the one file that was damaged; empty: several
  std::vector<LivePage> live;  // damaged pages that the newest state reaches: `check` must notice
  bool must_refuse = false;    // nobody can tell which state is the newest
  bool damages_log = false;    // a file of the log is among the damaged ones
  bool is_forged = false;      // the header lies, so that the error may be noticed at another page
};

// Something of class D. `disk` holds a sound database that nobody has open.
RotDamage damage_at_rest(const CopyContext& context, SimDisk& disk, AtRest at_rest, Decisions& decisions);

// `before`: what the tree file was before its newest commit, when an attempt at that commit had come to nothing. One
// page of the attempt is back where the commit put another one. Does nothing if there is no such page.
RotDamage put_page_back(const CopyContext& context, SimDisk& disk, std::span<const std::byte> before,
                        Decisions& decisions);

}  // namespace holdfast::sim
