// Frames and the record headers in them: as they come, and with the checksums made right. An accepted frame seals to
// the same bytes again.
#include "base/check.h"
#include "base/crc32c.h"
#include "format/wal_frame.h"
#include "format/wal_record.h"
#include "fuzz/input.h"

namespace {

using namespace holdfast;

constexpr uint16_t kSector = 9;
constexpr size_t kInputBytesMax = 2 * format::kFrameBodyBytesMax;

void try_record(std::span<const std::byte> body) {
  if (body.size() < format::kRecordHeaderBytes) {
    return;
  }
  format::RecordHeader header;
  if (format::decode_record_header(body.first<format::kRecordHeaderBytes>(), header) != nullptr) {
    return;
  }
  CHECK(header.first_csn <= header.last_csn() && to_int(header.last_csn()) <= format::kCsnMax);
  const auto rest = body.subspan(format::kRecordHeaderBytes);
  if (header.body_bytes > rest.size()) {
    return;
  }
  const auto redo = rest.first(header.body_bytes);
  const auto again = format::encode_record_header(header, redo, fuzz::kSeed);
  CHECK(format::is_record_intact(header, redo, fuzz::kSeed) == (again.checksum == header.checksum));
}

void try_frame(std::span<const std::byte> segment) {
  format::FrameHeader header;
  const auto bytes = segment.first<format::kFrameHeaderBytes>();
  if (format::decode_frame_header(bytes, fuzz::kSeed, kSector, header) != nullptr) {
    return;
  }
  if (format::find_body_damage(segment.subspan(format::kFrameHeaderBytes), header, fuzz::kSeed) != nullptr) {
    return;
  }
  const auto frame = segment.first(format::frame_bytes(header.body_bytes));
  std::vector<std::byte> again(frame.begin(), frame.end());
  format::seal_frame(again, header, fuzz::kSeed);
  CHECK(std::ranges::equal(again, frame));
  try_record(
      frame.subspan(format::kFrameHeaderBytes + header.continued_bytes, header.body_bytes - header.continued_bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const size_t sectors = std::min(bytes, kInputBytesMax) / format::kFrameUnitBytes + 1;
  std::vector<std::byte> block = fuzz::block_of({data, bytes}, sectors * format::kFrameUnitBytes);
  try_frame(block);
  const std::span<std::byte> all(block);
  const auto body_bytes = load_le<uint32_t>(block.data() + offsetof(format::FrameHeaderOnDisk, body_bytes));
  if (body_bytes <= block.size() - format::kFrameHeaderBytes) {
    store_le(block.data() + offsetof(format::FrameHeaderOnDisk, body_checksum),
             crc32c(all.subspan(format::kFrameHeaderBytes, body_bytes), fuzz::kSeed));
  }
  store_le(block.data(), crc32c(all.subspan(4, format::kFrameHeaderBytes - 4), fuzz::kSeed));
  try_frame(block);
  return 0;
}
