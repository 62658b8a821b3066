#include <sys/mman.h>

#include "env/huge_pages.h"

namespace holdfast {

void prefer_huge_pages(std::span<std::byte> memory) {
#ifdef MADV_HUGEPAGE
  static_cast<void>(::madvise(memory.data(), memory.size(), MADV_HUGEPAGE));
#else
  static_cast<void>(memory);
#endif
}

}  // namespace holdfast
