// See frame_table.h.
#include "page/frame_table.h"

#include <algorithm>
#include <bit>

namespace holdfast {

FrameEntry& FrameTable::make(PageNumber page) {
  const uint32_t index = to_int(page) / kEntriesPerLeaf;
  Top* top = tops_.empty() ? nullptr : tops_.back().get();
  if (top == nullptr || index >= top->count) {
    auto larger = std::make_unique<Top>();
    larger->count = std::max(16U, std::bit_ceil(index + 1));
    larger->leaves = std::make_unique<sync::Atomic<Leaf*>[]>(larger->count);
    for (uint32_t i = 0; top != nullptr && i < top->count; ++i) {
      larger->leaves[i].store(top->leaves[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    top = larger.get();
    tops_.push_back(std::move(larger));
    top_.store(top, std::memory_order_release);
  }
  Leaf* leaf = top->leaves[index].load(std::memory_order_relaxed);
  if (leaf == nullptr) {
    leaves_.push_back(std::make_unique<Leaf>());
    leaf = leaves_.back().get();
    top->leaves[index].store(leaf, std::memory_order_release);
  }
  return leaf->entries[to_int(page) % kEntriesPerLeaf];
}

}  // namespace holdfast
