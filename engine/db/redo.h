// Redo of write sets: what a commit puts into the log, and how recovery gets it back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <holdfast/result.h>

#include "db/write_set.h"
#include "format/redo.h"

namespace holdfast {

// Appends one member. False, and `redo` is cleared, if it would grow beyond `bytes_max`.
bool encode_redo(const WriteSet& writes, uint64_t bytes_max, std::vector<std::byte>& redo);

// Reads one member into an empty write set. Errors: corruption (it is not what encode_redo writes, or breaks a limit of
// a database with this page size).
Result<void> decode_redo(format::RedoReader& reader, uint32_t page_bytes, WriteSet& writes);

}  // namespace holdfast
