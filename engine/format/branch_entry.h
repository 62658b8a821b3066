// Writes branch entries; shared by BranchEditor and BranchBuilder. Layout: format/branch.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/page.h"

namespace holdfast::format {

struct BranchEntry {
  std::string_view suffix;  // of the separator, behind the prefix; empty for child 0
  PageRef child;
  uint32_t tail_offset = 0;  // 0 if the suffix has no tail
};

// Writes head, child, slot and tail of entry `index` of a branch with `count` children. Pre: they fit.
void write_branch_entry(std::byte* page, uint32_t count, uint32_t index, const BranchEntry& entry);

}  // namespace holdfast::format
