// Meta pages: finding the newest state when a file is opened, and writing the next.
//
// Threads: the writer's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

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

// Of each meta page, which copy is damaged, as a failed write leaves it, or cannot be read; nothing: none is. Pre:
// find_newest_meta succeeded. Errors: unsupported.
using DamagedCopies = std::array<std::optional<size_t>, format::kMetaPages>;
Result<DamagedCopies> find_damaged_copies(File& file, uint32_t page_bytes);

// Writes both copies of meta page `meta.slot`; not durable before a sync. Errors: io, no_space.
Result<void> write_meta(PageFile& file, const format::Meta& meta);
// The same of a page of which this copy is damaged: the other one is not touched before that one is durable, so that
// one of the two is good wherever this fails. Errors: io, no_space.
Result<void> repair_meta(PageFile& file, const format::Meta& meta, size_t damaged);

// The bytes of a new file: both meta pages, with the same state.
std::vector<std::byte> first_meta_pages(format::Meta meta);

}  // namespace holdfast
