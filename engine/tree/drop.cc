#include "tree/drop.h"

#include <array>
#include <utility>

#include "format/branch.h"
#include "format/leaf.h"
#include "tree/tree.h"

namespace holdfast::tree {
namespace {

Result<void> drop_leaf(PageWriter& writer, const format::PageRef& ref) {
  if (ref.has_overflow) {
    HOLDFAST_TRY_ASSIGN(const PagePin pin, writer.reader().pin(ref, 0));
    HOLDFAST_TRY(retire_overflows(writer, pin.data(), 0, format::header_of(pin.data()).count));
  }
  return writer.retire(ref);
}

}  // namespace

Result<void> retire_overflows(PageWriter& writer, const std::byte* leaf, uint32_t begin, uint32_t end) {
  const format::LeafView view(leaf, writer.page_bytes());
  for (uint32_t i = begin; i < end; ++i) {
    if (const auto overflow = view.value(i).overflow) {
      HOLDFAST_TRY(writer.retire_overflow(*overflow));
    }
  }
  return {};
}

Result<void> drop_subtree(PageWriter& writer, const format::PageRef& ref, uint8_t level) {
  if (level == 0) {
    return drop_leaf(writer, ref);
  }
  struct Step {
    PagePin pin;
    format::PageRef ref;
    uint32_t next = 0;
  };
  std::array<Step, format::kLevelMax + 1> steps;
  HOLDFAST_TRY_ASSIGN(steps[level].pin, writer.reader().pin(ref, level));
  steps[level].ref = ref;
  uint8_t at = level;
  while (true) {
    Step& step = steps[at];
    const format::BranchView branch(step.pin.data(), writer.page_bytes());
    if (step.next == branch.count()) {
      step.pin = PagePin();
      HOLDFAST_TRY(writer.retire(step.ref));
      if (at == level) {
        return {};
      }
      ++at;
      continue;
    }
    const format::PageRef child = branch.child(step.next++);
    if (at == 1) {
      HOLDFAST_TRY(drop_leaf(writer, child));
      continue;
    }
    --at;
    HOLDFAST_TRY_ASSIGN(steps[at].pin, writer.reader().pin(child, at));
    steps[at].ref = child;
    steps[at].next = 0;
  }
}

Result<void> drop(PageWriter& writer, format::PageRef root) {
  if (root.is_null()) {
    return {};
  }
  uint8_t level = 0;
  {
    HOLDFAST_TRY_ASSIGN(const PagePin pin, writer.reader().pin_root(root));
    level = format::header_of(pin.data()).level;
  }
  return drop_subtree(writer, root, level);
}

}  // namespace holdfast::tree
