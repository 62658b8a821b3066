#include "sim/rot_matrix_layout.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "format/identity.h"
#include "format/stream_record.h"
#include "format/stream_segment.h"
#include "format/wal_frame.h"
#include "format/wal_record.h"
#include "log/segment_file.h"
#include "sim/segment_image.h"
#include "wal/slot_file.h"

namespace holdfast::sim {

namespace {

using format::EventHeaderOnDisk;
using format::FrameHeaderOnDisk;
using format::IdentityOnDisk;
using format::RecordHeaderOnDisk;
using format::SegmentHeaderOnDisk;
using format::StreamFooterOnDisk;
using format::StreamSegmentHeaderOnDisk;

constexpr FieldAt kIdentityFields[] = {{"magic", 0},
                                       {"format version", offsetof(IdentityOnDisk, format_version)},
                                       {"checksum", offsetof(IdentityOnDisk, checksum)},
                                       {"database id", offsetof(IdentityOnDisk, database_id)},
                                       {"page bytes", offsetof(IdentityOnDisk, page_bytes)},
                                       {"reserved", offsetof(IdentityOnDisk, reserved)}};
constexpr FieldAt kSlotFields[] = {{"magic", 0},
                                   {"format version", offsetof(SegmentHeaderOnDisk, format_version)},
                                   {"checksum", offsetof(SegmentHeaderOnDisk, checksum)},
                                   {"database id", offsetof(SegmentHeaderOnDisk, database_id)},
                                   {"epoch", offsetof(SegmentHeaderOnDisk, epoch)},
                                   {"lane", offsetof(SegmentHeaderOnDisk, lane)},
                                   {"slot", offsetof(SegmentHeaderOnDisk, slot)},
                                   {"sequence", offsetof(SegmentHeaderOnDisk, sequence)},
                                   {"segment bytes", offsetof(SegmentHeaderOnDisk, segment_bytes)},
                                   {"reserved", offsetof(SegmentHeaderOnDisk, reserved)}};
constexpr FieldAt kFrameFields[] = {{"header checksum", 0},
                                    {"body checksum", offsetof(FrameHeaderOnDisk, body_checksum)},
                                    {"body bytes", offsetof(FrameHeaderOnDisk, body_bytes)},
                                    {"flags", offsetof(FrameHeaderOnDisk, flags)},
                                    {"unit", offsetof(FrameHeaderOnDisk, unit)},
                                    {"first csn", offsetof(FrameHeaderOnDisk, first_csn)},
                                    {"last csn", offsetof(FrameHeaderOnDisk, last_csn)},
                                    {"watermark", offsetof(FrameHeaderOnDisk, watermark)},
                                    {"wall clock", offsetof(FrameHeaderOnDisk, wall_ns)},
                                    {"frame number", offsetof(FrameHeaderOnDisk, frame_number)},
                                    {"flush segments back", offsetof(FrameHeaderOnDisk, flush_segments_back)},
                                    {"flush unit", offsetof(FrameHeaderOnDisk, flush_unit)},
                                    {"continued bytes", offsetof(FrameHeaderOnDisk, continued_bytes)}};
constexpr FieldAt kRecordFields[] = {{"record checksum", 0},
                                     {"record csn count", offsetof(RecordHeaderOnDisk, csn_count)},
                                     {"record first csn", offsetof(RecordHeaderOnDisk, first_csn)},
                                     {"record body bytes", offsetof(RecordHeaderOnDisk, body_bytes)},
                                     {"redo", sizeof(RecordHeaderOnDisk)}};
constexpr FieldAt kStreamHeaderFields[] = {{"magic", 0},
                                           {"format version", offsetof(StreamSegmentHeaderOnDisk, format_version)},
                                           {"checksum", offsetof(StreamSegmentHeaderOnDisk, checksum)},
                                           {"database id", offsetof(StreamSegmentHeaderOnDisk, database_id)},
                                           {"stream id", offsetof(StreamSegmentHeaderOnDisk, stream_id)},
                                           {"file", offsetof(StreamSegmentHeaderOnDisk, file)},
                                           {"revision", offsetof(StreamSegmentHeaderOnDisk, revision)},
                                           {"first offset", offsetof(StreamSegmentHeaderOnDisk, first_offset)},
                                           {"prev hash", offsetof(StreamSegmentHeaderOnDisk, prev_hash)},
                                           {"reserved", offsetof(StreamSegmentHeaderOnDisk, reserved)}};
constexpr FieldAt kFooterFields[] = {{"magic", 0},
                                     {"checksum", offsetof(StreamFooterOnDisk, checksum)},
                                     {"index count", offsetof(StreamFooterOnDisk, index_count)},
                                     {"first offset", offsetof(StreamFooterOnDisk, first_offset)},
                                     {"next offset", offsetof(StreamFooterOnDisk, next_offset)},
                                     {"records end", offsetof(StreamFooterOnDisk, records_end)},
                                     {"chain hash", offsetof(StreamFooterOnDisk, chain_hash)},
                                     {"reserved", offsetof(StreamFooterOnDisk, reserved)},
                                     {"index", sizeof(StreamFooterOnDisk)}};

bool is_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
}

// --- the log

struct Frame {
  size_t file = 0;  // of the files of the log
  uint64_t sequence = 0;
  uint64_t offset = 0;
  format::FrameHeader header;
  // Where its flush began: a segment, and a unit of it.
  std::pair<uint64_t, uint16_t> flush() const { return {sequence - header.flush_segments_back, header.flush_unit}; }
};

class LogFiles {
 public:
  LogFiles(std::vector<FileLayout> files, const TreeFacts& facts)
      : files_(std::move(files)), start_(facts.meta.log), csn_(facts.meta.csn) {}

