#include "sim/inode.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "sim/random.h"
#include "sim/survivors.h"

namespace holdfast::sim {

namespace {

// The sectors of a block that the bytes [from, to) of it touch. Pre: from < to <= kBlockBytes.
SectorMask sectors_of(uint64_t from, uint64_t to) {
  const uint32_t first = static_cast<uint32_t>(from / kSectorBytes);
  const uint32_t end = static_cast<uint32_t>((to + kSectorBytes - 1) / kSectorBytes);
  return static_cast<SectorMask>((0xffU >> (kSectorsPerBlock - end)) & (0xffU << first));
}

constexpr uint64_t bit_of(uint64_t block) { return uint64_t{1} << (block % kBlocksPerChunk); }

// `content` as it looks when only its first `bytes` bytes belong to the file.
BlockRef cut_block(const BlockRef& content, uint64_t bytes) {
  if (!content || bytes == 0) {
    return {};
  }
  BlockRef cut = copied_block(content);
  std::fill(cut.own().bytes.begin() + static_cast<ptrdiff_t>(bytes), cut.own().bytes.end(), std::byte{0});
  return cut;
}

}  // namespace

Inode::Inode(const Inode& other)
    : number_(other.number_),
      size_(other.size_),
      durable_size_(other.durable_size_),
      failed_syncs_(other.failed_syncs_),
      sizes_(other.sizes_),
      chunks_(other.chunks_),
      overlays_(other.overlays_) {}

const Slot* Inode::slot(uint64_t block) const {
  const uint64_t index = block / kBlocksPerChunk;
  return index < chunks_.size() && chunks_[index] ? &chunks_[index]->slots[block % kBlocksPerChunk] : nullptr;
}

bool Inode::settled() const {
  return sizes_.empty() && size_ == durable_size_ &&
         std::all_of(chunks_.begin(), chunks_.end(),
                     [](const Ref<Chunk>& chunk) { return !chunk || (chunk->dirty | chunk->lying) == 0; });
}

bool Inode::needs_space(uint64_t offset, uint64_t bytes) const {
  for (uint64_t block = offset / kBlockBytes; block * kBlockBytes < offset + bytes; ++block) {
    const uint64_t index = block / kBlocksPerChunk;
    if (index >= chunks_.size() || !chunks_[index] || (chunks_[index]->allocated & bit_of(block)) == 0) {
      return true;
    }
  }
  return false;
}

size_t Inode::read_truth(uint64_t offset, std::span<std::byte> buffer) const {
  if (offset >= size_) {
    return 0;
  }
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), size_ - offset));
  for (size_t done = 0; done < wanted;) {
    const uint64_t at = offset + done;
    const uint64_t within = at % kBlockBytes;
    const size_t part = static_cast<size_t>(std::min<uint64_t>(kBlockBytes - within, wanted - done));
    const Slot* from = slot(at / kBlockBytes);
    if (from != nullptr && from->cache) {
      std::memcpy(buffer.data() + done, from->cache->bytes.data() + within, part);
    } else {
      std::memset(buffer.data() + done, 0, part);
    }
    done += part;
  }
  return wanted;
}

size_t Inode::read(uint64_t offset, std::span<std::byte> buffer) const {
  const size_t bytes = read_truth(offset, buffer);
  overlays_.apply(offset, buffer.first(bytes));
  return bytes;
}

Chunk& Inode::own_chunk(uint64_t block) {
  const uint64_t index = block / kBlocksPerChunk;
  if (index >= chunks_.size()) {
    chunks_.resize(index + 1);
  }
  Ref<Chunk>& chunk = chunks_[index];
  if (!chunk) {
    chunk = Ref<Chunk>(new Chunk);
  }
  return chunk.own();
}

void Inode::add_version(Sequence now, uint64_t block, SectorMask sectors, VersionKind kind, BlockRef content) {
  Chunk& chunk = own_chunk(block);
  Slot& slot = chunk.slots[block % kBlocksPerChunk];
  slot.cache = content;
  slot.pending = Ref<Version>(new Version(now, sectors, kind, std::move(content), std::move(slot.pending)));
  chunk.dirty |= bit_of(block);
}

void Inode::change_size(Sequence now, uint64_t bytes) {
  size_ = bytes;
  sizes_.push_back({now, bytes});
}

