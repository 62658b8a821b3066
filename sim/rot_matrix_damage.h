// The damages of the rot matrix: for each field of each structure, what is done to which sectors of the disk.
//
// Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/rot_matrix_layout.h"
#include "sim/rot_matrix_world.h"

namespace holdfast::sim {

enum class RotKind : uint8_t {
  kBit,      // one bit is another one
  kZeroed,   // a sector is zero
  kStale,    // a sector, or a whole page or frame, is what it was once
  kSwapped,  // two sectors, or two whole pages or frames, have changed places
  kEio,      // reading the sector fails
  kCount,
};
constexpr size_t kRotKinds = static_cast<size_t>(RotKind::kCount);
std::string_view name_of(RotKind kind);

// A sector that reads otherwise than it was written.
struct Patch {
  std::string file;
  uint64_t sector = 0;
  bool unreadable = false;
  std::array<std::byte, kSectorBytes> bytes{};
  friend auto operator<=>(const Patch&, const Patch&) = default;
};

// A copy of the disk that is damaged in one way.
struct RotImage {
  std::vector<Patch> patches;  // by file and sector
  std::string text;            // of the damage, in words
};

// One case of one cell of the matrix. Cases of several fields may share an image: their bytes lie in one sector.
struct RotCase {
  size_t image = 0;
  std::string text;
};
struct RotRow {
  std::string structure;
  std::string field;
  bool in_use = true;
  uint64_t bytes = 0;    // in all places together
  uint64_t regions = 0;  // in how many
  std::array<std::vector<RotCase>, kRotKinds> cases;

  std::string name() const { return structure + "/" + field; }
};

struct RotPlan {
  std::vector<RotImage> images;
  std::vector<RotRow> rows;  // by structure and field, as they lie on the disk
};

struct RotBounds {
  uint32_t places = 3;            // that are damaged of each field, at most: the first, the last, and some between
  uint32_t bits = 1'000'000'000;  // that are turned in one place, at most
};
RotPlan plan_rot(const RotWorld& world, const std::vector<Region>& layout, const RotBounds& bounds);

// Puts the damage over the disk.
void damage(SimDisk& disk, const RotImage& image);
// Whether it damaged something that is in use, and all of that has been written anew since, or its file is gone.
bool is_repaired(const SimDisk& disk, const RotImage& image, const std::vector<Region>& layout);

}  // namespace holdfast::sim
