// How far a stream reaches, in one state.
#pragma once

#include <optional>
#include <string_view>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "format/stream_rows.h"
#include "page/page_reader.h"

namespace holdfast {

// A stream that is there.
struct FoundStream {
  uint64_t stream_id = 0;
  format::HeadRow head;
  uint64_t first_offset = 0;
  Hash first_prev_hash{};  // chain hash before it
};

// Nothing: no stream has this name. Errors: invalid_argument (the name), io, corruption.
Result<std::optional<FoundStream>> find_stream(PageReader& reader, std::string_view name);
// One that is not there is empty. Errors: as above.
Result<StreamHead> find_head(PageReader& reader, std::string_view name);
// Of all streams. Errors: io, corruption.
Result<StreamTotals> total_streams(PageReader& reader);

}  // namespace holdfast
