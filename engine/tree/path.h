// WritePath: the way from the root to the page that a writer is changing, and every change of branches.
//
// Pages are visited from left to right. A page becomes writable when something in it changes, and then all pages above
// it are writable too. A branch that overflows is rewritten as several, which may make its parent overflow, and so on;
// a branch that has become small joins its neighbour when the path leaves it.
//
// Threads: the writer's. Owns: pins of one page per level.
// Invariants: (1) frames_[l] is open for bottom() <= l <= top_level(); frames_[l].index is the child that the frame
//             below was reached by; (2) if a frame is writable so are all above it, and every parent holds the exact
//             reference of its child on the path; (3) an open page was checked against its fences: all keys k in it
//             satisfy low <= k < high; (4) root() is the root at any time.
// Fails:      with corruption where pages contradict their parents. After an error it must not be used.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/result.h>

#include "format/branch.h"
#include "format/page.h"
#include "page/page_writer.h"
#include "tree/byte_arena.h"

namespace holdfast::tree {

// A page that takes a place in a branch.
struct Piece {
  std::string separator;  // the first of several takes over the separator of what it replaces
  format::PageRef ref;
};

class WritePath {
 public:
  struct Frame {
    format::PageRef ref;
    PagePin pin;    // until it is writable
    PageEdit edit;  // from then on
    uint32_t index = 0;
    std::string low, high;
    bool has_high = false;
    bool shrunk = false;  // it lost a child

    std::byte* writable_data() { return edit.data(); }
    const std::byte* data() { return edit ? edit.data() : pin.data(); }
    bool is_open() const { return edit || pin; }
  };

  WritePath(PageWriter& writer, const format::PageRef& root);

  PageWriter& writer() { return writer_; }
  uint32_t page_bytes() const { return page_bytes_; }
  const format::PageRef& root() const { return root_; }
  bool is_empty() const { return root_.is_null(); }
  // Lowest open level; above top_level() if nothing is open.
  uint32_t bottom() const { return bottom_; }
  uint32_t top_level() const { return top_; }
  Frame& frame(uint32_t level) { return frames_[level]; }
  format::BranchView branch(uint32_t level) { return {frames_[level].data(), page_bytes_}; }

  // Opens the root if nothing is open; leaves pages that end before `key`. Pre: !is_empty(); successive keys do not
  // decrease. Afterwards frame(bottom()) holds `key`.
  Result<void> climb_to(std::string_view key);
  // Opens child `index` of frame(bottom()), a branch.
  Result<void> descend(uint32_t index);
  // Both: afterwards bottom() is 0 and frame(0) the leaf that holds `key`.
  Result<void> seek(std::string_view key);

  // Makes frame(level) and all above writable.
  Result<void> make_writable(uint32_t level);
  // Notes that frame(level), which is writable, may hold references to overflow runs.
  void note_overflow(uint32_t level);
  // Pins the neighbour `index` of the child that frame(level - 1) is, and checks it against its fences.
  Result<PagePin> pin_sibling(uint32_t level, uint32_t index, format::PageRef& ref);
  // The page of frame(level) dies, and the frame is closed. The caller replaces it in its parent.
  Result<void> retire_frame(uint32_t level);
  // Puts `pieces` where children [first, first + old_count) of the branch at `level` were (already retired; old_count
  // >= 1). If `level` is above the root: where the root was. Closes all frames below, and those that had to be
  // rewritten.
  Result<void> replace_children(uint32_t level, uint32_t first, uint32_t old_count, std::vector<Piece>& pieces);
  // Closes everything; a root branch with a single child gives way to it. Returns root().
  Result<format::PageRef> finish();

 private:
  struct Child {
    std::string_view separator;
    format::PageRef ref;
  };

  Result<void> open_root();
  Result<void> check_fences(const Frame& frame, const std::byte* page, uint8_t level) const;
  Result<void> leave();
  Result<void> merge_branch(uint32_t level);
  Result<void> rewrite_branch(uint32_t level, uint32_t at, size_t done, std::vector<Piece>& pieces);
  Result<void> grow_root(uint32_t level, std::vector<Piece>& pieces);
  void take_children(const std::byte* page, std::string_view first_separator);
  Result<void> write_branches(uint32_t level, std::vector<Piece>& pieces);
  void close(uint32_t level);

  PageWriter& writer_;
  const uint32_t page_bytes_;
  format::PageRef root_;
  uint32_t top_ = 0;
  uint32_t bottom_ = 1;
  std::array<Frame, format::kLevelMax + 1> frames_;
  // Work space of the functions that rewrite branches.
  format::BranchBuilder builder_;
  std::vector<Child> children_;
  std::vector<uint32_t> ends_;
  ByteArena separators_;
  std::string buffer_;
};

}  // namespace holdfast::tree