  std::vector<Region> regions() {
    for (uint16_t lane = 0; lane < start_.lane_count; ++lane) {
      live_lane(lane);
    }
    std::vector<Region> all;
    for (size_t index = 0; index < files_.size(); ++index) {
      if (!live_[index]) {
        const bool is_slot = !is_zero(files_[index].bytes().substr(0, format::kSectorBytes));
        files_[index].begin({.structure = is_slot ? "old log segment" : "new log file", .in_use = false});
        if (is_slot) {
          files_[index].add(0, kSlotFields, sizeof(SegmentHeaderOnDisk));
        }
        rest(files_[index], is_slot ? format::kFrameUnitBytes : 0);
      }
      std::ranges::move(files_[index].take(), std::back_inserter(all));
    }
    return all;
  }

 private:
  std::optional<format::SegmentHeader> header_of(size_t file) const {
    const auto header = format::decode_segment_header(as_bytes(files_[file].bytes()).first<format::kSectorBytes>());
    return header ? std::optional(*header) : std::nullopt;
  }

  // What is free for frames, unit by unit.
  static void rest(FileLayout& file, uint64_t from) {
    for (uint64_t unit = from; unit < file.size(); unit += format::kFrameUnitBytes) {
      const std::string_view bytes = std::string_view(file.bytes()).substr(unit, format::kFrameUnitBytes);
      file.add(unit, unit + bytes.size(), is_zero(bytes) ? "zeros" : "old frames");
    }
    file.fill(0, file.size(), "behind the header");
  }

  void live_lane(uint16_t lane) {
    std::map<uint64_t, size_t> segments;
    for (size_t file = 0; file < files_.size(); ++file) {
      const auto header = header_of(file);
      if (header && header->lane == lane && header->epoch == start_.epoch &&
          header->sequence >= start_.first_sequence[lane]) {
        segments.emplace(header->sequence, file);
      }
    }
    std::vector<Frame> frames;
    for (const auto& [sequence, file] : segments) {
      live_[file] = true;
      frames_of(file, sequence, frames);
    }
    for (const auto& [sequence, file] : segments) {
      const bool is_empty = std::ranges::none_of(frames, [&](const Frame& each) { return each.file == file; });
      // An empty one behind the last frame is always kept: it says that the lane goes on so far.
      files_[file].begin({.structure = is_empty ? "log segment ahead" : "log segment"});
      files_[file].add(0, kSlotFields, sizeof(SegmentHeaderOnDisk));
    }
    split_.clear();
    for (const Frame& frame : frames) {
      add_frame(frame, frame.flush() == frames.back().flush());
    }
    for (const auto& [sequence, file] : segments) {
      uint64_t from = format::kFrameUnitBytes;
      for (const Frame& frame : frames) {
        if (frame.file == file) {
          from = frame.offset + format::frame_bytes(frame.header.body_bytes);
        }
      }
      files_[file].begin({.structure = "log space ahead", .in_use = false});
      rest(files_[file], from);
    }
  }

  void frames_of(size_t file, uint64_t sequence, std::vector<Frame>& frames) const {
    const std::span<const std::byte> bytes = as_bytes(files_[file].bytes());
    const uint32_t seed = format::frame_seed_of(*header_of(file));
    for (uint64_t at = format::kFrameUnitBytes; at < bytes.size();) {
      Frame frame{file, sequence, at, {}};
      const auto unit = static_cast<uint16_t>(at / format::kFrameUnitBytes);
      if (format::decode_frame_header(bytes.subspan(at).first<format::kFrameHeaderBytes>(), seed, unit, frame.header) !=
          nullptr) {
        return;
      }
      frames.push_back(frame);
      at += format::frame_bytes(frame.header.body_bytes);
    }
  }

