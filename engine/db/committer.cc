#include "db/committer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "db/redo.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// Deferred commits gather in memory; who would let them grow beyond this, or beyond what the log takes in one record,
// flushes first.
constexpr uint64_t kBufferedBytesMax = uint64_t{1} << 20;

// Events are written to the log, and again to their stream with the next checkpoint; more than this share of what the
// log takes in one record are worth a checkpoint of their own instead.
constexpr uint64_t kLoggedEventsShare = 32;

constexpr const char* kLostText = "another transaction changed the same data and committed first";

}  // namespace

Result<Commit> Committer::commit(PendingCommit& pending) {
  for (uint32_t index = 0; index < pending.writes.stream_count(); ++index) {
    pending.writes.stream(index).segment_bytes = static_cast<uint32_t>(streams_.segment_bytes());
  }
  if (log_.has_lanes()) {
    pending.fits_log = encode_redo(pending.writes, log_bytes_max_, pending.redo);
  }
  sync::Lock lock(log_.mutex());
  queue_.push_back(&pending);
  while (pending.stage == PendingCommit::Stage::kQueued) {
    if (leading_ || exclusive_waiting_ > 0) {
      pending.wake.wait(lock);
    } else {
      lead(lock);
    }
  }
  if (pending.stage == PendingCommit::Stage::kApplied) {
    if (auto durable = log_.await(lock, (*pending.result)->csn, pending.wake); !durable) {
      pending.result = fail(std::move(durable).error());
    }
  } else if (pending.durability == Durability::kDeferred && *pending.result) {
    bound_buffers(lock, (*pending.result)->csn);
  }
  return std::move(*pending.result);
}

void Committer::lead(sync::Lock& lock) {
  leading_ = true;
  const Group group(queue_.begin(), queue_.end());
  queue_.clear();
  lock.unlock();
  commit_together(group);
  lock.lock();
  bool is_deferred = false;
  for (PendingCommit* const member : group) {
    CHECK(member->result.has_value());
    const bool waits =
        *member->result && member->durability == Durability::kDurable && log_.durable(lock) < (*member->result)->csn;
    is_deferred = is_deferred || (*member->result && member->durability == Durability::kDeferred);
    if (waits) {
      member->stage = PendingCommit::Stage::kApplied;
      log_.add_waiter(lock, (*member->result)->csn, member->wake);
      if (log_.failure(lock)) {
        member->wake.notify_one();  // it failed before they were on the list of those who are told
      }
    } else {
      member->stage = PendingCommit::Stage::kDone;
    }
  }
  if (is_deferred || PLANTED(kShownEarly)) {
    store_.show(store_.newest().csn);
  }
  for (PendingCommit* const member : group) {
    if (member->stage == PendingCommit::Stage::kDone) {
      // Under the mutex: the member cannot go away before it has been told.
      member->wake.notify_one();
    }
  }
  release(lock);
  // The leader itself flushes if it waits; otherwise somebody else of the group must.
  log_.wake_flusher(lock);
}

void Committer::bound_buffers(sync::Lock& lock, Csn csn) {
  const uint64_t bytes_max = std::min(kBufferedBytesMax, log_bytes_max_);
  if (log_.buffered_bytes() <= bytes_max || log_.flush_one(lock, log_.newest_appended(lock)) ||
      log_.buffered_bytes() <= 2 * bytes_max) {
    return;
  }
  // Every lane is being flushed: who commits faster than the disk takes it waits for the disk. A failure is told to
  // those who ask for the csn; the commit itself is made.
  lock.unlock();
  static_cast<void>(log_.wait_durable(csn));
}

void Committer::exclusively(const std::function<void()>& body) {
  sync::Lock lock(log_.mutex());
  ++exclusive_waiting_;
  idle_.wait(lock, [this] { return !leading_; });
  --exclusive_waiting_;
  leading_ = true;
  lock.unlock();
  body();
  lock.lock();
  release(lock);
}

void Committer::release(const sync::Lock& lock) {
  CHECK(lock.owns_lock());
  leading_ = false;
  idle_.notify_one();
  if (!queue_.empty() && !PLANTED(kQueueAsleep)) {
    queue_.front()->wake.notify_one();
  }
}

void Committer::tell_all(const Group& group, const Error& error) {
  for (PendingCommit* const member : group) {
    member->result = fail(error);
  }
}

