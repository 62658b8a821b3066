// Codecs: how a payload is stored in a record.
//
// Pure functions of bytes; any thread. What comes out of decompression is bounded by the length that the record claims,
// which is bounded by kEventBytesMax: a record cannot make anybody allocate more.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <holdfast/result.h>
#include <holdfast/stream.h>

#include "format/stream_record.h"
#include "log/event.h"

// Of zstd.h.
struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace holdfast::log {

struct Stored {
  format::StoredAs stored_as = format::StoredAs::kPlain;
  std::span<const std::byte> bytes;  // into the payload, or into the buffer
};

// The caller's memory for what comes out, which lasts until it is used again, and what zstd needs to work: making that
// anew costs fifty times as much as a small payload. One thread at a time.
class CodecBuffer {
 public:
  std::vector<std::byte>& bytes() { return bytes_; }
  ZSTD_CCtx_s* compressor();
  ZSTD_DCtx_s* decompressor();

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::vector<std::byte> bytes_;
  std::unique_ptr<ZSTD_CCtx_s, Free> compressor_;
  std::unique_ptr<ZSTD_DCtx_s, Free> decompressor_;
};

// What `codec` makes of the payload, if that is smaller than the payload itself; else the payload. Pre: the payload has
// at most kEventBytesMax bytes.
Stored store(std::span<const std::byte> payload, Codec codec, CodecBuffer& buffer);

// The event, ready to be given its place. Pre: as for store().
PreparedEvent prepare(std::span<const std::byte> payload, Codec codec, CodecBuffer& buffer);

// The payload of the record: a view of the record's bytes, or of `buffer`. Total. Errors: corruption (they are not what
// the codec writes, or not as long as they say); not_found (the payload was redacted).
Result<std::span<const std::byte>> payload_of(const format::Record& record, CodecBuffer& buffer);

}  // namespace holdfast::log
