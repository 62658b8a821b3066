// Codecs: how a payload is stored in a record.
//
// Pure functions of bytes; any thread. What comes out of decompression is bounded by the length that the record claims,
// which is bounded by kEventBytesMax: a record cannot make anybody allocate more.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "format/stream_record.h"
#include "log/event.h"

namespace holdfast::log {

struct Stored {
  format::StoredAs stored_as = format::StoredAs::kPlain;
  std::span<const std::byte> bytes;  // into the payload, or into the buffer
};

// What `codec` makes of the payload, if that is smaller than the payload itself; else the payload. `buffer` is the
// caller's memory for it. Pre: the payload has at most kEventBytesMax bytes.
Stored store(std::span<const std::byte> payload, Codec codec, std::vector<std::byte>& buffer);

// The event, ready to be given its place. Pre: as for store().
PreparedEvent prepare(std::span<const std::byte> payload, Codec codec, std::vector<std::byte>& buffer);

// The payload of the record: a view of the record's bytes, or of `buffer`. Total. Errors: corruption (they are not what
// the codec writes, or not as long as they say); not_found (the payload was redacted).
Result<std::span<const std::byte>> payload_of(const format::Record& record, std::vector<std::byte>& buffer);

}  // namespace holdfast::log