void Committer::commit_together(Group group) {
  // What a member needs of the history stays until it was checked: only record() forgets.
  for (const PendingCommit* const member : group) {
    if (member->snapshot) {
      active_.remove(*member->snapshot);
    }
  }
  if (const std::string failure = store_.failure(); !failure.empty()) {
    // Before it could lose against a commit that nobody will ever see.
    tell_all(group, Error(ErrorCode::kReadOnly, failure));
    return;
  }
  for (PendingCommit* const member : group) {
    if (member->writes.empty()) {
      check_expectations(*member);
    }
  }
  std::erase_if(group, [](const PendingCommit* member) { return member->result.has_value(); });
  if (allowed_ == Writes::kRefused) {
    tell_all(group, Error(ErrorCode::kReadOnly, "the database was opened read-only"));
    return;
  }
  while (!group.empty()) {
    const Group accepted = accept(group);
    if (accepted.empty() || write(accepted)) {
      return;
    }
    std::erase_if(group, [](const PendingCommit* member) { return member->result.has_value(); });
  }
}

void Committer::check_expectations(PendingCommit& member) {
  StreamEnds ends;
  Result<void> holds;
  // Without reads it depends on nothing but the streams as they are now.
  if (member.snapshot && member.reads != nullptr && history_.conflicts(*member.snapshot, member.writes, member.reads)) {
    holds = fail(ErrorCode::kConflict, kLostText);
  } else {
    holds = accept_events(member.writes, ends);
  }
  if (holds) {
    member.result = Commit{store_.newest().csn};
    return;
  }
  conflicts_.fetch_add(holds.error().code() == ErrorCode::kConflict ? 1 : 0, std::memory_order_relaxed);
  member.result = fail(std::move(holds).error());
}

Committer::Group Committer::accept(const Group& group) {
  Group accepted;
  std::vector<CommitRecord> before;  // of the members accepted so far
  StreamEnds ends;
  Csn csn = store_.newest().csn;
  for (PendingCommit* const member : group) {
    bool loses = false;
    if (member->snapshot) {
      loses = history_.conflicts(*member->snapshot, member->writes, member->reads);
      for (const CommitRecord& record : before) {
        loses = loses || (record.conflicts_with(member->writes, member->reads) && !PLANTED(kGroupUnchecked));
      }
    }
    if (loses) {
      conflicts_.fetch_add(1, std::memory_order_relaxed);
      member->result = fail(ErrorCode::kConflict, kLostText);
      continue;
    }
    if (auto fits = accept_events(member->writes, ends); !fits) {
      conflicts_.fetch_add(fits.error().code() == ErrorCode::kConflict ? 1 : 0, std::memory_order_relaxed);
      member->result = fail(std::move(fits).error());
      continue;
    }
    csn = next(csn);
    accepted.push_back(member);
    if (member != group.back()) {
      before.emplace_back(csn, member->writes);
    }
  }
  return accepted;
}

Result<void> Committer::accept_events(const WriteSet& writes, StreamEnds& ends) {
  if (writes.stream_count() == 0) {
    return {};
  }
  PageReader reader = store_.new_reader_of_newest();
  const auto end_of = [&](const std::string& name) -> Result<uint64_t> {
    if (const auto found = ends.find(name); found != ends.end()) {
      return found->second;
    }
    HOLDFAST_TRY_ASSIGN(const Streams::Live* const live, streams_.find(reader, reader.state().streams, name));
    return live != nullptr ? live->tail.head.next_offset : 0;
  };
  StreamEnds after;
  for (uint32_t index = 0; index < writes.stream_count(); ++index) {
    const StreamWrites& stream = writes.stream(index);
    if (stream.empty() && !stream.expected) {
      continue;
    }
    HOLDFAST_TRY_ASSIGN(const uint64_t end, end_of(stream.name));
    if (stream.expected && *stream.expected != end && !PLANTED(kExpectedOffset)) {
      return fail(ErrorCode::kConflict, "stream " + stream.name + " has " + std::to_string(end) + " records, and not " +
                                            std::to_string(*stream.expected));
    }
    after.insert_or_assign(stream.name, end + stream.events.size());
  }
  for (const auto& [name, end] : after) {
    ends.insert_or_assign(name, end);
  }
  return {};
}

Result<void> Committer::commit_at_once(WriteSetApplier& applier, const State& state) {
  const StreamFlush flush = applier.streams().flush();
  auto committed = streams_.write(flush);
  if (!committed) {
    store_.abort();
    if (committed.error().code() == ErrorCode::kIo) {
      committed = fail(store_.fail_for_ever(committed.error()));
    }
  } else {
    committed = store_.commit(state);
  }
  if (committed) {
    applier.streams().keep();
  }
  streams_.end_flush(flush, committed.has_value());
  return committed;
}