  void add_frame(const Frame& frame, bool is_last_flush) {
    FileLayout& file = files_[frame.file];
    const uint64_t end = frame.offset + format::frame_bytes(frame.header.body_bytes);
    const bool in_tree = frame.header.last_csn <= csn_;
    file.begin({.structure = in_tree         ? "log frame of the checkpoint"
                             : is_last_flush ? "last log frame"
                                             : "log frame",
                .unit_begin = frame.offset,
                .unit_end = end,
                .in_use = !in_tree,
                .first_csn = frame.header.first_csn,
                .last_csn = frame.header.last_csn,
                .is_last_flush = is_last_flush});
    file.add(frame.offset, kFrameFields, format::kFrameHeaderBytes);
    const uint64_t body = frame.offset + format::kFrameHeaderBytes;
    const uint64_t body_end = body + frame.header.body_bytes;
    uint64_t begin = body;
    if (split_.empty() && frame.header.continued_bytes > 0) {
      // It began in a file that is not live any more.
      begin += frame.header.continued_bytes;
      file.add(body, begin, "redo");
    }
    for (uint64_t at = begin; at < body_end;) {
      at = add_record(file, at, body_end);
    }
    file.fill(body_end, end, "padding");
  }

  // A piece of a record, up to `end`; where the next one begins. What of the record was in frames before is in split_.
  uint64_t add_record(FileLayout& file, uint64_t at, uint64_t end) {
    const uint64_t before = split_.size();
    if (before < sizeof(RecordHeaderOnDisk)) {
      const uint64_t part = std::min<uint64_t>(end - at, sizeof(RecordHeaderOnDisk) - before);
      split_ += file.bytes().substr(at, part);
      for (size_t index = 0; index + 1 < std::size(kRecordFields); ++index) {
        const uint64_t from = std::max(kRecordFields[index].offset, before);
        const uint64_t to = std::min(kRecordFields[index + 1].offset, before + part);
        if (from < to) {
          file.add(at + from - before, at + to - before, kRecordFields[index].name);
        }
      }
      if (split_.size() < sizeof(RecordHeaderOnDisk)) {
        return end;
      }
      at += part;
      format::RecordHeader header;
      CHECK(format::decode_record_header(as_bytes(split_).first<sizeof(RecordHeaderOnDisk)>(), header) == nullptr);
      redo_left_ = header.body_bytes;
    }
    const uint64_t part = std::min(end - at, redo_left_);
    file.add(at, at + part, "redo");
    redo_left_ -= part;
    if (redo_left_ == 0) {
      split_.clear();
    }
    return at + part;
  }

  std::vector<FileLayout> files_;
  const format::LogStart start_;
  const Csn csn_;  // of the checkpoint
  std::vector<char> live_ = std::vector<char>(files_.size());
  std::string split_;  // of the header of the record that goes on
  uint64_t redo_left_ = 0;
};

// --- streams

const char* stored_name(format::StoredAs stored_as) {
  switch (stored_as) {
    case format::StoredAs::kPlain: return "payload";
    case format::StoredAs::kLz4: return "payload in LZ4";
    case format::StoredAs::kZstd: return "payload in Zstandard";
    case format::StoredAs::kRedacted: return "length and hash of a redacted payload";
  }
  return "?";
}

}  // namespace

void FileLayout::add(uint64_t begin, uint64_t end, const char* field) {
  end = std::min<uint64_t>(end, bytes_.size());
  if (begin < end) {
    regions_.push_back({structure_, file_, begin, end, field});
  }
}

void FileLayout::add(uint64_t base, std::span<const FieldAt> fields, uint64_t bytes) {
  for (size_t index = 0; index < fields.size(); ++index) {
    const uint64_t end = index + 1 < fields.size() ? fields[index + 1].offset : bytes;
    add(base + fields[index].offset, base + end, fields[index].name);
  }
}

void FileLayout::fill(uint64_t begin, uint64_t end, const char* field) {
  std::ranges::sort(regions_, {}, &Region::begin);
  std::vector<std::pair<uint64_t, uint64_t>> gaps;
  for (const Region& region : regions_) {
    if (region.end <= begin || region.begin >= end) {
      continue;
    }
    if (region.begin > begin) {
      gaps.emplace_back(begin, region.begin);
    }
    begin = region.end;
  }
  gaps.emplace_back(begin, end);
  for (const auto& [from, to] : gaps) {
    add(from, to, field);
  }
}

