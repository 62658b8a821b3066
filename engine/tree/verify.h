// What VERIFY builds look at after a tree was changed.
#pragma once

#include "format/page.h"
#include "page/page_writer.h"

namespace holdfast::tree {

// Whether pages of the tree that were born in this generation keep every rule: their own, their parents' separators,
// and the overflow flag. Looks at a bounded number of them. Older pages are not entered: they came from the file.
bool born_pages_are_sound(PageWriter& writer, const format::PageRef& root);

}  // namespace holdfast::tree
