// BranchEditor: changes a branch in place with a few moves of its small arrays.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "format/branch.h"
#include "format/branch_entry.h"

namespace holdfast::format {

namespace {

// Where entry `index` of each array is, in a branch with `count` children.
std::byte* head_at(std::byte* page, uint32_t index) { return page + kPageHeaderBytes + 8 * size_t{index}; }
std::byte* child_at(std::byte* page, uint32_t count, uint32_t index) {
  return head_at(page, count) + 16 * size_t{index};
}
std::byte* slot_at(std::byte* page, uint32_t count, uint32_t index) {
  return child_at(page, count, count) + 4 * size_t{index};
}

// Makes room for entry `index` in the three arrays. What is highest moves first.
void open_index(std::byte* page, uint32_t count, uint32_t index) {
  const size_t rest = count - index;
  std::memmove(slot_at(page, count + 1, index + 1), slot_at(page, count, index), 4 * rest);
  std::memmove(slot_at(page, count + 1, 0), slot_at(page, count, 0), 4 * size_t{index});
  std::memmove(child_at(page, count + 1, index + 1), child_at(page, count, index), 16 * rest);
  std::memmove(child_at(page, count + 1, 0), child_at(page, count, 0), 16 * size_t{index});
  std::memmove(head_at(page, index + 1), head_at(page, index), 8 * rest);
}

// Closes entry `index`. What is lowest moves first.
void close_index(std::byte* page, uint32_t count, uint32_t index) {
  const size_t rest = count - index - 1;
  std::memmove(head_at(page, index), head_at(page, index + 1), 8 * rest);
  std::memmove(child_at(page, count - 1, 0), child_at(page, count, 0), 16 * size_t{index});
  std::memmove(child_at(page, count - 1, index), child_at(page, count, index + 1), 16 * rest);
  std::memmove(slot_at(page, count - 1, 0), slot_at(page, count, 0), 4 * size_t{index});
  std::memmove(slot_at(page, count - 1, index), slot_at(page, count, index + 1), 4 * rest);
}

uint32_t lowest_tail(const BranchView& branch, uint32_t page_bytes) {
  uint32_t lowest = page_bytes - branch.header().prefix_bytes;
  for (uint32_t index = 1; index < branch.count(); ++index) {
    if (branch.suffix_bytes(index) > kBranchHeadBytes) {
      lowest = std::min(lowest, branch.tail_offset(index));
    }
  }
  return lowest;
}

}  // namespace

void write_branch_entry(std::byte* page, uint32_t count, uint32_t index, const BranchEntry& entry) {
  store_le(head_at(page, index), key_head(entry.suffix));
  const PageRefOnDisk child = encode(entry.child);
  std::memcpy(child_at(page, count, index), &child, sizeof child);
  store_le(slot_at(page, count, index), static_cast<uint16_t>(entry.tail_offset));
  store_le(slot_at(page, count, index) + 2, static_cast<uint16_t>(entry.suffix.size()));
  if (entry.suffix.size() > kBranchHeadBytes) {
    const std::string_view tail = entry.suffix.substr(kBranchHeadBytes);
    std::memcpy(page + entry.tail_offset, tail.data(), tail.size());
  }
}

void BranchEditor::set_child(uint32_t index, const PageRef& child) {
  const uint32_t count = view().count();
  CHECK(index < count && !child.is_null());
  const PageRefOnDisk bytes = encode(child);
  std::memcpy(child_at(page_, count, index), &bytes, sizeof bytes);
}

bool BranchEditor::insert(uint32_t index, std::string_view separator, const PageRef& child) {
  const BranchView branch = view();
  const uint32_t count = branch.count();
  CHECK(index >= 1 && index <= count && !child.is_null());
  CHECK(!separator.empty() && separator.size() <= key_bytes_max(page_bytes_));
  VERIFY(branch.find_child(separator) == index - 1);
  const std::string_view prefix = branch.prefix();
  if (!separator.starts_with(prefix)) {
    return false;
  }
  const std::string_view suffix = separator.substr(prefix.size());
  const uint32_t tail_bytes = branch_tail_bytes(suffix.size());
  if (branch.gap_bytes() < kBranchIndexBytesPerChild + tail_bytes) {
    return false;
  }
  PageHeader& header = header_of(page_);
  header.body = header.body - tail_bytes;
  open_index(page_, count, index);
  header.count = static_cast<uint16_t>(count + 1);
  write_branch_entry(page_, count + 1, index, {suffix, child, tail_bytes > 0 ? uint32_t{header.body} : 0});
  return true;
}

void BranchEditor::erase(uint32_t index) {
  const BranchView branch = view();
  const uint32_t count = branch.count();
  CHECK(count > 1 && index < count);
  close_index(page_, count, index);
  PageHeader& header = header_of(page_);
  header.count = static_cast<uint16_t>(count - 1);
  if (index == 0) {
    write_branch_entry(page_, count - 1, 0, {{}, view().child(0), 0});
  }
  header.body = lowest_tail(view(), page_bytes_);
}

}  // namespace holdfast::format
