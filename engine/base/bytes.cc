#include "base/bytes.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

size_t common_prefix_bytes(std::string_view a, std::string_view b) {
  const size_t limit = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(limit), b.begin()).first -
                             a.begin());
}

std::string_view shortest_separator(std::string_view a, std::string_view b) {
  CHECK(a < b);
  return b.substr(0, common_prefix_bytes(a, b) + 1);
}

}  // namespace holdfast
