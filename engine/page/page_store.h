// PageStore: pages of one tree file; read by many, changed by one generation at a time.
//
// A *generation* is everything between begin() and commit() or abort(): the pages born in it, and those that die in it.
// Pages are born in memory, are changed only in the generation in which they were born, and become immutable when it
// commits. commit() is the copy-on-write commit: born pages and free map, sync, meta page, sync. Nothing that anybody
// can reach is ever overwritten, on disk or in memory.
//
// Owns:       the tree file, the arena (page cache), the free map, page lifetimes, the reader registry.
// Threads:    readers: any number, each with a PageReader of its own. begin/commit/abort/PageWriter: one thread at a
//             time.
// Invariants: (1) a page number is exactly one of: meta, reachable from the newest state, free, awaiting a snapshot, or
//                 born in the open generation;
//             (2) a page is reused only when the newest durable state does not reach it, and no live reader's csn lies
//                 in [birth, death);
//             (3) no page is written under a number that a durable state or a live reader can reach;
//             (4) a page in the arena was verified when it was loaded (format::find_damage), or was born here;
//             (5) data is synced before the meta page that names it is written; the meta page is synced before the
//                 state is published; an (epoch, csn) stamp is used by at most one attempt.
// Fails:      a failed write or sync (other than a full disk) makes the store read-only for ever (`failure()`); a full
//             disk fails the generation, which aborts, and the next one begins with a fence (a meta page with a new
//             epoch).
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
#include "page/free_map.h"
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
  // Any thread.
  uint32_t page_bytes() const { return source_->file.page_bytes(); }

  // --- readers; any thread
  // Registers a reader of the newest published state. Takes no lock. The store outlives the reader.
  PageReader new_reader();
  // Another reader of the same state, for another thread.
  PageReader clone_reader(const PageReader& reader);

  // --- the writer; one thread at a time
  // Opens a generation whose pages are born at `csn` (greater than the newest). The writer lives until commit or abort.
  // Errors: read_only (says why); io, no_space (a fence could not be written); unsupported (numbers are used up).
  Result<PageWriter*> begin(Csn csn);
  // Makes the generation durable as `next`, publishes it, and ends the generation.
  // Errors: no_space: nothing changed, the generation was aborted; outcome_unknown: a write or sync failed, the store
  // is read-only from here on and goes on showing the old state; corruption: the file contradicts itself, aborted.
  Result<void> commit(const State& next);
  // Ends the generation as if it had never begun.
  void abort();
  // Pages that awaited readers who are gone are free again. begin() does it too. Between generations.
  void release_unreachable();
  // Why no generation can begin any more; empty if it can. Any thread.
  std::string failure() const;

  PageStoreStats stats() const;
  // What a page number is used for, for `check`. Between generations, on the writer's thread. kTree: anything that a
  // tree may reach.
  enum class Place : uint8_t { kMeta, kFree, kAwaiting, kFreeMap, kTree };
  Place place_of(PageNumber page) const;
  // Reads every free map page and index of the newest state again from the file and compares it with memory.
  // Calls `damage` for each that is bad. Errors: none.
  void verify_free_map(const std::function<void(PageNumber page, std::string what)>& damage);

 private:
  enum class Stage : uint8_t { kBeforeMeta, kInDoubt };

  PageStore(std::unique_ptr<PageSource> source, const format::Meta& meta, const PageStoreOptions& options);

  // The same state again under a new epoch, in the other meta page, durable.
  Result<void> write_fence();
  // Everything of a commit that touches the file. `stage` says how far it came.
  Result<format::Meta> write_generation(const State& next, Stage& stage);
  Result<void> write_pages(const State& next);
  void show_generation(const format::Meta& meta);
  void fail_for_ever(const Error& error);
  void count_pages();
  State state_of(const format::Meta& meta) const { return {meta.csn, meta.catalog, meta.next_bucket_id}; }

  const std::unique_ptr<PageSource> source_;
  format::Meta meta_;
  FreeMap free_map_;
  PageLifetimes lifetimes_;
  const bool read_only_;
  bool fence_needed_ = false;  // stamps of the current epoch may be in the file without belonging to a state
  std::vector<std::byte> map_bytes_;

  mutable sync::Mutex failure_mutex_;
  std::string failure_;

  // Statistics, for any thread: relaxed.
  sync::Atomic<uint64_t> page_count_{0}, free_pages_{0}, awaiting_pages_{0};

  std::unique_ptr<PageWriter> writer_;  // last: its reader ends before what it reads
};

}  // namespace holdfast
