// PageStore: pages of one tree file; read by many, changed by one generation at a time.
//
// A *generation* is everything between begin() and publish(), commit() or abort(): the pages born in it, and those that
// die in it. Pages are born in memory, are changed only in the generation in which they were born, and become immutable
// when it ends. Nothing that anybody can reach is ever overwritten, on disk or in memory.
//
//   publish()     the generation is the newest state, in memory only; its pages are *dirty* until a checkpoint
//   show()        what was published is what new readers get
//   checkpoint    the newest state becomes the durable one: dirty pages and free map, sync, meta page, sync
//   commit()      all three at once, abortable: the classic copy-on-write commit
//
// Owns:       the tree file, the arena (page cache), the free map, page lifetimes, the reader registry.
// Threads:    readers: any number, each with a PageReader of its own. show(), write_checkpoint(): any thread. The rest:
//             one thread at a time, the *writer*.
// Invariants: (1) a page number is exactly one of: meta, reachable from the newest state, free, awaiting a snapshot, or
//                 born in the open generation;
//             (2) a page is reused only when no csn lies in [birth, death) that is: a live reader's, the durable
//                 state's, that of the checkpoint under way, or of a state that is or may yet be shown;
//                 A page that a pinned state reaches is never free: who takes the pin away retires it;
//             (3) no page is written under a number that a durable state or a live reader can reach;
//             (4) a page in the arena was verified when it was loaded (format::find_damage), or was born here;
//             (5) data is synced before the meta page that names it is written; an (epoch, csn) stamp is used by one
//                 attempt at most: what an aborted one may have written is withheld until the epoch is over;
//             (6) a dirty page is pinned in the arena; a page that a checkpoint writes stays reachable until it ends.
// Fails:      a failed write or sync (other than a full disk) makes the store read-only for ever (`failure()`); a full
//             disk fails the generation or the checkpoint, and nothing is changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <holdfast/env.h>
#include <holdfast/result.h>

#include "env/sync.h"
#include "format/meta.h"
#include "format/page.h"
#include "page/born_pages.h"
#include "page/checkpoint.h"
#include "page/free_map.h"
#include "page/meta_pages.h"
#include "page/page_lifetimes.h"
#include "page/page_reader.h"
#include "page/page_source.h"
#include "page/page_writer.h"

namespace holdfast {

struct PageStoreOptions {
  uint64_t cache_bytes = 0;
  bool read_only = false;
  // The database that the file must belong to; any if nullopt. Nothing is written to another one's file.
  std::optional<format::DatabaseId> database_id = std::nullopt;
};

struct PageStoreStats {
  uint64_t file_bytes = 0, page_count = 0, free_pages = 0, awaiting_pages = 0;
  uint64_t cache_bytes = 0, cache_hits = 0, cache_misses = 0, cache_evictions = 0;
  uint64_t pages_written = 0, bytes_written = 0, syncs = 0;
  uint64_t live_readers = 0;
  Csn oldest_reader{};
};

class PageStore {
 public:
  // Writes a new, empty, durable tree file under a temporary name and renames it to `name`. The caller syncs the
  // directory.
  static Result<void> create(Env& env, Directory& directory, std::string_view name, const format::DatabaseId& id,
                             uint32_t page_bytes);
  // Finds the newest state, makes it durable (fence: a meta page with a new epoch; not if read-only), loads the free
  // map. Errors: not_found, corruption (also if both copies of a meta page are damaged: the newest commit may have been
  // there), unsupported, io.
  static Result<std::unique_ptr<PageStore>> open(Env& env, Directory& directory, std::string_view name,
                                                 const PageStoreOptions& options);
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;
  ~PageStore();

  // Of the newest durable state. Writer's thread.
  const format::Meta& meta() const { return meta_; }
  // What the next generation builds on: published, perhaps not durable. Writer's thread.
  const State& newest() const { return newest_; }
  // Any thread.
  uint32_t page_bytes() const { return source_->file.page_bytes(); }

  // --- readers; any thread
  // Registers a reader of the state that is shown. Takes no lock. The store outlives the reader.
  PageReader new_reader();
  // Registers a reader of the newest published state.
  PageReader new_reader_of_newest();
  // Registers a reader of a pinned state. Pre: somebody else reads a state in which the pin is there, during the call.
  PageReader new_reader_of(const State& state);
  // Another reader of the same state, for another thread.
  PageReader clone_reader(const PageReader& reader);

  // --- the writer; one thread at a time
  // Pages that the states of these csns reach stay in use when they die. Pre: the states are durable, or were pinned
  // before; between generations.
  void set_pins(std::vector<Csn> pins);
  // Which states are pinned cannot be told: no page that dies is used again.
  void keep_everything() { keep_ = Keep::kEverything; }
  // Opens a generation whose pages are born at `csn` (greater than the newest). The writer lives until the generation
  // ends. Writes dirty pages if they fill half of the cache.
  // Errors: read_only (says why); no_space, outcome_unknown (dirty pages could not be written; with the latter the
  // store is read-only from here on); unsupported (numbers are used up).
  Result<PageWriter*> begin(Csn csn);
  // Ends the generation: `next` is the newest state, in memory only, and not shown yet.
  // Errors: no_space: nothing changed, the generation was aborted; outcome_unknown: an early write failed, the store is
  // read-only from here on.
  Result<void> publish(const State& next);
  // New readers get the newest published state whose csn is not above `csn`. Any thread.
  void show(Csn csn);
  // Makes the generation durable as `next`, shows it, and ends the generation. Pre: no checkpoint is under way.
  // Errors: no_space: nothing changed, the generation was aborted; outcome_unknown: a write or sync failed, the store
  // is read-only from here on and goes on showing the old state; corruption: the file contradicts itself, aborted.
  Result<void> commit(const State& next);
  // Ends the generation as if it had never begun.
  void abort();
  // Pages that awaited readers who are gone are free again. begin() does it too. Between generations.
  void release_unreachable();

