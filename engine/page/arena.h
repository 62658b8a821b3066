// Arena: the memory that pages are read into.
//
//              take()              map()                 clock hand, unmap(), replaced
//   free ----------------> owned ----------> mapped ------------------------------> retired ----> free
//     ^--------------------- give_back() ------'  (a page born in the open generation stays owned until it is written)
//
// Owns:       the frames and the table page number -> frame.
// Threads:    any. find() takes no lock; the rest take one, never held during a file access.
// Invariants: (1) the bytes of a mapped frame do not change, and equal the page in the file;
//             (2) a retired frame is used again only when every Guard that was open when it was unmapped has closed,
//                 and then nobody pins it;
//             (3) a pin is added only inside a Guard, or by the owner of an owned frame.
// Budget:     soft. Frames within it come in slabs and stay; those beyond it are allocated one by one, when nothing can
//             be evicted, and freed as soon as they are free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "env/sync.h"
#include "page/frame_table.h"
#include "page/reader_registry.h"

namespace holdfast {

enum class FrameUse : uint8_t { kFree, kOwned, kMapped, kRetired };

// Describes the page that lies right behind it in memory. (So page headers do not all fall on the same cache sets.)
struct alignas(64) Frame {
  sync::Atomic<uint32_t> pins{0};
  uint32_t index = 0;  // in the arena; small and dense
  // Under the arena's lock:
  FrameUse use = FrameUse::kFree;
  bool beyond_budget = false;
  PageNumber page{};        // while mapped
  uint64_t retired_at = 0;  // guard epoch of those that may still look at it, while retired

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  static Frame* of(const std::byte* data) { return reinterpret_cast<Frame*>(const_cast<std::byte*>(data)) - 1; }
  // Pre: invariant (3). Relaxed: the Guard's end makes it visible to whoever recycles.
  void pin() { pins.fetch_add(1, std::memory_order_relaxed); }
  // Release: what was read through the pin is read before the frame is used again.
  void unpin() { pins.fetch_sub(1, std::memory_order_release); }
};
static_assert(sizeof(Frame) == 64);

class Arena {
 public:
  Arena(ReaderRegistry& registry, uint32_t page_bytes, uint64_t budget_bytes);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  uint32_t page_bytes() const { return page_bytes_; }
  uint64_t budget_frames() const { return budget_frames_; }
  // What a Guard stores in its slot. Acquire: whoever sees an epoch sees everything that was unmapped before it began.
  uint64_t guard_epoch() const { return guard_epoch_.load(std::memory_order_acquire); }

  // Where the frame of `page` is found. Pre: inside a Guard.
  // Entries are read and unmapped sequentially consistent, like the guards: either the evictor sees the Guard, or the
  // Guard's owner sees that the page is gone.
  FrameEntry* entry_of(PageNumber page) const { return table_.find(page); }

  // A frame of the caller's own, contents undefined. Evicts if it must.
  Frame* take();
  // Pre: owned and never mapped. Pins may outlive it.
  void give_back(Frame* frame);
  // Makes owned frames the ones for their pages (by header), instead of what was there.
  void map(std::span<Frame* const> frames);
  // The same for a page that was loaded; if the same page was mapped in the meantime, that frame is kept and `frame`
  // given back. Returns the frame that is mapped. Pre: inside a Guard.
  Frame* map_loaded(Frame* frame);
  // Nothing is mapped for `page` when it returns.
  void unmap(PageNumber page);

  uint64_t frame_count() const { return frame_count_.load(std::memory_order_relaxed); }
  uint64_t eviction_count() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  struct Slab {
    std::align_val_t alignment{alignof(Frame)};
    void operator()(std::byte* memory) const { ::operator delete[](memory, alignment); }
  };
  using Memory = std::unique_ptr<std::byte[], Slab>;

  // All under mutex_.
  Memory allocate(uint64_t frames);
  void add_frame(Memory single, std::byte* at);
  void add_slab();
  Frame* pop_free();
  void make_free(Frame* frame);
  void retire(Frame* frame);
  void evict(uint64_t wanted);
  void recycle();

  ReaderRegistry& registry_;
  const uint32_t page_bytes_;
  const uint64_t budget_frames_;
  const uint64_t stride_;
  FrameTable table_;
  sync::Atomic<uint64_t> guard_epoch_{1};
  sync::Atomic<uint64_t> frame_count_{0};
  sync::Atomic<uint64_t> evictions_{0};

  sync::Mutex mutex_;
  std::vector<Memory> slabs_;
  std::vector<Memory> singles_;           // by frame index; null for those in slabs
  std::vector<Frame*> frames_;            // by frame index; null if there is none now
  std::vector<uint32_t> unused_indexes_;  // of frames_
  std::vector<Frame*> free_;
  std::vector<Frame*> retired_;
  uint64_t hand_ = 0;
};

}  // namespace holdfast
