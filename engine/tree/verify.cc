#include "tree/verify.h"

#include <string>
#include <vector>

#include "format/branch.h"
#include "format/leaf.h"

namespace holdfast::tree {
namespace {

constexpr uint32_t kPagesMax = 128;

struct Visit {
  format::PageRef ref;
  uint8_t level = 0;
  std::string low, high;
  bool has_high = false;
};

bool leaf_is_sound(const Visit& visit, const std::byte* page, uint32_t page_bytes) {
  if (format::find_leaf_damage({page, page_bytes}) != nullptr) {
    return false;
  }
  const format::LeafView leaf(page, page_bytes);
  if (leaf.compare(0, visit.low) < 0 || (visit.has_high && leaf.compare(leaf.count() - 1, visit.high) >= 0)) {
    return false;
  }
  for (uint32_t i = 0; i < leaf.count() && !visit.ref.has_overflow; ++i) {
    if (leaf.value(i).overflow) {
      return false;
    }
  }
  return true;
}

bool branch_is_sound(PageWriter& writer, const Visit& visit, const std::byte* page, std::vector<Visit>& visits) {
  const uint32_t page_bytes = writer.page_bytes();
  if (format::find_branch_damage({page, page_bytes}) != nullptr) {
    return false;
  }
  const format::BranchView branch(page, page_bytes);
  std::string buffer;
  const uint32_t count = branch.count();
  if (count > 1 && (branch.separator(1, buffer) <= visit.low ||
                    (visit.has_high && branch.separator(count - 1, buffer) >= visit.high))) {
    return false;
  }
  for (uint32_t i = 0; i < count; ++i) {
    const format::PageRef child = branch.child(i);
    if (child.has_overflow && !visit.ref.has_overflow) {
      return false;
    }
    if (!writer.is_editable(child) || visits.size() >= kPagesMax) {
      continue;
    }
    Visit& next = visits.emplace_back();
    next.ref = child;
    next.level = static_cast<uint8_t>(visit.level - 1);
    next.low = i > 0 ? branch.separator(i, buffer) : std::string_view(visit.low);
    next.has_high = i + 1 < count || visit.has_high;
    next.high = i + 1 < count ? branch.separator(i + 1, buffer) : std::string_view(visit.high);
  }
  return true;
}

}  // namespace

bool born_pages_are_sound(PageWriter& writer, const format::PageRef& root) {
  if (root.is_null() || !writer.is_editable(root)) {
    return true;
  }
  std::vector<Visit> visits(1);
  visits[0].ref = root;
  for (size_t at = 0; at < visits.size(); ++at) {
    const Visit visit = visits[at];
    auto pin = at == 0 ? writer.reader().pin_root(visit.ref) : writer.reader().pin(visit.ref, visit.level);
    if (!pin) {
      return false;
    }
    Visit known = visit;
    known.level = format::header_of(pin->data()).level;
    const bool sound = known.level == 0 ? leaf_is_sound(known, pin->data(), writer.page_bytes())
                                        : branch_is_sound(writer, known, pin->data(), visits);
    if (!sound) {
      return false;
    }
  }
  return true;
}

}  // namespace holdfast::tree
