// See reader_registry.h.
#include "page/reader_registry.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "base/check.h"
#include "base/planted.h"

namespace holdfast {

namespace {

constexpr uint64_t kOverflowBit = uint64_t{1} << 56;  // beside the birth csn, as on disk

}  // namespace

ReaderRegistry::~ReaderRegistry() {
  for (Chunk* chunk = first_.next.load(std::memory_order_acquire); chunk != nullptr;) {
    const std::unique_ptr<Chunk> owned(chunk);
    chunk = owned->next.load(std::memory_order_acquire);
  }
}

void ReaderRegistry::PublishedRef::store(const format::PageRef& ref) {
  page_and_epoch.store(to_int(ref.page) | uint64_t{to_int(ref.epoch)} << 32, std::memory_order_release);
  birth.store(to_int(ref.birth) | (ref.has_overflow ? kOverflowBit : 0), std::memory_order_release);
}

// Acquire: see publish().
format::PageRef ReaderRegistry::PublishedRef::load() const {
  const uint64_t where = page_and_epoch.load(std::memory_order_acquire);
  const uint64_t born = birth.load(std::memory_order_acquire);
  return {.page = PageNumber{static_cast<uint32_t>(where)},
          .epoch = Epoch{static_cast<uint32_t>(where >> 32)},
          .birth = Csn{born & ~kOverflowBit},
          .has_overflow = (born & kOverflowBit) != 0};
}

void ReaderRegistry::publish(const State& state) {
  // Only this thread changes it.
  const uint64_t version = version_.load(std::memory_order_relaxed) + (PLANTED(kPublishTorn) ? 0 : 1);
  PublishedState& words = states_[version % 2];
  // Release, so that a reader that sees one of these words also sees that the version before was published, and so
  // notices that its own version is over.
  words.csn.store(to_int(state.csn), std::memory_order_release);
  words.catalog.store(state.catalog);
  words.streams.store(state.streams);
  words.next_bucket_id.store(state.next_bucket_id, std::memory_order_release);
  // Sequentially consistent, as is every access to slots and version: the writer stores the version and then reads the
  // slots, a reader stores its slot and then reads the version, and at least one of them must see the other.
  version_.store(version, std::memory_order_seq_cst);
}

ReaderSlot* ReaderRegistry::claim_without_csn(uint64_t hint) {
  for (Chunk* chunk = &first_;;) {
    for (uint32_t i = 0; i < kSlotsPerChunk; ++i) {
      ReaderSlot& slot = chunk->slots[(hint + i) % kSlotsPerChunk];
      uint64_t expected = ReaderSlot::kFree;
      // Acquire: what the owner before did with the slot is over.
      if (slot.csn.load(std::memory_order_relaxed) == ReaderSlot::kFree &&
          slot.csn.compare_exchange_strong(expected, ReaderSlot::kNoCsn, std::memory_order_acq_rel)) {
        return &slot;
      }
    }
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    if (next == nullptr) {
      auto fresh = std::make_unique<Chunk>();
      // The chunk is complete before anybody can reach it, and a scan that misses it comes before the claim.
      if (chunk->next.compare_exchange_strong(next, fresh.get(), std::memory_order_seq_cst)) {
        next = fresh.release();
      }
    }
    chunk = next;
  }
}

ReaderSlot* ReaderRegistry::claim(uint64_t hint, State& state) {
  ReaderSlot* slot = claim_without_csn(hint);
  for (;;) {  // once more only if a commit was published in between
    const uint64_t version = version_.load(std::memory_order_seq_cst);
    CHECK(version > 0);
    const PublishedState& words = states_[version % 2];
    // Acquire: see publish().
    const uint64_t csn = words.csn.load(std::memory_order_acquire);
    const format::PageRef catalog = words.catalog.load();
    const format::PageRef streams = words.streams.load();
    const uint64_t next_bucket_id = words.next_bucket_id.load(std::memory_order_acquire);
    slot->csn.store(csn + ReaderSlot::kCsnBase, std::memory_order_seq_cst);
    if (version_.load(std::memory_order_seq_cst) == version || PLANTED(kClaimUnchecked)) {
      state = {Csn{csn}, catalog, next_bucket_id, streams};
      return slot;
    }
  }
}

ReaderSlot* ReaderRegistry::claim_at(uint64_t hint, Csn csn) {
  ReaderSlot* slot = claim_without_csn(hint);
  slot->csn.store(to_int(csn) + ReaderSlot::kCsnBase, std::memory_order_seq_cst);
  return slot;
}

ReaderSlot* ReaderRegistry::clone(uint64_t hint, const ReaderSlot& source) {
  ReaderSlot* slot = claim_without_csn(hint);
  slot->csn.store(source.csn.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  // A scan that passed the new slot before the store, and passes the source's after its release, sees this counter move
  // and scans again.
  clones_.fetch_add(1, std::memory_order_seq_cst);
  return slot;
}

void ReaderRegistry::release(ReaderSlot* slot) {
  // Release: a writer that sees the slot free may reuse what its owner read.
  slot->csn.store(ReaderSlot::kFree, std::memory_order_seq_cst);
}

template <class Visit>
void ReaderRegistry::for_each_slot(const Visit& visit) const {
  for (const Chunk* chunk = &first_; chunk != nullptr; chunk = chunk->next.load(std::memory_order_seq_cst)) {
    for (const ReaderSlot& slot : chunk->slots) {
      visit(slot);
    }
  }
}

std::vector<Csn> ReaderRegistry::live_csns() const {
  std::vector<Csn> csns;
  for (;;) {
    const uint64_t clones = clones_.load(std::memory_order_seq_cst);
    csns.clear();
    for_each_slot([&](const ReaderSlot& slot) {
      const uint64_t value = slot.csn.load(std::memory_order_seq_cst);
      if (value >= ReaderSlot::kCsnBase) {
        csns.push_back(Csn{value - ReaderSlot::kCsnBase});
      }
    });
    if (clones_.load(std::memory_order_seq_cst) == clones || PLANTED(kCloneUnseen)) {
      break;
    }
  }
  std::ranges::sort(csns);
  const auto repeated = std::ranges::unique(csns);
  csns.erase(repeated.begin(), repeated.end());
  return csns;
}

uint64_t ReaderRegistry::live_count() const {
  uint64_t count = 0;
  for_each_slot([&](const ReaderSlot& slot) {
    count += slot.csn.load(std::memory_order_relaxed) >= ReaderSlot::kCsnBase ? 1U : 0U;  // a statistic
  });
  return count;
}

uint64_t ReaderRegistry::lowest_guard() const {
  uint64_t lowest = std::numeric_limits<uint64_t>::max();
  for_each_slot([&](const ReaderSlot& slot) {
    const uint64_t guard = slot.guard.load(std::memory_order_seq_cst);
    if (guard != 0) {
      lowest = std::min(lowest, guard);
    }
  });
  return lowest;
}

}  // namespace holdfast
