#include "db/log.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/planted.h"
#include "wal/lane_scan.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

Log::Log(Env& env, PageStore& store, const format::LogStart& start, std::vector<std::unique_ptr<wal::Lane>> lanes)
    : env_(env), store_(store), start_(start), durable_(store.newest().csn), newest_(durable_) {
  CHECK(lanes.size() == start.lane_count);
  for (auto& lane : lanes) {
    lanes_.push_back({std::move(lane), std::nullopt, false});
  }
}

// --- the leader

uint32_t Log::home_lane() { return static_cast<uint32_t>(env_.threads().current_id() % lanes_.size()); }

Result<uint32_t> Log::reserve(uint64_t bytes) {
  const uint32_t home = home_lane();
  uint32_t chosen = home;
  {
    // A thread's own lane, unless it is busy and another one is not.
    const sync::Lock lock(mutex_);
    for (uint32_t i = 0; i < lanes_.size(); ++i) {
      const uint32_t lane = (home + i) % static_cast<uint32_t>(lanes_.size());
      if (!lanes_[lane].is_flushing) {
        chosen = lane;
        break;
      }
    }
  }
  HOLDFAST_TRY(lanes_[chosen].lane->reserve(bytes));
  return chosen;
}

void Log::append(uint32_t lane, Csn first, uint32_t csn_count, std::span<const std::byte> redo) {
  lanes_[lane].lane->append(first, csn_count, redo);
  const sync::Lock lock(mutex_);
  CHECK(first == next(newest_));
  newest_ = Csn{to_int(newest_) + csn_count};
  if (!lanes_[lane].first_buffered) {
    lanes_[lane].first_buffered = first;
  }
}

void Log::landed(Csn first, Csn last) {
  sync::Lock lock(mutex_);
  CHECK(first == next(newest_));
  newest_ = last;
  land(first, last);
  tell(lock);
}

format::LogStart Log::start_behind(Csn csn) {
  format::LogStart start;
  {
    const sync::Lock lock(mutex_);
    start = start_;
  }
  start.closed = false;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    start.first_sequence[lane] = lanes_[lane].lane->first_sequence_needed(csn);
  }
  return start;
}

void Log::recycle(const format::LogStart& start) {
  uint64_t live = 0;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    lanes_[lane].lane->recycle(start.first_sequence[lane]);
    live += lanes_[lane].lane->live_bytes();
  }
  const sync::Lock lock(mutex_);
  start_ = start;
  live_bytes_.store(live, std::memory_order_relaxed);
}

void Log::recycle_and_give_back(const format::LogStart& start) {
  recycle(start);
  for (const LaneState& state : lanes_) {
    state.lane->give_back_free_slots();
  }
}

// --- what is durable

void Log::land(Csn first, Csn last) {
  if (first > next(durable_) && !PLANTED(kGapsAreDurable)) {
    islands_.emplace(first, last);
    return;
  }
  CHECK(first == next(durable_));
  durable_ = last;
  for (auto island = islands_.begin(); island != islands_.end() && island->first == next(durable_);) {
    durable_ = island->second;
    island = islands_.erase(island);
  }
}

Csn Log::durable(const sync::Lock& lock) const {
  CHECK(lock.owns_lock());
  return durable_;
}

const std::optional<Error>& Log::failure(const sync::Lock& lock) const {
  CHECK(lock.owns_lock());
  return failure_;
}

Csn Log::newest_appended(const sync::Lock& lock) const {
  CHECK(lock.owns_lock());
  return newest_;
}

void Log::add_waiter(const sync::Lock& lock, Csn csn, sync::CondVar& wake) {
  CHECK(lock.owns_lock());
  waiters_.emplace(csn, &wake);
}

void Log::remove_waiter(Csn csn, sync::CondVar& wake) {
  const auto [begin, end] = waiters_.equal_range(csn);
  const auto found = std::find_if(begin, end, [&](const auto& waiter) { return waiter.second == &wake; });
  if (found != end) {
    waiters_.erase(found);
  }
}

void Log::fail_for_ever(const Error& error) {
  if (!failure_ && !PLANTED(kFailureNotKept) && !PLANTED(kPoisonForgotten)) {
    failure_ = store_.fail_for_ever(error);
  }
}

void Log::tell(sync::Lock& lock) {
  // Shown before anybody is told: who was told finds it in the next snapshot.
  store_.show(durable_);
  const auto wake = [](const auto& waiter) { waiter.second->notify_one(); };
  const auto waiters_end = failure_ ? waiters_.end() : waiters_.upper_bound(durable_);
  std::for_each(waiters_.begin(), PLANTED(kWaitersAsleep) ? waiters_.begin() : waiters_end, wake);
  if (!failure_) {
    wake_flusher(lock);
  }
  const auto callbacks_end = failure_ ? callbacks_.end() : callbacks_.upper_bound(durable_);
  if (callbacks_.begin() == callbacks_end) {
    return;
  }
  decltype(callbacks_) due;
  while (callbacks_.begin() != callbacks_end) {
    due.insert(due.end(), callbacks_.extract(callbacks_.begin()));
  }
  const Csn durable = durable_;
  const std::optional<Error> failure = failure_;
  lock.unlock();
  for (const auto& [csn, done] : due) {
    done(csn <= durable ? Result<void>() : fail(*failure));
  }
  lock.lock();
}

