#include "tree/path.h"

#include "base/check.h"
#include "format/leaf.h"
#include "tree/error.h"
#include "tree/partition.h"

namespace holdfast::tree {

using format::BranchEditor;
using format::BranchView;
using format::LeafView;
using format::PageKind;
using format::PageRef;

namespace {

// A branch with fewer live bytes than this joins a neighbour.
constexpr uint32_t underfull_bytes(uint32_t page_bytes) { return page_bytes / 4; }

}  // namespace

WritePath::WritePath(PageWriter& writer, const PageRef& root)
    : writer_(writer), page_bytes_(writer.page_bytes()), root_(root), builder_(page_bytes_) {}

Result<void> WritePath::open_root() {
  CHECK(!root_.is_null());
  HOLDFAST_TRY_ASSIGN(PagePin pin, writer_.reader().pin_root(root_));
  top_ = bottom_ = format::header_of(pin.data()).level;
  Frame& frame = frames_[top_];
  frame.ref = root_;
  frame.pin = std::move(pin);
  frame.low.clear();
  frame.has_high = false;
  frame.shrunk = false;
  return {};
}

void WritePath::close(uint32_t level) {
  frames_[level].pin = PagePin();
  frames_[level].edit = PageEdit();
}

Result<void> WritePath::check_fences(const Frame& frame, const std::byte* page, uint8_t level) const {
  const uint32_t count = format::header_of(page).count;
  bool inside = true;
  if (level == 0) {
    const LeafView leaf(page, page_bytes_);
    inside = leaf.compare(0, frame.low) >= 0 && (!frame.has_high || leaf.compare(count - 1, frame.high) < 0);
  } else if (count > 1) {
    const BranchView branch(page, page_bytes_);
    std::string buffer;
    inside = branch.separator(1, buffer) > frame.low &&
             (!frame.has_high || branch.separator(count - 1, buffer) < frame.high);
  }
  if (!inside) {
    return corrupt(frame.ref.page, page_bytes_, "keys outside its parent's separators");
  }
  return {};
}

Result<void> WritePath::climb_to(std::string_view key) {
  while (bottom_ < top_ && frames_[bottom_].has_high && key >= frames_[bottom_].high) {
    HOLDFAST_TRY(leave());
  }
  if (bottom_ > top_) {
    HOLDFAST_TRY(open_root());
  }
  return {};
}

Result<void> WritePath::descend(uint32_t index) {
  CHECK(bottom_ > 0 && bottom_ <= top_);
  Frame& parent = frames_[bottom_];
  const BranchView view = branch(bottom_);
  CHECK(index < view.count());
  const auto level = static_cast<uint8_t>(bottom_ - 1);
  Frame& child = frames_[level];
  parent.index = index;
  child.ref = view.child(index);
  HOLDFAST_TRY_ASSIGN(child.pin, writer_.reader().pin(child.ref, level));
  child.low.assign(index > 0 ? view.separator(index, buffer_) : std::string_view(parent.low));
  child.has_high = true;
  if (index + 1 < view.count()) {
    child.high.assign(view.separator(index + 1, buffer_));
  } else {
    child.has_high = parent.has_high;
    child.high.assign(parent.high);
  }
  child.shrunk = false;
  HOLDFAST_TRY(check_fences(child, child.pin.data(), level));
  bottom_ = level;
  return {};
}

Result<void> WritePath::seek(std::string_view key) {
  HOLDFAST_TRY(climb_to(key));
  while (bottom_ > 0) {
    HOLDFAST_TRY(descend(branch(bottom_).find_child(key)));
  }
  return {};
}

Result<void> WritePath::make_writable(uint32_t level) {
  if (frames_[level].edit) {
    return {};
  }
  for (uint32_t l = top_ + 1; l-- > level;) {
    Frame& frame = frames_[l];
    if (frame.edit) {
      continue;
    }
    HOLDFAST_TRY_ASSIGN(frame.edit, writer_.edit(frame.ref, static_cast<uint8_t>(l)));
    frame.pin = PagePin();
    PageRef ref = frame.edit.ref();
    ref.has_overflow = frame.ref.has_overflow;
    frame.ref = ref;
    if (l == top_) {
      root_ = ref;
    } else {
      BranchEditor(frames_[l + 1].writable_data(), page_bytes_).set_child(frames_[l + 1].index, ref);
    }
  }
  return {};
}

void WritePath::note_overflow(uint32_t level) {
  for (uint32_t l = level; l <= top_ && !frames_[l].ref.has_overflow; ++l) {
    frames_[l].ref.has_overflow = true;
    if (l == top_) {
      root_ = frames_[l].ref;
    } else {
      BranchEditor(frames_[l + 1].writable_data(), page_bytes_).set_child(frames_[l + 1].index, frames_[l].ref);
    }
  }
}

Result<PagePin> WritePath::pin_sibling(uint32_t level, uint32_t index, PageRef& ref) {
  const BranchView view = branch(level);
  Frame fences;
  fences.ref = ref = view.child(index);
  fences.low = index > 0 ? view.separator(index, buffer_) : std::string_view(frames_[level].low);
  fences.has_high = index + 1 < view.count() || frames_[level].has_high;
  fences.high = index + 1 < view.count() ? view.separator(index + 1, buffer_) : std::string_view(frames_[level].high);
  const auto below = static_cast<uint8_t>(level - 1);
  HOLDFAST_TRY_ASSIGN(PagePin pin, writer_.reader().pin(ref, below));
  HOLDFAST_TRY(check_fences(fences, pin.data(), below));
  return pin;
}

Result<void> WritePath::retire_frame(uint32_t level) {
  close(level);
  return writer_.retire(frames_[level].ref);
}

// Closes the lowest frame. Pre: it is not the root.
Result<void> WritePath::leave() {
  CHECK(bottom_ < top_);
  const uint32_t level = bottom_;
  Frame& frame = frames_[level];
  if (level > 0 && frame.shrunk && branch(level + 1).count() > 1) {
    const BranchView view = branch(level);
    if (view.count() == 1 || view.live_bytes() < underfull_bytes(page_bytes_)) {
      return merge_branch(level);
    }
  }
  close(level);
  bottom_ = level + 1;
  return {};
}

// Appends the children of a branch to children_; its first child gets `first_separator`.
void WritePath::take_children(const std::byte* page, std::string_view first_separator) {
  const BranchView view(page, page_bytes_);
  for (uint32_t i = 0; i < view.count(); ++i) {
    const std::string_view separator = i == 0 ? first_separator : view.separator(i, buffer_);
    children_.push_back({separators_.copy(separator), view.child(i)});
  }
}

// Writes children_, cut at ends_, as new branches.
Result<void> WritePath::write_branches(uint32_t level, std::vector<Piece>& pieces) {
  pieces.clear();
  uint32_t begin = 0;
  for (const uint32_t end : ends_) {
    HOLDFAST_TRY_ASSIGN(PageEdit edit, writer_.allocate(PageKind::kBranch, static_cast<uint8_t>(level)));
    bool has_overflow = false;
    for (uint32_t i = begin; i < end; ++i) {
      builder_.add(children_[i].separator, children_[i].ref);
      has_overflow |= children_[i].ref.has_overflow;
    }
    builder_.finish(edit.data());
    Piece& piece = pieces.emplace_back(std::string(children_[begin].separator), edit.ref());
    piece.ref.has_overflow = has_overflow;
    begin = end;
  }
  children_.clear();
  separators_.clear();
  return {};
}

// Joins the lowest frame, a branch, with a neighbour, or shares the children evenly between the two.
Result<void> WritePath::merge_branch(uint32_t level) {
  const uint32_t own = frames_[level + 1].index;
  const uint32_t first = own > 0 ? own - 1 : own;
  PageRef sibling_ref;
  HOLDFAST_TRY_ASSIGN(PagePin sibling, pin_sibling(level + 1, own > 0 ? own - 1 : own + 1, sibling_ref));
  std::string middle(branch(level + 1).separator(first + 1, buffer_));
  children_.clear();
  separators_.clear();
  take_children(own > 0 ? sibling.data() : frames_[level].data(), {});
  take_children(own > 0 ? frames_[level].data() : sibling.data(), middle);

  const auto bytes_with = [&](size_t i) { return builder_.bytes_with(children_[i].separator); };
  const auto add = [&](size_t i) { builder_.add(children_[i].separator, children_[i].ref); };
  const PartitionSize size = partition_brim(builder_, page_bytes_, children_.size(), bytes_with, add, ends_);
  if (size.pages > 1) {
    partition_even(builder_, page_bytes_, children_.size(), size, bytes_with, add, ends_);
  }
  std::vector<Piece> pieces;
  HOLDFAST_TRY(write_branches(level, pieces));
  sibling = PagePin();
  HOLDFAST_TRY(writer_.retire(sibling_ref));
  HOLDFAST_TRY(retire_frame(level));
  bottom_ = level + 1;
  return replace_children(level + 1, first, 2, pieces);
}

// Writes the branch at `level` anew with pieces[done...] inserted at `at`; `pieces` becomes the new branches.
Result<void> WritePath::rewrite_branch(uint32_t level, uint32_t at, size_t done, std::vector<Piece>& pieces) {
  Frame& frame = frames_[level];
  const BranchView view = branch(level);
  const bool appends = at == view.count() && !frame.has_high;
  children_.clear();
  separators_.clear();
  take_children(frame.data(), {});
  std::vector<Child> added;
  for (size_t i = done; i < pieces.size(); ++i) {
    added.push_back({separators_.copy(pieces[i].separator), pieces[i].ref});
  }
  children_.insert(children_.begin() + at, added.begin(), added.end());

  const auto bytes_with = [&](size_t i) { return builder_.bytes_with(children_[i].separator); };
  const auto add = [&](size_t i) { builder_.add(children_[i].separator, children_[i].ref); };
  const PartitionSize size = partition_brim(builder_, page_bytes_, children_.size(), bytes_with, add, ends_);
  if (size.pages > 1 && !appends) {
    partition_even(builder_, page_bytes_, children_.size(), size, bytes_with, add, ends_);
  }
  HOLDFAST_TRY(write_branches(level, pieces));
  return retire_frame(level);
}

// Makes `pieces`, pages of level - 1, the tree.
Result<void> WritePath::grow_root(uint32_t level, std::vector<Piece>& pieces) {
  for (; pieces.size() > 1; ++level) {
    if (level > format::kLevelMax) {
      return corrupt(pieces[0].ref.page, page_bytes_, "tree of too many levels");
    }
    children_.clear();
    separators_.clear();
    for (const Piece& piece : pieces) {
      children_.push_back({separators_.copy(piece.separator), piece.ref});
    }
    const auto bytes_with = [&](size_t i) { return builder_.bytes_with(children_[i].separator); };
    const auto add = [&](size_t i) { builder_.add(children_[i].separator, children_[i].ref); };
    partition_brim(builder_, page_bytes_, children_.size(), bytes_with, add, ends_);
    HOLDFAST_TRY(write_branches(level, pieces));
  }
  root_ = pieces.empty() ? PageRef() : pieces[0].ref;
  top_ = 0;
  bottom_ = 1;
  return {};
}

Result<void> WritePath::replace_children(uint32_t level, uint32_t first, uint32_t old_count,
                                         std::vector<Piece>& pieces) {
  for (; level <= top_ && !is_empty(); ++level) {
    for (uint32_t l = bottom_; l < level; ++l) {
      close(l);
    }
    bottom_ = level;
    // make_writable hands references down only to open children: the one replaced here is not any more.
    HOLDFAST_TRY(make_writable(level));
    Frame& frame = frames_[level];
    BranchEditor editor(frame.writable_data(), page_bytes_);
    frame.shrunk |= pieces.size() < old_count;
    for (uint32_t i = old_count; i-- > 1;) {
      editor.erase(first + i);
    }
    if (pieces.empty()) {
      if (editor.view().count() > 1) {
        editor.erase(first);
        return {};
      }
      HOLDFAST_TRY(retire_frame(level));
    } else {
      editor.set_child(first, pieces[0].ref);
      for (const Piece& piece : pieces) {
        if (piece.ref.has_overflow) {
          note_overflow(level);
        }
      }
      size_t done = 1;
      while (done < pieces.size() &&
             editor.insert(first + static_cast<uint32_t>(done), pieces[done].separator, pieces[done].ref)) {
        ++done;
      }
      if (done == pieces.size()) {
        return {};
      }
      HOLDFAST_TRY(rewrite_branch(level, first + static_cast<uint32_t>(done), done, pieces));
    }
    bottom_ = level + 1;
    first = level < top_ ? frames_[level + 1].index : 0;
    old_count = 1;
  }
  return grow_root(level, pieces);
}

Result<PageRef> WritePath::finish() {
  while (bottom_ < top_) {
    HOLDFAST_TRY(leave());
  }
  if (bottom_ == top_) {
    close(top_);
    bottom_ = top_ + 1;
  }
  while (!is_empty()) {
    HOLDFAST_TRY(open_root());
    if (top_ == 0 || branch(top_).count() > 1) {
      break;
    }
    const PageRef child = branch(top_).child(0);
    HOLDFAST_TRY(retire_frame(top_));
    bottom_ = top_ + 1;
    root_ = child;
  }
  if (bottom_ == top_) {
    close(top_);
    bottom_ = top_ + 1;
  }
  return root_;
}

}  // namespace holdfast::tree
