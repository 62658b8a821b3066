// Meta pages: finding the newest state when a file is opened, and writing the next.
//
// Threads: the writer's.
#pragma once

#include <cstdint>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "format/meta.h"
#include "page/page_file.h"

namespace holdfast {

// Of two states of one database, whether `a` is newer. A fence has a new epoch, a commit a new csn.
bool is_newer(const format::Meta& a, const format::Meta& b);

// Reads all four copies. Errors: corruption if both copies of one meta page are damaged (the newest commit may have
// been there), if they disagree, or if this is no tree file; io if neither is good and one cannot be read; unsupported
// (a newer format version).
Result<format::Meta> find_newest_meta(File& file);

// Whether one of the four copies is damaged, as a failed write leaves it, or cannot be read. Pre: find_newest_meta
// succeeded. Errors: unsupported.
Result<bool> has_damaged_copy(File& file, uint32_t page_bytes);

// Writes both copies of meta page `meta.slot`; not durable before a sync. Errors: io, no_space.
Result<void> write_meta(PageFile& file, const format::Meta& meta);

// The bytes of a new file: both meta pages, with the same state.
std::vector<std::byte> first_meta_pages(format::Meta meta);

}  // namespace holdfast
