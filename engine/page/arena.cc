// See arena.h.
#include "page/arena.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/planted.h"
#include "env/huge_pages.h"
#include "format/page.h"

#if defined(__SANITIZE_ADDRESS__)
#define HOLDFAST_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOLDFAST_ASAN
#endif
#endif
#ifdef HOLDFAST_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace holdfast {

namespace {

// A cache of several huge pages gets its frames by the huge page, a smaller one by less.
constexpr uint64_t kSmallSlabBytes = uint64_t{256} << 10;
constexpr uint64_t kHugeSlabsMin = 8;
constexpr uint64_t kEvictionBatch = 16;  // frames that are unmapped together, to share one wait for the guards

// A view into a frame that was recycled is a bug that AddressSanitizer shall see.
void forbid_access([[maybe_unused]] std::byte* at, [[maybe_unused]] uint64_t bytes) {
#ifdef HOLDFAST_ASAN
  __asan_poison_memory_region(at, bytes);
#endif
}
void permit_access([[maybe_unused]] std::byte* at, [[maybe_unused]] uint64_t bytes) {
#ifdef HOLDFAST_ASAN
  __asan_unpoison_memory_region(at, bytes);
#endif
}

}  // namespace

Arena::Arena(ReaderRegistry& registry, uint32_t page_bytes, uint64_t budget_bytes)
    : registry_(registry),
      page_bytes_(page_bytes),
      budget_frames_(std::max<uint64_t>(budget_bytes / (page_bytes + sizeof(Frame)), 2)),
      stride_(page_bytes + sizeof(Frame)) {}

Arena::~Arena() {
  for (Frame* frame : frames_) {
    if (frame != nullptr) {
      permit_access(frame->data(), page_bytes_);
      frame->~Frame();
    }
  }
}

Arena::Memory Arena::allocate(uint64_t frames) {
  const size_t bytes = frames * stride_;
  const bool is_huge = bytes > kHugePageBytes - stride_;
  const std::align_val_t alignment{is_huge ? kHugePageBytes : alignof(Frame)};
  Memory memory(static_cast<std::byte*>(::operator new[](bytes, alignment)), Slab{alignment});
  if (is_huge) {
    prefer_huge_pages({memory.get(), kHugePageBytes});
  }
  return memory;
}

void Arena::add_frame(Memory single, std::byte* at) {
  auto* frame = new (at) Frame;
  frame->beyond_budget = single != nullptr;
  if (unused_indexes_.empty()) {
    frame->index = static_cast<uint32_t>(frames_.size());
    frames_.push_back(nullptr);
    singles_.emplace_back();
  } else {
    frame->index = unused_indexes_.back();
    unused_indexes_.pop_back();
  }
  frames_[frame->index] = frame;
  singles_[frame->index] = std::move(single);
  frame_count_.fetch_add(1, std::memory_order_relaxed);
  forbid_access(frame->data(), page_bytes_);
  free_.push_back(frame);
}

void Arena::add_slab() {
  const bool is_large = budget_frames_ * stride_ >= kHugeSlabsMin * kHugePageBytes && !slabs_.empty();
  const uint64_t in_slab = std::max<uint64_t>((is_large ? kHugePageBytes : kSmallSlabBytes) / stride_, 1);
  const uint64_t count = std::min(in_slab, budget_frames_ - frame_count_.load(std::memory_order_relaxed));
  slabs_.push_back(allocate(count));
  for (uint64_t i = count; i > 0; --i) {  // so that the lowest is popped first
    add_frame(nullptr, slabs_.back().get() + (i - 1) * stride_);
  }
}

Frame* Arena::pop_free() {
  if (free_.empty()) {
    return nullptr;
  }
  Frame* frame = free_.back();
  free_.pop_back();
  frame->use = FrameUse::kOwned;
  permit_access(frame->data(), page_bytes_);
  return frame;
}