// Who waits for a csn that is durable is awake already.
void Log::wake_flusher(const sync::Lock& lock) {
  CHECK(lock.owns_lock());
  const auto first = waiters_.upper_bound(durable_);
  if (first != waiters_.end() && lane_to_flush(first->first) && !PLANTED(kFlusherAsleep)) {
    first->second->notify_one();
  }
}

std::optional<uint32_t> Log::lane_to_flush(Csn csn) const {
  std::optional<uint32_t> chosen;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    const LaneState& state = lanes_[lane];
    if (state.first_buffered && *state.first_buffered <= csn && !state.is_flushing &&
        (!chosen || *state.first_buffered < *lanes_[*chosen].first_buffered)) {
      chosen = lane;
    }
  }
  return chosen;
}

bool Log::flush_one(sync::Lock& lock, Csn csn) {
  CHECK(lock.owns_lock());
  const std::optional<uint32_t> chosen = failure_ ? std::nullopt : lane_to_flush(csn);
  if (!chosen) {
    return false;
  }
  LaneState& state = lanes_[*chosen];
  state.is_flushing = true;
  state.first_buffered.reset();
  ++flushes_in_flight_;
  const Csn watermark = durable_;
  lock.unlock();
  const auto flushed = state.lane->flush(watermark);
  lock.lock();
  state.is_flushing = false;
  if (--flushes_in_flight_ == 0) {
    quiet_.notify_all();
  }
  if (!flushed) {
    fail_for_ever(flushed.error());
  } else {
    for (const auto& [first, last] : flushed->csns) {
      land(first, last);
    }
    live_bytes_.fetch_add(flushed->bytes, std::memory_order_relaxed);
    bytes_written_.fetch_add(flushed->bytes, std::memory_order_relaxed);
    flush_count_.fetch_add(1, std::memory_order_relaxed);
  }
  tell(lock);
  return true;
}

Result<void> Log::await(sync::Lock& lock, Csn csn, sync::CondVar& wake) {
  while (durable_ < csn && !failure_ && !PLANTED(kAckBeforeFlush)) {
    if (!flush_one(lock, csn)) {
      wake.wait(lock);
    }
  }
  remove_waiter(csn, wake);
  wake_flusher(lock);
  return durable_ >= csn || !failure_ ? Result<void>() : fail(*failure_);
}

Result<void> Log::wait_durable(Csn csn) {
  sync::Lock lock(mutex_);
  sync::CondVar wake;
  add_waiter(lock, csn, wake);
  return await(lock, csn, wake);
}

void Log::when_durable(Csn csn, std::function<void(Result<void>)> done) {
  Result<void> answer;
  {
    const sync::Lock lock(mutex_);
    if (durable_ < csn && !failure_ && !PLANTED(kCallbacksEarly)) {
      callbacks_.emplace(csn, std::move(done));
      return;
    }
    if (durable_ < csn && failure_) {
      answer = fail(*failure_);
    }
  }
  done(std::move(answer));
}

uint64_t Log::buffered_bytes() {
  uint64_t bytes = 0;
  for (const LaneState& state : lanes_) {
    bytes += state.lane->buffered_bytes();
  }
  return bytes;
}

Result<void> Log::verify(Directory& directory, const format::DatabaseId& id,
                         const std::function<void(std::string, uint64_t, std::string)>& damage) {
  sync::Lock lock(mutex_);
  quiet_.wait(lock, [this] { return flushes_in_flight_ == 0; });
  const auto lane_count = static_cast<uint16_t>(lanes_.size());
  for (uint16_t lane = 0; lane < lane_count; ++lane) {
    const auto contents = wal::scan_lane(directory, {id, start_.epoch, lane}, start_.first_sequence[lane]);
    if (contents) {
      if (contents->end.kind != wal::LaneEnd::Kind::kClean) {
        damage(contents->end.file, contents->end.offset, contents->end.reason);
      }
    } else if (contents.error().code() == ErrorCode::kCorruption) {
      damage(contents.error().file(), contents.error().offset().value_or(0), contents.error().message());
    } else {
      return fail(contents.error());
    }
  }
  return {};
}

LogStats Log::stats() const {
  return {.live_bytes = live_bytes(),
          .bytes_written = bytes_written_.load(std::memory_order_relaxed),
          .flushes = flush_count_.load(std::memory_order_relaxed)};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
