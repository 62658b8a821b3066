// Paths of tiles and bundles of entries, of any bytes: what is accepted is what would be written. The first byte is the
// width of the bundle.
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/input.h"
#include "log/tiles.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  const std::vector<std::byte> block = fuzz::block_of({data, bytes}, bytes);
  if (const auto tile = log::parse_tile_path(as_text(block))) {
    CHECK(log::tile_path(*tile) == as_text(block));
  }
  if (block.empty()) {
    return 0;
  }
  const auto width = static_cast<uint16_t>(std::to_integer<uint16_t>(block[0]) + 1);
  const auto bundle = std::span(block).subspan(1);
  if (const auto entries = log::parse_bundle(bundle, width)) {
    const log::LeafSource source = [&](uint64_t index) -> Result<std::vector<std::byte>> {
      return std::vector<std::byte>((*entries)[index].begin(), (*entries)[index].end());
    };
    const auto again = log::bundle_bytes({std::nullopt, 0, width}, source).value();
    CHECK(as_text(again) == as_text(bundle));
  }
  return 0;
}
