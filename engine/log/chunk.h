// Chunk: records of a stream that no checkpoint has written yet, as the bytes of their file.
//
// The newest records of a stream are in memory until a checkpoint writes them to the segment's file; then their log
// records are not needed any more either. Chunks lie one behind the other in a file, with a gap only where a checkpoint
// ended.
//
// Threads:    the leader of a commit adds bytes behind `size` and then, under the mutex of its owner, moves `size` and
//             `next_offset`. Readers copy what is before them, under that mutex.
// Invariants: bytes before `size` never change; a record lies in one chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace holdfast::log {

struct Chunk {
  Chunk(uint32_t file_number, uint64_t at, uint64_t first, uint32_t bytes)
      : file(file_number),
        position(at),
        first_offset(first),
        capacity(bytes),
        data(std::make_unique_for_overwrite<std::byte[]>(bytes)),
        next_offset(first) {}

  const uint32_t file;
  const uint64_t position;  // of its first byte in the file
  const uint64_t first_offset;
  const uint32_t capacity;
  const std::unique_ptr<std::byte[]> data;
  uint32_t records_at = 0;  // what is before them is the segment's header; decided before anybody else sees the chunk
  uint32_t size = 0;
  uint64_t next_offset;  // of the record behind its last one
};

// Of a chunk, as far as it went when somebody asked. Its owner outlives it.
struct ChunkPart {
  const Chunk* chunk = nullptr;
  uint32_t size = 0;

  std::span<const std::byte> bytes() const { return {chunk->data.get(), size}; }
};

// The records of a part, copied.
struct ChunkCopy {
  uint32_t file = 0;
  uint64_t position = 0;  // of the first record in the file
  uint64_t first_offset = 0, next_offset = 0;
  std::vector<std::byte> records;
};

}  // namespace holdfast::log
