// See page_store.h.
#include "page/page_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "page/meta_pages.h"

namespace holdfast {

// --- create and open

Result<void> PageStore::create(Env& env, Directory& directory, std::string_view name, const format::DatabaseId& id,
                               uint32_t page_bytes) {
  CHECK(format::is_page_size(page_bytes));
  const std::string temporary = std::string(name) + ".new";
  HOLDFAST_TRY_ASSIGN(const std::unique_ptr<File> file, directory.open_file(temporary, OpenMode::kCreate));
  HOLDFAST_TRY(file->truncate(0));  // what an interrupted creation left
  format::Meta meta;
  meta.database_id = id;
  meta.page_bytes = page_bytes;
  meta.epoch = Epoch{1};
  meta.page_count = format::kMetaPages;
  meta.wall_ns = env.clock().wall_ns();
  HOLDFAST_TRY(file->write_at(0, first_meta_pages(meta)));
  HOLDFAST_TRY(file->sync());
  return directory.rename(temporary, name);
}

PageStore::PageStore(std::unique_ptr<PageSource> source, const format::Meta& meta, const PageStoreOptions& options)
    : source_(std::move(source)),
      meta_(meta),
      free_map_(meta.page_bytes, source_->checksum_seed),
      read_only_(options.read_only) {}

PageStore::~PageStore() = default;

Result<std::unique_ptr<PageStore>> PageStore::open(Env& env, Directory& directory, std::string_view name,
                                                   const PageStoreOptions& options) {
  HOLDFAST_TRY_ASSIGN(std::unique_ptr<File> file,
                      directory.open_file(name, options.read_only ? OpenMode::kReadOnly : OpenMode::kReadWrite));
  if (!options.read_only) {
    HOLDFAST_TRY(file->sync());  // what is about to be shown survives the next power cut
  }
  HOLDFAST_TRY_ASSIGN(const uint64_t file_bytes, file->size());
  HOLDFAST_TRY_ASSIGN(const format::Meta meta, find_newest_meta(*file));
  if (options.database_id && *options.database_id != meta.database_id) {
    return fail(Error(ErrorCode::kCorruption, "the file belongs to another database").at(file->name(), 0));
  }
  if (uint64_t{meta.page_count} * meta.page_bytes > file_bytes) {
    return fail(Error(ErrorCode::kCorruption, "the file is shorter than its " + std::to_string(meta.page_count) +
                                                  " pages of " + std::to_string(meta.page_bytes) + " bytes")
                    .at(file->name(), file_bytes));
  }
  auto source = std::make_unique<PageSource>(env, std::move(file), meta.page_bytes, file_bytes,
                                             format::checksum_seed_of(meta.database_id), options.cache_bytes);
  std::unique_ptr<PageStore> store(new PageStore(std::move(source), meta, options));
  HOLDFAST_TRY(store->free_map_.load(store->source_->file, meta));
  const PageNumber catalog = meta.catalog.page;
  if (store->free_map_.is_free(catalog) || store->free_map_.is_map_page(catalog)) {
    return fail(store->source_->file.damage(catalog, "the catalog's root is free, or a page of the free map"));
  }
  if (!options.read_only) {
    HOLDFAST_TRY_ASSIGN(const bool damaged, has_damaged_copy(store->source_->file.file(), meta.page_bytes));
    HOLDFAST_TRY(store->write_fence());
    if (damaged) {
      // A failed write can leave half a copy. The second fence goes to the other meta page: then all four copies are
      // good.
      HOLDFAST_TRY(store->write_fence());
    }
  }
  store->source_->registry.publish(store->state_of(store->meta_));
  store->count_pages();
  return store;
}

Result<void> PageStore::write_fence() {
  if (to_int(meta_.epoch) == std::numeric_limits<uint32_t>::max()) {
    return fail(ErrorCode::kUnsupported, "epochs are used up; copy the database to go on");
  }
  format::Meta fence = meta_;
  fence.epoch = Epoch{to_int(meta_.epoch) + 1};
  fence.slot = static_cast<uint8_t>(1 - meta_.slot);
  fence.wall_ns = source_->env.clock().wall_ns();
  HOLDFAST_TRY(write_meta(source_->file, fence));
  HOLDFAST_TRY(source_->file.sync());
  meta_ = fence;
  fence_needed_ = false;
  return {};
}

// --- readers

PageReader PageStore::new_reader() {
  State state;
  ReaderSlot* slot = source_->registry.claim(source_->slot_hint(), state);
  return PageReader(*source_, slot, state, nullptr);
}

PageReader PageStore::clone_reader(const PageReader& reader) {
  CHECK(reader.born_ == nullptr);
  ReaderSlot* slot = source_->registry.clone(source_->slot_hint(), *reader.slot_);
  return PageReader(*source_, slot, reader.state_, nullptr);
}

// --- the writer

std::string PageStore::failure() const {
  const sync::Lock lock(failure_mutex_);
  return failure_;
}

void PageStore::fail_for_ever(const Error& error) {
  const sync::Lock lock(failure_mutex_);
  if (failure_.empty()) {
    failure_ = "an earlier write failed: " + error.to_string();
  }
}

Result<PageWriter*> PageStore::begin(Csn csn) {
  CHECK(writer_ == nullptr && csn > meta_.csn);
  if (read_only_) {
    return fail(ErrorCode::kReadOnly, "opened read-only");
  }
  if (std::string why = failure(); !why.empty()) {
    return fail(Error(ErrorCode::kReadOnly, std::move(why)).at(source_->file.file().name()));
  }
  if (to_int(csn) > format::kCsnMax) {
    return fail(ErrorCode::kUnsupported, "commit numbers are used up; copy the database to go on");
  }
  if (fence_needed_) {
    if (auto fenced = write_fence(); !fenced) {
      if (fenced.error().code() == ErrorCode::kIo) {
        fail_for_ever(fenced.error());
      }
      return fail(std::move(fenced).error());
    }
  }
  release_unreachable();
  free_map_.begin();
  writer_.reset(new PageWriter(*source_, free_map_, meta_.epoch, state_of(meta_), csn));
  return writer_.get();
}

void PageStore::release_unreachable() {
  std::vector<PageNumber> unreachable;
  lifetimes_.collect(source_->registry.live_csns(), unreachable);
  free_map_.release(unreachable);
  count_pages();
}

void PageStore::abort() {
  CHECK(writer_ != nullptr);
  for (const PageNumber page : free_map_.taken()) {
    if (Frame* frame = writer_->born_.find(page)) {
      writer_->born_.erase(page);
      source_->arena.give_back(frame);
    } else {
      source_->arena.unmap(page);  // written early; or given back, and not there
    }
  }
  free_map_.abort();
  fence_needed_ = fence_needed_ || writer_->wrote_;
  if (writer_->write_failure_) {
    fail_for_ever(*writer_->write_failure_);
  }
  writer_.reset();
  count_pages();
}

Result<void> PageStore::commit(const State& next) {
  CHECK(writer_ != nullptr && next.csn == writer_->csn_);
  Stage stage = Stage::kBeforeMeta;
  auto written = write_generation(next, stage);
  if (written) {
    show_generation(*written);
    return {};
  }
  Error error = std::move(written).error();
  const bool is_clean = stage == Stage::kBeforeMeta && error.code() != ErrorCode::kIo && !writer_->write_failure_;
  abort();
  if (is_clean) {
    return fail(std::move(error));
  }
  fail_for_ever(error);
  Error unknown(ErrorCode::kOutcomeUnknown, "the commit may or may not survive a crash: " + error.message());
  return fail(std::move(unknown).at(source_->file.file().name()).os(error.os_error()));
}

Result<format::Meta> PageStore::write_generation(const State& next, Stage& stage) {
  if (writer_->write_failure_) {
    return fail(*writer_->write_failure_);
  }
  HOLDFAST_TRY(write_pages(next));
  format::Meta meta = meta_;
  meta.slot = static_cast<uint8_t>(1 - meta_.slot);
  meta.csn = next.csn;
  meta.wall_ns = source_->env.clock().wall_ns();
  meta.page_count = static_cast<uint32_t>(free_map_.page_count());
  meta.free_count = static_cast<uint32_t>(free_map_.free_count());
  meta.catalog = next.catalog;
  meta.free_map = free_map_.root();
  meta.free_map_level = free_map_.root_level();
  meta.next_bucket_id = next.next_bucket_id;
  stage = Stage::kInDoubt;
  HOLDFAST_TRY(write_meta(source_->file, meta));
  HOLDFAST_TRY(source_->file.sync());
  return meta;
}

// The generation's pages and its free map, durable. What can run out of space is here, before the meta page.
Result<void> PageStore::write_pages(const State& next) {
  HOLDFAST_TRY(free_map_.plan(writer_->epoch_, writer_->csn_, writer_->dead_));
  const PageNumber catalog = next.catalog.page;
  if (to_int(catalog) >= free_map_.page_count() || free_map_.is_free(catalog)) {
    return fail(source_->file.damage(catalog, "the catalog's root is free"));
  }
  std::vector<PageImage> images = free_map_.encode(map_bytes_);
  for (const PageNumber page : writer_->born_.sorted()) {
    std::byte* data = writer_->born_.find(page)->data();
    format::seal_page({data, meta_.page_bytes}, source_->checksum_seed);
    images.push_back({page, data});
  }
  std::ranges::sort(images, {}, &PageImage::page);
  HOLDFAST_TRY(writer_->note(source_->file.reserve(free_map_.page_count())));
  writer_->wrote_ = true;
  HOLDFAST_TRY(writer_->note(source_->file.write(images)));
  return writer_->note(source_->file.sync());
}

// The generation is durable: now, and only now, memory follows.
void PageStore::show_generation(const format::Meta& meta) {
  std::vector<Frame*> frames;
  for (const PageNumber page : writer_->born_.sorted()) {
    frames.push_back(writer_->born_.find(page));
  }
  source_->arena.map(frames);
  writer_->born_.clear();
  const bool is_shorter = meta.page_count < meta_.page_count;
  meta_ = meta;
  free_map_.commit();
  source_->registry.publish(state_of(meta_));
  // After publish(): whoever does not show up now reads the new state, or a newer one.
  std::vector<PageNumber> unreachable;
  lifetimes_.add(writer_->dead_, meta_.csn, source_->registry.live_csns(), unreachable);
  free_map_.release(unreachable);
  writer_.reset();
  if (is_shorter) {
    source_->file.shrink(meta_.page_count);
  }
  VERIFY(free_map_.free_count() == free_map_.allocatable_count() + lifetimes_.page_count());
  VERIFY(free_map_.free_count() == meta_.free_count && free_map_.page_count() == meta_.page_count);
  count_pages();
}

// --- for people and checks

void PageStore::count_pages() {
  page_count_.store(free_map_.page_count(), std::memory_order_relaxed);
  free_pages_.store(free_map_.allocatable_count(), std::memory_order_relaxed);
  awaiting_pages_.store(lifetimes_.page_count(), std::memory_order_relaxed);
}

PageStoreStats PageStore::stats() const {
  PageStoreStats stats;
  stats.file_bytes = source_->file.file_bytes();
  stats.page_count = page_count_.load(std::memory_order_relaxed);
  stats.free_pages = free_pages_.load(std::memory_order_relaxed);
  stats.awaiting_pages = awaiting_pages_.load(std::memory_order_relaxed);
  stats.cache_bytes = source_->arena.frame_count() * source_->arena.page_bytes();
  stats.cache_hits = source_->hits.load(std::memory_order_relaxed);
  stats.cache_misses = source_->misses.load(std::memory_order_relaxed);
  stats.cache_evictions = source_->arena.eviction_count();
  stats.pages_written = source_->file.pages_written();
  stats.bytes_written = source_->file.bytes_written();
  stats.syncs = source_->file.syncs();
  stats.live_readers = source_->registry.live_count();
  const std::vector<Csn> live = source_->registry.live_csns();
  stats.oldest_reader = live.empty() ? Csn{} : live.front();
  return stats;
}

PageStore::Place PageStore::place_of(PageNumber page) const {
  CHECK(writer_ == nullptr);
  if (to_int(page) < format::kMetaPages) {
    return Place::kMeta;
  }
  if (free_map_.is_map_page(page)) {
    return Place::kFreeMap;
  }
  if (to_int(page) >= free_map_.page_count() || free_map_.is_allocatable(page)) {
    return Place::kFree;
  }
  return free_map_.is_free(page) ? Place::kAwaiting : Place::kTree;
}

void PageStore::verify_free_map(const std::function<void(PageNumber page, std::string what)>& damage) {
  CHECK(writer_ == nullptr);
  free_map_.verify(source_->file, damage);
}

}  // namespace holdfast
