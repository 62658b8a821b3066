// Uses a page that find_damage has accepted in every way that the layers above do; aborts where that goes wrong.
//
// Shared by the fuzz targets and by the mutation tests. Run under ASan, with the page in a block of exactly its size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "format/branch.h"
#include "format/leaf.h"

namespace holdfast::fuzz {

// Reads every byte, so that ASan sees the access.
inline uint32_t sum_of(std::string_view bytes) {
  uint32_t sum = 0;
  for (const char byte : bytes) {
    sum += static_cast<unsigned char>(byte);
  }
  return sum;
}

// Every row of a leaf, by every reader. Quadratic, but for a few rows only.
inline void read_leaf(const format::LeafView& leaf) {
  volatile uint32_t sink = 0;
  std::string last;
  for (uint32_t index = 0; index < leaf.count(); ++index) {
    const std::string key = std::string(leaf.prefix()) + std::string(leaf.suffix(index));
    CHECK(!key.empty() && (index == 0 || last < key));
    const format::LeafValue value = leaf.value(index);
    sink = sink + sum_of(value.bytes);
    CHECK(!value.overflow || !value.overflow->first.is_null());
    CHECK(leaf.find(key) == index);
    CHECK(leaf.lower_bound(key) == index);
    CHECK(leaf.compare(index, key) == 0);
    CHECK(leaf.compare(index, key + '\0') < 0);
    CHECK(leaf.lower_bound(key + '\0') == index + 1);
    CHECK(index == 0 || leaf.compare(index, last) > 0);
    last = key;
  }
  CHECK(!leaf.find(""));
  CHECK(leaf.lower_bound("") == 0);
}

// Writes the same rows again: they must fit, and be valid.
inline void rebuild_leaf(const format::LeafView& leaf, uint32_t page_bytes) {
  std::vector<std::string> keys;
  for (uint32_t index = 0; index < leaf.count(); ++index) {
    keys.push_back(std::string(leaf.prefix()) + std::string(leaf.suffix(index)));
  }
  format::LeafBuilder builder(page_bytes);
  for (uint32_t index = 0; index < leaf.count(); ++index) {
    CHECK(builder.bytes_with(keys[index], leaf.value(index)) <= page_bytes);
    builder.add(keys[index], leaf.value(index));
  }
  CHECK(builder.bytes() <= leaf.live_bytes());
  std::vector<std::byte> again(page_bytes);
  builder.finish(again.data());
  CHECK(format::find_leaf_damage(again) == nullptr);
  CHECK(format::LeafView(again.data(), page_bytes).count() == leaf.count());
}

// Inserts, replaces and erases at every few rows of a copy; it stays valid.
inline void edit_leaf(std::span<const std::byte> page) {
  std::vector<std::byte> copy(page.begin(), page.end());
  const auto page_bytes = static_cast<uint32_t>(page.size());
  format::LeafEditor editor(copy.data(), page_bytes);
  const uint32_t step = std::max(1U, editor.view().count() / 8);
  for (uint32_t index = 0; index < editor.view().count(); index += step) {
    const std::string key = std::string(editor.view().prefix()) + std::string(editor.view().suffix(index));
    editor.replace(index, {"in place of what was here", std::nullopt});
    editor.replace(index, {"", std::nullopt});
    const std::string after = key + '\0';
    if (after.size() <= key_bytes_max(page_bytes) && !editor.view().find(after)) {
      editor.insert(index + 1, after, {"new", std::nullopt});
    }
    if (editor.view().count() > 1) {
      editor.erase(index);
    }
    CHECK(format::find_leaf_damage(copy) == nullptr);
  }
}

inline void walk_leaf(std::span<const std::byte> page) {
  const auto page_bytes = static_cast<uint32_t>(page.size());
  const format::LeafView leaf(page.data(), page_bytes);
  CHECK(leaf.count() >= 1);
  CHECK(leaf.live_bytes() + leaf.gap_bytes() <= page_bytes);
  read_leaf(leaf);
  rebuild_leaf(leaf, page_bytes);
  edit_leaf(page);
}

inline void read_branch(const format::BranchView& branch) {
  std::string separator;
  std::string last;
  for (uint32_t index = 0; index < branch.count(); ++index) {
    CHECK(!branch.child(index).is_null());
    branch.separator(index, separator);
    CHECK(index == 0 ? separator.empty() : last < separator);
    CHECK(branch.find_child(separator) == index);
    if (index > 0) {
      CHECK(branch.find_child(last) == index - 1);
      CHECK(branch.find_child(separator + '\0') >= index);
    }
    last = separator;
  }
}

inline void rebuild_branch(const format::BranchView& branch, uint32_t page_bytes) {
  std::vector<std::string> separators(branch.count());
  format::BranchBuilder builder(page_bytes);
  for (uint32_t index = 0; index < branch.count(); ++index) {
    branch.separator(index, separators[index]);
    CHECK(builder.bytes_with(separators[index]) <= page_bytes);
    builder.add(separators[index], branch.child(index));
  }
  CHECK(builder.bytes() <= branch.live_bytes());
  std::vector<std::byte> again(page_bytes);
  builder.finish(again.data());
  CHECK(format::find_branch_damage(again) == nullptr);
}

inline void edit_branch(std::span<const std::byte> page) {
  std::vector<std::byte> copy(page.begin(), page.end());
  const auto page_bytes = static_cast<uint32_t>(page.size());
  format::BranchEditor editor(copy.data(), page_bytes);
  const uint32_t step = std::max(1U, editor.view().count() / 8);
  std::string separator;
  std::string next;
  for (uint32_t index = 0; index < editor.view().count(); index += step) {
    const format::PageRef child = editor.view().child(index);
    editor.set_child(index, child);
    editor.view().separator(index, separator);
    separator += '\0';
    const bool is_last = index + 1 == editor.view().count();
    const bool is_free = is_last || separator < editor.view().separator(index + 1, next);
    if (separator.size() <= key_bytes_max(page_bytes) && is_free) {
      editor.insert(index + 1, separator, child);
    }
    if (editor.view().count() > 1) {
      editor.erase(index);
    }
    CHECK(format::find_branch_damage(copy) == nullptr);
  }
}

inline void walk_branch(std::span<const std::byte> page) {
  const auto page_bytes = static_cast<uint32_t>(page.size());
  const format::BranchView branch(page.data(), page_bytes);
  CHECK(branch.count() >= 1);
  CHECK(branch.live_bytes() + branch.gap_bytes() <= page_bytes);
  read_branch(branch);
  rebuild_branch(branch, page_bytes);
  edit_branch(page);
}

}  // namespace holdfast::fuzz
