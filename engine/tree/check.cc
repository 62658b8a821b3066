#include "tree/check.h"

#include <array>
#include <vector>

#include "format/branch.h"
#include "format/leaf.h"

namespace holdfast::tree {
namespace {

// One page on the way down, and the keys that it may hold: low <= key < high.
struct Step {
  std::vector<std::byte> page;
  format::PageRef ref;
  uint32_t next = 0;  // child to visit
  std::string low, high;
  bool has_high = false;
};

class Checker {
 public:
  Checker(PageReader& reader, const CheckVisitor& visitor)
      : reader_(reader), visitor_(visitor), page_bytes_(reader.page_bytes()) {}

  void check(const format::PageRef& root) {
    uint8_t top = 0;
    if (root.is_null() || !enter_root(root, top)) {
      return;
    }
    if (top == 0) {
      check_rows(steps_[0]);
      return;
    }
    for (uint8_t level = top; level <= top;) {
      Step& step = steps_[level];
      const format::BranchView branch(step.page.data(), page_bytes_);
      if (step.next == branch.count()) {
        ++level;
        continue;
      }
      if (enter_child(level, step.next++)) {
        if (level == 1) {
          check_rows(steps_[0]);
        } else {
          --level;
        }
      }
    }
  }

 private:
  bool enter_root(const format::PageRef& root, uint8_t& level) {
    // Its level is known only when it has been read.
    Step step;
    step.ref = root;
    if (!read(step, 0, PageReader::Root::kYes)) {
      return false;
    }
    level = format::header_of(step.page.data()).level;
    if (!is_inside(step, level)) {
      return false;
    }
    steps_[level] = std::move(step);
    return true;
  }

  bool enter_child(uint8_t parent_level, uint32_t index) {
    const Step& parent = steps_[parent_level];
    const format::BranchView branch(parent.page.data(), page_bytes_);
    const auto level = static_cast<uint8_t>(parent_level - 1);
    Step& step = steps_[level];
    step.ref = branch.child(index);
    step.next = 0;
    step.low = index > 0 ? branch.separator(index, buffer_) : std::string_view(parent.low);
    step.has_high = index + 1 < branch.count() || parent.has_high;
    step.high = index + 1 < branch.count() ? branch.separator(index + 1, buffer_) : std::string_view(parent.high);
    if (step.ref.has_overflow && !parent.ref.has_overflow) {
      damage(parent.ref, "its reference does not say that there are overflow values below it");
    }
    return read(step, level, PageReader::Root::kNo) && is_inside(step, level);
  }

  bool read(Step& step, uint8_t level, PageReader::Root is_root) {
    if (const auto visit = visitor_.page(step.ref.page); visit != CheckVisitor::Visit::kEnter) {
      if (visit == CheckVisitor::Visit::kTwice) {
        damage(step.ref, "is referred to more than once");
      }
      return false;
    }
    step.page.resize(page_bytes_);
    auto result = reader_.read_from_file(step.ref, level, is_root, step.page);
    if (!result) {
      damage(step.ref, result.error().message());
      return false;
    }
    return true;
  }

  bool is_inside(const Step& step, uint8_t level) {
    const uint32_t count = format::header_of(step.page.data()).count;
    bool inside = true;
    if (level == 0) {
      const format::LeafView leaf(step.page.data(), page_bytes_);
      inside = leaf.compare(0, step.low) >= 0 && (!step.has_high || leaf.compare(count - 1, step.high) < 0);
    } else if (count > 1) {
      const format::BranchView branch(step.page.data(), page_bytes_);
      inside = branch.separator(1, buffer_) > step.low &&
               (!step.has_high || branch.separator(count - 1, buffer_) < step.high);
    }
    if (!inside) {
      damage(step.ref, "keys outside its parent's separators");
    }
    return inside;
  }

  void check_rows(const Step& step) {
    const format::LeafView leaf(step.page.data(), page_bytes_);
    const std::string_view prefix = leaf.prefix();
    for (uint32_t i = 0; i < leaf.count(); ++i) {
      const format::LeafValue value = leaf.value(i);
      std::string_view bytes = value.bytes;
      if (value.overflow) {
        if (!step.ref.has_overflow) {
          damage(step.ref, "its reference does not say that it holds overflow values");
        }
        if (!read_overflow(*value.overflow)) {
          continue;
        }
        bytes = value_;
      }
      key_.assign(prefix).append(leaf.suffix(i));
      visitor_.row(key_, bytes);
    }
  }

  // Into value_. A run's pages count one by one.
  bool read_overflow(const format::OverflowRef& ref) {
    PageNumber at = ref.first.page;
    const auto enter_run = [&](PageNumber first, uint32_t page_count) {
      at = first;
      for (uint32_t i = 0; i < page_count; ++i) {
        const auto visit = visitor_.page(PageNumber{to_int(first) + i});
        if (visit == CheckVisitor::Visit::kTwice) {
          visitor_.damage(PageNumber{to_int(first) + i}, "is referred to more than once");
        }
        if (visit != CheckVisitor::Visit::kEnter) {
          return false;
        }
      }
      return true;
    };
    const auto result = reader_.read_overflow(ref, value_, enter_run);
    if (!result) {
      visitor_.damage(at, result.error().message());
    }
    return result.has_value() && *result;
  }

  void damage(const format::PageRef& ref, std::string what) { visitor_.damage(ref.page, std::move(what)); }

  PageReader& reader_;
  const CheckVisitor& visitor_;
  const uint32_t page_bytes_;
  std::array<Step, format::kLevelMax + 1> steps_;
  std::string key_, value_, buffer_;
};

}  // namespace

void check(PageReader& reader, const format::PageRef& root, const CheckVisitor& visitor) {
  Checker(reader, visitor).check(root);
}

}  // namespace holdfast::tree