  // --- checkpoints; one at a time
  // Chooses the newest state, and takes down all that must be written. Between generations; short.
  // Errors: read_only, no_space, corruption (the file contradicts itself); nothing has changed then.
  Result<std::unique_ptr<Checkpoint>> begin_checkpoint();
  // Writes it; generations go on meanwhile. Any thread. Errors: no_space: nothing durable has changed; outcome_unknown:
  // the store is read-only from here on.
  Result<void> write_checkpoint(Checkpoint& checkpoint);
  // Pre: write_checkpoint() returned. What the older durable state alone needed is free. Between generations.
  void end_checkpoint(std::unique_ptr<Checkpoint> checkpoint);
  // All three. Between generations. A store whose newest state is durable has nothing to do, unless the log's start has
  // changed.
  Result<void> checkpoint();
  // What the meta pages say of the log from the next checkpoint or commit on. Writer's thread.
  void set_log_start(const format::LogStart& start) { log_start_ = start; }
  // Why no generation can begin any more; empty if it can. Any thread.
  std::string failure() const;
  // No generation begins any more. Remembers the first reason; returns what those are told whose fate it leaves open.
  // Any thread.
  Error fail_for_ever(const Error& error);
  // Of pages that are published and not in the file. Writer's thread.
  uint64_t dirty_bytes() const { return dirty_.count() * source_->arena.page_bytes(); }

  PageStoreStats stats() const;
  // What a page number is used for, for `check`. Between generations, on the writer's thread. kTree: anything that a
  // tree may reach.
  enum class Place : uint8_t { kMeta, kFree, kAwaiting, kFreeMap, kTree };
  Place place_of(PageNumber page) const;
  // Reads every free map page and index of the newest state again from the file and compares it with memory.
  // Calls `damage` for each that is bad. Errors: none.
  void verify_free_map(const std::function<void(PageNumber page, std::string what)>& damage);

 private:
  PageStore(std::unique_ptr<PageSource> source, const format::Meta& meta, const PageStoreOptions& options);

  // The same state again under a new epoch, in the other meta page, durable. `damaged`: as the file was opened.
  Result<void> write_fence(const DamagedCopies& damaged);
  // Seals the pages that are not written yet and adds them to what the checkpoint writes.
  void take_down(BornPages& pages, Checkpoint& checkpoint);
  // Places the free map, and fills in the meta page. Inside a generation of the free map. Errors: no_space, corruption.
  Result<void> plan(const State& next, Epoch epoch, std::vector<DeadPage>& dead, Checkpoint& checkpoint);
  Result<void> write(Checkpoint& checkpoint);
  Result<void> write_dirty_pages();
  // The generation is the newest state: memory follows.
  void keep_generation(const State& next);
  // The meta page is durable: what it replaced is free.
  void become_durable(const format::Meta& meta);
  void let_go(std::span<const PageNumber> pages);
  std::vector<Csn> needed_csns() const;
  Result<void> check_writable() const;
  Result<Epoch> next_epoch() const;
  void count_pages();
  State state_of(const format::Meta& meta) const { return {meta.csn, meta.catalog, meta.next_bucket_id, meta.streams}; }

  const std::unique_ptr<PageSource> source_;
  format::Meta meta_;
  format::LogStart log_start_;
  State newest_;
  FreeMap free_map_;
  std::optional<Error> free_map_damage_;  // where the database was opened read-only: no page counts as free then
  PageLifetimes lifetimes_;
  BornPages dirty_;  // published, in the arena, pinned, not in the file
  const bool read_only_;
  std::optional<Csn> checkpoint_csn_;  // of the checkpoint under way
  std::optional<Csn> failed_at_;       // of the last checkpoint, if it failed
  // May hold bytes with a stamp of this epoch that belong to no state: not to be used before the next epoch.
  std::vector<PageNumber> withheld_;
  std::vector<Csn> pins_;  // in increasing order, each once
  Keep keep_ = Keep::kPinned;

  // Which states new readers get. shown_, then those that are published and not shown, in order.
  mutable sync::Mutex states_mutex_;
  State shown_;
  std::vector<State> unshown_;

  mutable sync::Mutex failure_mutex_;
  std::string failure_;

  // Statistics, for any thread: relaxed.
  sync::Atomic<uint64_t> page_count_{0}, free_pages_{0}, awaiting_pages_{0};

  std::unique_ptr<PageWriter> writer_;  // last: its reader ends before what it reads
};

}  // namespace holdfast
