// PageFile: the tree file as an array of pages.
//
// Owns:       the file. Threads: read, write, sync, stats: any; reserve, shrink: the writer's.
// Invariants: (1) the file never ends before page_count pages that reserve() was asked for;
//             (2) neighbours are written with one call.
// Fails:      with the operation's own error; keeps no memory of it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "base/ids.h"
#include "env/sync.h"

namespace holdfast {

// A page that is ready to be written.
struct PageImage {
  PageNumber page{};
  const std::byte* data = nullptr;
};

class PageFile {
 public:
  PageFile(std::unique_ptr<File> file, uint32_t page_bytes, uint64_t file_bytes);

  uint32_t page_bytes() const { return page_bytes_; }
  File& file() { return *file_; }
  uint64_t file_bytes() const { return file_bytes_.load(std::memory_order_relaxed); }
  uint64_t offset_of(PageNumber page) const { return uint64_t{to_int(page)} * page_bytes_; }

  // `corruption` that names the file, the page and its offset; `io` after a failed sync, which may have brought back
  // what was there before.
  Error damage(PageNumber page, std::string_view what) const;

  // Fills `buffer` (whole pages) from `first` on. Errors: io; corruption if the file ends before.
  Result<void> read(PageNumber first, std::span<std::byte> buffer);
  // The same of what `find_damage()` finds nothing wrong with, or says what is. Reads it once more before it calls it
  // damaged: one read may have brought another place of the file. Errors: those of read(); corruption.
  template <std::invocable FindDamage>
  Result<void> read_sound(PageNumber first, std::span<std::byte> buffer, FindDamage find_damage) {
    HOLDFAST_TRY(read(first, buffer));
    if (find_damage() == nullptr) [[likely]] {
      return {};
    }
    HOLDFAST_TRY(read(first, buffer));
    const char* const what = find_damage();
    return what == nullptr ? Result<void>() : fail(damage(first, what));
  }

  // Makes room for `page_count` pages, growing ahead if it must grow. Errors: no_space, io.
  Result<void> reserve(uint64_t page_count);
  // Gives back what lies beyond `page_count` pages. Nobody depends on it: an error only leaves the file longer.
  void shrink(uint64_t page_count);
  // Pre: reserved. Pages in increasing order. Errors: io, no_space.
  Result<void> write(std::span<const PageImage> pages);
  Result<void> write_run(PageNumber first, std::span<const std::byte> run);
  Result<void> sync();
  // One copy of a meta page. Errors: io, no_space.
  Result<void> write_meta_copy(uint64_t offset, std::span<const std::byte> copy);

  uint64_t pages_written() const { return pages_written_.load(std::memory_order_relaxed); }
  uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }
  uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }

 private:
  Result<void> write_bytes(uint64_t offset, std::span<const std::byte> bytes, uint64_t pages);

  std::unique_ptr<File> file_;
  const uint32_t page_bytes_;
  // Statistics, and a bound that need not be exact: relaxed.
  sync::Atomic<uint64_t> file_bytes_;
  sync::Atomic<bool> sync_failed_{false};
  sync::Atomic<uint64_t> pages_written_{0}, bytes_written_{0}, syncs_{0};
};

}  // namespace holdfast