std::vector<Region> FileLayout::take() {
  std::ranges::sort(regions_, {}, &Region::begin);
  uint64_t at = 0;
  for (const Region& region : regions_) {
    CHECK(region.begin == at && "every byte belongs to one field");
    at = region.end;
  }
  CHECK(at == bytes_.size());
  return std::move(regions_);
}

std::vector<Region> log_layout(std::vector<FileLayout> files, const TreeFacts& facts) {
  return LogFiles(std::move(files), facts).regions();
}

std::vector<Region> stream_layout(FileLayout file, const TreeFacts& facts) {
  const auto& header = *reinterpret_cast<const StreamSegmentHeaderOnDisk*>(file.bytes().data());
  const log::SegmentName name{header.stream_id, header.file, header.revision};
  const auto live =
      std::ranges::find(facts.segments, log::segment_file_name(name), [](const auto& each) { return each.first; });
  const bool in_use = live != facts.segments.end();
  const std::string kind = !in_use               ? "unused stream segment"
                           : live->second.sealed ? "sealed stream segment"
                                                 : "open stream segment";
  file.begin(
      {.structure = kind + " header", .unit_begin = 0, .unit_end = format::kStreamHeaderBytes, .in_use = in_use});
  file.add(0, kStreamHeaderFields, format::kStreamHeaderBytes);
  const std::span<const std::byte> all = as_bytes(file.bytes());
  const uint32_t seed = format::stream_checksum_seed(facts.meta.database_id, header.stream_id);
  const uint64_t records_end = in_use ? live->second.records_end : 0;
  for (uint64_t at = format::kStreamHeaderBytes; at < records_end;) {
    format::Record record;
    if (format::decode_record(all.subspan(at), seed, record) != format::RecordProblem::kNone) {
      const uint64_t next = (at / format::kStreamUnitBytes + 1) * format::kStreamUnitBytes;
      file.begin({.structure = kind});
      file.add(at, next, "padding between records");
      at = next;
      continue;
    }
    const uint64_t end = at + record.bytes();
    file.begin({.structure = record.stored_as == format::StoredAs::kRedacted ? "redacted record" : "stream record",
                .unit_begin = at,
                .unit_end = end});
    file.add(at, at + offsetof(EventHeaderOnDisk, prev_hash), "offset");
    file.add(at + offsetof(EventHeaderOnDisk, prev_hash), at + offsetof(EventHeaderOnDisk, length), "prev hash");
    file.add(at + offsetof(EventHeaderOnDisk, length), at + format::kEventHeaderBytes, "length, codec and kind");
    file.add(at + format::kEventHeaderBytes, end - format::kEventChecksumBytes, stored_name(record.stored_as));
    file.add(end - format::kEventChecksumBytes, end, "checksum");
    at = end;
  }
  if (in_use && live->second.sealed) {
    const auto footer = format::decode_stream_footer(all.subspan(records_end), seed);
    CHECK(footer);
    const uint64_t bytes = format::stream_footer_bytes(footer->first_offset, footer->next_offset);
    file.begin({.structure = "stream footer", .unit_begin = records_end, .unit_end = records_end + bytes});
    file.add(records_end, kFooterFields, bytes);
  }
  file.begin({.structure = kind, .in_use = false});
  file.fill(0, file.size(), in_use ? "behind its end" : "anything");
  return file.take();
}

std::vector<Region> rot_layout(const SimDisk& disk) {
  const uint32_t directory = *disk.find_directory("db");
  TreeFacts facts;
  std::vector<Region> all = tree_layout({"tree", read_file(disk, directory, "tree")}, facts);
  const auto add = [&](std::vector<Region> regions) { std::ranges::move(regions, std::back_inserter(all)); };
  std::vector<FileLayout> log;
  for (const std::string& name : disk.list(directory)) {
    FileLayout file(name, read_file(disk, directory, name));
    if (wal::parse_slot_file_name(name)) {
      log.push_back(std::move(file));
    } else if (log::parse_segment_file_name(name)) {
      add(stream_layout(std::move(file), facts));
    } else if (name == "identity") {
      file.begin({.structure = "identity", .unit_begin = 0, .unit_end = sizeof(IdentityOnDisk)});
      file.add(0, kIdentityFields, sizeof(IdentityOnDisk));
      add(file.take());
    } else if (name != "tree") {
      file.begin({.structure = name + " file", .in_use = false});
      file.fill(0, file.size(), "anything");
      add(file.take());
    }
  }
  add(log_layout(std::move(log), facts));
  return all;
}

}  // namespace holdfast::sim
