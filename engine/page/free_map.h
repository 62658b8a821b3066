// FreeMap: which pages are free, in memory, and which of those may be used; and the map's own pages in the file.
//
// Two bits per page: *free* in the newest state, or the one that the open generation will become (that is what the
// file holds after the next checkpoint), and *allocatable*: free in the newest durable state too, awaited by no reader,
// and not taken in this generation. A page that dies is free at once, and allocatable only when release() says so.
//
// Owns:       the bitmaps, and the references to the map's pages. Threads: the writer's.
// Invariants: (1) allocatable implies free, but for nothing else: free and not allocatable = died, and is
//                 needed by a snapshot or the newest durable state; or withheld;
//             (2) a page of the map is never free;
//             (3) the references name the map that the last plan() placed, with changes since then marked;
//             (4) abort() restores exactly what was there before begin().
// Fails:      corruption when loading; no_space when page numbers are used up.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <holdfast/result.h>

#include "format/meta.h"
#include "format/page.h"
#include "page/page_bitmap.h"
#include "page/page_file.h"
#include "page/page_lifetimes.h"

namespace holdfast {

struct PageRun {
  PageNumber first{};
  uint32_t page_count = 0;
};

class FreeMap {
 public:
  explicit FreeMap(uint32_t page_bytes, uint32_t checksum_seed);

  // Reads the map of `meta`. Errors: corruption, which names the page; io.
  Result<void> load(PageFile& file, const format::Meta& meta);
  // Reads the map's pages again and reports what is damaged, or differs from memory where nothing has changed since the
  // last plan. Between generations.
  void verify(PageFile& file, const std::function<void(PageNumber page, std::string what)>& damage) const;

  uint64_t page_count() const { return page_count_; }
  uint64_t free_count() const { return free_.count(); }
  uint64_t allocatable_count() const { return allocatable_.count(); }
  bool is_free(PageNumber page) const { return free_.test(to_int(page)); }
  bool is_allocatable(PageNumber page) const { return allocatable_.test(to_int(page)); }
  bool is_map_page(PageNumber page) const { return map_pages_.test(to_int(page)); }
  // Taken in the open generation and not given back.
  bool is_fresh(PageNumber page) const { return fresh_.test(to_int(page)); }

  // Nobody can reach these free pages any more. Between generations.
  void release(std::span<const PageNumber> pages);
  // Pages that an aborted generation took: free, and not to be taken until release(). Between generations.
  void withhold(std::span<const PageNumber> pages);

  void begin();
  // A page, or up to `pages_max` neighbours (at least one). Errors: no_space.
  Result<PageNumber> allocate();
  Result<PageRun> allocate_run(uint32_t pages_max);
  // A fresh page that was never written may be allocated again.
  void give_back(PageNumber page);
  // The page is free in the next state. Null, or why it cannot be: what a damaged tree may ask for.
  const char* retire(PageNumber page);

  // Decides where the next state's map lies: drops a long free tail of the file, and moves each map page that changes
  // to a new place, with the stamp given. Map pages that die are appended to `dead`. Errors: no_space.
  Result<void> plan(Epoch epoch, Csn csn, std::vector<DeadPage>& dead);
  // After plan(): the pages that changed, sealed, one after the other in `bytes`; and the root for the meta page.
  std::vector<PageImage> encode(std::vector<std::byte>& bytes) const;
  format::PageRef root() const { return levels_.back().front().ref; }
  uint8_t root_level() const { return root().is_null() ? uint8_t{0} : static_cast<uint8_t>(levels_.size() - 1); }

  // Ends the generation: what it took is in use, what it retired is free. The map in the file follows with a later
  // plan.
  void keep();
  // The same, after plan(): the map as planned is the one that the file holds.
  void commit();
  // A committed plan with this stamp did not get into the file: its pages are placed anew by the next plan.
  void place_again(Epoch epoch, Csn csn);
  void abort();
  // Pages that were taken in the open generation, given back or not.
  std::vector<PageNumber> taken() const;

 private:
  struct Node {
    format::PageRef ref;
    bool is_changed = false;  // since the last plan(); no longer says what ref's page holds
    bool is_placed = false;   // by the plan that is not committed yet
  };
  using Level = std::vector<Node>;  // 0: one node per chunk; the last: one node
  enum class Which : uint8_t { kFree, kAllocatable, kFresh, kMapPages };
  struct Change {
    Which which;
    PageNumber page;
  };

  PageBitmap& bitmap(Which which);
  void change(Which which, PageNumber page);  // flips, so that abort() can flip back
  void apply(Which which, PageNumber page);
  void set_page_count(uint64_t page_count);
  uint64_t chunk_begin(size_t chunk) const { return uint64_t{chunk} * pages_per_chunk_; }
  PageNumber take(PageNumber page);
  Result<PageNumber> extend(uint32_t pages);
  uint32_t count_free_in(size_t chunk) const;

  enum class Tail : uint8_t { kAllocatable, kAllocatableOrMap };
  uint64_t tail_pages(Tail what) const;
  void drop_free_tail();
  void reshape(std::vector<DeadPage>& dead);
  void drop_node(Node& node, std::vector<DeadPage>& dead);
  void mark_changed(size_t level, size_t index);
  bool has_content(size_t level, size_t index) const;
  std::vector<size_t> level_sizes(uint64_t page_count) const;
  Result<void> read_node(PageFile& file, size_t level, size_t index, std::span<std::byte> page) const;
  std::span<const uint64_t> chunk_words(size_t chunk) const;
  void encode_node(size_t level, size_t index, std::span<std::byte> page) const;

  const uint32_t page_bytes_;
  const uint32_t checksum_seed_;
  const uint32_t pages_per_chunk_;
  const uint32_t fanout_;
  uint64_t page_count_ = format::kMetaPages;
  PageBitmap free_, allocatable_, fresh_, map_pages_;
  std::vector<Level> levels_;
  // Per chunk: how many pages are allocatable, and a page before which none is.
  struct ChunkStock {
    uint32_t allocatable = 0;
    uint32_t search_from = 0;
  };
  std::vector<ChunkStock> stock_;

  // The open generation.
  std::vector<Change> changes_;
  uint64_t page_count_before_ = 0;
  bool prefer_lowest_ = false;  // rather than chunks that change anyway
  std::vector<Level> levels_before_;
};

}  // namespace holdfast
