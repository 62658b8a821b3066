// Live pages: the pages that the newest state in a tree file reaches, found from the file's bytes alone. Probes aim
// damage at them: what is on a page in use must be noticed, wherever in the page it is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "format/meta.h"
#include "format/page.h"
#include "sim/inode.h"

namespace holdfast::sim {

struct LivePage {
  uint64_t offset = 0;
  uint64_t bytes = 0;  // of the page, or of the whole overflow run
  format::PageKind kind{};
};

// The newest state that a meta page of the file names; nothing if none is valid.
std::optional<format::Meta> newest_meta(const Inode& tree);

// Leaves, branches and overflow runs, parents first; not the pages of the free map. Looks at what was written, not at
// the damage over it. Pre: the file is sound.
std::vector<LivePage> live_pages(const Inode& tree);

}  // namespace holdfast::sim
