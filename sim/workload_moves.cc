// See workload.h. What a client does inside one transaction or snapshot: reads and writes of rows.
#include "sim/workload.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

std::optional<std::string> prefix_end_of(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) {
    prefix.pop_back();
  }
  if (prefix.empty()) {
    return std::nullopt;
  }
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

bool Client::fill(TxnLog& log, Transaction& transaction, uint64_t steps, bool writes) {
  if (scripted_ != nullptr && scripted_->moves) {
    return fill_as_scripted(log, transaction, writes);
  }
  ScriptedSteps* recorded = recorded_moves();
  bool good = true;
  for (uint64_t step = 0; good && step < steps && !world_.over(); ++step) {
    const uint64_t position = generator_.position();
    const Move next = generator_.move();
    if (recorded != nullptr) {
      recorded->steps.push_back({next, position});
    }
    good = take_step(log, transaction, next, writes);
  }
  if (recorded != nullptr) {
    recorded->end = generator_.position();
  }
  return good;
}

bool Client::take_step(TxnLog& log, Transaction& transaction, Move move, bool writes) {
  ++world_.counters.operations;
  operations_left_ -= std::min<uint64_t>(operations_left_, 1);
  if (!writes && (move <= Move::kEraseRange || move == Move::kCreateBucket || move == Move::kDropBucket ||
                  move == Move::kAppend)) {
    move = Move::kGet;
  }
  return this->move(log, transaction, move);
}

bool Client::move(TxnLog& log, Transaction& transaction, Move move) {
  const Watched in_the_engine;
  const Before seen = before();
  const BucketId id = bucket_id(generator_.bucket());
  const std::string& name = bucket_name(id);
  switch (move) {
    case Move::kCreateBucket: {
      const auto made = transaction.create_bucket(name);
      if (!made && made.error().code() != ErrorCode::kAlreadyExists) {
        return excuse(made.error(), seen, "create_bucket");
      }
      log.create_bucket(id, made.has_value());
      return true;
    }
    case Move::kDropBucket: {
      const auto dropped = transaction.drop_bucket(name);
      if (!dropped && dropped.error().code() != ErrorCode::kNotFound) {
        return excuse(dropped.error(), seen, "drop_bucket");
      }
      log.drop_bucket(id, dropped.has_value());
      return true;
    }
    case Move::kListBuckets: {
      const auto names = transaction.buckets();
      if (!names) {
        return excuse(names.error(), seen, "buckets");
      }
      Step& step = log.steps.emplace_back();
      step.kind = Step::Kind::kBuckets;
      for (const std::string& each : *names) {
        step.rows.push_back({each, {}});
      }
      return true;
    }
    case Move::kSavepoint:
      // Its number is its place among those that are alive.
      log.savepoint_ids.push_back(static_cast<uint64_t>(transaction.savepoint()));
      log.savepoint();
      return true;
    case Move::kRollbackTo: {
      if (log.savepoints.empty()) {
        return true;
      }
      const uint64_t chosen = generator_.below(log.savepoints.size());
      if (const auto rolled = transaction.rollback_to(Savepoint{log.savepoint_ids[chosen]}); !rolled) {
        return excuse(rolled.error(), seen, "rollback_to");
      }
      log.savepoint_ids.resize(chosen + 1);
      log.rollback_to(chosen);
      return true;
    }
    case Move::kAppend: return append_event(log, transaction);
    case Move::kStreamHead: return look_at_head(log, transaction);
    case Move::kPut:
    case Move::kInsert:
    case Move::kUpdate:
    case Move::kErase:
    case Move::kEraseRange: {
      Bucket bucket = transaction.bucket(name);
      return write_row(log, bucket, id, move);
    }
    default: {
      Bucket bucket = transaction.bucket(name);
      return read_row(log, bucket, id, move);
    }
  }
}

bool Client::put_row(TxnLog& log, Bucket& bucket, BucketId id, std::string_view key) {
  const Watched in_the_engine;
  const Before seen = before();
  const std::string value = generator_.value(log.id, writes_made_++);
  if (const auto put = bucket.put(key, value); !put) {
    return excuse(put.error(), seen, "put");
  }
  log.put(id, key, value);
  return true;
}

