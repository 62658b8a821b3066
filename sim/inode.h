// Inode: the content of one simulated file: what reads see, what a power cut leaves for certain, and every change in
// between, sector by sector. Names are not its business (SimDirectory), nor is choosing what survives (Survivors).
//
// The rules Rn are those of a POSIX file system after a crash: see the table in fault/table.h.
// Invariants
// 1. sizes_ is in ascending order of sequence; its last entry, if any, is size().
// 2. Sequences passed to the changing functions never decrease.
// 3. Blocks wholly beyond size() have no cached content, and bytes beyond size() in the last block are zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sim/block.h"
#include "sim/overlay.h"

namespace holdfast::sim {

class Survivors;

class Inode {
 public:
  explicit Inode(uint32_t number) : number_(number) {}
  Inode(const Inode& other);
  Inode& operator=(const Inode&) = delete;
  mutable uint32_t references = 0;

  uint32_t number() const { return number_; }
  uint64_t size() const { return size_; }
  uint64_t durable_size() const { return durable_size_; }
  // How many syncs have failed; each open handle is told of each once (R14).
  uint64_t failed_syncs() const { return failed_syncs_; }
  // True if a power cut cannot change what a read sees.
  bool settled() const;
  // True if a write of the range would need space that the file does not have yet.
  bool needs_space(uint64_t offset, uint64_t bytes) const;

  // Copies what a read sees, damage included; returns the bytes copied, fewer only at the end of the file.
  // Pre: no unreadable sector in the range.
  size_t read(uint64_t offset, std::span<std::byte> buffer) const;
  // The same without the damage.
  size_t read_truth(uint64_t offset, std::span<std::byte> buffer) const;

  void write(Sequence now, uint64_t offset, std::span<const std::byte> data);
  void truncate(Sequence now, uint64_t bytes);
  void allocate(Sequence now, uint64_t offset, uint64_t bytes);

  // Everything up to `until` is durable (R4).
  void sync(Sequence until);
  // A sync that failed (R14): what survives of the pending changes is durable, and the rest is forgotten although reads
  // still see it (or, if `reverts_cache`, do not).
  void fail_sync(Survivors& survivors, bool reverts_cache);
  // Clean cached blocks are dropped and read again: lies come to light (R14, R21).
  void evict();
  // What the power cut leaves: cache and durable content are the survivors.
  void cut(Survivors& survivors);

  // Calls visit(block index, slot) for every slot with pending versions or lies, in order.
  template <class Visit>
  void visit_unsettled(Visit visit) const {
    for (size_t index = 0; index < chunks_.size(); ++index) {
      if (!chunks_[index]) {
        continue;
      }
      const Chunk& chunk = *chunks_[index];
      for (uint64_t bits = chunk.dirty | chunk.lying; bits != 0; bits &= bits - 1) {
        const auto slot = static_cast<size_t>(__builtin_ctzll(bits));
        visit(index * kBlocksPerChunk + slot, chunk.slots[slot]);
      }
    }
  }
  // Null beyond the end.
  const Slot* slot(uint64_t block) const;
  struct SizeChange {
    Sequence sequence;
    uint64_t bytes;
  };
  std::span<const SizeChange> size_changes() const { return sizes_; }

  // Damage (class D) lies over the truth and can be taken away again. A write to a sector repairs it.
  Overlays& overlays() { return overlays_; }
  const Overlays& overlays() const { return overlays_; }

  // A hash of what reads see, and of its size.
  uint64_t digest() const;

 private:
  Chunk& own_chunk(uint64_t block);
  void add_version(Sequence now, uint64_t block, SectorMask sectors, VersionKind kind, BlockRef content);
  void change_size(Sequence now, uint64_t bytes);
  // Makes every block wholly beyond size_ empty and zeroes the rest of the last one, in cache and durable content.
  void clear_beyond_size();

  uint32_t number_;
  uint64_t size_ = 0;
  uint64_t durable_size_ = 0;
  uint64_t failed_syncs_ = 0;
  std::vector<SizeChange> sizes_;  // not yet durable
  std::vector<Ref<Chunk>> chunks_;
  Overlays overlays_;
};

}  // namespace holdfast::sim
