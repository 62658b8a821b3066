// Cursor: moves over one tree in key order, both ways. Allocates nothing once its buffers have grown.
//
// Threads: the reader's. Pins one path of pages; the reader must outlive it.
// After an error it stands nowhere; the error is returned once, by the move that met it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "format/page.h"
#include "page/page_reader.h"

namespace holdfast::tree {

class Cursor {
 public:
  Cursor(PageReader& reader, const format::PageRef& root);
  Cursor(Cursor&&) noexcept;
  ~Cursor();

  // Each says whether the cursor stands on a row afterwards.
  Result<bool> first();
  Result<bool> last();
  Result<bool> seek(std::string_view key);         // first row with key >= key
  Result<bool> seek_before(std::string_view key);  // last row with key < key
  Result<bool> next();                             // Pre: valid()
  Result<bool> prev();                             // Pre: valid()
  bool valid() const;
  // Pre: valid(). Live until the cursor moves.
  std::string_view key() const;
  // Reads an overflow value only when asked. Errors: io, corruption.
  Result<std::string_view> value();
};

}  // namespace holdfast::tree
