// See page_store.h.
#include "page/page_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
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
  if (!PLANTED(kTreeCreateSync)) {
    HOLDFAST_TRY(file->sync());
  }
  return directory.rename(temporary, name);
}

PageStore::PageStore(std::unique_ptr<PageSource> source, const format::Meta& meta, const PageStoreOptions& options)
    : source_(std::move(source)),
      meta_(meta),
      log_start_(meta.log),
      free_map_(meta.page_bytes, source_->checksum_seed),
      read_only_(options.read_only) {}

PageStore::~PageStore() = default;

Result<std::unique_ptr<PageStore>> PageStore::open(Env& env, Directory& directory, std::string_view name,
                                                   const PageStoreOptions& options) {
  HOLDFAST_TRY_ASSIGN(std::unique_ptr<File> file,
                      directory.open_file(name, options.read_only ? OpenMode::kReadOnly : OpenMode::kReadWrite));
  HOLDFAST_TRY_ASSIGN(const uint64_t file_bytes, file->size());
  HOLDFAST_TRY_ASSIGN(const format::Meta meta, find_newest_meta(*file));
  if (options.database_id && *options.database_id != meta.database_id) {
    return fail(Error(ErrorCode::kCorruption, "the file belongs to another database than the identity file")
                    .at(file->name(), 0));
  }
  if (uint64_t{meta.page_count} * meta.page_bytes > file_bytes) {
    return fail(Error(ErrorCode::kCorruption, "the file is shorter than its " + std::to_string(meta.page_count) +
                                                  " pages of " + std::to_string(meta.page_bytes) + " bytes")
                    .at(file->name(), file_bytes));
  }
  auto source = std::make_unique<PageSource>(env, std::move(file), meta.page_bytes, file_bytes,
                                             format::checksum_seed_of(meta.database_id), options.cache_bytes);
  std::unique_ptr<PageStore> store(new PageStore(std::move(source), meta, options));
  if (auto loaded = store->free_map_.load(store->source_->file, meta); !loaded) {
    if (!options.read_only) {
      return fail(std::move(loaded).error());
    }
    // Whoever only reads needs no free page.
    store->free_map_damage_ = std::move(loaded).error();
  }
  for (const PageNumber root : {meta.catalog.page, meta.streams.page}) {
    if (!store->free_map_damage_ && (store->free_map_.is_free(root) || store->free_map_.is_map_page(root))) {
      return fail(store->source_->file.damage(root, "a root is free, or a page of the free map"));
    }
  }
  if (!options.read_only) {
    // The fence repeats the state beside it, and its sync makes both last: what is shown survives the next power cut. A
    // meta page is written only after a sync of the pages that it names, so whichever of the two survives is whole.
    HOLDFAST_TRY_ASSIGN(const DamagedCopies damaged, find_damaged_copies(store->source_->file.file(), meta.page_bytes));
    if (!PLANTED(kNoFence)) {
      HOLDFAST_TRY(store->write_fence(damaged));
    }
    if (damaged[0] || damaged[1]) {
      // A failed write can leave half a copy. The second fence goes to the other meta page: then all four copies are
      // good.
      HOLDFAST_TRY(store->write_fence(damaged));
    }
    // Whether its size beyond the pages of the state is durable is not known: after a failed sync it can look so and
    // not be. Cut off, it is asked for anew when it is needed.
    store->source_->file.shrink(store->free_map_.page_count());
  }
  store->newest_ = store->shown_ = store->state_of(store->meta_);
  store->source_->registry.publish(store->shown_);
  store->count_pages();
  return store;
}

Result<void> PageStore::write_fence(const DamagedCopies& damaged) {
  HOLDFAST_TRY_ASSIGN(const Epoch epoch, next_epoch());
  format::Meta fence = meta_;
  fence.epoch = epoch;
  fence.slot = static_cast<uint8_t>(1 - meta_.slot);
  fence.wall_ns = source_->env.clock().wall_ns();
  const std::optional<size_t> copy = damaged[fence.slot];
  HOLDFAST_TRY(copy ? repair_meta(source_->file, fence, *copy) : write_meta(source_->file, fence));
  if (!PLANTED(kFenceSync)) {
    HOLDFAST_TRY(source_->file.sync());
  }
  meta_ = fence;
  return {};
}

