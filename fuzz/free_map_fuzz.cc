// Free map pages and index pages. An accepted index encodes to the same children again.
#include "base/check.h"
#include "format/free_map.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  std::vector<std::byte> page = fuzz::page_of({data, bytes});
  auto expected = fuzz::make_expected(page, format::PageKind::kFreeMap, 0);
  static_cast<void>(format::find_damage(page, expected));
  expected = fuzz::make_expected(page, format::PageKind::kFreeMapIndex, 1);
  if (format::find_damage(page, expected) != nullptr) {
    return 0;
  }
  std::vector<format::PageRef> children;
  for (uint32_t index = 0; index < format::header_of(page.data()).count; ++index) {
    children.push_back(format::free_map_index_child(page, index));
    CHECK(to_int(children.back().page) != 1 && !children.back().has_overflow);
  }
  std::vector<std::byte> again(page.size(), std::byte{0});
  format::encode_free_map_index(again, children);
  fuzz::make_expected(again, format::PageKind::kFreeMapIndex, 1);
  CHECK(again == page);
  return 0;
}
