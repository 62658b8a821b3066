// Tiles (c2sp.org/tlog-tiles): a log as a set of static files, which anybody can serve and cache.
//
//   tile/<L>/<N>          256 hashes: those of the complete subtrees of level 8 * L, from number 256 * N on
//   tile/<L>/<N>.p/<W>    the same, but only the W that there are so far
//   tile/entries/<N>      256 leaves, each after its length in two big-endian bytes; .p/<W> likewise
//
// N is written in groups of three digits, all but the last after an x: 1234067 is x001/x234/067.
// Everything is a pure function; hashes and leaves come from the caller. Nothing here knows where tiles are kept.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/result.h>

#include "log/merkle.h"

namespace holdfast::log {

constexpr uint16_t kTileWidth = 256;
constexpr uint64_t kTileIndexMax = kLeavesMax / kTileWidth;

struct Tile {
  std::optional<uint8_t> level;  // none: a bundle of entries
  uint64_t index = 0;            // of the tile in its level, up to kTileIndexMax
  uint16_t width = kTileWidth;   // hashes or entries in it, 1 to 256
  friend bool operator==(const Tile&, const Tile&) = default;
};

// "tile/0/x001/x234/067.p/5". Pre: the fields keep the rules above, and level is at most 63.
std::string tile_path(const Tile& tile);
// The tile with this path. Errors: invalid_argument. Accepts exactly what tile_path() writes.
Result<Tile> parse_tile_path(std::string_view path);

// Tiles of one level: full ones from `first` up to `full_end`, and one of `partial_width` behind them unless that is 0.
struct TileRow {
  std::optional<uint8_t> level;
  uint64_t first = 0;
  uint64_t full_end = 0;
  uint16_t partial_width = 0;
  friend bool operator==(const TileRow&, const TileRow&) = default;
};
// What must be written when a log whose tiles were written at `old_size` has grown to `new_size` (from 0: all of it):
// entries first, then each level with something new. Pre: old_size <= new_size <= kLeavesMax.
std::vector<TileRow> new_tiles(uint64_t old_size, uint64_t new_size);

// Content of a tile of hashes. Errors: those of the source. Pre: the tile has a level, and is inside the tree.
Result<std::vector<std::byte>> tile_bytes(const Tile& tile, const HashSource& source);

// The leaf at an index, as it was hashed.
using LeafSource = std::function<Result<std::vector<std::byte>>(uint64_t index)>;
// Content of a bundle of entries. Errors: those of the source; invalid_argument for a leaf of more than 65,535 bytes.
Result<std::vector<std::byte>> bundle_bytes(const Tile& bundle, const LeafSource& source);
// The entries of a bundle; the views point into `bytes`. Errors: corruption (cut short, or not `width` of them).
Result<std::vector<std::span<const std::byte>>> parse_bundle(std::span<const std::byte> bytes, uint16_t width);

}  // namespace holdfast::log
