#include "sim/log_marks.h"

#include <algorithm>
#include <array>
#include <string>

#include "format/wal_frame.h"
#include "wal/slot_file.h"

namespace holdfast::sim {

uint64_t readable_watermark(const SimDisk& disk, uint32_t directory, Epoch epoch) {
  uint64_t watermark = 0;
  for (const std::string& name : disk.list(directory)) {
    if (!wal::parse_slot_file_name(name)) {
      continue;
    }
    const Inode& file = disk.file(*disk.find(directory, name));
    std::array<std::byte, format::kSectorBytes> sector{};
    file.read_truth(0, sector);
    const auto segment = format::decode_segment_header(sector);
    if (!segment || segment->epoch != epoch) {
      continue;
    }
    const uint32_t seed = format::frame_seed_of(*segment);
    for (uint64_t offset = format::kFrameUnitBytes; offset < file.size(); offset += format::kFrameUnitBytes) {
      std::array<std::byte, format::kFrameHeaderBytes> bytes{};
      file.read_truth(offset, bytes);
      format::FrameHeader header;
      const auto unit = static_cast<uint16_t>(offset / format::kFrameUnitBytes);
      if (format::decode_frame_header(bytes, seed, unit, header) == nullptr) {
        watermark = std::max(watermark, to_int(header.watermark));
      }
    }
  }
  return watermark;
}

}  // namespace holdfast::sim
