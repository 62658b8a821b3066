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
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <holdfast/ids.h>
#include <holdfast/result.h>

#include "format/overflow.h"
#include "format/page.h"
#include "page/arena.h"
#include "page/page_source.h"
#include "page/reader_registry.h"

namespace holdfast {

class BornPages;

// Keeps one page in memory. Moved, not copied.
class PagePin {
 public:
  PagePin() = default;
  PagePin(PagePin&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  PagePin& operator=(PagePin&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~PagePin() {
    if (frame_ != nullptr) {
      frame_->unpin();
    }
  }
  const std::byte* data() const { return frame_->data(); }
  explicit operator bool() const { return frame_ != nullptr; }

 private:
  friend class PageReader;
  explicit PagePin(Frame* pinned) : frame_(pinned) {}
  Frame* frame_ = nullptr;
};

class PageReader {
 public:
  PageReader(PageReader&& other) noexcept;
  PageReader& operator=(PageReader&& other) noexcept;
  ~PageReader();

  const State& state() const { return state_; }
  uint32_t page_bytes() const { return source_->arena.page_bytes(); }

  // Scope of a point read. Not nested; nothing in it waits for another thread.
  class Guard {
   public:
    // Sequentially consistent: the store comes before every look into the frame table, see Arena::entry_of().
    explicit Guard(PageReader& reader) : slot_(*reader.slot_) {
      slot_.guard.store(reader.source_->arena.guard_epoch(), std::memory_order_seq_cst);
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // Release: what was read inside is read before the frames are used again.
    ~Guard() { slot_.guard.store(0, std::memory_order_release); }

   private:
    ReaderSlot& slot_;
  };
  // The page that `ref` names. Pre: inside a Guard. Its kind must be leaf (level 0) or branch (level > 0).
  // Errors: corruption, io.
  Result<const std::byte*> fetch(const format::PageRef& ref, uint8_t level) {
    if (Frame* frame = find_mapped(ref, level)) [[likely]] {
      return frame->data();
    }
    return fetch_slowly(ref, level);
  }
  // Asks for what fetch() will read first. Pre: inside a Guard.
  [[gnu::always_inline]] void prefetch(const format::PageRef& ref) const {
    __builtin_prefetch(source_->arena.entry_of(ref.page));
  }
  // For a root, whose level its reference does not say: any level up to kLevelMax. The caller reads it from the header.
  Result<const std::byte*> fetch_root(const format::PageRef& ref) { return fetch(ref, kAnyLevel); }
  // Keeps a page that fetch() returned until this reader ends. Pre: inside the same Guard. Cheap when held already.
  void hold(const std::byte* page) {
    Frame* frame = Frame::of(page);
    // By frame, not by page number: a page may have come back in another frame.
    const size_t word = frame->index / 64;
    const uint64_t bit = uint64_t{1} << (frame->index % 64);
    if (word < held_bits_.size() && (held_bits_[word] & bit) != 0) [[likely]] {
      return;
    }
    hold_first_time(frame);
  }

  // The same pages, pinned. No Guard needed.
  Result<PagePin> pin(const format::PageRef& ref, uint8_t level);
  Result<PagePin> pin_root(const format::PageRef& ref) { return pin(ref, kAnyLevel); }

  // For `check`: reads the page again from the file into `buffer` (page_bytes), past the arena, and verifies it.
  // `level` is ignored for a root (`is_root`). Errors: corruption, io.
  enum class Root : uint8_t { kNo, kYes };
  Result<void> read_from_file(const format::PageRef& ref, uint8_t level, Root is_root, std::span<std::byte> buffer);

  // The bytes of an overflow value, in one piece. The view lives until this reader ends. Errors: corruption, io.
  Result<std::string_view> read_overflow(const format::OverflowRef& ref);
  // The same into `value`, whose memory is the caller's.
  Result<void> read_overflow(const format::OverflowRef& ref, std::string& value);
  // Every page of an overflow value, in order; what `visit` answers does not matter. Reads a run only to find the next.
  // Errors: corruption, io.
  Result<void> walk_overflow(const format::OverflowRef& ref, const std::function<bool(const format::PageRef&)>& visit);
  // For `check`: the same, and tells of each run before it is read, which false prevents (the value is not read then).
  // Says whether the value was read.
  Result<bool> read_overflow(const format::OverflowRef& ref, std::string& value,
                             const std::function<bool(PageNumber first, uint32_t page_count)>& enter_run);

 private:
  friend class PageStore;
  friend class PageWriter;
  // `born`: pages of the open generation, which only the writer's reader sees; else null.
  PageReader(PageSource& source, ReaderSlot* slot, const State& state, const BornPages* born)
      : source_(&source), slot_(slot), born_(born), state_(state) {}

  // Pre: inside a Guard.
  Frame* find_mapped(const format::PageRef& ref, uint8_t level) {
    FrameEntry* entry = source_->arena.entry_of(ref.page);
    if (entry == nullptr) {
      return nullptr;
    }
    std::byte* seen = entry->load(std::memory_order_seq_cst);
    Frame* const frame = frame_in(seen);
    if (frame != nullptr && level == 0) {
      prefetch_leaf(frame->data());
    }
    if (frame == nullptr || !is_page_of(frame->data(), ref, level)) {
      return nullptr;
    }
    if (used_bit(seen) == 0) {
      // Relaxed: a hint for the clock hand. It fails if the frame was just unmapped.
      entry->compare_exchange_strong(seen, used_entry(frame), std::memory_order_relaxed);
    }
    ++hits_;
    return frame;
  }
  // Whoever asks for a leaf goes on from its header to its index and its prefix, and to its frame, to hold or pin it:
  // they come from memory together.
  // Always inline: g++ takes a function that only prefetches for one without effect, and drops calls of it.
  [[gnu::always_inline]] void prefetch_leaf(const std::byte* page) const {
    constexpr uint32_t kIndexBytes = 448;  // of most leaves, with their header
    for (uint32_t offset = 0; offset < kIndexBytes; offset += 64) {
      __builtin_prefetch(page + offset);
    }
    __builtin_prefetch(page + page_bytes() - 1);
    __builtin_prefetch(Frame::of(page));
  }
  Result<Frame*> find_slowly(const format::PageRef& ref, uint8_t level);
  Result<const std::byte*> fetch_slowly(const format::PageRef& ref, uint8_t level);
  void hold_first_time(Frame* frame);
  void end();

  PageSource* source_ = nullptr;  // null once moved from
  ReaderSlot* slot_ = nullptr;
  const BornPages* born_ = nullptr;
  State state_;
  uint64_t hits_ = 0;
  std::vector<uint64_t> held_bits_;  // by frame index
  std::vector<Frame*> held_;
  // Overflow values that were handed out, by the stamp of their first run.
  std::map<std::pair<PageNumber, Csn>, std::vector<std::byte>> values_;
};

}  // namespace holdfast
