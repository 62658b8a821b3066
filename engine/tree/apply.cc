// apply: one pass over the batch from left to right, a leaf at a time.
#include <span>

#include <holdfast/options.h>

#include "base/check.h"
#include "format/leaf.h"
#include "tree/leaf_rewriter.h"
#include "tree/path.h"
#include "tree/tree.h"
#include "tree/verify.h"

namespace holdfast::tree {
namespace {

using format::LeafEditor;
using format::LeafValue;
using format::LeafView;

// A leaf with more changes than this is written anew: cheaper than moving its index about for each.
constexpr size_t kEditsInPlaceMax = 16;

// An Op whose value, if it is a long one, has been written to overflow runs.
struct Change {
  std::string_view key;
  std::optional<LeafValue> value;  // nullopt: erase
};

class Applier {
 public:
  Applier(PageWriter& writer, const format::PageRef& root) : writer_(writer), path_(writer, root), rewriter_(path_) {}

  Result<format::PageRef> apply(std::span<const Op> batch) {
    while (!batch.empty()) {
      size_t taken = batch.size();
      if (path_.is_empty()) {
        HOLDFAST_TRY(prepare(batch));
        HOLDFAST_TRY(fill_empty_tree());
      } else {
        HOLDFAST_TRY(path_.seek(batch.front().key));
        taken = ops_in_leaf(batch);
        HOLDFAST_TRY(prepare(batch.first(taken)));
        HOLDFAST_TRY(change_leaf());
      }
      batch = batch.subspan(taken);
    }
    return path_.finish();
  }

 private:
  // How many ops at the front belong to the leaf that the path stands on.
  size_t ops_in_leaf(std::span<const Op> batch) {
    const WritePath::Frame& leaf = path_.frame(0);
    if (!leaf.has_high) {
      return batch.size();
    }
    size_t taken = 1;
    while (taken < batch.size() && batch[taken].key < leaf.high) {
      ++taken;
    }
    return taken;
  }

  Result<void> prepare(std::span<const Op> ops) {
    changes_.clear();
    for (const Op& op : ops) {
      Change& change = changes_.emplace_back(op.key, std::nullopt);
      if (!op.value) {
        continue;
      }
      if (op.value->size() <= format::inline_value_bytes_max(path_.page_bytes())) {
        change.value = LeafValue{.bytes = *op.value, .overflow = {}};
      } else {
        HOLDFAST_TRY_ASSIGN(const format::OverflowRef ref, writer_.write_overflow(*op.value));
        change.value = LeafValue{.bytes = {}, .overflow = ref};
      }
    }
    return {};
  }

  Result<void> fill_empty_tree() {
    rewriter_.start();
    for (const Change& change : changes_) {
      if (change.value) {
        rewriter_.add(change.key, *change.value);
      }
    }
    return rewriter_.finish(LeafRewriter::Reason::kAppended);
  }

  Result<void> change_leaf() {
    size_t done = 0;
    bool removed = false;
    if (changes_.size() <= kEditsInPlaceMax && may_fit()) {
      HOLDFAST_TRY(edit_in_place(done, removed));
    }
    if (done < changes_.size()) {
      return rewrite(done, removed);
    }
    const LeafView leaf(path_.frame(0).data(), path_.page_bytes());
    if (removed && path_.top_level() > 0 && leaf.live_bytes() < leaf_underfull_bytes(path_.page_bytes())) {
      return rewrite(done, removed);
    }
    return {};
  }

  // Whether the gap takes all changes, as if each were an insert.
  bool may_fit() {
    const LeafView leaf(path_.frame(0).data(), path_.page_bytes());
    const size_t prefix_bytes = leaf.prefix().size();
    uint64_t bytes = 0;
    for (const Change& change : changes_) {
      if (change.value) {
        if (change.key.size() < prefix_bytes) {
          return false;
        }
        bytes +=
            format::leaf_cell_bytes(change.key.size() - prefix_bytes, *change.value) + format::kLeafIndexBytesPerRow;
      }
    }
    return bytes <= leaf.gap_bytes() || changes_.size() == 1;
  }

