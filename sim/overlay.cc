#include "sim/overlay.h"

#include <algorithm>

namespace holdfast::sim {

namespace {

uint64_t first_sector(uint64_t offset) { return offset / kSectorBytes; }
// One behind the last sector that the range touches.
uint64_t end_sector(uint64_t offset, uint64_t bytes) { return (offset + bytes + kSectorBytes - 1) / kSectorBytes; }

}  // namespace

void Overlays::repair(uint64_t offset, uint64_t bytes) {
  if (sectors_.empty() || bytes == 0) {
    return;
  }
  sectors_.erase(sectors_.lower_bound(first_sector(offset)), sectors_.lower_bound(end_sector(offset, bytes)));
}

void Overlays::repair_from(uint64_t offset) {
  sectors_.erase(sectors_.lower_bound(first_sector(offset)), sectors_.end());
}

void Overlays::apply(uint64_t offset, std::span<std::byte> buffer) const {
  if (sectors_.empty() || buffer.empty()) {
    return;
  }
  const uint64_t end = offset + buffer.size();
  for (auto at = sectors_.lower_bound(first_sector(offset)); at != sectors_.end(); ++at) {
    const uint64_t begin = at->first * kSectorBytes;
    if (begin >= end) {
      break;
    }
    const uint64_t from = std::max(begin, offset);
    const uint64_t to = std::min(begin + kSectorBytes, end);
    std::copy_n(at->second.bytes.begin() + static_cast<ptrdiff_t>(from - begin), to - from,
                buffer.begin() + static_cast<ptrdiff_t>(from - offset));
  }
}

bool Overlays::any_in(uint64_t offset, uint64_t bytes) const {
  if (sectors_.empty() || bytes == 0) {
    return false;
  }
  const auto at = sectors_.lower_bound(first_sector(offset));
  return at != sectors_.end() && at->first < end_sector(offset, bytes);
}

bool Overlays::unreadable_in(uint64_t offset, uint64_t bytes) const {
  if (sectors_.empty() || bytes == 0) {
    return false;
  }
  const auto end = sectors_.lower_bound(end_sector(offset, bytes));
  return std::any_of(sectors_.lower_bound(first_sector(offset)), end,
                     [](const auto& entry) { return entry.second.unreadable; });
}

}  // namespace holdfast::sim
