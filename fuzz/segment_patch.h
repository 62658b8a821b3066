// Changes one place of a stream's segment as somebody does who knows the format: checksums are made right again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/stream_record.h"
#include "format/stream_segment.h"
#include "fuzz/choices.h"

namespace holdfast::fuzz {

inline void overwrite(Choices& input, std::span<std::byte> bytes) {
  const uint32_t size = static_cast<uint32_t>(bytes.size());
  const uint32_t offset = input.below(2) == 0 ? input.below(std::min(size, 256U)) : input.below(size);
  const uint32_t length = 1 + input.below(16);
  for (uint32_t i = offset; i < offset + length && i < size; ++i) {
    bytes[i] = static_cast<std::byte>(input.byte());
  }
}

constexpr size_t round_up_to_unit(size_t at) {
  return (at + format::kStreamUnitBytes - 1) / format::kStreamUnitBytes * format::kStreamUnitBytes;
}

// Where the records of a segment begin, and at last where they end.
inline std::vector<size_t> record_positions(std::span<const std::byte> segment, uint32_t seed) {
  std::vector<size_t> positions;
  size_t at = format::kStreamHeaderBytes;
  for (format::Record record; at < segment.size();) {
    if (decode_record(segment.subspan(at), seed, record) == format::RecordProblem::kNone) {
      positions.push_back(at);
      at += record.bytes();
      continue;
    }
    const size_t next = round_up_to_unit(at);  // a checkpoint ended here
    if (next == at || next >= segment.size() ||
        decode_record(segment.subspan(next), seed, record) != format::RecordProblem::kNone) {
      break;
    }
    at = next;
  }
  positions.push_back(at);
  return positions;
}

// Changes a segment in one place, which stays what it was by its checksum.
inline void patch_segment(Choices& input, std::span<std::byte> segment, const format::DatabaseId& id) {
  if (segment.size() < format::kStreamHeaderBytes) {
    return;  // cut off before
  }
  const auto header_bytes = segment.first<format::kStreamHeaderBytes>();
  auto header = format::decode_stream_header(header_bytes);
  if (!header) {
    return;  // by a patch before this one
  }
  const uint32_t seed = format::stream_checksum_seed(id, header->stream_id);
  const std::vector<size_t> positions = record_positions(segment, seed);
  switch (input.below(4)) {
    case 0: overwrite(input, segment); break;
    case 1: {
      format::StreamSegmentHeader changed = *header;
      const uint32_t value = input.below(1000);
      switch (input.below(5)) {
        case 0: changed.stream_id = value; break;
        case 1: changed.file = 1 + value; break;
        case 2: changed.revision = value; break;
        case 3: changed.first_offset = value; break;
        default: changed.prev_hash[value % changed.prev_hash.size()] ^= std::byte{1};
      }
      std::ranges::copy(encode_stream_header(changed), header_bytes.begin());
      break;
    }
    case 2: {
      std::span<std::byte> behind = segment.subspan(positions.back());
      auto footer = format::decode_stream_footer(behind, seed);
      if (const size_t next = round_up_to_unit(positions.back()); !footer && next < segment.size()) {
        behind = segment.subspan(next);
        footer = format::decode_stream_footer(behind, seed);
      }
      if (!footer) {
        break;
      }
      const uint32_t value = input.below(70000);
      switch (input.below(4)) {
        case 0: footer->next_offset = footer->first_offset + std::max<uint64_t>(1, value % 512); break;
        case 1: footer->records_end = value; break;
        case 2: footer->chain_hash[value % footer->chain_hash.size()] ^= std::byte{1}; break;
        default:
          if (!footer->index.empty()) {
            footer->index[value % footer->index.size()] = value;
          }
      }
      footer->index.resize(format::index_entries(footer->first_offset, footer->next_offset));
      const std::vector<std::byte> encoded = encode_stream_footer(*footer, seed);
      std::ranges::copy(std::span(encoded).first(std::min(encoded.size(), behind.size())), behind.begin());
      break;
    }
    default: {
      if (positions.size() < 2) {
        break;
      }
      const size_t index = input.below(static_cast<uint32_t>(positions.size()) - 1);
      const std::span<std::byte> bytes = segment.subspan(positions[index], positions[index + 1] - positions[index]);
      overwrite(input, bytes);
      format::Record record;
      if (decode_record(bytes, seed, record) == format::RecordProblem::kChecksum) {
        std::vector<std::byte> sealed(record.bytes());
        encode_record(record, seed, sealed);
        std::ranges::copy(sealed, bytes.begin());
      }
    }
  }
}

}  // namespace holdfast::fuzz
