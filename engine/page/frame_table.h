// FrameTable: page number -> frame, in two levels of atomics that grow with the file.
//
// Owns:       the table, not the frames.
// Threads:    find(): any; make(): one at a time (the arena's lock).
// Invariants: what find() returned stays valid as long as the table: nothing is freed before.
// Fails:      never (but for memory).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "env/sync.h"

namespace holdfast {

struct Frame;

// The address of a frame, null for none, plus one if it was used since the clock hand came by.
using FrameEntry = sync::Atomic<std::byte*>;
static_assert(sizeof(FrameEntry) == sizeof(void*));

inline uintptr_t used_bit(const std::byte* entry) { return reinterpret_cast<uintptr_t>(entry) & 1; }
inline Frame* frame_in(std::byte* entry) { return reinterpret_cast<Frame*>(entry - used_bit(entry)); }
inline std::byte* unused_entry(Frame* frame) { return reinterpret_cast<std::byte*>(frame); }
inline std::byte* used_entry(Frame* frame) { return unused_entry(frame) + 1; }

class FrameTable {
 public:
  FrameTable() = default;
  FrameTable(const FrameTable&) = delete;
  FrameTable& operator=(const FrameTable&) = delete;

  // The entry of `page`; null if none was made, so nothing was ever mapped there.
  FrameEntry* find(PageNumber page) const {
    // Acquire, twice: the arrays behind the pointers are complete.
    const Top* top = top_.load(std::memory_order_acquire);
    const uint32_t index = to_int(page) / kEntriesPerLeaf;
    if (top == nullptr || index >= top->count) {
      return nullptr;
    }
    Leaf* leaf = top->leaves[index].load(std::memory_order_acquire);
    return leaf == nullptr ? nullptr : &leaf->entries[to_int(page) % kEntriesPerLeaf];
  }

  FrameEntry& make(PageNumber page);

 private:
  static constexpr uint32_t kEntriesPerLeaf = 1024;
  struct Leaf {
    std::array<FrameEntry, kEntriesPerLeaf> entries;
  };
  struct Top {
    uint32_t count = 0;
    std::unique_ptr<sync::Atomic<Leaf*>[]> leaves;
  };

  sync::Atomic<Top*> top_{nullptr};
  std::vector<std::unique_ptr<Top>> tops_;  // the last is the current one; together less than twice its size
  std::vector<std::unique_ptr<Leaf>> leaves_;
};

}  // namespace holdfast
