// Segment images: the files of streams on a disk at rest, taken apart, so that somebody who knows the format can change
// them.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/meta.h"
#include "format/stream_record.h"
#include "log/segment_file.h"
#include "sim/sim_disk.h"

namespace holdfast::sim {

struct ImageRecord {
  uint64_t position = 0;
  uint32_t bytes = 0;
  format::Record record;  // `stored` is empty
  std::string stored;
};

struct SegmentImage {
  log::SegmentName name;
  std::string bytes;  // the whole file
  std::vector<ImageRecord> records;

  std::string file_name() const { return log::segment_file_name(name); }
  // One behind the last record that follows `at` without a gap.
  size_t run_end(size_t at) const;
  uint64_t end_of(size_t at) const { return records[at].position + records[at].bytes; }
};

// Those that hold records, by stream and file. Pre: the database's directory is there, and is sound.
std::vector<SegmentImage> segment_images(const SimDisk& disk, uint32_t directory, const format::DatabaseId& id);
// As it lies in a file, with a good checksum of stream `stream_id`.
std::string record_text(const ImageRecord& record, const format::DatabaseId& id, uint64_t stream_id);
// The file gets these bytes, durably.
void replace_file(SimDisk& disk, uint32_t directory, std::string_view name, std::string_view bytes);
std::string read_file(const SimDisk& disk, uint32_t directory, std::string_view name);

}  // namespace holdfast::sim
