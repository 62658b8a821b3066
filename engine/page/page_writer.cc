// See page_writer.h.
#include "page/page_writer.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/planted.h"

namespace holdfast {

format::PageRef PageEdit::ref() const {
  const format::PageHeader& header = format::header_of(frame_->data());
  return {.page = PageNumber{uint32_t{header.page_number}},
          .epoch = Epoch{uint32_t{header.epoch}},
          .birth = Csn{uint64_t{header.birth}},
          .has_overflow = false};
}

PageWriter::PageWriter(PageSource& source, FreeMap& free_map, Epoch epoch, const State& base, Csn csn,
                       std::span<const Csn> pins, Keep keep)
    : source_(source),
      free_map_(free_map),
      epoch_(epoch),
      csn_(csn),
      pins_(pins),
      keep_(keep),
      reader_(source, source.registry.claim_without_csn(source.slot_hint()), base, &born_),
      write_early_at_(std::max<uint64_t>(source.arena.budget_frames() / 2, 1)) {}

PageWriter::~PageWriter() = default;

Result<void> PageWriter::note(Result<void> written) {
  if (!written && written.error().code() != ErrorCode::kNoSpace && !write_failure_) {
    write_failure_ = written.error();
  }
  return written;
}

Result<PageEdit> PageWriter::allocate(format::PageKind kind, uint8_t level) {
  PageNumber page{};
  HOLDFAST_TRY_ASSIGN(PageEdit edit, take_page(page));
  std::memset(edit.data(), 0, page_bytes());
  format::stamp_page({edit.data(), page_bytes()}, ref_to(page), kind, level);
  return edit;
}

Result<PageEdit> PageWriter::take_page(PageNumber& page) {
  if (born_.count() >= write_early_at_) {
    HOLDFAST_TRY(write_early());
  }
  HOLDFAST_TRY_ASSIGN(page, free_map_.allocate());
  source_.arena.unmap(page);
  Frame* frame = source_.arena.take();
  born_.insert(page, frame);
  frame->pin();
  return PageEdit(frame);
}

Result<PageEdit> PageWriter::edit(const format::PageRef& ref, uint8_t level) {
  if (is_born_here(ref)) {
    if (Frame* frame = born_.find(ref.page)) {
      if (!is_page_of(frame->data(), ref, level)) {
        return fail(source_.file.damage(ref.page, "kind or level"));
      }
      frame->pin();
      return PageEdit(frame);
    }
  }
  HOLDFAST_TRY_ASSIGN(const PagePin old, reader_.pin(ref, level));
  const format::PageHeader& header = format::header_of(old.data());
  const auto kind = static_cast<format::PageKind>(header.kind);
  PageNumber page{};
  HOLDFAST_TRY_ASSIGN(PageEdit edit, take_page(page));
  std::memcpy(edit.data(), old.data(), page_bytes());
  format::stamp_page({edit.data(), page_bytes()}, ref_to(page), kind, header.level);
  HOLDFAST_TRY(retire(ref));
  return edit;
}

Result<void> PageWriter::retire(const format::PageRef& ref) {
  const bool is_here = is_born_here(ref);
  if (is_here != free_map_.is_fresh(ref.page) || ref.birth > csn_) {
    return fail(source_.file.damage(ref.page, "a page to free that bears another stamp"));
  }
  if (Frame* frame = is_here ? born_.find(ref.page) : nullptr) {
    born_.erase(ref.page);
    source_.arena.give_back(frame);
    free_map_.give_back(ref.page);
    return {};
  }
  if (!is_here && is_kept(ref)) {
    const uint32_t index = to_int(ref.page);
    if (index >= free_map_.page_count() || free_map_.is_free(ref.page) || kept_.test(index)) {
      return fail(source_.file.damage(ref.page, "a page to free that is free already, or not in the file"));
    }
    kept_.resize(free_map_.page_count());
    kept_.flip(index);
    return {};
  }
  return let_go(ref);
}

Result<void> PageWriter::let_go(const format::PageRef& ref) {
  if (const char* why = free_map_.retire(ref.page)) {
    return fail(source_.file.damage(ref.page, why));
  }
  dead_.push_back({ref.page, ref.birth});
  return {};
}

bool PageWriter::is_kept(const format::PageRef& ref) const {
  const auto pin = std::ranges::lower_bound(pins_, ref.birth);
  return keep_ == Keep::kEverything || (pin != pins_.end() && *pin < csn_);
}

// Makes room: writes the born pages that nobody is working on. They become pages like all others.
Result<void> PageWriter::write_early() {
  std::vector<PageImage> images;
  std::vector<Frame*> frames;
  for (const PageNumber page : born_.sorted()) {
    Frame* frame = born_.find(page);
    if (frame->pins.load(std::memory_order_relaxed) == 0) {
      format::seal_page({frame->data(), page_bytes()}, source_.checksum_seed);
      images.push_back({page, frame->data()});
      frames.push_back(frame);
    }
  }
  HOLDFAST_TRY(note(source_.file.reserve(free_map_.page_count())));
  wrote_ = true;
  HOLDFAST_TRY(note(source_.file.write(images)));
  for (const PageImage& image : images) {
    born_.erase(image.page);
  }
  source_.arena.map(frames);
  const uint64_t step = std::max<uint64_t>(source_.arena.budget_frames() / 2, 1);
  write_early_at_ = born_.count() + step;  // what is pinned now does not make the next try come at once
  return {};
}

Result<void> PageWriter::write_run_pages(const PageRun& run, const format::Run& fields) {
  run_buffer_.resize(uint64_t{run.page_count} * page_bytes());
  format::encode_run(run_buffer_, ref_to(run.first), fields, page_bytes());
  format::seal_page(run_buffer_, source_.checksum_seed);
  wrote_ = true;
  return note(source_.file.write_run(run.first, run_buffer_));
}

Result<format::OverflowRef> PageWriter::write_overflow(std::string_view value) {
  CHECK(!value.empty() && value.size() <= kValueBytesMax);
  // All runs first: each names the next.
  std::vector<PageRun> runs;
  for (uint64_t done = 0; done < value.size();) {
    const uint64_t wanted = (value.size() - done + format::kRunHeaderBytes + page_bytes() - 1) / page_bytes();
    const auto pages = static_cast<uint32_t>(std::min<uint64_t>(wanted, format::kRunPagesMax));
    HOLDFAST_TRY_ASSIGN(const PageRun run, free_map_.allocate_run(pages));
    for (uint32_t i = 0; i < run.page_count; ++i) {
      source_.arena.unmap(PageNumber{to_int(run.first) + i});
    }
    runs.push_back(run);
    done += uint64_t{run.page_count} * page_bytes() - format::kRunHeaderBytes;
  }
  HOLDFAST_TRY(note(source_.file.reserve(free_map_.page_count())));
  uint64_t done = 0;
  for (size_t i = 0; i < runs.size(); ++i) {
    const bool is_last = i + 1 == runs.size();
    const uint64_t room = uint64_t{runs[i].page_count} * page_bytes() - format::kRunHeaderBytes;
    format::Run fields;
    fields.next = is_last ? format::PageRef{} : ref_to(runs[i + 1].first);
    fields.next_page_count = is_last ? 0 : runs[i + 1].page_count;
    fields.value_offset = done;
    fields.payload = as_bytes(value.substr(done, room));
    HOLDFAST_TRY(write_run_pages(runs[i], fields));
    done += fields.payload.size();
  }
  return format::OverflowRef{.first = ref_to(runs.front().first),
                             .page_count = runs.front().page_count,
                             .total_bytes = static_cast<uint32_t>(value.size())};
}

Result<void> PageWriter::retire_overflow(const format::OverflowRef& ref) {
  HOLDFAST_TRY(source_.check_overflow_ref(ref));
  for (RunWalk walk(source_, ref); !walk.done();) {
    const format::PageRef first = walk.ref();
    const uint32_t pages = walk.page_count();
    const bool is_last = walk.is_last();
    if (!is_last) {  // only the run itself says where the next one is
      run_buffer_.resize(walk.run_bytes());
      HOLDFAST_TRY(walk.read_and_step(run_buffer_));
    }
    for (uint32_t i = PLANTED(kOverflowLeaks) ? pages : 0; i < pages; ++i) {
      format::PageRef each = first;
      each.page = PageNumber{to_int(first.page) + i};
      HOLDFAST_TRY(retire(each));
    }
    if (is_last) {
      break;
    }
  }
  return {};
}

}  // namespace holdfast