bool Client::write_row(TxnLog& log, Bucket& bucket, BucketId id, Move move) {
  const Watched in_the_engine;
  const Before seen = before();
  const std::string key = generator_.key();
  switch (move) {
    case Move::kInsert: {
      const std::string value = generator_.value(log.id, writes_made_++);
      const auto done = bucket.insert(key, value);
      if (!done) {
        return excuse(done.error(), seen, "insert");
      }
      log.insert(id, key, value, *done);
      return true;
    }
    case Move::kUpdate: {
      const std::string value = generator_.value(log.id, writes_made_++);
      const auto done = bucket.update(key, value);
      if (!done) {
        return excuse(done.error(), seen, "update");
      }
      log.update(id, key, value, *done);
      return true;
    }
    case Move::kErase: {
      const auto found = bucket.erase(key);
      if (!found) {
        return excuse(found.error(), seen, "erase");
      }
      log.erase(id, key, *found);
      return true;
    }
    case Move::kEraseRange: {
      std::string lo = key;
      std::optional<std::string> hi = generator_.key();
      if (*hi < lo && !generator_.one_in(8)) {
        std::swap(lo, *hi);
      }
      if (generator_.one_in(16)) {
        hi = std::nullopt;
      }
      if (const auto erased = bucket.erase_range(lo, hi ? std::optional<std::string_view>(*hi) : std::nullopt);
          !erased) {
        return excuse(erased.error(), seen, "erase_range");
      }
      log.erase_range(id, lo, hi ? std::optional<std::string_view>(*hi) : std::nullopt);
      return true;
    }
    default: return put_row(log, bucket, id, key);
  }
}

template <class AnyBucket>
bool Client::missing_bucket(TxnLog& log, BucketId id, const Error& error) {
  if constexpr (std::is_same_v<AnyBucket, const BucketView>) {
    if (error.code() == ErrorCode::kNotFound) {
      log.exists(id, false);
      return true;
    }
  }
  return false;
}

template <class AnyBucket>
bool Client::read_row(TxnLog& log, AnyBucket& bucket, BucketId id, Move move) {
  const Watched in_the_engine;
  const Before seen = before();
  switch (move) {
    case Move::kContains: {
      const std::string key = generator_.key();
      const auto found = bucket.contains(key);
      if (!found) {
        return missing_bucket<AnyBucket>(log, id, found.error()) || excuse(found.error(), seen, "contains");
      }
      log.contains(id, key, *found);
      return true;
    }
    case Move::kScan: return scan(log, bucket, id, false);
    case Move::kPrefix: return scan(log, bucket, id, true);
    case Move::kWalk: return walk(log, bucket, id);
    default: break;
  }
  const std::string key = generator_.key();
  const auto value = bucket.get(key);
  if (!value) {
    return missing_bucket<AnyBucket>(log, id, value.error()) || excuse(value.error(), seen, "get");
  }
  log.get(id, key, *value);
  if constexpr (std::is_same_v<AnyBucket, const BucketView>) {
    log.exists(id, true);
  }
  return true;
}

template <class AnyBucket>
bool Client::scan(TxnLog& log, AnyBucket& bucket, BucketId id, bool by_prefix) {
  const Watched in_the_engine;
  const Before seen = before();
  Step step;
  step.kind = Step::Kind::kRange;
  step.bucket = id;
  step.reversed = generator_.one_in(3);
  step.limit = generator_.one_in(6) ? std::numeric_limits<uint64_t>::max() : 1 + generator_.below(30);
  std::optional<Range> range;
  if (by_prefix) {
    step.key = generator_.prefix();
    range.emplace(bucket.prefix(step.key));
    step.hi = prefix_end_of(step.key);
  } else {
    step.key = generator_.one_in(3) ? std::string() : generator_.key();
    if (generator_.one_in(2)) {
      step.hi = generator_.key();
    }
    range.emplace(bucket.range(step.key, step.hi ? std::optional<std::string_view>(*step.hi) : std::nullopt));
  }
  if (step.reversed) {
    range.emplace(std::move(*range).reversed());
  }
  if (step.limit != std::numeric_limits<uint64_t>::max()) {
    range.emplace(std::move(*range).limited(step.limit));
  }
  for (const auto [key, value] : *range) {
    step.rows.push_back({std::string(key), ValueMark::of(value)});
  }
  const auto status = range->status();
  if (!status && missing_bucket<AnyBucket>(log, id, status.error())) {
    return true;
  }
  step.complete = status.has_value();
  log.steps.push_back(std::move(step));
  return status.has_value() || excuse(status.error(), seen, "a scan");
}

