// Which pages a tree is made of.
//
// Threads: the reader's. Errors: io, corruption.
#pragma once

#include <functional>

#include <holdfast/result.h>

#include "format/page.h"
#include "page/page_reader.h"

namespace holdfast::tree {

// Called for every page that the tree reaches, from the root down, the pages of overflow values included. False: what
// is below it is not entered. Leaves are read only if they may hold overflow values. On any bytes it ends: a branch is
// entered at most once if `visit` says so.
using PageVisit = std::function<bool(const format::PageRef& ref)>;
Result<void> walk_pages(PageReader& reader, const format::PageRef& root, const PageVisit& visit);

}  // namespace holdfast::tree
