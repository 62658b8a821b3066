#include "log/codec.h"

#include <lz4.h>
#include <zstd.h>

#include <limits>

#include "base/check.h"

namespace holdfast::log {

namespace {

using format::kPayloadLengthBytes;
using format::StoredAs;

// The library's own default: the ratio hardly grows above it, and the time does.
constexpr int kZstdLevel = 3;
static_assert(kEventBytesMax < LZ4_MAX_INPUT_SIZE);

const char* chars(const std::byte* bytes) { return reinterpret_cast<const char*>(bytes); }
char* chars(std::byte* bytes) { return reinterpret_cast<char*>(bytes); }

// Bytes written to `out`; 0 if they do not fit.
size_t compress(std::span<const std::byte> payload, Codec codec, CodecBuffer& buffer, std::span<std::byte> out) {
  if (codec == Codec::kLz4) {
    const int size = LZ4_compress_default(chars(payload.data()), chars(out.data()), static_cast<int>(payload.size()),
                                          static_cast<int>(out.size()));
    return size > 0 ? static_cast<size_t>(size) : 0;
  }
  const size_t size =
      ZSTD_compressCCtx(buffer.compressor(), out.data(), out.size(), payload.data(), payload.size(), kZstdLevel);
  return ZSTD_isError(size) != 0 ? 0 : size;
}

// Whether the bytes fill the buffer.
bool decompress(std::span<const std::byte> from, StoredAs stored_as, CodecBuffer& buffer) {
  const std::span<std::byte> out = buffer.bytes();
  if (stored_as == StoredAs::kLz4) {
    const int size = LZ4_decompress_safe(chars(from.data()), chars(out.data()), static_cast<int>(from.size()),
                                         static_cast<int>(out.size()));
    return size >= 0 && static_cast<size_t>(size) == out.size();
  }
  const size_t size = ZSTD_decompressDCtx(buffer.decompressor(), out.data(), out.size(), from.data(), from.size());
  return ZSTD_isError(size) == 0 && size == out.size();
}

}  // namespace

void CodecBuffer::Free::operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
void CodecBuffer::Free::operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }

ZSTD_CCtx* CodecBuffer::compressor() {
  if (!compressor_) {
    compressor_.reset(ZSTD_createCCtx());
    CHECK(compressor_ != nullptr);  // there is no memory
  }
  return compressor_.get();
}

ZSTD_DCtx* CodecBuffer::decompressor() {
  if (!decompressor_) {
    decompressor_.reset(ZSTD_createDCtx());
    CHECK(decompressor_ != nullptr);  // there is no memory
  }
  return decompressor_.get();
}

Stored store(std::span<const std::byte> payload, Codec codec, CodecBuffer& buffer) {
  CHECK(payload.size() <= kEventBytesMax);
  if (codec == Codec::kNone || payload.size() <= kPayloadLengthBytes + 1) {
    return {StoredAs::kPlain, payload};
  }
  // Room for one byte less than the payload takes: what does not fit is not kept.
  std::vector<std::byte>& bytes = buffer.bytes();
  bytes.resize(payload.size() - 1);
  const size_t size = compress(payload, codec, buffer, std::span(bytes).subspan(kPayloadLengthBytes));
  if (size == 0) {
    return {StoredAs::kPlain, payload};
  }
  store_le<uint32_t>(bytes.data(), static_cast<uint32_t>(payload.size()));
  return {codec == Codec::kLz4 ? StoredAs::kLz4 : StoredAs::kZstd, std::span(bytes).first(kPayloadLengthBytes + size)};
}

PreparedEvent prepare(std::span<const std::byte> payload, Codec codec, CodecBuffer& buffer) {
  const Stored stored = store(payload, codec, buffer);
  return {.digest = sha256(payload),
          .length = static_cast<uint32_t>(payload.size()),
          .stored_as = stored.stored_as,
          .stored = stored.bytes};
}

Result<std::span<const std::byte>> payload_of(const format::Record& record, CodecBuffer& buffer) {
  uint32_t bytes = 0;
  if (!format::payload_bytes(record, bytes)) {
    return fail(ErrorCode::kCorruption, "the stored payload cannot be what its codec writes");
  }
  switch (record.stored_as) {
    case StoredAs::kPlain: return record.stored;
    case StoredAs::kRedacted:
      return fail(ErrorCode::kNotFound, "the payload of record " + std::to_string(record.offset) + " was redacted");
    case StoredAs::kLz4:
    case StoredAs::kZstd: break;
  }
  buffer.bytes().resize(bytes);
  if (!decompress(record.stored.subspan(kPayloadLengthBytes), record.stored_as, buffer)) {
    return fail(ErrorCode::kCorruption, "the stored payload does not decompress");
  }
  return std::span<const std::byte>(buffer.bytes());
}

}  // namespace holdfast::log
