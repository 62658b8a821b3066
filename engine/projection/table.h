// A table of a projection as of any position: a tree of current rows, and a tree of superseded versions
// (format/projection_rows.h).
//
// Threads: the reader's. Errors of all: io, corruption (also a row that cannot be).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "format/page.h"
#include "page/page_reader.h"

namespace holdfast::projection {

// As the position of a read: what is there now.
constexpr uint64_t kNewest = UINT64_MAX;

// Roots; null: no rows.
struct Table {
  format::PageRef current;
  format::PageRef history;
};

// What a key held in [created_at, deleted_at).
struct Version {
  uint64_t created_at = 0;
  uint64_t deleted_at = 0;  // format::kNeverDeleted: it holds it still
  std::string_view data;
};

// What the key held at `position`; false: nothing. `buffer` is the caller's memory, which `version.data` is a view of.
Result<bool> get_at(PageReader& reader, const Table& table, std::string_view key, uint64_t position,
                    std::string& buffer, Version& version);

// The error of a row that cannot be.
std::unexpected<Error> bad_row(std::string_view what);

}  // namespace holdfast::projection
