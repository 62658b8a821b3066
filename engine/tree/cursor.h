// Cursor: moves over one tree in key order, both ways. Allocates nothing once its buffers have grown.
//
// Threads: the reader's. Pins one path of pages; the reader must outlive it.
// After an error it stands nowhere; the error is returned once, by the move that met it.
// Invariants: (1) path_[l] is the page at level l on the way from the root to the leaf it stands in; its index is the
//             child that the way goes through; (2) a page entered by next() or prev() holds only keys between the
//             separators around it, so a file in which two parents share a child cannot make a scan go round; (3) the
//             first prefix_bytes_ bytes of key_ are the prefix of the leaf it stands in.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "format/leaf.h"
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
  // Pre: valid()
  Result<bool> next() {
    if (index_ + 1 < count_) [[likely]] {
      ++index_;
      prefetch_row(index_ + kRowsAhead);
      return true;
    }
    return move_leaf(Direction::kForward);
  }
  // Pre: valid()
  Result<bool> prev() {
    if (index_ > 0) [[likely]] {
      --index_;
      prefetch_row(index_ - kRowsAhead);
      return true;
    }
    return move_leaf(Direction::kBackward);
  }
  bool valid() const { return leaf_ != nullptr; }
  // Pre: valid(). Live until the cursor moves.
  std::string_view key() const;
  // Pre: valid(). Live until the cursor moves. Reads an overflow value only when asked. Errors: io, corruption.
  Result<std::string_view> value();

 private:
  enum class Direction : uint8_t { kForward, kBackward };
  struct Step {
    PagePin pin;
    format::PageRef ref;
    uint32_t index = 0;
  };

  Result<bool> open_root();
  Result<void> open_child(uint8_t level);
  Result<void> check_fences(uint8_t level);
  Result<bool> move_leaf(Direction direction);
  Result<bool> find_next_leaf(Direction direction);
  Result<bool> descend_to_end(Direction direction);
  Result<void> descend_to(std::string_view key);
  void enter_leaf();
  // A leaf's cells lie in the order of their insertion, so the processor cannot guess the next one. Pre: stands on a
  // leaf; any index, also beyond either end. Always inline: g++ drops calls of functions that only prefetch.
  static constexpr uint32_t kRowsAhead = 6;
  [[gnu::always_inline]] void prefetch_row(uint32_t index) const {
    if (index < count_) {
      const std::byte* cell = leaf_ + format::LeafView(leaf_, page_bytes_).slot(index);
      __builtin_prefetch(cell);
      __builtin_prefetch(cell + 64);
    }
  }
  void leave() {
    leaf_ = nullptr;
    index_ = 0;
    count_ = 0;
  }

  PageReader* reader_;
  format::PageRef root_;
  uint32_t page_bytes_;
  uint32_t index_ = 0;               // row in the leaf
  uint32_t count_ = 0;               // rows in the leaf
  uint32_t prefix_bytes_ = 0;        // of the leaf
  const std::byte* leaf_ = nullptr;  // null: stands nowhere
  uint8_t root_level_ = 0;
  mutable std::string key_;  // grows only; the key is its beginning
  std::string value_;        // an overflow value
  std::string separator_;
  std::array<Step, format::kLevelMax + 1> path_;
};

}  // namespace holdfast::tree
