// PageWriter: changes the pages of one generation. Made by PageStore::begin.
//
// Owns:       the frames of the pages that it bore and did not write yet, and the list of those that died.
// Threads:    the writer's thread only.
// Invariants: (1) a page that was written early (before the commit, to stay within the cache) never changes again, and
//                 its number is not used again in this generation: both would bear the same stamp;
//             (2) a page number that is taken is not in the arena.
// Fails:      see each; after any error the generation must be aborted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <holdfast/result.h>

#include "format/overflow.h"
#include "format/page.h"
#include "page/born_pages.h"
#include "page/free_map.h"
#include "page/page_bitmap.h"
#include "page/page_lifetimes.h"
#include "page/page_reader.h"

namespace holdfast {

// A page that was born in this generation, pinned and writable. The body starts zeroed (allocate) or as a copy (edit);
// header kind, level and stamp are set; count, body and prefix_bytes are the user's.
class PageEdit {
 public:
  PageEdit() = default;
  PageEdit(PageEdit&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  PageEdit& operator=(PageEdit&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~PageEdit() {
    if (frame_ != nullptr) {
      frame_->unpin();
    }
  }
  std::byte* data() { return frame_->data(); }
  // How a parent names it. `has_overflow` is false until the user sets it in his copy.
  format::PageRef ref() const;
  explicit operator bool() const { return frame_ != nullptr; }

 private:
  friend class PageWriter;
  explicit PageEdit(Frame* pinned) : frame_(pinned) {}
  Frame* frame_ = nullptr;
};

// Which pages stay in use when they die.
enum class Keep : uint8_t { kPinned, kEverything };

class PageWriter {
 public:
  PageWriter(const PageWriter&) = delete;
  PageWriter& operator=(const PageWriter&) = delete;
  ~PageWriter();

  uint32_t page_bytes() const { return source_.arena.page_bytes(); }
  Csn csn() const { return csn_; }

  // Reads pages of the generation: those it was based on and those born in it.
  PageReader& reader() { return reader_; }

  // A new page. Errors: no_space (page numbers are used up), io (an early write failed).
  Result<PageEdit> allocate(format::PageKind kind, uint8_t level);
  // The page to change instead of `ref`: the same page if it was born in this generation and not yet written early;
  // else a new page with the same body, and `ref` dies. Errors: corruption, io, no_space.
  Result<PageEdit> edit(const format::PageRef& ref, uint8_t level);
  // Whether edit(ref) would change it in place.
  bool is_editable(const format::PageRef& ref) const { return is_born_here(ref) && born_.find(ref.page) != nullptr; }
  // The page dies: nothing in the next state reaches it. Does not read it. A page born in this generation is given
  // back; one that a pinned state may reach stays as it is, in use. Errors: corruption if it is free already, or not in
  // the file (a hostile file can say so).
  Result<void> retire(const format::PageRef& ref);
  // A page that died before, and that no pinned state reaches any more, whatever lies between its birth and now.
  // Errors: as above.
  Result<void> let_go(const format::PageRef& ref);

  // Writes a value to overflow runs (early, straight to the file), or frees one. Errors: no_space, io, corruption.
  Result<format::OverflowRef> write_overflow(std::string_view value);
  Result<void> retire_overflow(const format::OverflowRef& ref);

 private:
  friend class PageStore;
  // `pins`: csns of pinned states, in increasing order; lives as long as the writer.
  PageWriter(PageSource& source, FreeMap& free_map, Epoch epoch, const State& base, Csn csn, std::span<const Csn> pins,
             Keep keep);

  bool is_born_here(const format::PageRef& ref) const { return ref.birth == csn_ && ref.epoch == epoch_; }
  format::PageRef ref_to(PageNumber page) const {
    return {.page = page, .epoch = epoch_, .birth = csn_, .has_overflow = false};
  }
  // Whether a pinned state may reach the page.
  bool is_kept(const format::PageRef& ref) const;
  // A page without content, pinned. Errors: those of allocate().
  Result<PageEdit> take_page(PageNumber& page);
  Result<void> write_early();
  Result<void> write_run_pages(const PageRun& run, const format::Run& fields);
  // Passes a result of the file on, and remembers what forbids every further write.
  Result<void> note(Result<void> written);

  PageSource& source_;
  FreeMap& free_map_;
  const Epoch epoch_;
  const Csn csn_;
  const std::span<const Csn> pins_;
  const Keep keep_;
  BornPages born_;
  PageReader reader_;
  std::vector<DeadPage> dead_;
  PageBitmap kept_;                     // died, and stay for pinned states
  uint64_t write_early_at_;             // born pages in memory
  bool wrote_ = false;                  // something of this generation may be in the file
  std::optional<Error> write_failure_;  // other than no_space
  std::vector<std::byte> run_buffer_;
};

}  // namespace holdfast
