// ReaderRegistry: who reads what, so that nothing under a reader is reused.
//
// Owns:       the slots, one per live PageReader, in a list of chunks that only grows; and the published state.
// Threads:    claim, clone, release, lowest_guard: any thread, without a lock. publish, live_csns: the writer's thread
//             (live_csns also for statistics). A slot belongs to whoever claimed it.
// Invariants: (1) a reader whose claim() returned state s has had csn(s) in its slot since a moment when s was the
//                 published state; so a scan that follows publish(s + 1) sees every reader of s;
//             (2) a slot may show a csn that its owner will not keep (claim() is about to look again): a scan may see
//                 too many readers, never too few;
//             (3) guard is 0 outside a Guard, else the guard epoch that its owner saw when it entered.
// Fails:      never (but for memory).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <holdfast/ids.h>

#include "env/sync.h"
#include "format/page.h"

namespace holdfast {

// A committed state: what a reader needs to start.
struct State {
  Csn csn{};
  format::PageRef catalog;
  uint64_t next_bucket_id = 1;
  format::PageRef streams = {};  // root of the stream tree (format/stream_rows.h)
};

// On a cache line of its own: its owner writes to it on every point read.
struct alignas(64) ReaderSlot {
  static constexpr uint64_t kFree = 0;
  static constexpr uint64_t kNoCsn = 1;  // claimed; reads nothing that needs a csn (yet)
  static constexpr uint64_t kCsnBase = 2;

  sync::Atomic<uint64_t> csn{kFree};
  sync::Atomic<uint64_t> guard{0};
};

class ReaderRegistry {
 public:
  ReaderRegistry() = default;
  ReaderRegistry(const ReaderRegistry&) = delete;
  ReaderRegistry& operator=(const ReaderRegistry&) = delete;
  ~ReaderRegistry();

  // Makes `state` the one that new readers get. One thread at a time.
  void publish(const State& state);
  // Registers a reader of the published state, which it fills in. `hint` spreads threads over the slots.
  ReaderSlot* claim(uint64_t hint, State& state);
  // Registers a reader of a state that is needed anyway during the call (PageStore::needed_csns).
  ReaderSlot* claim_at(uint64_t hint, Csn csn);
  // Registers a reader that needs only guards: the writer's own.
  ReaderSlot* claim_without_csn(uint64_t hint);
  // Registers another reader of a csn. Pre: `source` is live during the call.
  ReaderSlot* clone(uint64_t hint, const ReaderSlot& source);
  static void release(ReaderSlot* slot);

  // The csns that live readers read, in increasing order, each once.
  std::vector<Csn> live_csns() const;
  uint64_t live_count() const;
  // The lowest guard epoch of any open Guard; the greatest number if none is open.
  uint64_t lowest_guard() const;

 private:
  static constexpr uint32_t kSlotsPerChunk = 32;
  struct Chunk {
    std::array<ReaderSlot, kSlotsPerChunk> slots;
    sync::Atomic<Chunk*> next{nullptr};
  };
  struct PublishedRef {
    sync::Atomic<uint64_t> page_and_epoch{0}, birth{0};
    void store(const format::PageRef& ref);
    format::PageRef load() const;
  };
  // A state in words, so that it can be read while it is replaced.
  struct PublishedState {
    sync::Atomic<uint64_t> csn{0}, next_bucket_id{0};
    PublishedRef catalog, streams;
  };

  template <class Visit>
  void for_each_slot(const Visit& visit) const;

  Chunk first_;
  sync::Atomic<uint64_t> version_{0};  // states_[version_ % 2] is the published one
  std::array<PublishedState, 2> states_;
  sync::Atomic<uint64_t> clones_{0};
};

}  // namespace holdfast
