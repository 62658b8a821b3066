#include "tree/verify.h"

#include <string>
#include <vector>

#include "format/branch.h"
#include "format/leaf.h"

namespace holdfast::tree {
namespace {

constexpr uint32_t kPagesMax = 128;

struct Todo {
  format::PageRef ref;
  uint8_t level = 0;
  std::string low, high;
  bool has_high = false;
};

bool leaf_is_sound(const Todo& todo, const std::byte* page, uint32_t page_bytes) {
  if (format::find_leaf_damage({page, page_bytes}) != nullptr) {
    return false;
  }
  const format::LeafView leaf(page, page_bytes);
  if (leaf.compare(0, todo.low) < 0 || (todo.has_high && leaf.compare(leaf.count() - 1, todo.high) >= 0)) {
    return false;
  }
  for (uint32_t i = 0; i < leaf.count() && !todo.ref.has_overflow; ++i) {
    if (leaf.value(i).overflow) {
      return false;
    }
  }
  return true;
}

bool branch_is_sound(PageWriter& writer, const Todo& todo, const std::byte* page, std::vector<Todo>& todos) {
  const uint32_t page_bytes = writer.page_bytes();
  if (format::find_branch_damage({page, page_bytes}) != nullptr) {
    return false;
  }
  const format::BranchView branch(page, page_bytes);
  std::string buffer;
  const uint32_t count = branch.count();
  if (count > 1 && (branch.separator(1, buffer) <= todo.low ||
                    (todo.has_high && branch.separator(count - 1, buffer) >= todo.high))) {
    return false;
  }
  for (uint32_t i = 0; i < count; ++i) {
    const format::PageRef child = branch.child(i);
    if (child.has_overflow && !todo.ref.has_overflow) {
      return false;
    }
    if (!writer.is_editable(child) || todos.size() >= kPagesMax) {
      continue;
    }
    Todo& next = todos.emplace_back();
    next.ref = child;
    next.level = static_cast<uint8_t>(todo.level - 1);
    next.low = i > 0 ? branch.separator(i, buffer) : std::string_view(todo.low);
    next.has_high = i + 1 < count || todo.has_high;
    next.high = i + 1 < count ? branch.separator(i + 1, buffer) : std::string_view(todo.high);
  }
  return true;
}

}  // namespace

bool born_pages_are_sound(PageWriter& writer, const format::PageRef& root) {
  if (root.is_null() || !writer.is_editable(root)) {
    return true;
  }
  std::vector<Todo> todos(1);
  todos[0].ref = root;
  for (size_t at = 0; at < todos.size(); ++at) {
    const Todo todo = todos[at];
    auto pin = at == 0 ? writer.reader().pin_root(todo.ref) : writer.reader().pin(todo.ref, todo.level);
    if (!pin) {
      return false;
    }
    Todo known = todo;
    known.level = format::header_of(pin->data()).level;
    const bool sound = known.level == 0 ? leaf_is_sound(known, pin->data(), writer.page_bytes())
                                        : branch_is_sound(writer, known, pin->data(), todos);
    if (!sound) {
      return false;
    }
  }
  return true;
}

}  // namespace holdfast::tree