template <class AnyBucket>
bool Client::walk(TxnLog& log, AnyBucket& bucket, BucketId id) {
  const Watched in_the_engine;
  using Kind = Step::Kind;
  const Before seen = before();
  Cursor cursor = bucket.cursor();
  const uint64_t moves = 2 + generator_.below(12);
  for (uint64_t count = 0; count < moves && !world_.over(); ++count) {
    Step step;
    step.bucket = id;
    const bool relative = cursor.valid() && !generator_.one_in(4);
    step.kind = relative ? (generator_.one_in(3) ? Kind::kCursorPrev : Kind::kCursorNext)
                         : static_cast<Kind>(static_cast<uint64_t>(Kind::kCursorFirst) + generator_.below(4));
    switch (step.kind) {
      case Kind::kCursorFirst: step.found = cursor.first(); break;
      case Kind::kCursorLast: step.found = cursor.last(); break;
      case Kind::kCursorSeek:
        step.key = generator_.key();
        step.found = cursor.seek(step.key);
        break;
      case Kind::kCursorSeekBefore:
        step.key = generator_.key();
        step.found = cursor.seek_before(step.key);
        break;
      case Kind::kCursorPrev: step.found = cursor.prev(); break;
      default: step.found = cursor.next(); break;
    }
    if (step.found) {
      const std::string key(cursor.key());
      const ValueMark value = ValueMark::of(cursor.value());
      step.rows.push_back({key, value});
    }
    if (const auto status = cursor.status(); !status) {
      return missing_bucket<AnyBucket>(log, id, status.error()) || excuse(status.error(), seen, "a cursor's move");
    }
    log.steps.push_back(std::move(step));
    if constexpr (std::is_same_v<AnyBucket, Bucket>) {
      // The cursor must see what is written while it stands.
      if (!log.marker.empty() && generator_.one_in(3) &&
          !write_row(log, bucket, id, generator_.one_in(3) ? Move::kErase : Move::kPut)) {
        return false;
      }
    }
  }
  return true;
}

bool Client::read_snapshot_rows(const Snapshot& snapshot, uint64_t asked, uint64_t shown) {
  const auto log = std::make_shared<TxnLog>();
  log->who = name_;
  log->snapshot_csn = to_int(snapshot.csn());
  log->asked = log->cut = asked;
  log->shown = shown;
  const Before seen = before();
  if (generator_.one_in(4)) {
    const auto names = watched([&] { return snapshot.buckets(); });
    if (!names) {
      return excuse(names.error(), seen, "buckets");
    }
    Step& step = log->steps.emplace_back();
    step.kind = Step::Kind::kBuckets;
    for (const std::string& each : *names) {
      step.rows.push_back({each, {}});
    }
  }
  bool good = true;
  const uint64_t steps = 1 + generator_.below(4);
  for (uint64_t step = 0; good && step < steps && !world_.over(); ++step) {
    const BucketId id = bucket_id(generator_.bucket());
    const BucketView bucket = snapshot.bucket(bucket_name(id));
    constexpr std::array<Move, 6> kReads = {Move::kGet,  Move::kGet,    Move::kContains,
                                            Move::kScan, Move::kPrefix, Move::kWalk};
    good = read_row(*log, bucket, id, kReads[static_cast<size_t>(generator_.below(kReads.size()))]);
  }
  if (good && world_.config.stream_count > 0 && !world_.over() && generator_.one_in(3)) {
    const StreamId id = stream_id(generator_.stream());
    good = read_records(*log, snapshot.stream(stream_name(id)), id);
  }
  world_.expect(world_.oracle.looked(log));
  return good;
}

}  // namespace holdfast::sim
