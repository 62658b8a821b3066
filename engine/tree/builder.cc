// Builder: one open leaf and one open branch per level; a page that is full goes to its parent and is never seen again.
#include <array>
#include <memory>
#include <string>

#include <holdfast/options.h>

#include "base/bytes.h"
#include "base/check.h"
#include "format/branch.h"
#include "format/leaf.h"
#include "tree/byte_arena.h"
#include "tree/tree.h"
#include "tree/verify.h"

namespace holdfast::tree {

using format::LeafValue;
using format::PageKind;
using format::PageRef;

namespace {

// The page of one level that is being filled.
template <class PageBuilder>
struct OpenPage {
  explicit OpenPage(uint32_t page_bytes) : builder(page_bytes) {}

  PageBuilder builder;
  ByteArena bytes;        // of what is in it
  std::string separator;  // of the page in its parent; empty for the first of its level
  bool has_overflow = false;
};

}  // namespace

struct Builder::State {
  explicit State(PageWriter& page_writer)
      : writer(page_writer), page_bytes(page_writer.page_bytes()), leaf(page_writer.page_bytes()) {}

  Result<PageRef> close_leaf();
  Result<PageRef> close_branch(uint32_t level);
  Result<void> add_child(uint32_t level, std::string separator, PageRef child);

  PageWriter& writer;
  const uint32_t page_bytes;
  OpenPage<format::LeafBuilder> leaf;
  std::array<std::unique_ptr<OpenPage<format::BranchBuilder>>, format::kLevelMax + 1> branches;  // [0] is not used
  uint32_t top = 0;      // highest level that has a page
  std::string last_key;  // empty: no row yet
};

Builder::Builder(PageWriter& writer) : state_(std::make_unique<State>(writer)) {}
Builder::~Builder() = default;

Result<PageRef> Builder::State::close_leaf() {
  HOLDFAST_TRY_ASSIGN(PageEdit edit, writer.allocate(PageKind::kLeaf, 0));
  leaf.builder.finish(edit.data());
  leaf.bytes.clear();
  PageRef ref = edit.ref();
  ref.has_overflow = leaf.has_overflow;
  leaf.has_overflow = false;
  return ref;
}

Result<PageRef> Builder::State::close_branch(uint32_t level) {
  OpenPage<format::BranchBuilder>& page = *branches[level];
  HOLDFAST_TRY_ASSIGN(PageEdit edit, writer.allocate(PageKind::kBranch, static_cast<uint8_t>(level)));
  page.builder.finish(edit.data());
  page.bytes.clear();
  PageRef ref = edit.ref();
  ref.has_overflow = page.has_overflow;
  page.has_overflow = false;
  return ref;
}

// Hands a finished page of level - 1 to its parent; where that is full, it goes up the same way.
Result<void> Builder::State::add_child(uint32_t level, std::string separator, PageRef child) {
  for (;; ++level) {
    CHECK(level <= format::kLevelMax);  // fan-out is at least 3, and there are 2^32 page numbers
    if (branches[level] == nullptr) {
      branches[level] = std::make_unique<OpenPage<format::BranchBuilder>>(page_bytes);
      top = level;
    }
    OpenPage<format::BranchBuilder>& page = *branches[level];
    const bool is_full = page.builder.count() > 0 && page.builder.bytes_with(separator) > page_bytes;
    PageRef full;
    std::string full_separator;
    if (is_full) {
      HOLDFAST_TRY_ASSIGN(full, close_branch(level));
      full_separator = std::move(page.separator);
    }
    if (page.builder.count() == 0) {
      page.separator = separator;
    }
    page.builder.add(page.bytes.copy(separator), child);
    page.has_overflow |= child.has_overflow;
    if (!is_full) {
      return {};
    }
    separator = std::move(full_separator);
    child = full;
  }
}

Result<void> Builder::add(std::string_view key, std::string_view value) {
  State& state = *state_;
  if (key.empty() || key.size() > key_bytes_max(state.page_bytes)) {
    return fail(ErrorCode::kInvalidArgument,
                "a key must have 1 to " + std::to_string(key_bytes_max(state.page_bytes)) + " bytes");
  }
  if (key <= state.last_key) {
    return fail(ErrorCode::kInvalidArgument, "keys must be strictly increasing");
  }
  LeafValue leaf_value{.bytes = value, .overflow = {}};
  if (value.size() > format::inline_value_bytes_max(state.page_bytes)) {
    HOLDFAST_TRY_ASSIGN(leaf_value.overflow, state.writer.write_overflow(value));
    leaf_value.bytes = {};
  }
  OpenPage<format::LeafBuilder>& leaf = state.leaf;
  if (leaf.builder.count() > 0 && leaf.builder.bytes_with(key, leaf_value) > state.page_bytes) {
    HOLDFAST_TRY_ASSIGN(const PageRef full, state.close_leaf());
    HOLDFAST_TRY(state.add_child(1, std::move(leaf.separator), full));
    leaf.separator = shortest_separator(state.last_key, key);
  }
  const std::string_view copy = leaf.bytes.copy(key, leaf_value.bytes);
  leaf_value.bytes = copy.substr(key.size());
  leaf.builder.add(copy.substr(0, key.size()), leaf_value);
  leaf.has_overflow |= leaf_value.overflow.has_value();
  state.last_key.assign(key);
  return {};
}

Result<PageRef> Builder::finish() {
  State& state = *state_;
  if (state.last_key.empty()) {
    return PageRef();
  }
  HOLDFAST_TRY_ASSIGN(PageRef root, state.close_leaf());
  std::string separator = std::move(state.leaf.separator);
  // Each level's last page goes up. The highest level has at least two: it began when the one below it was full.
  for (uint32_t level = 1; level <= state.top; ++level) {
    HOLDFAST_TRY(state.add_child(level, std::move(separator), root));
    HOLDFAST_TRY_ASSIGN(root, state.close_branch(level));
    separator = std::move(state.branches[level]->separator);
  }
  VERIFY(born_pages_are_sound(state.writer, root));
  return root;
}

}  // namespace holdfast::tree