  // Does changes in place while they fit; `done` says how many.
  Result<void> edit_in_place(size_t& done, bool& removed) {
    const uint32_t page_bytes = path_.page_bytes();
    for (; done < changes_.size(); ++done) {
      const Change& change = changes_[done];
      const LeafView leaf(path_.frame(0).data(), page_bytes);
      const uint32_t index = leaf.lower_bound(change.key);
      const bool exists = index < leaf.count() && leaf.compare(index, change.key) == 0;
      if (!change.value && !exists) {
        continue;
      }
      if (!change.value && leaf.count() == 1) {
        return {};
      }
      std::optional<format::OverflowRef> old;
      if (exists) {
        old = leaf.value(index).overflow;
      } else if (!may_insert(leaf, *change.value, change.key)) {
        return {};
      }
      HOLDFAST_TRY(path_.make_writable(0));
      LeafEditor editor(path_.frame(0).writable_data(), page_bytes);
      if (!change.value) {
        editor.erase(index);
        removed = true;
      } else {
        if (exists ? !editor.replace(index, *change.value) : !editor.insert(index, change.key, *change.value)) {
          return {};
        }
        if (change.value->overflow) {
          path_.note_overflow(0);
        }
        removed |= exists;
      }
      if (old) {
        HOLDFAST_TRY(writer_.retire_overflow(*old));
      }
    }
    return {};
  }

  // Spares the copy of a page that would have to be written anew at once.
  bool may_insert(const LeafView& leaf, const LeafValue& value, std::string_view key) {
    const std::string_view prefix = leaf.prefix();
    return key.starts_with(prefix) &&
           format::leaf_cell_bytes(key.size() - prefix.size(), value) + format::kLeafIndexBytesPerRow <=
               leaf.gap_bytes();
  }

  // Writes the leaf anew with changes_[done...].
  Result<void> rewrite(size_t done, bool removed) {
    const std::byte* page = path_.frame(0).data();
    const LeafView leaf(page, path_.page_bytes());
    const uint32_t count = leaf.count();
    const bool appended = !path_.frame(0).has_high && !removed && done < changes_.size() &&
                          leaf.compare(count - 1, changes_[done].key) < 0;
    rewriter_.start();
    uint32_t at = 0;
    for (; done < changes_.size(); ++done) {
      const Change& change = changes_[done];
      const uint32_t index = leaf.lower_bound(change.key);
      rewriter_.take(page, at, index);
      at = index;
      if (index < count && leaf.compare(index, change.key) == 0) {
        if (const auto old = leaf.value(index).overflow) {
          HOLDFAST_TRY(writer_.retire_overflow(*old));
        }
        ++at;
        removed = true;
      }
      if (change.value) {
        rewriter_.add(change.key, *change.value);
      }
    }
    rewriter_.take(page, at, count);
    return rewriter_.finish(appended  ? LeafRewriter::Reason::kAppended
                            : removed ? LeafRewriter::Reason::kShrunk
                                      : LeafRewriter::Reason::kGrown);
  }

  PageWriter& writer_;
  WritePath path_;
  LeafRewriter rewriter_;
  std::vector<Change> changes_;
};

void check_batch(std::span<const Op> batch, uint32_t page_bytes) {
  for (size_t i = 0; i < batch.size(); ++i) {
    CHECK(!batch[i].key.empty() && batch[i].key.size() <= key_bytes_max(page_bytes));
    CHECK(!batch[i].value || batch[i].value->size() <= kValueBytesMax);
    CHECK(i == 0 || batch[i - 1].key < batch[i].key);
  }
}

}  // namespace

Result<format::PageRef> apply(PageWriter& writer, format::PageRef root, std::span<const Op> batch) {
  check_batch(batch, writer.page_bytes());
  HOLDFAST_TRY_ASSIGN(const format::PageRef result, Applier(writer, root).apply(batch));
  VERIFY(born_pages_are_sound(writer, result));
  return result;
}

}  // namespace holdfast::tree
