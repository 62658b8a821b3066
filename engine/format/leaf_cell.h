// Writes leaf cells; shared by LeafEditor and LeafBuilder. Layout: format/leaf.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/leaf.h"

namespace holdfast::format {

// Writes leaf_cell_bytes(suffix.size(), value) bytes. Pre: they fit; `value` does not lie in them. `suffix` may be that
// of the cell that is overwritten.
void write_leaf_cell(std::byte* at, std::string_view suffix, const LeafValue& value);

}  // namespace holdfast::format
