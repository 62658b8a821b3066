#include "log/tiles.h"

#include <algorithm>
#include <array>

#include <holdfast/proof.h>

#include "base/check.h"

namespace holdfast::log {

namespace {

constexpr uint8_t kTileLevelMax = 63;
constexpr unsigned kTileHeight = 8;     // levels of the tree in a tile
constexpr uint8_t kTreeTileLevels = 8;  // no tree has more levels of tiles
constexpr size_t kEntryBytesMax = 65535;

bool is_tile(const Tile& tile) {
  return tile.level.value_or(0) <= kTileLevelMax && tile.index <= kTileIndexMax && tile.width >= 1 &&
         tile.width <= kTileWidth;
}

// "x001/x234/067"
std::string index_text(uint64_t index) {
  std::string text;
  for (bool last = true; last || index > 0; last = false) {
    std::string group = std::to_string(index % 1000);
    group.insert(0, 3 - group.size(), '0');
    text.insert(0, last ? group : "x" + group + "/");
    index /= 1000;
  }
  return text;
}

// Takes the index off the front of a path, in any number of groups.
std::optional<uint64_t> take_index(std::string_view& path) {
  uint64_t index = 0;
  for (;;) {
    const bool more = proof::take_prefix(path, "x");
    for (size_t digit = 0; digit < 3; ++digit) {
      if (path.empty() || path[0] < '0' || path[0] > '9' || index > kTileIndexMax) {
        return std::nullopt;
      }
      index = index * 10 + static_cast<uint64_t>(path[0] - '0');
      path.remove_prefix(1);
    }
    if (!more) {
      return index;
    }
    if (!proof::take_prefix(path, "/")) {
      return std::nullopt;
    }
  }
}

// Hashes of a level of tiles in a tree of `size` leaves.
uint64_t hashes_of_level(uint64_t size, unsigned level) { return size >> (kTileHeight * level); }

// Adds the row of a level whose count grew from `before` to `after`.
void add_row(std::vector<TileRow>& rows, std::optional<uint8_t> level, uint64_t before, uint64_t after) {
  if (before < after) {
    rows.push_back({level, before / kTileWidth, after / kTileWidth, static_cast<uint16_t>(after % kTileWidth)});
  }
}

}  // namespace

std::string tile_path(const Tile& tile) {
  CHECK(is_tile(tile));
  std::string path = "tile/" + (tile.level ? std::to_string(*tile.level) : std::string("entries")) + "/";
  path += index_text(tile.index);
  return tile.width == kTileWidth ? path : path + ".p/" + std::to_string(tile.width);
}

Result<Tile> parse_tile_path(std::string_view path) {
  const auto malformed = fail(ErrorCode::kInvalidArgument, "this is no path of a tile");
  std::string_view rest = path;
  if (!proof::take_prefix(rest, "tile/")) {
    return malformed;
  }
  Tile tile;
  if (!proof::take_prefix(rest, "entries/")) {
    const std::string_view level = rest.substr(0, rest.find('/'));
    const std::optional<uint64_t> number = proof::parse_decimal(level);
    if (!number || *number > kTileLevelMax || level.size() == rest.size()) {
      return malformed;
    }
    tile.level = static_cast<uint8_t>(*number);
    rest.remove_prefix(level.size() + 1);
  }
  const std::optional<uint64_t> index = take_index(rest);
  if (!index) {
    return malformed;
  }
  tile.index = *index;
  if (proof::take_prefix(rest, ".p/")) {
    tile.width = static_cast<uint16_t>(std::min<uint64_t>(proof::parse_decimal(rest).value_or(0), kTileWidth));
    rest = {};
  }
  // Leading groups of zeros, a width of 256 written out, and whatever else there is a shorter way to say.
  if (!rest.empty() || !is_tile(tile) || tile_path(tile) != path) {
    return malformed;
  }
  return tile;
}

std::vector<TileRow> new_tiles(uint64_t old_size, uint64_t new_size) {
  CHECK(old_size <= new_size && new_size <= kLeavesMax);
  std::vector<TileRow> rows;
  add_row(rows, std::nullopt, old_size, new_size);
  for (uint8_t level = 0; level < kTreeTileLevels; ++level) {
    add_row(rows, level, hashes_of_level(old_size, level), hashes_of_level(new_size, level));
  }
  return rows;
}

Result<std::vector<std::byte>> tile_bytes(const Tile& tile, const HashSource& source) {
  CHECK(tile.level && is_tile(tile) && *tile.level < kTreeTileLevels);
  const auto level = static_cast<uint8_t>(kTileHeight * *tile.level);
  std::vector<std::byte> bytes;
  bytes.reserve(tile.width * sizeof(Hash));
  for (uint64_t number = 0; number < tile.width; ++number) {
    HOLDFAST_TRY_ASSIGN(const Hash hash, source(level, tile.index * kTileWidth + number));
    bytes.insert(bytes.end(), hash.begin(), hash.end());
  }
  return bytes;
}

Result<std::vector<std::byte>> bundle_bytes(const Tile& bundle, const LeafSource& source) {
  CHECK(!bundle.level && is_tile(bundle));
  std::vector<std::byte> bytes;
  for (uint64_t number = 0; number < bundle.width; ++number) {
    HOLDFAST_TRY_ASSIGN(const std::vector<std::byte> leaf, source(bundle.index * kTileWidth + number));
    if (leaf.size() > kEntryBytesMax) {
      return fail(ErrorCode::kInvalidArgument, "a leaf is too long for a bundle of entries");
    }
    bytes.push_back(static_cast<std::byte>(leaf.size() >> 8));
    bytes.push_back(static_cast<std::byte>(leaf.size() & 0xFF));
    bytes.insert(bytes.end(), leaf.begin(), leaf.end());
  }
  return bytes;
}

Result<std::vector<std::span<const std::byte>>> parse_bundle(std::span<const std::byte> bytes, uint16_t width) {
  std::vector<std::span<const std::byte>> entries;
  while (!bytes.empty()) {
    if (bytes.size() < 2 || entries.size() == width) {
      return fail(ErrorCode::kCorruption, "bundle of entries: length");
    }
    const size_t length = std::to_integer<size_t>(bytes[0]) << 8 | std::to_integer<size_t>(bytes[1]);
    if (length > bytes.size() - 2) {
      return fail(ErrorCode::kCorruption, "bundle of entries: length of an entry");
    }
    entries.push_back(bytes.subspan(2, length));
    bytes = bytes.subspan(2 + length);
  }
  if (entries.size() != width) {
    return fail(ErrorCode::kCorruption, "bundle of entries: number of entries");
  }
  return entries;
}

}  // namespace holdfast::log