void Inode::write(Sequence now, uint64_t offset, std::span<const std::byte> data) {
  for (size_t done = 0; done < data.size();) {
    const uint64_t at = offset + done;
    const uint64_t within = at % kBlockBytes;
    const size_t part = static_cast<size_t>(std::min<uint64_t>(kBlockBytes - within, data.size() - done));
    const uint64_t block = at / kBlockBytes;
    BlockRef content;
    if (part == kBlockBytes) {
      content = BlockRef(new Block);
    } else {
      const Slot* old = slot(block);
      content = copied_block(old == nullptr ? BlockRef() : old->cache);
    }
    std::memcpy(content.own().bytes.data() + within, data.data() + done, part);
    add_version(now, block, sectors_of(within, within + part), VersionKind::kWrite, std::move(content));
    chunks_[block / kBlocksPerChunk].own().allocated |= bit_of(block);
    done += part;
  }
  const uint64_t end = offset + data.size();
  if (end > size_) {
    change_size(now, end);
  } else if (end > durable_size_ && sizes_.empty()) {
    // A failed sync lost the size; this write needs it again (R4).
    change_size(now, size_);
  }
  overlays_.repair(offset, data.size());
}

void Inode::truncate(Sequence now, uint64_t bytes) {
  if (bytes == size_) {
    return;
  }
  const uint64_t old_size = size_;
  change_size(now, bytes);
  if (bytes > old_size) {
    return;
  }
  overlays_.repair_from(bytes + kSectorBytes - 1);
  for (uint64_t block = bytes / kBlockBytes; block < chunks_.size() * kBlocksPerChunk; ++block) {
    const Slot* old = slot(block);
    if (old == nullptr) {
      block |= kBlocksPerChunk - 1;  // nothing in this whole chunk
      continue;
    }
    const uint64_t kept = bytes > block * kBlockBytes ? bytes - block * kBlockBytes : 0;
    if (kept == 0) {
      Chunk& chunk = own_chunk(block);
      chunk.allocated &= ~bit_of(block);
      old = &chunk.slots[block % kBlocksPerChunk];
    }
    if (old->cache || old->durable || old->pending) {
      add_version(now, block, sectors_of(kept, kBlockBytes), VersionKind::kTruncate, cut_block(old->cache, kept));
    }
  }
}

void Inode::allocate(Sequence now, uint64_t offset, uint64_t bytes) {
  for (uint64_t block = offset / kBlockBytes; block * kBlockBytes < offset + bytes; ++block) {
    own_chunk(block).allocated |= bit_of(block);
  }
  if (offset + bytes > size_) {
    change_size(now, offset + bytes);
  }
}

void Inode::sync(Sequence until) {
  for (Ref<Chunk>& ref : chunks_) {
    if (!ref || ref->dirty == 0) {
      continue;
    }
    Chunk& chunk = ref.own();
    for (uint64_t bits = chunk.dirty; bits != 0; bits &= bits - 1) {
      const uint64_t bit = bits & (~bits + 1);
      Slot& slot = chunk.slots[static_cast<size_t>(__builtin_ctzll(bits))];
      // Versions from `synced` on become durable; those before it came too late.
      std::vector<Ref<Version>> late;
      Ref<Version> synced = slot.pending;
      while (synced && synced->sequence > until) {
        late.push_back(synced);
        synced = Ref<Version>(synced->older);
      }
      if (!synced) {
        continue;
      }
      SectorMask sectors = 0;
      for (const Version* version = synced.get(); version != nullptr; version = version->older.get()) {
        sectors |= version->sectors;
      }
      const bool lying = (chunk.lying & bit) != 0;
      BlockRef durable = synced->content;
      if (lying && sectors != kAllSectors) {
        // Only what was written again is durable; the rest stays a lie.
        durable = copied_block(slot.durable);
        for (uint32_t sector = 0; sector < kSectorsPerBlock; ++sector) {
          if ((uint32_t{sectors} >> sector & 1U) != 0) {
            const BlockRef& from = synced->content;
            if (from) {
              std::memcpy(durable.own().sector(sector), from->sector(sector), kSectorBytes);
            } else {
              std::memset(durable.own().sector(sector), 0, kSectorBytes);
            }
          }
        }
      } else {
        chunk.lying &= ~bit;
      }
      slot.before = std::move(slot.durable);
      slot.durable = std::move(durable);
      slot.pending = {};
      for (auto version = late.rbegin(); version != late.rend(); ++version) {
        slot.pending = Ref<Version>(new Version((*version)->sequence, (*version)->sectors, (*version)->kind,
                                                (*version)->content, std::move(slot.pending)));
      }
      if (!slot.pending) {
        chunk.dirty &= ~bit;
      }
    }
  }
  const auto late =
      std::find_if(sizes_.begin(), sizes_.end(), [&](const SizeChange& change) { return change.sequence > until; });
  if (late != sizes_.begin()) {
    durable_size_ = (late - 1)->bytes;
    sizes_.erase(sizes_.begin(), late);
  }
}