Result<Epoch> PageStore::next_epoch() const {
  if (to_int(meta_.epoch) == std::numeric_limits<uint32_t>::max()) {
    return fail(ErrorCode::kUnsupported, "epochs are used up; copy the database to go on");
  }
  return Epoch{to_int(meta_.epoch) + 1};
}

// --- readers

PageReader PageStore::new_reader() {
  State state;
  ReaderSlot* slot = source_->registry.claim(source_->slot_hint(), state);
  return PageReader(*source_, slot, state, nullptr);
}

PageReader PageStore::new_reader_of_newest() {
  // Under the mutex: whoever looks for readers looks at the states first, and so misses neither.
  const sync::Lock lock(states_mutex_);
  const State state = unshown_.empty() ? shown_ : unshown_.back();
  ReaderSlot* slot = source_->registry.claim_at(source_->slot_hint(), state.csn);
  return PageReader(*source_, slot, state, nullptr);
}

PageReader PageStore::new_reader_of(const State& state) {
  ReaderSlot* slot = source_->registry.claim_at(source_->slot_hint(), state.csn);
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

Error PageStore::fail_for_ever(const Error& error) {
  {
    const sync::Lock lock(failure_mutex_);
    if (failure_.empty()) {
      failure_ = "an earlier write failed: " + error.to_string();
    }
  }
  Error unknown(ErrorCode::kOutcomeUnknown, "the commit may or may not survive a crash: " + error.message());
  return std::move(unknown).at(error.file().empty() ? source_->file.file().name() : error.file()).os(error.os_error());
}

Result<void> PageStore::check_writable() const {
  if (read_only_) {
    return fail(ErrorCode::kReadOnly, "opened read-only");
  }
  if (std::string why = failure(); !why.empty()) {
    return fail(Error(ErrorCode::kReadOnly, std::move(why)).at(source_->file.file().name()));
  }
  return {};
}

void PageStore::set_pins(std::vector<Csn> pins) {
  CHECK(writer_ == nullptr);
  std::ranges::sort(pins);
  const auto repeated = std::ranges::unique(pins);
  pins.erase(repeated.begin(), repeated.end());
  pins_ = PLANTED(kPinsForgotten) ? std::vector<Csn>() : std::move(pins);
}

Result<PageWriter*> PageStore::begin(Csn csn) {
  CHECK(writer_ == nullptr && csn > newest_.csn);
  HOLDFAST_TRY(check_writable());
  if (to_int(csn) > format::kCsnMax) {
    return fail(ErrorCode::kUnsupported, "commit numbers are used up; copy the database to go on");
  }
  release_unreachable();
  if (dirty_.count() > source_->arena.budget_frames() / 2) {
    HOLDFAST_TRY(write_dirty_pages());
  }
  free_map_.begin();
  writer_.reset(new PageWriter(*source_, free_map_, meta_.epoch, newest_, csn, pins_, keep_));
  return writer_.get();
}

void PageStore::release_unreachable() {
  std::vector<PageNumber> unreachable;
  lifetimes_.collect(needed_csns(), unreachable);
  let_go(unreachable);
  count_pages();
}

// Nobody can reach these pages any more: not in memory either.
void PageStore::let_go(std::span<const PageNumber> pages) {
  free_map_.release(pages);
  for (const PageNumber page : pages) {
    if (Frame* frame = dirty_.find(page)) {
      dirty_.erase(page);
      source_->arena.unmap(page);
      frame->unpin();
    }
  }
}

// The csns of all states that somebody reads, or may come to read. The states first, then the readers: a reader that is
// missed by the second look reads a state that the first one saw, or a newer one.
std::vector<Csn> PageStore::needed_csns() const {
  std::vector<Csn> needed;
  {
    const sync::Lock lock(states_mutex_);
    needed.push_back(shown_.csn);
    for (const State& state : unshown_) {
      if (!PLANTED(kUnshownIgnored)) {
        needed.push_back(state.csn);
      }
    }
  }
  const std::vector<Csn> live = source_->registry.live_csns();
  if (!PLANTED(kReadersIgnored)) {
    needed.insert(needed.end(), live.begin(), live.end());
  }
  if (!PLANTED(kDurableStateIgnored)) {
    needed.push_back(meta_.csn);
  }
  if (checkpoint_csn_ && !PLANTED(kCheckpointIgnored)) {
    needed.push_back(*checkpoint_csn_);
  }
  std::ranges::sort(needed);
  const auto repeated = std::ranges::unique(needed);
  needed.erase(repeated.begin(), repeated.end());
  return needed;
}

void PageStore::abort() {
  CHECK(writer_ != nullptr);
  std::vector<PageNumber> taken = free_map_.taken();
  for (const PageNumber page : taken) {
    if (Frame* frame = writer_->born_.find(page)) {
      writer_->born_.erase(page);
      source_->arena.give_back(frame);
    } else {
      source_->arena.unmap(page);  // written early; or given back, and not there
    }
  }
  free_map_.abort();
  if (writer_->wrote_) {
    std::ranges::sort(taken);
    const auto repeated = std::ranges::unique(taken);
    taken.erase(repeated.begin(), repeated.end());
    free_map_.withhold(taken);
    withheld_.insert(withheld_.end(), taken.begin(), taken.end());
  }
  if (writer_->write_failure_) {
    fail_for_ever(*writer_->write_failure_);
  }
  writer_.reset();
  count_pages();
}

Result<void> PageStore::publish(const State& next) {
  CHECK(writer_ != nullptr && next.csn == writer_->csn_);
  Result<void> reserved;
  if (writer_->write_failure_) {
    reserved = fail(*writer_->write_failure_);
  } else {
    reserved = writer_->note(source_->file.reserve(free_map_.page_count()));
  }
  if (!reserved) {
    const bool is_clean = !writer_->write_failure_;
    abort();
    return is_clean ? std::move(reserved) : fail(fail_for_ever(reserved.error()));
  }
  keep_generation(next);
  count_pages();
  return {};
}

void PageStore::keep_generation(const State& next) {
  std::vector<Frame*> frames;
  for (const PageNumber page : writer_->born_.sorted()) {
    Frame* frame = writer_->born_.find(page);
    frame->pin();
    dirty_.insert(page, frame);
    frames.push_back(frame);
  }
  source_->arena.map(frames);
  writer_->born_.clear();
  free_map_.keep();
  newest_ = next;
  {
    const sync::Lock lock(states_mutex_);
    unshown_.push_back(next);
  }
  std::vector<PageNumber> unreachable;
  if (!PLANTED(kDeadPagesLeak)) {
    lifetimes_.add(writer_->dead_, next.csn, needed_csns(), unreachable);
  }
  let_go(unreachable);
  writer_.reset();
  VERIFY(free_map_.free_count() == free_map_.allocatable_count() + lifetimes_.page_count() + withheld_.size());
}

void PageStore::show(Csn csn) {
  const sync::Lock lock(states_mutex_);
  const auto above = std::ranges::upper_bound(unshown_, csn, {}, &State::csn);
  if (above == unshown_.begin()) {
    return;
  }
  shown_ = *(above - 1);
  unshown_.erase(unshown_.begin(), above);
  source_->registry.publish(shown_);
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
  if (free_map_damage_) {
    return Place::kTree;
  }
  if (free_map_.is_map_page(page)) {
    return Place::kFreeMap;
  }
  if (to_int(page) >= free_map_.page_count() || free_map_.is_allocatable(page)) {
    return Place::kFree;
  }
  if (!free_map_.is_free(page)) {
    return Place::kTree;
  }
  return std::ranges::find(withheld_, page) != withheld_.end() ? Place::kFree : Place::kAwaiting;
}

void PageStore::verify_free_map(const std::function<void(PageNumber page, std::string what)>& damage) {
  CHECK(writer_ == nullptr);
  if (free_map_damage_) {
    const uint64_t page = free_map_damage_->offset().value_or(0) / page_bytes();
    return damage(PageNumber{static_cast<uint32_t>(page)}, free_map_damage_->message());
  }
  free_map_.verify(source_->file, damage);
}

}  // namespace holdfast
