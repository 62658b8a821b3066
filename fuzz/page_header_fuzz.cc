// Whole pages, header included, of any kind and size: what find_damage does before it asks the validator of a kind.
//
// Only the checksum is made right. The page is asked for as what its own header says, and as something else.
#include "fuzz/input.h"
#include "fuzz/page_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  using format::PageKind;
  // As it came: any length, checksum wrong more often than not.
  const std::vector<std::byte> raw = fuzz::block_of({data, bytes}, bytes);
  for (uint8_t kind = 0; kind <= 6; ++kind) {
    static_cast<void>(format::find_damage(raw, {{}, static_cast<PageKind>(kind), 0, fuzz::kSeed}));
  }
  std::vector<std::byte> page = fuzz::page_of({data, bytes});
  format::seal_page(page, fuzz::kSeed);
  const format::PageHeader& header = format::header_of(page.data());
  const format::PageRef self{static_cast<PageNumber>(uint32_t{header.page_number}),
                             static_cast<Epoch>(uint32_t{header.epoch}), static_cast<Csn>(uint64_t{header.birth}),
                             false};
  const format::PageExpectation expected{self, static_cast<PageKind>(header.kind), header.level, fuzz::kSeed};
  if (format::find_damage(page, expected) == nullptr) {
    CHECK(header.kind >= 1 && header.kind <= 5 && header.level <= format::kLevelMax);
    if (expected.kind == PageKind::kLeaf) {
      fuzz::walk_leaf(page);
    } else if (expected.kind == PageKind::kBranch) {
      fuzz::walk_branch(page);
    }
  }
  format::PageExpectation other = expected;
  other.ref.page = PageNumber{to_int(self.page) + 1};
  CHECK(format::find_damage(page, other) != nullptr);
  other = expected;
  other.ref.birth = next(self.birth);
  CHECK(format::find_damage(page, other) != nullptr);
  return 0;
}
