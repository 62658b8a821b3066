// Redo of write sets: what a commit puts into the log, and how recovery gets it back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
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

// Reads the body of a log record, and hands its members on in the order of their csns. Errors: corruption, as above or
// if it does not hold exactly `csn_count` members; those of `each`, which end it.
Result<void> decode_group(std::span<const std::byte> body, uint32_t csn_count, uint32_t page_bytes,
                          const std::function<Result<void>(std::unique_ptr<WriteSet>)>& each);

}  // namespace holdfast
