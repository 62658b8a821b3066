// Walks a whole tree and reports everything in it that is wrong; goes on after damage where it can.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "format/page.h"
#include "page/page_reader.h"

namespace holdfast::tree {

struct CheckVisitor {
  // A page (of a run: each page) that the tree reaches: enter it; or pass it over, and what is below it; or it was
  // reached before by the same tree, which is damage.
  enum class Visit : uint8_t { kEnter, kPassOver, kTwice };
  std::function<Visit(PageNumber page)> page;
  // A page that is damaged or out of place; what is below it is not visited.
  std::function<void(PageNumber page, std::string what)> damage;
  // A row, in key order. The value is read (overflow values included, checksummed).
  std::function<void(std::string_view key, std::string_view value)> row;
};

// Reads past the arena, from the file. Checks every page against its parent, and every key against the separators above
// it. Errors go to the visitor.
void check(PageReader& reader, const format::PageRef& root, const CheckVisitor& visitor);

}  // namespace holdfast::tree
