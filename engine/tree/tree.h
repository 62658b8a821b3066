// The persistent B+tree as functions over pages. A tree is its root: a PageRef, null for the empty tree.
//
// Nothing here changes a page that anybody else can see: apply, erase_range and build write new pages and return a new
// root. Threads: get and Cursor: the reader's thread; the rest: the writer's thread. Errors of all: io, corruption (a
// page that is not what its parent says, keys outside their fences); of writers no_space. After an error of a writing
// function the generation must be aborted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <holdfast/result.h>

#include "format/page.h"
#include "page/page_reader.h"
#include "page/page_writer.h"

namespace holdfast::tree {

// The value of `key`. The view lives until the reader ends. Zero copies for inline values.
Result<std::optional<std::string_view>> get(PageReader& reader, const format::PageRef& root, std::string_view key);
// The same into the caller's memory; holds no page. False: no such key.
Result<bool> get(PageReader& reader, const format::PageRef& root, std::string_view key, std::string& value);
Result<bool> contains(PageReader& reader, const format::PageRef& root, std::string_view key);

// One change. Keys in a batch are strictly increasing.
struct Op {
  std::string_view key;
  std::optional<std::string_view> value;  // nullopt: erase (of an absent key: nothing)
};

// The tree with the batch applied. Cost: each touched page is rewritten once. Underfull pages are merged with a
// sibling.
Result<format::PageRef> apply(PageWriter& writer, format::PageRef root, std::span<const Op> batch);

// The tree without the keys in [lo, hi) (no hi: to the end). Whole branches are cut off without reading their leaves,
// unless they hold overflow values.
Result<format::PageRef> erase_range(PageWriter& writer, format::PageRef root, std::string_view lo,
                                    std::optional<std::string_view> hi);

// Frees every page of the tree.
Result<void> drop(PageWriter& writer, format::PageRef root);

// Builds a tree bottom-up from strictly increasing keys, pages filled to the brim. Memory: one page per level.
class Builder {
 public:
  explicit Builder(PageWriter& writer);
  ~Builder();
  // Errors: invalid_argument if the key is not greater than the last.
  Result<void> add(std::string_view key, std::string_view value);
  // Null if there were no rows. Once.
  Result<format::PageRef> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::tree
