// Leaf pages with a hostile body. What the validator accepts must be safe to read, edit and rewrite.
#include "fuzz/input.h"
#include "fuzz/page_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  std::vector<std::byte> page = fuzz::page_of({data, bytes});
  const auto expected = fuzz::make_expected(page, format::PageKind::kLeaf, 0);
  if (format::find_damage(page, expected) == nullptr) {
    fuzz::walk_leaf(page);
  }
  return 0;
}
