// Overflow runs with hostile headers. What is accepted encodes to the same bytes again.
#include "base/check.h"
#include "format/overflow.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace holdfast;
  constexpr uint32_t kPageBytes = kPageBytesMin;
  const size_t pages = std::min<size_t>(4, std::max<size_t>(1, (bytes + kPageBytes - 1) / kPageBytes));
  std::vector<std::byte> run = fuzz::block_of({data, bytes}, pages * kPageBytes);
  const auto expected = fuzz::make_expected(run, format::PageKind::kOverflow, 0);
  format::Run fields;
  if (format::decode_run(run, expected, kPageBytes, fields) != nullptr) {
    return 0;
  }
  CHECK(!fields.payload.empty() && fields.payload.size() <= run.size() - format::kRunHeaderBytes);
  CHECK(fields.value_offset + fields.payload.size() <= kValueBytesMax);
  std::vector<std::byte> again(run.size(), std::byte{0xEE});
  format::encode_run(again, expected.ref, fields, kPageBytes);
  format::seal_page(again, fuzz::kSeed);
  CHECK(again == run);
  return 0;
}
