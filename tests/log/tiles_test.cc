#include "log/tiles.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/log/samples.h"

namespace holdfast::log {
namespace {

using samples::Stream;
using samples::Tree;

TEST(Tiles, paths_are_those_of_the_specification) {
  EXPECT_EQ(tile_path({0, 1234067}), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path({0, 0}), "tile/0/000");
  EXPECT_EQ(tile_path({2, 0, 1}), "tile/2/000.p/1");
  EXPECT_EQ(tile_path({7, 999}), "tile/7/999");
  EXPECT_EQ(tile_path({7, 1000, 255}), "tile/7/x001/000.p/255");
  EXPECT_EQ(tile_path({std::nullopt, 1234067, 112}), "tile/entries/x001/x234/067.p/112");
}

RC_GTEST_PROP(Tiles, any_path_reads_back, ()) {
  Tile tile;
  if (*rc::gen::arbitrary<bool>()) {
    tile.level = *rc::gen::inRange<uint8_t>(0, 64);
  }
  tile.index = *rc::gen::inRange<uint64_t>(0, kTileIndexMax) >> *rc::gen::inRange(0, 55);
  tile.width = *rc::gen::inRange<uint16_t>(1, 257);
  const Result<Tile> read = parse_tile_path(tile_path(tile));
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == tile);
}

TEST(Tiles, a_tile_has_one_path) {
  ASSERT_TRUE(parse_tile_path("tile/0/x001/000"));
  EXPECT_EQ(parse_tile_path(tile_path({63, kTileIndexMax})).value().index, kTileIndexMax);
  for (const char* path : {"",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "tile//000",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/x000/001",
                           "tile/0/x001",
                           "tile/0/x001/",
                           "tile/0/001/000",
                           "tile/0/x001/x000",
                           "tile/0/X001/000",
                           "tile/00/000",
                           "tile/64/000",
                           "tile/-1/000",
                           "tile/a/000",
                           "tile/entrie/000",
                           "tile/entries",
                           "tile/entries/",
                           "tile/0/000.p",
                           "tile/0/000.p/",
                           "tile/0/000.p/0",
                           "tile/0/000.p/01",
                           "tile/0/000.p/256",
                           "tile/0/000.p/257",
                           "tile/0/000.p/65537",
                           "tile/0/000.p/1/",
                           "tile/0/000/1",
                           "tile/0/000 ",
                           "/tile/0/000",
                           "tile/0/x999/x999/x999/"
                           "x999/x999/x999/x999/x999/999",
                           "tile/0/x036/x028/x797/x018/x963/968"}) {
    EXPECT_FALSE(parse_tile_path(path)) << path;
  }
}

// The example of the specification: a tree of 70,000.
TEST(Tiles, of_a_tree_are_those_of_the_specification) {
  const std::vector<TileRow> expected = {{std::nullopt, 0, 273, 112}, {0, 0, 273, 112}, {1, 0, 1, 17}, {2, 0, 0, 1}};
  EXPECT_EQ(new_tiles(0, 70'000), expected);
  const std::vector<TileRow> full = {{std::nullopt, 0, 1, 0}, {0, 0, 1, 0}, {1, 0, 0, 1}};
  EXPECT_EQ(new_tiles(0, 256), full);
  EXPECT_TRUE(new_tiles(0, 0).empty());
  EXPECT_TRUE(new_tiles(70'000, 70'000).empty());
  const std::vector<TileRow> next = {{std::nullopt, 273, 273, 113}, {0, 273, 273, 113}};
  EXPECT_EQ(new_tiles(70'000, 70'001), next);
  EXPECT_EQ(new_tiles(0, kLeavesMax).size(), 9U);
}

using Files = std::map<std::string, std::vector<std::byte>>;

// What a publisher does that writes a log's tiles each time it has grown.
void publish(const Stream& stream, uint64_t old_size, uint64_t new_size, Files& files) {
  const LeafSource leaves = [&](uint64_t index) -> Result<std::vector<std::byte>> {
    const auto leaf = encode_event_leaf(stream.leaves()[index]);
    return std::vector<std::byte>(leaf.begin(), leaf.end());
  };
  for (const TileRow& row : new_tiles(old_size, new_size)) {
    for (uint64_t index = row.first; index < row.full_end + (row.partial_width > 0 ? 1 : 0); ++index) {
      const Tile tile = {row.level, index, index < row.full_end ? kTileWidth : row.partial_width};
      const auto bytes = row.level ? tile_bytes(tile, stream.tree().source()) : bundle_bytes(tile, leaves);
      ASSERT_TRUE(files.insert_or_assign(tile_path(tile), bytes.value()).second) << tile_path(tile);
    }
  }
}

// The hash of a complete subtree, out of tiles alone: as a client computes it.
HashSource source_of(const Files& files, uint64_t size) {
  return [&files, size](uint8_t level, uint64_t index) -> Result<Hash> {
    const auto tile_level = static_cast<uint8_t>(level / 8);
    const uint64_t first = index << (level % 8);  // in hashes of that level of tiles
    const uint64_t tile = first / kTileWidth;
    const uint64_t width = std::min<uint64_t>(kTileWidth, (size >> (8 * tile_level)) - tile * kTileWidth);
    const auto file = files.find(tile_path({tile_level, tile, static_cast<uint16_t>(width)}));
    if (file == files.end()) {
      return fail(ErrorCode::kNotFound, "no tile");
    }
    std::vector<Hash> hashes(size_t{1} << (level % 8));
    for (size_t number = 0; number < hashes.size(); ++number) {
      const auto at = (first % kTileWidth + number) * sizeof(Hash);
      std::ranges::copy(std::span(file->second).subspan(at, sizeof(Hash)), hashes[number].begin());
    }
    return samples::naive_root(hashes);
  };
}

TEST(Tiles, are_enough_for_every_root_and_proof) {
  const Stream stream(1100);
  Files files;
  uint64_t published = 0;
  for (const uint64_t size : {1U, 255U, 256U, 257U, 511U, 700U, 1024U, 1100U}) {
    publish(stream, published, size, files);
    published = size;
    const HashSource source = source_of(files, size);
    const Hash root = samples::naive_root(stream.tree().leaves().first(size));
    ASSERT_EQ(root_of(size, source).value(), root) << size;
    for (uint64_t index = 0; index < size; index += 37) {
      ASSERT_EQ(prove_inclusion(index, size, source).value(),
                prove_inclusion(index, size, stream.tree().source()).value());
      ASSERT_EQ(prove_consistency(index, size, source).value(),
                prove_consistency(index, size, stream.tree().source()).value());
    }
  }
}

TEST(Tiles, entries_hash_to_the_tile_beside_them) {
  const Stream stream(300);
  Files files;
  publish(stream, 0, 300, files);
  const auto entries = parse_bundle(files.at("tile/entries/001.p/44"), 44).value();
  const std::vector<std::byte>& tile = files.at("tile/0/001.p/44");
  ASSERT_EQ(tile.size(), 44 * sizeof(Hash));
  for (size_t number = 0; number < entries.size(); ++number) {
    EXPECT_TRUE(std::ranges::equal(samples::leaf_hash(as_text(entries[number])),
                                   std::span(tile).subspan(number * sizeof(Hash), sizeof(Hash))));
  }
}

TEST(Tiles, bundles_that_are_cut_or_of_another_width_are_refused) {
  const std::vector<std::string> texts = {"one", "", std::string(300, 'x')};
  const LeafSource source = [&](uint64_t index) -> Result<std::vector<std::byte>> {
    const auto bytes = as_bytes(texts[index]);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  const std::vector<std::byte> bytes = bundle_bytes({std::nullopt, 0, 3}, source).value();
  EXPECT_EQ(as_text(bytes).substr(0, 9), std::string_view("\0\3one\0\0\1\x2C", 9));
  ASSERT_EQ(parse_bundle(bytes, 3).value().size(), 3U);
  EXPECT_FALSE(parse_bundle(bytes, 2));
  EXPECT_FALSE(parse_bundle(bytes, 4));
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(parse_bundle(std::span(bytes).first(cut), 3)) << cut;
  }
  const LeafSource long_leaf = [](uint64_t) -> Result<std::vector<std::byte>> { return std::vector<std::byte>(65536); };
  EXPECT_EQ(bundle_bytes({std::nullopt, 0, 1}, long_leaf).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast::log
