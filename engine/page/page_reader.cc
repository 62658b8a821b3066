// See page_reader.h.
#include "page/page_reader.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "page/born_pages.h"

namespace holdfast {

PageReader::PageReader(PageReader&& other) noexcept
    : source_(std::exchange(other.source_, nullptr)),
      slot_(std::exchange(other.slot_, nullptr)),
      born_(other.born_),
      state_(other.state_),
      hits_(std::exchange(other.hits_, 0)),
      held_bits_(std::move(other.held_bits_)),
      held_(std::move(other.held_)),
      values_(std::move(other.values_)) {}

PageReader& PageReader::operator=(PageReader&& other) noexcept {
  if (this != &other) {
    end();
    source_ = std::exchange(other.source_, nullptr);
    slot_ = std::exchange(other.slot_, nullptr);
    born_ = other.born_;
    state_ = other.state_;
    hits_ = std::exchange(other.hits_, 0);
    held_bits_ = std::move(other.held_bits_);
    held_ = std::move(other.held_);
    values_ = std::move(other.values_);
  }
  return *this;
}

PageReader::~PageReader() { end(); }

void PageReader::end() {
  if (source_ == nullptr) {
    return;
  }
  for (Frame* frame : held_) {
    frame->unpin();
  }
  held_.clear();
  held_bits_.clear();
  values_.clear();
  source_->hits.fetch_add(hits_, std::memory_order_relaxed);
  hits_ = 0;
  source_ = nullptr;
  ReaderRegistry::release(std::exchange(slot_, nullptr));
}

// What the frame table does not know as `ref`: a page born in the open generation, one that is not in memory, or a
// reference that no page answers to.
Result<Frame*> PageReader::find_slowly(const format::PageRef& ref, uint8_t level) {
  if (born_ != nullptr) {
    if (Frame* frame = born_->find(ref.page)) {
      if (!is_page_of(frame->data(), ref, level)) {
        return fail(source_->file.damage(ref.page, "birth stamp, kind or level"));
      }
      ++hits_;
      return frame;
    }
  }
  return source_->load(ref, level);
}

Result<const std::byte*> PageReader::fetch_slowly(const format::PageRef& ref, uint8_t level) {
  HOLDFAST_TRY_ASSIGN(Frame* const frame, find_slowly(ref, level));
  return frame->data();
}

void PageReader::hold_first_time(Frame* frame) {
  const size_t word = frame->index / 64;
  if (word >= held_bits_.size()) {
    held_bits_.resize(word + 1);
  }
  held_bits_[word] |= uint64_t{1} << (frame->index % 64);
  frame->pin();
  held_.push_back(frame);
}

Result<PagePin> PageReader::pin(const format::PageRef& ref, uint8_t level) {
  // Relaxed: this reader's own store. A caller inside a Guard has one already.
  const bool guarded = slot_->guard.load(std::memory_order_relaxed) != 0;
  if (!guarded) {
    slot_->guard.store(source_->arena.guard_epoch(), std::memory_order_seq_cst);  // as in Guard
  }
  Frame* frame = find_mapped(ref, level);
  Result<PagePin> pinned;
  if (frame != nullptr) {
    frame->pin();
    pinned = PagePin(frame);
  } else if (auto found = find_slowly(ref, level); found) {
    (*found)->pin();
    pinned = PagePin(*found);
  } else {
    pinned = fail(std::move(found).error());
  }
  if (!guarded) {
    slot_->guard.store(0, std::memory_order_release);
  }
  return pinned;
}

Result<void> PageReader::read_from_file(const format::PageRef& ref, uint8_t level, Root is_root,
                                        std::span<std::byte> buffer) {
  CHECK(buffer.size() == page_bytes());
  return source_->read_verified(ref, is_root == Root::kYes ? kAnyLevel : level, buffer);
}

Result<std::string_view> PageReader::read_overflow(const format::OverflowRef& ref) {
  const std::pair<PageNumber, Csn> key(ref.first.page, ref.first.birth);
  if (const auto known = values_.find(key); known != values_.end() && known->second.size() == ref.total_bytes) {
    return as_text(known->second);
  }
  HOLDFAST_TRY(source_->check_overflow_ref(ref));
  std::vector<std::byte> value(ref.total_bytes);
  std::vector<std::byte> run;
  for (RunWalk walk(*source_, ref); !walk.done();) {
    run.resize(walk.run_bytes());
    const uint64_t at = walk.value_offset();
    HOLDFAST_TRY_ASSIGN(const std::span<const std::byte> payload, walk.read_and_step(run));
    std::memcpy(value.data() + at, payload.data(), payload.size());
  }
  // Never replaces a value that somebody may look at: of two references to one page at least one is false.
  const auto [kept, is_new] = values_.try_emplace(key, std::move(value));
  if (!is_new) {
    return fail(source_->file.damage(ref.first.page, "overflow: two lengths of one value"));
  }
  return as_text(kept->second);
}

Result<bool> PageReader::read_overflow(const format::OverflowRef& ref, std::string& value,
                                       const std::function<bool(PageNumber first, uint32_t page_count)>& enter_run) {
  HOLDFAST_TRY(source_->check_overflow_ref(ref));
  value.clear();
  std::vector<std::byte> run;
  for (RunWalk walk(*source_, ref); !walk.done();) {
    if (!enter_run(walk.ref().page, walk.page_count())) {
      return false;
    }
    run.resize(walk.run_bytes());
    HOLDFAST_TRY_ASSIGN(const std::span<const std::byte> payload, walk.read_and_step(run));
    value += as_text(payload);
  }
  return true;
}

Result<void> PageReader::walk_overflow(const format::OverflowRef& ref,
                                       const std::function<bool(const format::PageRef&)>& visit) {
  HOLDFAST_TRY(source_->check_overflow_ref(ref));
  std::vector<std::byte> run;
  for (RunWalk walk(*source_, ref); !walk.done();) {
    for (uint32_t i = 0; i < walk.page_count(); ++i) {
      format::PageRef each = walk.ref();
      each.page = PageNumber{to_int(each.page) + i};
      visit(each);
    }
    if (walk.is_last()) {
      break;
    }
    run.resize(walk.run_bytes());
    HOLDFAST_TRY(walk.read_and_step(run));
  }
  return {};
}

Result<void> PageReader::read_overflow(const format::OverflowRef& ref, std::string& value) {
  HOLDFAST_TRY(read_overflow(ref, value, [](PageNumber, uint32_t) { return true; }));
  return {};
}

}  // namespace holdfast