// Many events, for which the disk is waited for anyway, and little else that a checkpoint would write.
bool Committer::is_written_once(const Group& accepted) const {
  uint64_t bytes = 0;
  for (const PendingCommit* const member : accepted) {
    if (member->durability == Durability::kDeferred) {
      return false;
    }
    for (uint32_t index = 0; index < member->writes.stream_count(); ++index) {
      for (const log::PreparedEvent& event : member->writes.stream(index).events) {
        bytes += event.stored.size();
      }
    }
  }
  return bytes > log_bytes_max_ / kLoggedEventsShare && store_.dirty_bytes() <= bytes;
}

std::optional<std::span<const std::byte>> Committer::redo_of(const Group& accepted) {
  uint64_t bytes = 0;
  for (const PendingCommit* const member : accepted) {
    if (!member->fits_log) {
      return std::nullopt;
    }
    bytes += member->redo.size();
  }
  if (bytes > log_bytes_max_ || is_written_once(accepted)) {
    return std::nullopt;
  }
  if (accepted.size() == 1) {
    return accepted.front()->redo;
  }
  joined_redo_.clear();
  joined_redo_.reserve(bytes);
  for (const PendingCommit* const member : accepted) {
    joined_redo_.insert(joined_redo_.end(), member->redo.begin(), member->redo.end());
  }
  return joined_redo_;
}

bool Committer::write(const Group& accepted) {
  const State base = store_.newest();
  const Csn first = next(base.csn);
  const Csn last{to_int(base.csn) + accepted.size()};
  const auto redo = redo_of(accepted);
  uint32_t lane = 0;
  if (redo) {
    const auto reserved = log_.reserve(redo->size());
    if (!reserved) {
      tell_all(accepted, reserved.error());
      return true;
    }
    lane = *reserved;
  } else {
    checkpointer_.finish();  // the store takes one at a time
  }
  const auto writer = store_.begin(last);
  if (!writer) {
    tell_all(accepted, writer.error());
    return true;
  }
  if (redo && PLANTED(kAppendBeforePublish)) {
    log_.append(lane, first, static_cast<uint32_t>(accepted.size()), *redo);
  }
  WriteSetApplier applier(**writer, base, streams_);
  bool again = false;
  const auto state = apply(accepted, applier, last, again);
  if (!state) {
    return !again;
  }
  format::LogStart start;
  if (!redo) {
    start = log_.start_behind(last);
    store_.set_log_start(start);
  }
  if (const auto committed = redo ? store_.publish(*state) : commit_at_once(applier, *state); !committed) {
    tell_all(accepted, committed.error());
    return true;
  }
  if (redo) {
    applier.streams().keep();
  }
  applier.tell_what_was_there();
  record(accepted, first);
  if (redo) {
    log_.append(lane, first, static_cast<uint32_t>(accepted.size()), *redo);
  } else {
    log_.landed(first, last);
    log_.recycle(start);
  }
  Csn csn = base.csn;
  for (PendingCommit* const member : accepted) {
    csn = next(csn);
    member->result = Commit{csn};
  }
  commits_.fetch_add(accepted.size(), std::memory_order_relaxed);
  dirty_bytes_.store(store_.dirty_bytes(), std::memory_order_relaxed);
  return true;
}

std::optional<State> Committer::apply(const Group& accepted, WriteSetApplier& applier, Csn last, bool& again) {
  for (PendingCommit* const member : accepted) {
    auto applied = applier.apply(member->writes);
    if (applied && member->also) {
      applied = member->also(applier.writer());
    }
    if (!applied) {
      store_.abort();
      const Error error = told(applied.error());
      const bool is_its_own = error.code() == ErrorCode::kCorruption || error.code() == ErrorCode::kIo;
      if (!is_its_own || accepted.size() == 1) {
        tell_all(accepted, error);
      } else {
        member->result = fail(error);
        again = true;
      }
      return std::nullopt;
    }
  }
  auto state = applier.finish(last);
  if (!state) {
    store_.abort();
    tell_all(accepted, told(state.error()));
    return std::nullopt;
  }
  return *state;
}

// Some pages are written early; if that fails, so does whatever comes now.
Error Committer::told(const Error& error) const {
  if (error.code() == ErrorCode::kIo && !store_.failure().empty()) {
    return Error(ErrorCode::kOutcomeUnknown, store_.failure()).at(error.file()).os(error.os_error());
  }
  return error;
}

// After publishing. Transactions that begin from now on see the group; only older ones will be checked against it.
void Committer::record(const Group& accepted, Csn first) {
  const std::optional<Csn> oldest = active_.oldest();
  const Csn last{to_int(first) + accepted.size() - 1};
  history_.forget_up_to(oldest.value_or(last));
  if (!oldest || *oldest >= last) {
    history_.skip(last);
    return;
  }
  Csn csn = first;
  for (const PendingCommit* const member : accepted) {
    history_.add(CommitRecord(csn, member->writes));
    csn = next(csn);
  }
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
