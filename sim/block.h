// The pieces that the content of a simulated file is made of: blocks, the versions that a block went through since the
// last sync, and chunks of a few blocks. All are shared between copies of a disk and copied when they change (Ref).
//
// Invariants
// 1. A Block never changes once anybody else refers to it.
// 2. Without lies (R14), the cache of a slot is its durable content overlaid with its pending versions, oldest first.
// 3. A slot has pending versions exactly if its bit in `dirty` is set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sim/ref.h"

namespace holdfast::sim {

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kBlockBytes = 4096;
constexpr uint32_t kSectorsPerBlock = 8;
constexpr uint64_t kBlocksPerChunk = 8;

// Bit i stands for sector i of a block.
using SectorMask = uint8_t;
constexpr SectorMask kAllSectors = 0xff;

struct Block {
  Block() = default;
  Block(const Block& other) : bytes(other.bytes) {}
  Block& operator=(const Block&) = delete;

  mutable uint32_t references = 0;
  // Not initialised: whoever makes a block fills it.
  std::array<std::byte, kBlockBytes> bytes;

  std::byte* sector(uint32_t index) { return bytes.data() + index * kSectorBytes; }
  const std::byte* sector(uint32_t index) const { return bytes.data() + index * kSectorBytes; }
};

// A null BlockRef reads as zeros.
using BlockRef = Ref<Block>;

inline BlockRef zeroed_block() {
  auto* block = new Block;
  block->bytes.fill(std::byte{0});
  return BlockRef(block);
}
inline BlockRef copied_block(const BlockRef& from) { return from ? BlockRef(new Block(*from)) : zeroed_block(); }

// When a change was made, in the one order of all changes of a disk.
using Sequence = uint64_t;

enum class VersionKind : uint8_t { kWrite, kTruncate };

// What some sectors of a block became by one write or truncation that is not yet durable. A list, newest first.
struct Version {
  Version(Sequence when, SectorMask which, VersionKind what, BlockRef content_after, Ref<Version> before)
      : sequence(when), sectors(which), kind(what), content(std::move(content_after)), older(std::move(before)) {}
  Version(const Version& other)
      : sequence(other.sequence),
        sectors(other.sectors),
        kind(other.kind),
        content(other.content),
        older(other.older) {}
  Version& operator=(const Version&) = delete;
  // Not recursive: lists can be long.
  ~Version() {
    Ref<Version> next = std::move(older);
    while (next && !next.shared()) {
      Ref<Version> after = std::move(next.own().older);
      next = std::move(after);
    }
  }

  mutable uint32_t references = 0;
  Sequence sequence;
  SectorMask sectors;
  VersionKind kind;
  BlockRef content;  // the whole block after the change; null reads as zeros
  Ref<Version> older;
};

struct Slot {
  BlockRef cache;        // what a read sees
  BlockRef durable;      // what survives a power cut for certain
  BlockRef before;       // what was durable before that: the source of stale sectors
  Ref<Version> pending;  // newest first
};

struct Chunk {
  Chunk() = default;
  Chunk(const Chunk& other) : slots(other.slots), dirty(other.dirty), lying(other.lying), allocated(other.allocated) {}
  Chunk& operator=(const Chunk&) = delete;

  mutable uint32_t references = 0;
  std::array<Slot, kBlocksPerChunk> slots;
  uint64_t dirty = 0;      // bit per slot: has pending versions
  uint64_t lying = 0;      // bit per slot: a failed sync left cache and durable content apart (R14)
  uint64_t allocated = 0;  // bit per slot: has its space, so that writing it needs none
};

}  // namespace holdfast::sim
