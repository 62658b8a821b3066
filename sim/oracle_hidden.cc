// See oracle.h. Commits of whose numbers nobody is told: those that keep projections and pins.
#include <algorithm>

#include "sim/oracle.h"

namespace holdfast::sim {

namespace {

// What stands for a commit that changes no row of a bucket.
Oracle::Log hidden_log(uint64_t csn) {
  auto log = std::make_shared<TxnLog>();
  log->who = "who keeps a projection or a pin";
  log->snapshot_csn = csn - 1;
  log->blind = true;
  return log;
}

}  // namespace

void Oracle::hide(uint64_t commits, Durability durability) {
  hidden_ += commits;
  if (durability == Durability::kDeferred) {
    deferred_ = true;
    history_.deferred();
  }
}

void Oracle::nothing_hidden() {
  if (settled()) {
    hidden_ = 0;
  }
}

// A commit that somebody was shown, and that cannot be that of anybody who is still to be told, is a hidden one.
Verdict Oracle::find_hidden() {
  while (model_.newest_csn() < floor_) {
    const uint64_t csn = model_.newest_csn() + 1;
    if (!waiting_.contains(csn)) {
      const auto may_be_it = [&](const auto& entry) { return entry.second.floor < csn; };
      if (!in_doubt_.empty() || std::ranges::any_of(in_flight_, may_be_it)) {
        return std::nullopt;
      }
      if (hidden_ == 0) {
        return "commit " + std::to_string(csn) + " is shown, but nobody made it";
      }
      --hidden_;
      waiting_[csn] = hidden_log(csn);
    }
    if (Verdict verdict = advance()) {
      return verdict;
    }
  }
  return std::nullopt;
}

Verdict Oracle::place_hidden(Search& search, uint64_t csn) {
  --search.hidden_left;
  --search.tries_left;
  Verdict verdict = try_place(search, csn, hidden_log(csn));
  if (verdict) {
    ++search.hidden_left;
  }
  return verdict;
}

}  // namespace holdfast::sim
