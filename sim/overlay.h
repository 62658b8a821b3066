// Overlays: damaged sectors of one file. The truth below is never changed, so that the oracle can ask what was there,
// and so that healing the disk brings every undamaged byte back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "fault/kind.h"
#include "sim/block.h"

namespace holdfast::sim {

struct Overlay {
  fault::Kind kind;
  bool unreadable = false;  // EIO instead of bytes (R26)
  std::array<std::byte, kSectorBytes> bytes{};
};

class Overlays {
 public:
  bool empty() const { return sectors_.empty(); }
  size_t count() const { return sectors_.size(); }
  // Over `sector` (the file's 512-byte sectors, counted from 0) lies `overlay` from now on.
  void set(uint64_t sector, const Overlay& overlay) { sectors_.insert_or_assign(sector, overlay); }
  // Sectors touched by a write are new.
  void repair(uint64_t offset, uint64_t bytes);
  void repair_from(uint64_t offset);
  void heal() { sectors_.clear(); }
  // Puts the damage over `buffer`, which holds the true bytes from `offset`.
  void apply(uint64_t offset, std::span<std::byte> buffer) const;
  bool any_in(uint64_t offset, uint64_t bytes) const;
  bool unreadable_in(uint64_t offset, uint64_t bytes) const;
  const std::map<uint64_t, Overlay>& sectors() const { return sectors_; }

 private:
  std::map<uint64_t, Overlay> sectors_;
};

}  // namespace holdfast::sim
