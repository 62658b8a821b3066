#include "tree/leaf_rewriter.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace holdfast::tree {

using format::LeafView;
using format::PageRef;

namespace {

// Two pages that share their rows are left at most this full; beyond it they become three.
constexpr uint64_t shared_bytes_max(uint32_t page_bytes) { return page_bytes - page_bytes / 16; }

}  // namespace

LeafRewriter::LeafRewriter(WritePath& path) : path_(path), page_bytes_(path.page_bytes()), builder_(page_bytes_) {}

void LeafRewriter::start() {
  rows_.clear();
  keys_.clear();
}

void LeafRewriter::take(const std::byte* page, uint32_t begin, uint32_t end) {
  const LeafView leaf(page, page_bytes_);
  const std::string_view prefix = leaf.prefix();
  for (uint32_t i = begin; i < end; ++i) {
    const std::string_view suffix = leaf.suffix(i);
    rows_.push_back({prefix.empty() ? suffix : keys_.copy(prefix, suffix), leaf.value(i)});
  }
}

PartitionSize LeafRewriter::measure() {
  return partition_brim(
      builder_, page_bytes_, rows_.size(), [&](size_t i) { return builder_.bytes_with(rows_[i].key, rows_[i].value); },
      [&](size_t i) { builder_.add(rows_[i].key, rows_[i].value); }, ends_);
}

void LeafRewriter::cut_evenly(const PartitionSize& size) {
  partition_even(
      builder_, page_bytes_, rows_.size(), size,
      [&](size_t i) { return builder_.bytes_with(rows_[i].key, rows_[i].value); },
      [&](size_t i) { builder_.add(rows_[i].key, rows_[i].value); }, ends_);
}

// Adds the rows of the emptier neighbour under the same parent. Says whether that one is on the left.
Result<bool> LeafRewriter::join_sibling(PartitionSize& size) {
  const uint32_t own = path_.frame(1).index;
  PagePin left;
  PagePin right;
  PageRef left_ref;
  PageRef right_ref;
  if (own > 0) {
    HOLDFAST_TRY_ASSIGN(left, path_.pin_sibling(1, own - 1, left_ref));
  }
  if (own + 1 < path_.branch(1).count()) {
    HOLDFAST_TRY_ASSIGN(right, path_.pin_sibling(1, own + 1, right_ref));
  }
  const auto gap = [&](const PagePin& pin) { return pin ? LeafView(pin.data(), page_bytes_).gap_bytes() : 0; };
  const bool is_left = left && (!right || gap(left) >= gap(right));
  sibling_ = is_left ? std::move(left) : std::move(right);
  sibling_ref_ = is_left ? left_ref : right_ref;
  const uint32_t count = LeafView(sibling_.data(), page_bytes_).count();
  if (is_left) {
    own_rows_.clear();
    own_rows_.swap(rows_);
    take(sibling_.data(), 0, count);
    rows_.insert(rows_.end(), own_rows_.begin(), own_rows_.end());
  } else {
    take(sibling_.data(), 0, count);
  }
  size = measure();
  return is_left;
}

// Writes rows_, cut at ends_, as new leaves.
Result<void> LeafRewriter::write_leaves() {
  pieces_.clear();
  uint32_t begin = 0;
  for (const uint32_t end : ends_) {
    HOLDFAST_TRY_ASSIGN(PageEdit edit, path_.writer().allocate(format::PageKind::kLeaf, 0));
    bool has_overflow = false;
    for (uint32_t i = begin; i < end; ++i) {
      builder_.add(rows_[i].key, rows_[i].value);
      has_overflow |= rows_[i].value.overflow.has_value();
    }
    builder_.finish(edit.data());
    Piece& piece = pieces_.emplace_back();
    if (begin > 0) {
      piece.separator = shortest_separator(rows_[begin - 1].key, rows_[begin].key);
    }
    piece.ref = edit.ref();
    piece.ref.has_overflow = has_overflow;
    begin = end;
  }
  return {};
}

Result<void> LeafRewriter::finish(Reason reason) {
  const bool has_siblings = !path_.is_empty() && path_.top_level() > 0 && path_.branch(1).count() > 1;
  uint32_t first = !path_.is_empty() && path_.top_level() > 0 ? path_.frame(1).index : 0;
  uint32_t old_count = 1;
  PartitionSize size = measure();
  const bool underfull = size.pages == 1 && reason == Reason::kShrunk && size.bytes < leaf_underfull_bytes(page_bytes_);
  const bool overfull = size.pages == 2 && reason != Reason::kAppended;
  if (has_siblings && (underfull || overfull)) {
    HOLDFAST_TRY_ASSIGN(const bool is_left, join_sibling(size));
    first -= is_left ? 1 : 0;
    old_count = 2;
    if (size.bytes > size.pages * shared_bytes_max(page_bytes_)) {
      ++size.pages;
    }
  }
  if (size.pages > 1 && reason != Reason::kAppended) {
    cut_evenly(size);
  }
  HOLDFAST_TRY(write_leaves());
  if (sibling_) {
    sibling_ = PagePin();
    HOLDFAST_TRY(path_.writer().retire(sibling_ref_));
  }
  if (!path_.is_empty()) {
    HOLDFAST_TRY(path_.retire_frame(0));
  }
  return path_.replace_children(1, first, old_count, pieces_);
}

}  // namespace holdfast::tree
