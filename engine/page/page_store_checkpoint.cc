// See page_store.h. How a state becomes the durable one: in one go (commit), or beside the generations (checkpoint).
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "page/meta_pages.h"
#include "page/page_store.h"

namespace holdfast {

// --- what both have in common

Result<void> PageStore::plan(const State& next, Epoch epoch, std::vector<DeadPage>& dead, Checkpoint& checkpoint) {
  HOLDFAST_TRY(free_map_.plan(epoch, next.csn, dead));
  for (const PageNumber root : {next.catalog.page, next.streams.page}) {
    if (to_int(root) >= free_map_.page_count() || free_map_.is_free(root)) {
      return fail(source_->file.damage(root, "a root is free"));
    }
  }
  checkpoint.images = free_map_.encode(checkpoint.map_bytes);
  checkpoint.map_epoch = epoch;
  format::Meta& meta = checkpoint.meta;
  meta = meta_;
  if (next.csn == meta_.csn || !withheld_.empty()) {
    HOLDFAST_TRY_ASSIGN(meta.epoch, next_epoch());
  }
  meta.slot = static_cast<uint8_t>(1 - meta_.slot);
  meta.csn = next.csn;
  meta.wall_ns = source_->env.clock().wall_ns();
  meta.page_count = static_cast<uint32_t>(free_map_.page_count());
  meta.free_count = static_cast<uint32_t>(free_map_.free_count());
  meta.catalog = next.catalog;
  meta.streams = next.streams;
  meta.free_map = free_map_.root();
  meta.free_map_level = free_map_.root_level();
  meta.next_bucket_id = next.next_bucket_id;
  meta.log = log_start_;
  return {};
}

// Pages that are free already belong to readers of older states alone: no checkpoint needs them.
void PageStore::take_down(BornPages& pages, Checkpoint& checkpoint) {
  for (const PageNumber page : pages.sorted()) {
    Frame* frame = pages.find(page);
    if (free_map_.is_free(page) || (PLANTED(kCheckpointLeavesPage) && checkpoint.pages.size() == 2)) {
      continue;
    }
    format::seal_page({frame->data(), meta_.page_bytes}, source_->checksum_seed);
    checkpoint.images.push_back({page, frame->data()});
    checkpoint.pages.push_back(page);
    checkpoint.frames.push_back(frame);
  }
}

Result<void> PageStore::write(Checkpoint& checkpoint) {
  std::ranges::sort(checkpoint.images, {}, &PageImage::page);
  HOLDFAST_TRY(source_->file.write(checkpoint.images));
  if (!PLANTED(kTreeDataSync)) {
    HOLDFAST_TRY(source_->file.sync());
  }
  checkpoint.stage = Checkpoint::Stage::kInDoubt;
  HOLDFAST_TRY(write_meta(source_->file, checkpoint.meta));
  if (!PLANTED(kMetaSync)) {
    HOLDFAST_TRY(source_->file.sync());
  }
  checkpoint.stage = Checkpoint::Stage::kDurable;
  return {};
}

void PageStore::become_durable(const format::Meta& meta) {
  const bool is_shorter = meta.page_count < meta_.page_count;
  const bool is_new_epoch = meta.epoch != meta_.epoch;
  meta_ = meta;
  if (is_new_epoch) {
    let_go(std::exchange(withheld_, {}));
  }
  release_unreachable();
  if (is_shorter) {
    source_->file.shrink(free_map_.page_count());
  }
  VERIFY(free_map_.free_count() == free_map_.allocatable_count() + lifetimes_.page_count() + withheld_.size());
}

// --- the commit

Result<void> PageStore::commit(const State& next) {
  CHECK(writer_ != nullptr && next.csn == writer_->csn_ && !checkpoint_csn_);
  Checkpoint checkpoint;
  const auto written = [&]() -> Result<void> {
    if (writer_->write_failure_) {
      return fail(*writer_->write_failure_);
    }
    HOLDFAST_TRY(plan(next, writer_->epoch_, writer_->dead_, checkpoint));
    take_down(writer_->born_, checkpoint);
    take_down(dirty_, checkpoint);
    HOLDFAST_TRY(writer_->note(source_->file.reserve(free_map_.page_count())));
    writer_->wrote_ = true;
    return writer_->note(write(checkpoint));
  }();
  if (!written) {
    const Error& error = written.error();
    const bool is_clean = checkpoint.stage == Checkpoint::Stage::kBeforeMeta && error.code() != ErrorCode::kIo &&
                          !writer_->write_failure_;
    abort();
    return fail(is_clean ? error : fail_for_ever(error));
  }
  keep_generation(next);
  free_map_.commit();
  // All of them are in the file now.
  for (size_t i = 0; i < checkpoint.pages.size(); ++i) {
    dirty_.erase(checkpoint.pages[i]);
    checkpoint.frames[i]->unpin();
  }
  show(next.csn);
  become_durable(checkpoint.meta);
  VERIFY(free_map_.free_count() == meta_.free_count && free_map_.page_count() == meta_.page_count);
  return {};
}

// --- checkpoints

Result<std::unique_ptr<Checkpoint>> PageStore::begin_checkpoint() {
  CHECK(writer_ == nullptr && !checkpoint_csn_);
  HOLDFAST_TRY(check_writable());
  release_unreachable();
  auto checkpoint = std::make_unique<Checkpoint>();
  std::vector<DeadPage> dead;
  free_map_.begin();
  const auto planned = [&]() -> Result<void> {
    HOLDFAST_TRY(plan(newest_, meta_.epoch, dead, *checkpoint));
    return source_->file.reserve(free_map_.page_count());
  }();
  if (!planned) {
    free_map_.abort();
    if (planned.error().code() == ErrorCode::kIo) {
      return fail(fail_for_ever(planned.error()));
    }
    return fail(planned.error());
  }
  free_map_.commit();
  take_down(dirty_, *checkpoint);
  for (const PageNumber page : checkpoint->pages) {
    dirty_.erase(page);  // the checkpoint's, until it ends
  }
  checkpoint_csn_ = newest_.csn;
  if (failed_at_ == newest_.csn && !PLANTED(kWithheldPages)) {
    // The same stamp once more. What bore it in the attempt before must not come back in this one or the next.
    for (const DeadPage& each : dead) {
      withheld_.push_back(each.page);
    }
  } else {
    std::vector<PageNumber> unreachable;
    lifetimes_.add(dead, newest_.csn, needed_csns(), unreachable);
    let_go(unreachable);
  }
  count_pages();
  return checkpoint;
}

Result<void> PageStore::write_checkpoint(Checkpoint& checkpoint) {
  auto written = write(checkpoint);
  if (written) {
    return {};
  }
  const Error& error = written.error();
  if (checkpoint.stage == Checkpoint::Stage::kBeforeMeta && error.code() == ErrorCode::kNoSpace) {
    return written;
  }
  return fail(fail_for_ever(error));
}

void PageStore::end_checkpoint(std::unique_ptr<Checkpoint> checkpoint) {
  CHECK(writer_ == nullptr && checkpoint_csn_ == checkpoint->meta.csn);
  checkpoint_csn_.reset();
  if (checkpoint->stage == Checkpoint::Stage::kDurable) {
    failed_at_.reset();
    for (Frame* frame : checkpoint->frames) {
      frame->unpin();
    }
    become_durable(checkpoint->meta);
    return;
  }
  for (size_t i = 0; i < checkpoint->pages.size(); ++i) {
    dirty_.insert(checkpoint->pages[i], checkpoint->frames[i]);
  }
  failed_at_ = checkpoint->meta.csn;
  free_map_.place_again(checkpoint->map_epoch, checkpoint->meta.csn);
  release_unreachable();
}

Result<void> PageStore::checkpoint() {
  if (newest_.csn == meta_.csn && withheld_.empty() && log_start_ == meta_.log) {
    return {};
  }
  HOLDFAST_TRY_ASSIGN(std::unique_ptr<Checkpoint> checkpoint, begin_checkpoint());
  const auto written = write_checkpoint(*checkpoint);
  end_checkpoint(std::move(checkpoint));
  return written;
}

// Makes room in the cache. What no durable state names may be written at any time.
Result<void> PageStore::write_dirty_pages() {
  std::vector<PageImage> images;
  const std::vector<PageNumber> pages = dirty_.sorted();
  for (const PageNumber page : pages) {
    std::byte* data = dirty_.find(page)->data();
    format::seal_page({data, meta_.page_bytes}, source_->checksum_seed);
    images.push_back({page, data});
  }
  if (auto written = source_->file.write(images); !written) {
    if (written.error().code() == ErrorCode::kIo) {
      return fail(fail_for_ever(written.error()));
    }
    return written;
  }
  for (const PageNumber page : pages) {
    dirty_.find(page)->unpin();
    dirty_.erase(page);
  }
  return {};
}

}  // namespace holdfast
