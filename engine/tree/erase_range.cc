// erase_range: the largest subtrees inside the range are cut off whole; only the two pages at its ends are rewritten.
#include <string>

#include "base/check.h"
#include "format/leaf.h"
#include "tree/drop.h"
#include "tree/leaf_rewriter.h"
#include "tree/path.h"
#include "tree/tree.h"
#include "tree/verify.h"

namespace holdfast::tree {
namespace {

class RangeEraser {
 public:
  RangeEraser(PageWriter& writer, const format::PageRef& root, std::string_view low,
              std::optional<std::string_view> high)
      : writer_(writer), path_(writer, root), rewriter_(path_), low_(low), high_(high) {}

  Result<format::PageRef> erase() {
    // All keys of the range below `done_` are gone.
    done_.assign(low_);
    bool more = true;
    while (more && !path_.is_empty()) {
      HOLDFAST_TRY(path_.climb_to(done_));
      bool cut = false;
      while (path_.bottom() > 0 && !cut) {
        const uint32_t level = path_.bottom();
        const uint32_t index = path_.branch(level).find_child(done_);
        cut = is_inside(level, index);
        if (cut) {
          HOLDFAST_TRY(cut_child(level, index, more));
        } else {
          HOLDFAST_TRY(path_.descend(index));
        }
      }
      if (!cut) {
        HOLDFAST_TRY(erase_in_leaf(more));
      }
    }
    return path_.finish();
  }

 private:
  // Whether child `index` of frame(level) can hold only keys of the range.
  bool is_inside(uint32_t level, uint32_t index) {
    const format::BranchView branch = path_.branch(level);
    const WritePath::Frame& frame = path_.frame(level);
    const std::string_view from = index > 0 ? branch.separator(index, buffer_) : std::string_view(frame.low);
    if (low_ > from) {
      return false;
    }
    if (!high_) {
      return true;
    }
    if (index + 1 < branch.count()) {
      return branch.separator(index + 1, buffer_) <= *high_;
    }
    return frame.has_high && frame.high <= *high_;
  }

  // Goes on at `from`, the end of what has just been done, unless the range ends there.
  bool advance(std::optional<std::string_view> from) {
    if (!from || (high_ && *from >= *high_)) {
      return false;
    }
    done_.assign(*from);
    return true;
  }

  Result<void> cut_child(uint32_t level, uint32_t index, bool& more) {
    const format::BranchView branch = path_.branch(level);
    const WritePath::Frame& frame = path_.frame(level);
    if (index + 1 < branch.count()) {
      more = advance(branch.separator(index + 1, buffer_));
    } else {
      more = advance(frame.has_high ? std::optional<std::string_view>(frame.high) : std::nullopt);
    }
    HOLDFAST_TRY(drop_subtree(writer_, branch.child(index), static_cast<uint8_t>(level - 1)));
    std::vector<Piece> nothing;
    return path_.replace_children(level, index, 1, nothing);
  }

  Result<void> erase_in_leaf(bool& more) {
    WritePath::Frame& frame = path_.frame(0);
    more = advance(frame.has_high ? std::optional<std::string_view>(frame.high) : std::nullopt);
    const format::LeafView leaf(frame.data(), path_.page_bytes());
    const uint32_t count = leaf.count();
    const uint32_t begin = leaf.lower_bound(low_);
    const uint32_t end = high_ ? leaf.lower_bound(*high_) : count;
    if (begin >= end) {
      return {};
    }
    HOLDFAST_TRY(retire_overflows(writer_, frame.data(), begin, end));
    rewriter_.start();
    rewriter_.take(frame.data(), 0, begin);
    rewriter_.take(frame.data(), end, count);
    return rewriter_.finish(LeafRewriter::Reason::kShrunk);
  }

  PageWriter& writer_;
  WritePath path_;
  LeafRewriter rewriter_;
  const std::string_view low_;
  const std::optional<std::string_view> high_;
  std::string done_;
  std::string buffer_;
};

}  // namespace

Result<format::PageRef> erase_range(PageWriter& writer, format::PageRef root, std::string_view lo,
                                    std::optional<std::string_view> hi) {
  if (root.is_null() || (hi && lo >= *hi)) {
    return root;
  }
  HOLDFAST_TRY_ASSIGN(const format::PageRef result, RangeEraser(writer, root, lo, hi).erase());
  VERIFY(born_pages_are_sound(writer, result));
  return result;
}

}  // namespace holdfast::tree
