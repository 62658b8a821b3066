#include "tree/walk.h"

#include <array>

#include "format/branch.h"
#include "format/leaf.h"

namespace holdfast::tree {
namespace {

Result<void> walk_overflows(PageReader& reader, const format::PageRef& ref, const PageVisit& visit) {
  HOLDFAST_TRY_ASSIGN(const PagePin pin, reader.pin(ref, 0));
  const format::LeafView leaf(pin.data(), reader.page_bytes());
  for (uint32_t i = 0; i < leaf.count(); ++i) {
    if (const auto overflow = leaf.value(i).overflow) {
      HOLDFAST_TRY(reader.walk_overflow(*overflow, visit));
    }
  }
  return {};
}

}  // namespace

Result<void> walk_pages(PageReader& reader, const format::PageRef& root, const PageVisit& visit) {
  if (root.is_null() || !visit(root)) {
    return {};
  }
  struct Step {
    PagePin pin;
    uint32_t next = 0;
  };
  std::array<Step, format::kLevelMax + 1> steps;
  HOLDFAST_TRY_ASSIGN(PagePin top, reader.pin_root(root));
  const uint8_t top_level = format::header_of(top.data()).level;
  if (top_level == 0) {
    return root.has_overflow ? walk_overflows(reader, root, visit) : Result<void>();
  }
  steps[top_level].pin = std::move(top);
  for (uint8_t level = top_level; level <= top_level;) {
    Step& step = steps[level];
    const format::BranchView branch(step.pin.data(), reader.page_bytes());
    if (step.next == branch.count()) {
      step.pin = PagePin();
      ++level;
      continue;
    }
    const format::PageRef child = branch.child(step.next++);
    if (!visit(child)) {
      continue;
    }
    if (level > 1) {
      --level;
      HOLDFAST_TRY_ASSIGN(steps[level].pin, reader.pin(child, level));
      steps[level].next = 0;
    } else if (child.has_overflow) {
      HOLDFAST_TRY(walk_overflows(reader, child, visit));
    }
  }
  return {};
}

}  // namespace holdfast::tree
