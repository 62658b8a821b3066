// Records of a stream: as they come, and with the checksum made right. Payloads decompress to what they claim, or are
// refused.
#include "base/check.h"
#include "base/crc32c.h"
#include "format/stream_record.h"
#include "fuzz/input.h"
#include "log/codec.h"

namespace {

using namespace holdfast;

void try_decode(std::span<const std::byte> bytes, uint32_t seed) {
  format::Record record;
  if (decode_record(bytes, seed, record) != format::RecordProblem::kNone) {
    return;
  }
  std::vector<std::byte> same(record.bytes());
  encode_record(record, seed, same);
  CHECK(std::ranges::equal(same, bytes.first(same.size())));
  uint32_t claimed = 0;
  log::CodecBuffer buffer;
  const auto payload = log::payload_of(record, buffer);
  if (payload) {
    CHECK(format::payload_bytes(record, claimed) && claimed == payload->size() && claimed <= kEventBytesMax);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  try_decode(block, 7);
  if (bytes >= format::kEventOverheadBytes) {
    const uint32_t size = format::record_bytes_at(block);
    if (size != 0 && size <= bytes) {
      const size_t covered = size - format::kEventChecksumBytes;
      store_le<uint32_t>(block.data() + covered, crc32c(std::span(block).first(covered), 7));
      try_decode(block, 7);
    }
  }
  return 0;
}
