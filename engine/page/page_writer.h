// PageWriter: changes the pages of one generation. Made by PageStore::begin.
//
// Threads: the writer's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <holdfast/result.h>

#include "format/overflow.h"
#include "format/page.h"
#include "page/page_reader.h"

namespace holdfast {

// A page that was born in this generation, pinned and writable. The body starts zeroed (allocate) or as a copy (edit);
// header kind, level and stamp are set; count, body and prefix_bytes are the user's.
class PageEdit {
 public:
  PageEdit() = default;
  PageEdit(PageEdit&& other) noexcept;
  PageEdit& operator=(PageEdit&& other) noexcept;
  ~PageEdit();
  std::byte* data();
  // How a parent names it. `has_overflow` is false until the user sets it in his copy.
  format::PageRef ref() const;
  explicit operator bool() const;
};

class PageWriter {
 public:
  uint32_t page_bytes() const;
  Csn csn() const;

  // Reads pages of the generation: those it was based on and those born in it.
  PageReader& reader();

  // A new page. Errors: no_space (page numbers are used up), io (an early write failed).
  Result<PageEdit> allocate(format::PageKind kind, uint8_t level);
  // The page to change instead of `ref`: the same page if it was born in this generation and not yet written early;
  // else a new page with the same body, and `ref` dies. Errors: corruption, io, no_space.
  Result<PageEdit> edit(const format::PageRef& ref, uint8_t level);
  // Whether edit(ref) would change it in place.
  bool is_editable(const format::PageRef& ref) const;
  // The page dies: nothing in the next state reaches it. Does not read it. A page born in this generation is given
  // back. Errors: corruption if it is free already, or not in the file (a hostile file can say so).
  Result<void> retire(const format::PageRef& ref);

  // Writes a value to overflow runs (early, straight to the file), or frees one. Errors: no_space, io, corruption.
  Result<format::OverflowRef> write_overflow(std::string_view value);
  Result<void> retire_overflow(const format::OverflowRef& ref);
};

}  // namespace holdfast
