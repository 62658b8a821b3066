// Identities on disk that users do not see.
#pragma once

#include <cstdint>

#include <holdfast/ids.h>

namespace holdfast {

// Position of a page in the tree file, in pages. 0 and 1 are the meta pages, so 0 also says "no page".
enum class PageNumber : uint32_t {};
// The interval between two opens (later: two checkpoints). Every open starts a new one, and so does the first
// checkpoint after an attempt that may have written pages and failed: until then those pages are not used again
// (PageStore). So a page of an attempt that came to nothing can never be taken for one of the commit that replaced it.
enum class Epoch : uint32_t {};

constexpr uint32_t to_int(PageNumber page) { return static_cast<uint32_t>(page); }
constexpr uint32_t to_int(Epoch epoch) { return static_cast<uint32_t>(epoch); }

constexpr PageNumber kNoPage{0};

}  // namespace holdfast
