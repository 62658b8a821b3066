// Frees whole trees and subtrees, reading only what must be read to find their pages.
#pragma once

#include <cstdint>

#include <holdfast/result.h>

#include "format/page.h"
#include "page/page_writer.h"

namespace holdfast::tree {

// The page that `ref` names, which stands `level` high, dies, and all below it. Leaves are read only if they may hold
// overflow values. A page that is reached twice is an error of retire(), so this ends on any bytes.
Result<void> drop_subtree(PageWriter& writer, const format::PageRef& ref, uint8_t level);

// The runs of all overflow values in rows [begin, end) of a leaf die.
Result<void> retire_overflows(PageWriter& writer, const std::byte* leaf, uint32_t begin, uint32_t end);

}  // namespace holdfast::tree
