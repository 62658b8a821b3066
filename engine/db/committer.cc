#include "db/committer.h"

#include <utility>

#include "base/check.h"
#include "db/apply.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

Result<Commit> Committer::commit(PendingCommit& pending) {
  sync::Lock lock(mutex_);
  queue_.push_back(&pending);
  while (leading_ && !pending.done) {
    pending.wake.wait(lock);
  }
  if (!pending.done) {
    leading_ = true;
    Group group(queue_.begin(), queue_.end());
    queue_.clear();
    lock.unlock();
    commit_together(group);
    lock.lock();
    for (PendingCommit* const member : group) {
      member->done = true;
      if (member != &pending) {
        // Under the mutex: the member cannot go away before it has been told.
        member->wake.notify_one();
      }
    }
    release(lock);
  }
  CHECK(pending.result.has_value());
  return std::move(*pending.result);
}

void Committer::exclusively(const std::function<void()>& body) {
  sync::Lock lock(mutex_);
  idle_.wait(lock, [this] { return !leading_; });
  leading_ = true;
  lock.unlock();
  body();
  lock.lock();
  release(lock);
}

void Committer::release(sync::Lock& lock) {
  CHECK(lock.owns_lock());
  leading_ = false;
  if (!queue_.empty()) {
    queue_.front()->wake.notify_one();
  }
  idle_.notify_all();
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

Committer::Group Committer::accept(const Group& group) {
  Group accepted;
  std::vector<CommitRecord> before;  // of the members accepted so far
  Csn csn = store_.meta().csn;
  for (PendingCommit* const member : group) {
    bool loses = false;
    if (member->snapshot) {
      loses = history_.conflicts(*member->snapshot, member->writes, member->reads);
      for (const CommitRecord& record : before) {
        loses = loses || record.conflicts_with(member->writes, member->reads);
      }
    }
    if (loses) {
      conflicts_.fetch_add(1, std::memory_order_relaxed);
      member->result = fail(ErrorCode::kConflict, "another transaction changed the same data and committed first");
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

bool Committer::write(const Group& accepted) {
  const format::Meta meta = store_.meta();
  const State base{.csn = meta.csn, .catalog = meta.catalog, .next_bucket_id = meta.next_bucket_id};
  const Csn last{to_int(base.csn) + accepted.size()};
  const auto writer = store_.begin(last);
  if (!writer) {
    tell_all(accepted, writer.error());
    return true;
  }
  WriteSetApplier applier(**writer, base);
  for (PendingCommit* const member : accepted) {
    if (auto applied = applier.apply(member->writes); !applied) {
      store_.abort();
      if (applied.error().code() == ErrorCode::kIo && !store_.failure().empty()) {
        // A large value is written early; that write failed, and so does whatever comes now.
        tell_all(accepted, Error(ErrorCode::kOutcomeUnknown, store_.failure()).os(applied.error().os_error()));
        return true;
      }
      if (applied.error().code() == ErrorCode::kNoSpace || accepted.size() == 1) {
        tell_all(accepted, applied.error());
        return true;
      }
      member->result = fail(std::move(applied).error());
      return false;
    }
  }
  const auto state = applier.finish(last);
  if (!state) {
    store_.abort();
    tell_all(accepted, state.error());
    return true;
  }
  if (const auto committed = store_.commit(*state); !committed) {
    tell_all(accepted, committed.error());
    return true;
  }
  applier.tell_what_was_there();
  record(accepted, next(base.csn));
  Csn csn = base.csn;
  for (PendingCommit* const member : accepted) {
    csn = next(csn);
    member->result = Commit{csn};
  }
  commits_.fetch_add(accepted.size(), std::memory_order_relaxed);
  return true;
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