void Arena::make_free(Frame* frame) {
  frame->use = FrameUse::kFree;
  if (frame->beyond_budget) {
    const uint32_t index = frame->index;
    frames_[index] = nullptr;
    frame->~Frame();
    singles_[index] = nullptr;
    unused_indexes_.push_back(index);
    frame_count_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  forbid_access(frame->data(), page_bytes_);
  free_.push_back(frame);
}

// Pre: unmapped already. The epoch moves on only after that, so that a Guard of a later epoch cannot have seen it.
void Arena::retire(Frame* frame) {
  frame->use = FrameUse::kRetired;
  frame->retired_at = guard_epoch_.fetch_add(1, std::memory_order_seq_cst);
  retired_.push_back(frame);
}

void Arena::recycle() {
  if (retired_.empty()) {
    return;
  }
  const uint64_t lowest = PLANTED(kGuardsIgnored) ? std::numeric_limits<uint64_t>::max() : registry_.lowest_guard();
  size_t kept = 0;
  for (Frame* frame : retired_) {
    // The order matters: once no Guard can see the frame, pins only go away. Acquire: pairs with unpin().
    if (frame->retired_at < lowest && frame->pins.load(std::memory_order_acquire) == 0) {
      make_free(frame);
    } else {
      retired_[kept++] = frame;
    }
  }
  retired_.resize(kept);
}

// Unmaps up to `wanted` frames that were not used since the hand came by, in at most two rounds.
void Arena::evict(uint64_t wanted) {
  const size_t first_of_batch = retired_.size();
  for (uint64_t steps = 2 * frames_.size(); steps > 0 && wanted > 0; --steps) {
    hand_ = hand_ + 1 < frames_.size() ? hand_ + 1 : 0;
    Frame* frame = frames_[hand_];
    if (frame == nullptr || frame->use != FrameUse::kMapped || frame->pins.load(std::memory_order_relaxed) != 0) {
      continue;
    }
    FrameEntry& entry = *table_.find(frame->page);
    std::byte* seen = entry.load(std::memory_order_relaxed);
    const bool used = used_bit(seen) != 0;
    // A reader may set the bit meanwhile: then the frame is in use, and stays.
    std::byte* const next = used ? unused_entry(frame_in(seen)) : nullptr;
    const bool taken = entry.compare_exchange_strong(seen, next, std::memory_order_seq_cst);
    if (used || !taken) {
      continue;
    }
    frame->use = FrameUse::kRetired;
    retired_.push_back(frame);
    --wanted;
  }
  if (retired_.size() > first_of_batch) {
    const uint64_t epoch = guard_epoch_.fetch_add(1, std::memory_order_seq_cst);
    for (size_t i = first_of_batch; i < retired_.size(); ++i) {
      retired_[i]->retired_at = epoch;
    }
    evictions_.fetch_add(retired_.size() - first_of_batch, std::memory_order_relaxed);
  }
}

Frame* Arena::take() {
  const sync::Lock lock(mutex_);
  if (Frame* frame = pop_free()) {
    return frame;
  }
  recycle();
  const uint64_t frames = frame_count_.load(std::memory_order_relaxed);
  if (free_.empty() && frames < budget_frames_) {
    add_slab();
  }
  if (free_.empty()) {
    const uint64_t batch = std::clamp<uint64_t>(budget_frames_ / 8, 1, kEvictionBatch);
    evict(batch + frames - std::min(frames, budget_frames_));
    recycle();
  }
  if (free_.empty()) {  // everything is pinned, dirty or under a Guard
    Memory memory = allocate(1);
    std::byte* at = memory.get();
    add_frame(std::move(memory), at);
  }
  return pop_free();
}

void Arena::give_back(Frame* frame) {
  const sync::Lock lock(mutex_);
  CHECK(frame->use == FrameUse::kOwned);
  if (frame->pins.load(std::memory_order_acquire) == 0) {
    make_free(frame);
  } else {
    retire(frame);
  }
}

void Arena::map(std::span<Frame* const> frames) {
  const sync::Lock lock(mutex_);
  for (Frame* frame : frames) {
    CHECK(frame->use == FrameUse::kOwned);
    frame->use = FrameUse::kMapped;
    frame->page = PageNumber{uint32_t{format::header_of(frame->data()).page_number}};
    // Sequentially consistent (and so release): the page's bytes come first; and see entry_of().
    std::byte* const before = table_.make(frame->page).exchange(unused_entry(frame), std::memory_order_seq_cst);
    if (frame_in(before) != nullptr) {
      retire(frame_in(before));
    }
  }
}

Frame* Arena::map_loaded(Frame* frame) {
  const format::PageHeader& header = format::header_of(frame->data());
  {
    const sync::Lock lock(mutex_);
    FrameEntry& entry = table_.make(PageNumber{uint32_t{header.page_number}});
    if (Frame* there = frame_in(entry.load(std::memory_order_acquire)); there != nullptr) {
      const format::PageHeader& other = format::header_of(there->data());
      if (other.birth == header.birth && other.epoch == header.epoch && other.kind == header.kind &&
          other.level == header.level) {
        make_free(frame);
        return there;
      }
    }
  }
  Frame* const one[] = {frame};
  map(one);
  return frame;
}

void Arena::unmap(PageNumber page) {
  FrameEntry* entry = table_.find(page);
  if (entry == nullptr || frame_in(entry->load(std::memory_order_relaxed)) == nullptr) {
    return;
  }
  const sync::Lock lock(mutex_);
  if (Frame* frame = frame_in(entry->exchange(nullptr, std::memory_order_seq_cst)); frame != nullptr) {
    retire(frame);
  }
}

}  // namespace holdfast