void Inode::fail_sync(Survivors& survivors, bool reverts_cache) {
  ++failed_syncs_;
  const Survivors::Size size = survivors.size(*this);
  for (size_t index = 0; index < chunks_.size(); ++index) {
    if (!chunks_[index] || chunks_[index]->dirty == 0) {
      continue;
    }
    Chunk& chunk = chunks_[index].own();
    for (uint64_t bits = chunk.dirty; bits != 0; bits &= bits - 1) {
      const auto at = static_cast<size_t>(__builtin_ctzll(bits));
      Slot& slot = chunk.slots[at];
      BlockRef durable = survivors.block(*this, index * kBlocksPerChunk + at, slot, size.cut);
      slot.before = std::move(slot.durable);
      slot.durable = std::move(durable);
      slot.pending = {};
      if (reverts_cache) {
        slot.cache = slot.durable;
        chunk.lying &= ~(bits & (~bits + 1));
      } else if (slot.cache != slot.durable) {
        chunk.lying |= bits & (~bits + 1);
      }
    }
    chunk.dirty = 0;
  }
  durable_size_ = size.bytes;
  sizes_.clear();
}

void Inode::evict() {
  for (size_t index = 0; index < chunks_.size(); ++index) {
    if (!chunks_[index] || (chunks_[index]->lying & ~chunks_[index]->dirty) == 0) {
      continue;
    }
    Chunk& chunk = chunks_[index].own();
    for (uint64_t bits = chunk.lying & ~chunk.dirty; bits != 0; bits &= bits - 1) {
      const auto at = static_cast<size_t>(__builtin_ctzll(bits));
      Slot& slot = chunk.slots[at];
      const uint64_t begin = (index * kBlocksPerChunk + at) * kBlockBytes;
      if (begin + kBlockBytes <= size_) {
        slot.cache = slot.durable;
        chunk.lying &= ~(bits & (~bits + 1));
      } else {
        slot.cache = cut_block(slot.durable, size_ > begin ? size_ - begin : 0);
      }
    }
  }
}

void Inode::cut(Survivors& survivors) {
  const Survivors::Size size = survivors.size(*this);
  for (size_t index = 0; index < chunks_.size(); ++index) {
    if (!chunks_[index] || (chunks_[index]->dirty | chunks_[index]->lying) == 0) {
      continue;
    }
    Chunk& chunk = chunks_[index].own();
    for (uint64_t bits = chunk.dirty | chunk.lying; bits != 0; bits &= bits - 1) {
      const auto at = static_cast<size_t>(__builtin_ctzll(bits));
      Slot& slot = chunk.slots[at];
      if (slot.pending) {
        BlockRef durable = survivors.block(*this, index * kBlocksPerChunk + at, slot, size.cut);
        slot.before = std::move(slot.durable);
        slot.durable = std::move(durable);
        slot.pending = {};
      }
      slot.cache = slot.durable;
    }
    chunk.dirty = 0;
    chunk.lying = 0;
  }
  size_ = size.bytes;
  durable_size_ = size.bytes;
  sizes_.clear();
  clear_beyond_size();
}

void Inode::clear_beyond_size() {
  for (uint64_t block = size_ / kBlockBytes; block < chunks_.size() * kBlocksPerChunk; ++block) {
    const Slot* old = slot(block);
    if (old == nullptr) {
      block |= kBlocksPerChunk - 1;
      continue;
    }
    const uint64_t kept = size_ > block * kBlockBytes ? size_ - block * kBlockBytes : 0;
    if (old->durable) {
      Slot& slot = own_chunk(block).slots[block % kBlocksPerChunk];
      slot.durable = cut_block(slot.durable, kept);
      slot.cache = slot.durable;
    }
    if (kept == 0 && (chunks_[block / kBlocksPerChunk]->allocated & bit_of(block)) != 0) {
      own_chunk(block).allocated &= ~bit_of(block);
    }
  }
}

uint64_t Inode::digest() const {
  static constexpr std::array<std::byte, kBlockBytes> kZeros{};
  uint32_t checksum = 0;
  for (uint64_t offset = 0; offset < size_; offset += kBlockBytes) {
    const Slot* at = slot(offset / kBlockBytes);
    const auto bytes = static_cast<size_t>(std::min(kBlockBytes, size_ - offset));
    const std::byte* from = at != nullptr && at->cache ? at->cache->bytes.data() : kZeros.data();
    checksum = crc32c({from, bytes}, checksum);
  }
  return mix(checksum, size_);
}

}  // namespace holdfast::sim
