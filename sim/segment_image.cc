#include "sim/segment_image.h"

#include <algorithm>

#include "base/bytes.h"
#include "format/stream_segment.h"

namespace holdfast::sim {

namespace {

void parse(SegmentImage& image, uint32_t seed) {
  const std::span<const std::byte> all = as_bytes(image.bytes);
  for (uint64_t at = format::kStreamHeaderBytes; at < all.size();) {
    ImageRecord found;
    if (decode_record(all.subspan(at), seed, found.record) == format::RecordProblem::kNone) {
      found.position = at;
      found.bytes = found.record.bytes();
      found.stored = as_text(found.record.stored);
      found.record.stored = {};
      at += found.bytes;
      image.records.push_back(std::move(found));
    } else if (at % format::kStreamUnitBytes != 0) {
      at += format::kStreamUnitBytes - at % format::kStreamUnitBytes;
    } else {
      return;
    }
  }
}

}  // namespace

size_t SegmentImage::run_end(size_t at) const {
  while (at + 1 < records.size() && end_of(at) == records[at + 1].position) {
    ++at;
  }
  return at + 1;
}

std::vector<SegmentImage> segment_images(const SimDisk& disk, uint32_t directory, const format::DatabaseId& id) {
  std::vector<SegmentImage> images;
  for (const std::string& file : disk.list(directory)) {
    const auto name = log::parse_segment_file_name(file);
    if (!name) {
      continue;
    }
    SegmentImage image{*name, read_file(disk, directory, file), {}};
    parse(image, format::stream_checksum_seed(id, name->stream_id));
    if (!image.records.empty()) {
      images.push_back(std::move(image));
    }
  }
  std::ranges::sort(images, {}, &SegmentImage::name);
  return images;
}

std::string record_text(const ImageRecord& record, const format::DatabaseId& id, uint64_t stream_id) {
  format::Record encoded = record.record;
  encoded.stored = as_bytes(record.stored);
  std::string text(encoded.bytes(), '\0');
  encode_record(encoded, format::stream_checksum_seed(id, stream_id), std::as_writable_bytes(std::span(text)));
  return text;
}

void replace_file(SimDisk& disk, uint32_t directory, std::string_view name, std::string_view bytes) {
  const uint32_t file = *disk.find(directory, name);
  disk.truncate(file, 0);
  disk.write(file, 0, as_bytes(bytes));
  disk.sync(file, disk.moment(), Decisions(0));
}

std::string read_file(const SimDisk& disk, uint32_t directory, std::string_view name) {
  const Inode& file = disk.file(*disk.find(directory, name));
  std::string bytes(static_cast<size_t>(file.size()), '\0');
  file.read(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace holdfast::sim
