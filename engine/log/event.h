// PreparedEvent: an event on its way into a stream, with everything done that needs no place in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/sha256.h"
#include "format/stream_record.h"

namespace holdfast::log {

struct PreparedEvent {
  Hash digest{};        // of the payload
  uint32_t length = 0;  // of the payload
  format::StoredAs stored_as = format::StoredAs::kPlain;
  std::span<const std::byte> stored;
};

}  // namespace holdfast::log
