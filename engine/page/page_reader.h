// PageReader: read access to the pages of one state, on behalf of one snapshot (or of the writer).
//
// Threads: one at a time. Pages come from the arena, or are loaded into it, verified.
// Three ways to hold a page, from cheap and short to long:
//   Guard    while one exists, no page that fetch() returned is recycled; for the length of one point read
//   PagePin  one page, until the pin is destroyed; for cursors and the writer
//   hold()   one page, until the reader ends; for views that were handed to a user
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <holdfast/ids.h>
#include <holdfast/result.h>

#include "format/overflow.h"
#include "format/page.h"

namespace holdfast {

// A committed state: what a reader needs to start.
struct State {
  Csn csn{};
  format::PageRef catalog;
  uint64_t next_bucket_id = 1;
};

// Keeps one page in memory. Moved, not copied.
class PagePin {
 public:
  PagePin() = default;
  PagePin(PagePin&& other) noexcept;
  PagePin& operator=(PagePin&& other) noexcept;
  ~PagePin();
  const std::byte* data() const;
  explicit operator bool() const;
};

class PageReader {
 public:
  PageReader(PageReader&& other) noexcept;
  PageReader& operator=(PageReader&& other) noexcept;
  ~PageReader();

  const State& state() const;
  uint32_t page_bytes() const;

  // Scope of a point read. Not nested; nothing in it waits for another thread.
  class Guard {
   public:
    explicit Guard(PageReader& reader);
    ~Guard();
  };
  // The page that `ref` names. Pre: inside a Guard. Its kind must be leaf (level 0) or branch (level > 0).
  // Errors: corruption, io.
  Result<const std::byte*> fetch(const format::PageRef& ref, uint8_t level);
  // For a root, whose level its reference does not say: any level up to kLevelMax. The caller reads it from the header.
  Result<const std::byte*> fetch_root(const format::PageRef& ref);
  // Keeps a page that fetch() returned until this reader ends. Pre: inside the same Guard. Cheap when held already.
  void hold(const std::byte* page);

  // The same pages, pinned. No Guard needed.
  Result<PagePin> pin(const format::PageRef& ref, uint8_t level);
  Result<PagePin> pin_root(const format::PageRef& ref);

  // For `check`: reads the page again from the file into `buffer` (page_bytes), past the arena, and verifies it.
  // `level` is ignored for a root (`is_root`). Errors: corruption, io.
  enum class Root : uint8_t { kNo, kYes };
  Result<void> read_from_file(const format::PageRef& ref, uint8_t level, Root is_root, std::span<std::byte> buffer);

  // The bytes of an overflow value, in one piece. The view lives until this reader ends. Errors: corruption, io.
  Result<std::string_view> read_overflow(const format::OverflowRef& ref);
  // The same into `value`, whose memory is the caller's.
  Result<void> read_overflow(const format::OverflowRef& ref, std::string& value);
};

}  // namespace holdfast
