// Headers and footers of stream segments: as they come, and with the checksums made right.
#include "base/check.h"
#include "base/crc32c.h"
#include "format/stream_record.h"
#include "format/stream_segment.h"
#include "fuzz/input.h"

namespace {

using namespace holdfast;

constexpr uint32_t kSeed = 7;

void try_header(std::span<const std::byte, format::kStreamHeaderBytes> bytes) {
  const auto header = format::decode_stream_header(bytes);
  if (header) {
    CHECK(std::ranges::equal(format::encode_stream_header(*header), bytes));
  } else {
    CHECK(!header.error().message().empty());
  }
}

void try_footer(std::span<const std::byte> bytes) {
  const auto footer = format::decode_stream_footer(bytes, kSeed);
  if (footer) {
    const auto same = format::encode_stream_footer(*footer, kSeed);
    CHECK(std::ranges::equal(same, bytes.first(same.size())));
  } else {
    CHECK(!footer.error().message().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  std::vector<std::byte> block = fuzz::block_of({data, bytes}, std::max<size_t>(bytes, format::kStreamHeaderBytes));
  const auto header = std::span(block).first<format::kStreamHeaderBytes>();
  try_header(header);
  try_footer(block);
  format::DatabaseId id;
  std::ranges::copy(header.subspan(offsetof(format::StreamSegmentHeaderOnDisk, database_id), id.size()), id.begin());
  const auto stream = load_le<uint64_t>(header.data() + offsetof(format::StreamSegmentHeaderOnDisk, stream_id));
  const uint32_t checksum =
      crc32c(header.subspan(16), crc32c(header.first(12), format::stream_checksum_seed(id, stream)));
  store_le<uint32_t>(block.data() + offsetof(format::StreamSegmentHeaderOnDisk, checksum), checksum);
  try_header(header);
  const uint64_t count = load_le<uint32_t>(block.data() + offsetof(format::StreamFooterOnDisk, index_count));
  const uint64_t size = sizeof(format::StreamFooterOnDisk) + 8 * count;
  if (size <= block.size()) {
    const std::span<std::byte> footer = std::span(block).first(size);
    store_le<uint32_t>(block.data() + offsetof(format::StreamFooterOnDisk, checksum),
                       crc32c(footer.subspan(12), crc32c(footer.first(8), kSeed)));
    try_footer(block);
  }
  return 0;
}
