#include "sim/oracle.h"

#include <algorithm>

#include "base/check.h"
#include "sim/inspect.h"
#include "sim/isolation.h"

namespace holdfast::sim {

namespace {

// Steps of the search for an order of the transactions in doubt. Conflicting ones have only one possible order, so that
// most cases need a handful; a crowd of deferred ones beside hidden commits has needed more than 20,000 (seed 52354). A
// step takes about a microsecond.
constexpr uint64_t kTriesMax = 20'000'000;

}  // namespace

Verdict Oracle::possible(const std::string& who, uint64_t csn, uint64_t floor_before) const {
  if (csn < floor_before) {
    return who + " was shown the state after commit " + std::to_string(csn) + ", but before it asked " + floor_reason_ +
           ": expected at least commit " + std::to_string(floor_before);
  }
  const uint64_t possible = newest_possible();
  if (csn > possible) {
    return who + " was shown the state after commit " + std::to_string(csn) + ", but at most " +
           std::to_string(possible) + " transactions can have committed";
  }
  return std::nullopt;
}

void Oracle::raise_floor(uint64_t csn, const std::string& reason) {
  if (csn > floor_) {
    floor_ = csn;
    floor_reason_ = reason;
  }
}

void Oracle::raise_durable_floor(uint64_t csn, const std::string& reason) {
  if (csn > durable_floor_) {
    durable_floor_ = csn;
    durable_reason_ = reason;
    uncertain_.erase(uncertain_.begin(), uncertain_.upper_bound(csn));
  }
}

Verdict Oracle::shown(const std::string& who, uint64_t csn, uint64_t floor_before) {
  // Commits in doubt may be shown: a deferred one shows those before it, and a checkpoint may have saved what a lane
  // lost.
  if (Verdict verdict = possible(who, csn, floor_before)) {
    return verdict;
  }
  const std::string reason = "commit " + std::to_string(csn) + " had been shown to " + who;
  raise_floor(csn, reason);
  if (!deferred_) {
    raise_durable_floor(csn, reason);
  }
  return find_hidden();
}

Verdict Oracle::began(const std::string& who, uint64_t csn, uint64_t floor_before) {
  return possible(who, csn, floor_before);
}

Verdict Oracle::certain(const std::string& who, uint64_t csn) {
  if (Verdict verdict = possible(who, csn, 0)) {
    return verdict;
  }
  const std::string reason = "commit " + std::to_string(csn) + " was said to be durable to " + who;
  raise_floor(csn, reason);
  raise_durable_floor(csn, reason);
  return find_hidden();
}

void Oracle::committing(Log log) {
  const uint64_t id = log->id;
  deferred_ = deferred_ || log->deferred;
  model_.streams().begin(*log);
  history_.committing(log);
  in_flight_[id] = {std::move(log), floor_};
}

Verdict Oracle::committed(uint64_t id, uint64_t csn) {
  const auto found = in_flight_.find(id);
  CHECK(found != in_flight_.end());
  const InFlight flight = found->second;
  in_flight_.erase(found);
  history_.committed(id);
  const std::string who = "transaction " + std::to_string(id) + " of " + flight.log->who;
  const uint64_t possible = newest_possible() + 1;
  if (csn <= flight.log->snapshot_csn || csn <= flight.floor) {
    return who + " was acknowledged as commit " + std::to_string(csn) + ", but it began on commit " +
           std::to_string(flight.log->snapshot_csn) + ", and when commit() was called the newest known one was " +
           std::to_string(flight.floor);
  }
  if (csn > possible || csn <= model_.newest_csn() || waiting_.contains(csn)) {
    return who + " was acknowledged as commit " + std::to_string(csn) +
           (csn > possible ? ", but at most " + std::to_string(possible) + " transactions can have committed"
                           : ", but that number belongs to another transaction");
  }
  const std::string reason = "commit " + std::to_string(csn) + " (" + who + ") had been acknowledged";
  raise_floor(csn, reason);
  if (!flight.log->deferred) {
    raise_durable_floor(csn, reason);
  }
  waiting_[csn] = flight.log;
  if (Verdict verdict = advance()) {
    return verdict;
  }
  return find_hidden();
}

Verdict Oracle::advance() {
  bool moved = false;
  for (auto next = waiting_.find(model_.newest_csn() + 1); next != waiting_.end();
       next = waiting_.find(model_.newest_csn() + 1)) {
    const Log log = next->second;
    waiting_.erase(next);
    ++logs_judged_;
    moved = true;
    const uint64_t before = model_.newest_csn();
    if (Verdict verdict = model_.judge(*log, log->snapshot_csn)) {
      return verdict;
    }
    if (log->serializable && log->snapshot_csn != before) {
      if (Verdict verdict = model_.judge(*log, before)) {
        return verdict;
      }
    }
    if (Verdict verdict = model_.apply(*log)) {
      return verdict;
    }
    if (model_.newest_csn() > durable_floor_) {
      uncertain_[model_.newest_csn()] = log;
    }
  }
  return moved ? judge_waiting() : std::nullopt;
}

Verdict Oracle::judge_waiting() {
  for (auto log = looks_.begin(); log != looks_.end();) {
    if ((*log)->snapshot_csn > model_.newest_csn()) {
      ++log;
      continue;
    }
    const Log ready = *log;
    log = looks_.erase(log);
    ++logs_judged_;
    if (Verdict verdict = model_.judge(*ready, ready->snapshot_csn)) {
      return verdict;
    }
  }
  return std::nullopt;
}

Verdict Oracle::refused(uint64_t id) {
  const auto found = in_flight_.find(id);
  CHECK(found != in_flight_.end());
  const Log log = found->second.log;
  in_flight_.erase(found);
  history_.refused(id);
  if (Verdict verdict = find_hidden()) {
    return verdict;
  }
  return judge_look(log);
}

void Oracle::in_doubt(uint64_t id) {
  const auto found = in_flight_.find(id);
  CHECK(found != in_flight_.end());
  in_doubt_[id] = found->second.log;
  in_flight_.erase(found);
}

Verdict Oracle::looked(Log log) {
  history_.looked(log);
  return judge_look(std::move(log));
}

Verdict Oracle::judge_look(Log log) {
  if (log->snapshot_csn > model_.newest_csn()) {
    looks_.push_back(std::move(log));
    return std::nullopt;
  }
  ++logs_judged_;
  return model_.judge(*log, log->snapshot_csn);
}

bool Oracle::others_after(uint64_t csn, uint64_t id) const {
  const auto other = [id](const auto& entry) { return entry.first != id; };
  return model_.newest_csn() > csn || floor_ > csn || !waiting_.empty() || !in_doubt_.empty() ||
         std::ranges::any_of(in_flight_, other);
}

void Oracle::crashed() {
  deferred_ = false;
  for (auto& [id, flight] : in_flight_) {
    in_doubt_[id] = flight.log;
  }
  in_flight_.clear();
}

Verdict Oracle::bounds(const Contents& contents) const {
  const std::string shows = "the recovered database shows the state after commit " + std::to_string(contents.csn);
  if (contents.csn < durable_floor_) {
    return shows + ", but " + durable_reason_ + " before the crash";
  }
  const uint64_t possible = newest_possible();
  if (contents.csn > possible) {
    return shows + ", but at most " + std::to_string(possible) + " transactions can have committed" + describe_doubts();
  }
  return std::nullopt;
}

std::string Oracle::describe_doubts() const {
  std::string text;
  for (const auto& [id, flight] : in_flight_) {
    text += "; in flight: transaction " + std::to_string(id) + " of " + flight.log->who;
  }
  for (const auto& [id, log] : in_doubt_) {
    text += "; in doubt: transaction " + std::to_string(id) + " of " + log->who;
  }
  return text;
}

Verdict Oracle::explain(const Contents& contents, Search& search) {
  search.contents = &contents;
  search.tries_left = kTriesMax;
  search.hidden_left = hidden_;
  const BucketId ledger = model_.bucket(kLedger);
  const Contents::Bucket* markers = nullptr;
  for (const Contents::Bucket& bucket : contents.buckets) {
    if (bucket.bucket == ledger) {
      markers = &bucket;
    }
  }
  const auto consider = [&](const Log& log) {
    if (!log->marker.empty() && markers != nullptr && markers->complete) {
      const auto row = std::ranges::lower_bound(markers->rows, log->marker, {}, &Row::key);
      if (row == markers->rows.end() || row->key != log->marker) {
        return;
      }
    }
    if (!log->marker.empty() && markers == nullptr && contents.buckets_complete) {
      return;
    }
    search.candidates.push_back({log});
  };
  for (const auto& [id, flight] : in_flight_) {
    consider(flight.log);
  }
  for (const auto& [id, log] : in_doubt_) {
    consider(log);
  }
  Verdict verdict = place(search, model_.newest_csn() + 1);
  if (verdict && search.tries_left == 0) {
    return "no order of the transactions in doubt was found in " + std::to_string(kTriesMax) +
           " steps, and the search gave up: this accuses nobody. The first thing in its way: " + *verdict;
  }
  return verdict;
}

// Fills `csn` and all after it. On an objection the model is as it was; otherwise the chosen ones are applied to it.
Verdict Oracle::place(Search& search, uint64_t csn) {
  if (csn > search.contents->csn) {
    return compare(*search.contents);
  }
  if (const auto known = waiting_.find(csn); known != waiting_.end()) {
    return try_place(search, csn, known->second);
  }
  Verdict first;
  for (Candidate& candidate : search.candidates) {
    if (candidate.used || candidate.log->snapshot_csn >= csn || search.tries_left == 0) {
      continue;
    }
    --search.tries_left;
    candidate.used = true;
    Verdict verdict = try_place(search, csn, candidate.log);
    if (!verdict) {
      return std::nullopt;
    }
    candidate.used = false;
    if (!first) {
      first = std::move(verdict);
    }
  }
  if (search.hidden_left > 0 && search.tries_left > 0) {
    Verdict verdict = place_hidden(search, csn);
    if (!verdict) {
      return std::nullopt;
    }
    if (!first) {
      first = std::move(verdict);
    }
  }
  if (!first) {
    first = "nobody can have made commit " + std::to_string(csn) + ", yet the database shows commit " +
            std::to_string(search.contents->csn) + describe_doubts();
  }
  return first;
}

Verdict Oracle::try_place(Search& search, uint64_t csn, const Log& log) {
  Verdict verdict = model_.judge(*log, log->snapshot_csn);
  if (!verdict && log->serializable) {
    verdict = model_.judge(*log, csn - 1);
  }
  if (verdict) {
    return verdict;
  }
  verdict = model_.apply(*log);
  if (!verdict && search.contents->streams_complete) {
    verdict = model_.streams().fits(*log, search.contents->streams, csn);
  }
  if (!verdict) {
    verdict = model_.projections().fits(*log, search.contents->projections, csn);
  }
  for (const Log& look : looks_) {
    if (!verdict && look->snapshot_csn == csn) {
      verdict = model_.judge(*look, csn);
    }
  }
  search.chosen.push_back(log);
  if (!verdict) {
    verdict = place(search, csn + 1);
  }
  if (verdict) {
    search.chosen.pop_back();
    model_.undo();
  }
  return verdict;
}

Verdict Oracle::compare(const Contents& contents) const {
  const uint64_t csn = contents.csn;
  std::vector<bool> seen(model_.bucket_count());
  for (const Contents::Bucket& bucket : contents.buckets) {
    seen[bucket.bucket] = true;
    if (!model_.exists(bucket.bucket, csn)) {
      return "there is a bucket " + quoted(model_.bucket_name(bucket.bucket)) + " after commit " + std::to_string(csn) +
             ", expected none" + describe_doubts();
    }
    if (Verdict verdict = model_.judge_rows(bucket.bucket, bucket.rows, false, bucket.complete, csn)) {
      return *verdict + describe_doubts();
    }
  }
  for (BucketId bucket = 0; contents.buckets_complete && bucket < model_.bucket_count(); ++bucket) {
    if (!seen[bucket] && model_.exists(bucket, csn)) {
      return "bucket \"" + model_.bucket_name(bucket) + "\" is missing after commit " + std::to_string(csn) +
             describe_doubts();
    }
  }
  if (Verdict verdict = judge_pins(contents, model_, contents.csn)) {
    return *verdict + describe_doubts();
  }
  if (Verdict verdict = compare_streams(contents)) {
    return verdict;
  }
  if (Verdict verdict =
          model_.projections().judge_all(contents.projections, contents.streams, model_.streams(), csn, csn)) {
    return *verdict + describe_doubts();
  }
  return std::nullopt;
}

Verdict Oracle::compare_streams(const Contents& contents) const {
  const StreamModel& streams = model_.streams();
  uint64_t seen = 0;
  for (const StreamContents& stream : contents.streams) {
    ++seen;
    if (Verdict verdict = streams.judge_contents(stream, contents.csn)) {
      return *verdict + describe_doubts();
    }
  }
  if (contents.streams_complete && seen != streams.streams(contents.csn)) {
    return "there are " + std::to_string(seen) + " streams after commit " + std::to_string(contents.csn) +
           ", expected " + std::to_string(streams.streams(contents.csn)) + describe_doubts();
  }
  return std::nullopt;
}

std::vector<Oracle::Log> Oracle::take_back(uint64_t csn) {
  std::vector<Log> taken;
  while (model_.newest_csn() > csn) {
    const auto last = uncertain_.find(model_.newest_csn());
    CHECK(last != uncertain_.end());
    taken.push_back(last->second);
    model_.undo();
  }
  return taken;
}

Verdict Oracle::judge_life(Contents contents) {
  const LifeHistory life = history_.end_life(std::move(contents));
  attempts_ordered_ += life.attempts.size() <= kAttemptsMax ? life.attempts.size() : 0;
  return check_isolation(life, history_.before(), [this](BucketId bucket) { return model_.bucket_name(bucket); });
}

Verdict Oracle::recovered(Contents contents) {
  CHECK(in_flight_.empty());
  if (Verdict verdict = bounds(contents)) {
    return verdict;
  }
  doubts_lost_ += take_back(contents.csn).size();
  Search search;
  if (Verdict verdict = explain(contents, search)) {
    return verdict;
  }
  model_.streams().settle(contents.streams, contents.csn);
  std::vector<SeenPin> pins;
  for (const Contents::Pinned& pinned : contents.pins) {
    pins.push_back(pinned.pin);
  }
  model_.pins().settle(pins);
  model_.projections().settle(contents.projections, contents.csn);
  hidden_ = 0;
  logs_judged_ += search.chosen.size();
  uint64_t survived = 0;
  for (const Log& log : search.chosen) {
    survived += in_doubt_.contains(log->id) ? 1U : 0U;
  }
  doubts_survived_ += survived;
  doubts_lost_ += in_doubt_.size() - survived;
  in_doubt_.clear();
  waiting_.clear();
  floor_ = durable_floor_ = contents.csn;
  floor_reason_ = durable_reason_ = "commit " + std::to_string(contents.csn) + " had been shown by an earlier recovery";
  uncertain_.clear();
  // What was seen of commits that did not survive can be judged no more: their numbers go to others.
  std::erase_if(looks_, [&](const Log& look) { return look->snapshot_csn > contents.csn; });
  if (Verdict verdict = judge_waiting()) {
    return verdict;
  }
  return judge_life(std::move(contents));
}

Verdict Oracle::probed(const Contents& contents) {
  if (Verdict verdict = bounds(contents)) {
    return verdict;
  }
  const std::vector<Log> taken = take_back(contents.csn);
  Search search;
  if (Verdict verdict = explain(contents, search)) {
    return verdict;
  }
  for (size_t count = search.chosen.size(); count > 0; --count) {
    model_.undo();
  }
  for (auto log = taken.rbegin(); log != taken.rend(); ++log) {
    CHECK(!model_.apply(**log));
  }
  return std::nullopt;
}

}  // namespace holdfast::sim
