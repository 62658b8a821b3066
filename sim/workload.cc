#include "sim/workload.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

constexpr size_t kKeptMax = 3;
// Acknowledged commits that wait in the oracle for an earlier one. Beyond it clients pause, until the fiber that was
// interrupted between its commit and its answer has told.
constexpr uint64_t kUnknownMax = 32;
constexpr uint64_t kLastActions = 4;  // after writes have failed

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

Client::Client(World& world, Database& database, uint32_t number, Decisions decisions)
    : world_(world),
      database_(database),
      generator_(world.config, decisions),
      name_("client " + std::to_string(number)) {}

BucketId Client::bucket_id(uint32_t number) { return world_.oracle.model().bucket("bucket" + std::to_string(number)); }

void Client::run(uint64_t operations) {
  operations_left_ = operations;
  uint64_t last_actions = kLastActions;
  while (operations_left_ > 0 && !world_.over() && last_actions > 0) {
    while (world_.oracle.unknown_commits() > kUnknownMax && !world_.over()) {
      world_.pause();
    }
    if (world_.writes_failed) {
      --last_actions;
    }
    act();
  }
  while (!kept_.empty()) {
    drop_snapshot();
  }
}

void Client::act() {
  --operations_left_;
  ++world_.counters.operations;
  const Action action = generator_.action();
  world_.trace.event(EventKind::kOperation, static_cast<uint64_t>(action));
  switch (action) {
    case Action::kTransaction: return transaction();
    case Action::kExec: return exec();
    case Action::kExecBucket: return exec_bucket();
    case Action::kView: return view();
    case Action::kKeepSnapshot: return keep_snapshot();
    case Action::kReadSnapshot: return read_snapshot();
    case Action::kDropSnapshot: return drop_snapshot();
    case Action::kSinglePut: return single_put();
    case Action::kSingleErase: return single_erase();
    case Action::kSingleGet: return single_get();
    case Action::kBulk: return bulk();
    case Action::kClear: return clear();
    case Action::kBadArgument: return bad_argument();
    case Action::kCheck: return check();
    case Action::kCount: break;
  }
}

bool Client::excuse(const Error& error, const Before& before, std::string_view what) {
  if (world_.over()) {
    return false;
  }
  // With several clients the fault may have hit the operation of another, on which this one waited.
  const uint64_t now = world_.errors_injected();
  const bool explained = world_.config.clients > 1 ? now > 0 : now > before.errors;
  bool excused = false;
  switch (error.code()) {
    case ErrorCode::kIo:
    case ErrorCode::kOutcomeUnknown: excused = explained; break;
    case ErrorCode::kNoSpace: excused = world_.was_full(); break;
    case ErrorCode::kReadOnly: excused = now > 0; break;
    default: break;
  }
  if (!excused) {
    world_.broken(fmt::format("{} answered {} to {}, and no fault explains it", name_, error.to_string(), what));
  }
  if (error.code() == ErrorCode::kReadOnly || error.code() == ErrorCode::kOutcomeUnknown) {
    world_.writes_failed = true;
  }
  return false;
}

std::shared_ptr<TxnLog> Client::new_log(uint64_t snapshot_csn, uint64_t floor_before, Isolation isolation) {
  auto log = std::make_shared<TxnLog>();
  log->id = world_.oracle.next_transaction_id();
  log->who = name_;
  log->snapshot_csn = snapshot_csn;
  log->serializable = isolation == Isolation::kSerializable;
  world_.expect(world_.oracle.shown(name_, snapshot_csn, floor_before));
  return log;
}

bool Client::put_marker(TxnLog& log, Transaction& transaction) {
  const Before seen = before();
  const std::string marker = generator_.marker(log.id);
  const BucketId ledger = world_.oracle.model().bucket(Oracle::kLedger);
  Bucket bucket = transaction.bucket(Oracle::kLedger);
  const std::string value = fmt::format("t{} of {} on {}", log.id, name_, log.snapshot_csn);
  if (const auto put = bucket.put(marker, value); !put) {
    return excuse(put.error(), seen, "put");
  }
  log.put(ledger, marker, value);
  log.marker = marker;
  return true;
}

void Client::transaction() {
  const Isolation isolation =
      generator_.percent(world_.config.serializable_percent) ? Isolation::kSerializable : Isolation::kSnapshot;
  const bool writes = !generator_.percent(15);
  const uint64_t floor_before = world_.oracle.floor();
  Transaction transaction = database_.begin(isolation);
  const auto log = new_log(to_int(transaction.snapshot_csn()), floor_before, isolation);
  const uint64_t steps = 1 + generator_.below(world_.config.steps_max);
  if (!(writes && !put_marker(*log, transaction)) && fill(*log, transaction, steps, writes) && !generator_.percent(8)) {
    return finish(log, transaction);
  }
  if (generator_.percent(50)) {
    transaction.rollback();
  }
  world_.expect(world_.oracle.looked(log));
}

void Client::bulk() {
  const uint64_t floor_before = world_.oracle.floor();
  Transaction transaction = database_.begin();
  const auto log = new_log(to_int(transaction.snapshot_csn()), floor_before, Isolation::kSnapshot);
  const BucketId id = bucket_id(generator_.bucket());
  Bucket bucket = transaction.bucket(bucket_name(id));
  const uint64_t count = 1 + generator_.below(std::min<uint64_t>(world_.config.key_count, 400));
  const uint64_t first = generator_.below(world_.config.key_count);
  bool good = put_marker(*log, transaction);
  for (uint64_t row = 0; good && row < count; ++row) {
    good = put_row(*log, bucket, id, generator_.make_key((first + row) % world_.config.key_count));
  }
  operations_left_ -= std::min(operations_left_, count / 4);
  if (good) {
    finish(log, transaction);
  }
}

void Client::clear() {
  const uint64_t floor_before = world_.oracle.floor();
  Transaction transaction = database_.begin();
  const auto log = new_log(to_int(transaction.snapshot_csn()), floor_before, Isolation::kSnapshot);
  const BucketId id = bucket_id(generator_.bucket());
  Bucket bucket = transaction.bucket(bucket_name(id));
  if (!put_marker(*log, transaction)) {
    return;
  }
  const std::string from = generator_.one_in(2) ? std::string() : generator_.key();
  const Before seen = before();
  if (const auto erased = bucket.erase_range(from); !erased) {
    excuse(erased.error(), seen, "erase_range");
    return;
  }
  log->erase_range(id, from, std::nullopt);
  finish(log, transaction);
}

void Client::finish(const std::shared_ptr<TxnLog>& log, Transaction& transaction) {
  const Before seen = before();
  if (!log->writes.empty()) {
    world_.oracle.committing(log);
  }
  commit_answered(log, transaction.commit(), seen);
}

void Client::commit_answered(const std::shared_ptr<TxnLog>& log, const Result<Commit>& answer, const Before& before) {
  Oracle& oracle = world_.oracle;
  world_.trace.event(EventKind::kResult, log->id, answer ? 0 : 1 + static_cast<uint64_t>(answer.error().code()),
                     answer ? to_int(answer->csn) : 0);
  if (log->writes.empty()) {
    if (!answer) {
      excuse(answer.error(), before, "commit of a transaction without writes");
    } else if (to_int(answer->csn) != log->snapshot_csn) {
      world_.broken(fmt::format("{}: a transaction without writes on the state after commit {} became commit {}", name_,
                                log->snapshot_csn, to_int(answer->csn)));
    }
    world_.expect(oracle.looked(log));
    return;
  }
  if (answer) {
    ++world_.counters.commits;
    if (before.writes_failed) {
      world_.broken(fmt::format("{}: transaction {} was acknowledged as commit {} after a write had failed", name_,
                                log->id, to_int(answer->csn)));
    }
    world_.expect(oracle.committed(log->id, to_int(answer->csn)));
    return;
  }
  switch (answer.error().code()) {
    case ErrorCode::kConflict:
      ++world_.counters.conflicts;
      // The other may also be one of the same group, whose commit then failed because of a fault.
      if (!oracle.others_after(log->snapshot_csn, log->id) && world_.errors_injected() == 0) {
        world_.broken(fmt::format("{}: transaction {} met a conflict, but nothing was committed since its snapshot {}",
                                  name_, log->id, log->snapshot_csn));
      }
      world_.expect(oracle.refused(log->id));
      return;
    case ErrorCode::kReadOnly:
    case ErrorCode::kNoSpace:
      ++world_.counters.refused_commits;
      excuse(answer.error(), before, "commit");
      world_.expect(oracle.refused(log->id));
      return;
    case ErrorCode::kOutcomeUnknown:
      excuse(answer.error(), before, "commit");
      oracle.in_doubt(log->id);
      return;
    default: break;
  }
  excuse(answer.error(), before, "commit");
  if (world_.over()) {
    oracle.in_doubt(log->id);
  } else {
    ++world_.counters.refused_commits;
    world_.expect(oracle.refused(log->id));
  }
}

bool Client::fill(TxnLog& log, Transaction& transaction, uint64_t steps, bool writes) {
  for (uint64_t step = 0; step < steps && !world_.over(); ++step) {
    ++world_.counters.operations;
    operations_left_ -= std::min<uint64_t>(operations_left_, 1);
    Move next = generator_.move();
    if (!writes && (next <= Move::kEraseRange || next == Move::kCreateBucket || next == Move::kDropBucket)) {
      next = Move::kGet;
    }
    if (!move(log, transaction, next)) {
      return false;
    }
  }
  return true;
}

bool Client::move(TxnLog& log, Transaction& transaction, Move move) {
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
  const Before seen = before();
  const std::string value = generator_.value(log.id, writes_made_++);
  if (const auto put = bucket.put(key, value); !put) {
    return excuse(put.error(), seen, "put");
  }
  log.put(id, key, value);
  return true;
}

bool Client::write_row(TxnLog& log, Bucket& bucket, BucketId id, Move move) {
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

void Client::exec() {
  const Isolation isolation =
      generator_.percent(world_.config.serializable_percent) ? Isolation::kSerializable : Isolation::kSnapshot;
  const uint64_t steps = 1 + generator_.below(world_.config.steps_max);
  const bool gives_up = generator_.percent(8);
  std::shared_ptr<TxnLog> log;
  bool committing = false;
  Before seen = before();
  const auto conflicted = [&] {
    // Being called again says that the attempt before met a conflict.
    ++world_.counters.conflicts;
    if (!world_.oracle.others_after(log->snapshot_csn, log->id) && world_.errors_injected() == 0) {
      world_.broken(name_ + ": exec ran its body again, but nothing was committed since its snapshot");
    }
    world_.expect(world_.oracle.refused(log->id));
  };
  // Taken before the first attempt; a retry must see at least as much.
  uint64_t floor_before = world_.oracle.floor();
  const auto answer = database_.exec(
      [&](Transaction& transaction) -> Result<void> {
        if (committing) {
          conflicted();
          committing = false;
        }
        log = new_log(to_int(transaction.snapshot_csn()), floor_before, isolation);
        floor_before = world_.oracle.floor();
        if (!put_marker(*log, transaction) || !fill(*log, transaction, steps, true)) {
          return fail(ErrorCode::kUnsupported, "met an error");
        }
        if (gives_up) {
          return fail(ErrorCode::kUnsupported, "gives up");
        }
        world_.oracle.committing(log);
        committing = true;
        seen = before();
        return {};
      },
      isolation);
  if (committing) {
    return commit_answered(log, answer, seen);
  }
  if (answer || answer.error().code() != ErrorCode::kUnsupported) {
    if (!world_.over()) {
      world_.broken(name_ + ": exec answered " + (answer ? "success" : answer.error().to_string()) +
                    " although its body had failed");
    }
  }
  if (log) {
    world_.expect(world_.oracle.looked(log));
  }
}

void Client::exec_bucket() {
  const BucketId id = bucket_id(generator_.bucket());
  const uint64_t steps = 1 + generator_.below(world_.config.steps_max);
  std::shared_ptr<TxnLog> log;
  bool committing = false;
  Before seen = before();
  // The body does not learn its snapshot: its reads cannot be judged, only what it writes. So it writes blindly.
  const uint64_t floor_before = world_.oracle.floor();
  const auto answer = database_.exec(bucket_name(id), [&](Bucket& bucket) -> Result<void> {
    if (committing) {
      ++world_.counters.conflicts;
      world_.expect(world_.oracle.refused(log->id));
      committing = false;
    }
    log = new_log(floor_before, floor_before, Isolation::kSnapshot);
    log->blind = true;
    for (uint64_t step = 0; step < steps; ++step) {
      ++world_.counters.operations;
      if (!put_row(*log, bucket, id, generator_.key())) {
        return fail(ErrorCode::kUnsupported, "met an error");
      }
    }
    world_.oracle.committing(log);
    committing = true;
    seen = before();
    return {};
  });
  if (committing) {
    commit_answered(log, answer, seen);
  }
}

bool Client::read_snapshot_rows(const Snapshot& snapshot) {
  const auto log = std::make_shared<TxnLog>();
  log->who = name_;
  log->snapshot_csn = to_int(snapshot.csn());
  const Before seen = before();
  if (generator_.one_in(4)) {
    const auto names = snapshot.buckets();
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
  world_.expect(world_.oracle.looked(log));
  return good;
}

void Client::view() {
  const Before seen = before();
  const uint64_t floor_before = world_.oracle.floor();
  bool good = true;
  const auto answer = database_.view([&](const Snapshot& snapshot) -> Result<void> {
    world_.expect(world_.oracle.shown(name_, to_int(snapshot.csn()), floor_before));
    good = read_snapshot_rows(snapshot);
    return {};
  });
  // A bucket that is not there ends an iteration with not_found, which view() repeats.
  if (!answer && good && answer.error().code() != ErrorCode::kNotFound) {
    excuse(answer.error(), seen, "view");
  }
}

void Client::keep_snapshot() {
  if (kept_.size() >= kKeptMax) {
    return read_snapshot();
  }
  const uint64_t floor_before = world_.oracle.floor();
  kept_.push_back({generator_.one_in(4) && !kept_.empty() ? kept_.front().snapshot.clone() : database_.snapshot()});
  const uint64_t csn = to_int(kept_.back().snapshot.csn());
  if (kept_.size() == 1) {
    world_.expect(world_.oracle.shown(name_, csn, floor_before));
  }
  read_snapshot_rows(kept_.back().snapshot);
}

void Client::read_snapshot() {
  if (!kept_.empty()) {
    read_snapshot_rows(kept_[static_cast<size_t>(generator_.below(kept_.size()))].snapshot);
  }
}

void Client::drop_snapshot() {
  if (!kept_.empty()) {
    const size_t index = static_cast<size_t>(generator_.below(kept_.size()));
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

void Client::single_put() {
  const BucketId id = bucket_id(generator_.bucket());
  const uint64_t floor_before = world_.oracle.floor();
  const auto log = new_log(floor_before, floor_before, Isolation::kSnapshot);
  log->blind = true;
  const std::string key = generator_.key();
  const std::string value = generator_.value(log->id, writes_made_++);
  log->put(id, key, value);
  const Before seen = before();
  world_.oracle.committing(log);
  commit_answered(log, database_.put(bucket_name(id), key, value), seen);
}

void Client::single_erase() {
  // It does not say its commit number, which only a lonely client can find out.
  if (world_.config.clients > 1) {
    return single_put();
  }
  const BucketId id = bucket_id(generator_.bucket());
  const uint64_t floor_before = world_.oracle.floor();
  const auto log = new_log(floor_before, floor_before, Isolation::kSnapshot);
  const std::string key = generator_.key();
  log->erase(id, key, world_.oracle.model().get(id, key, floor_before) != nullptr);
  const Before seen = before();
  if (!log->writes.empty()) {
    world_.oracle.committing(log);
  }
  const auto answer = database_.erase(bucket_name(id), key);
  if (!answer) {
    return commit_answered(log, fail(answer.error()), seen);
  }
  if (*answer != !log->writes.empty() && !world_.over()) {
    world_.broken(fmt::format("{}: erase answered {}, but the key holds {}", name_, *answer ? "yes" : "no",
                              world_.oracle.model().describe_value(id, key, floor_before)));
  }
  commit_answered(log, Commit{Csn{floor_before + (log->writes.empty() ? 0U : 1U)}}, seen);
}

void Client::single_get() {
  const BucketId id = bucket_id(generator_.bucket());
  const std::string key = generator_.key();
  const Before seen = before();
  const uint64_t floor_before = world_.oracle.floor();
  const auto value = database_.get(bucket_name(id), key);
  if (!value) {
    if (value.error().code() != ErrorCode::kNotFound) {
      excuse(value.error(), seen, "get");
    }
    return;
  }
  // The state that it read is not told: only without other clients is there one right answer.
  if (world_.config.clients == 1) {
    const auto log = std::make_shared<TxnLog>();
    log->who = name_;
    log->snapshot_csn = floor_before;
    log->get(id, key, *value ? std::optional<std::string_view>(**value) : std::nullopt);
    world_.expect(world_.oracle.looked(log));
  }
}

void Client::bad_argument() {
  const uint64_t floor_before = world_.oracle.floor();
  Transaction transaction = database_.begin();
  const auto log = new_log(to_int(transaction.snapshot_csn()), floor_before, Isolation::kSnapshot);
  const BucketId id = bucket_id(generator_.bucket());
  Bucket bucket = transaction.bucket(bucket_name(id));
  Bucket nameless = transaction.bucket("");
  Bucket overlong = transaction.bucket(std::string(kBucketNameBytesMax + 1, 'b'));
  const std::string long_key(key_bytes_max(world_.config.page_bytes) + 1, 'k');
  const std::array<Result<void>, 5> answers = {bucket.put("", "value"), bucket.put(long_key, "value"),
                                               nameless.put("key", "value"), overlong.put("key", "value"),
                                               transaction.rollback_to(Savepoint{~uint64_t{0}})};
  for (const auto& answer : answers) {
    if (answer || answer.error().code() != ErrorCode::kInvalidArgument) {
      world_.broken(name_ + ": a bad argument was answered with " +
                    (answer ? std::string("success") : answer.error().to_string()));
    }
  }
  if (put_marker(*log, transaction) && put_row(*log, bucket, id, std::string_view(long_key).substr(1))) {
    finish(log, transaction);
  }
}

void Client::check() {
  const Before seen = before();
  const auto report = database_.check();
  if (!report) {
    excuse(report.error(), seen, "check");
    return;
  }
  if (world_.over()) {
    return;
  }
  if (!report->damage.empty() && world_.errors_injected() == 0) {
    world_.broken(fmt::format("check found damage in a sound database: {} (file {}, offset {})",
                              report->damage.front().what, report->damage.front().file, report->damage.front().offset));
  }
}

void Client::erase_everything() {
  const uint64_t floor_before = world_.oracle.floor();
  Transaction transaction = database_.begin();
  const auto log = new_log(to_int(transaction.snapshot_csn()), floor_before, Isolation::kSnapshot);
  if (!put_marker(*log, transaction)) {
    return;
  }
  for (uint32_t number = 0; number < world_.config.bucket_count; ++number) {
    const BucketId id = bucket_id(number);
    if (generator_.one_in(2)) {
      const auto dropped = transaction.drop_bucket(bucket_name(id));
      log->drop_bucket(id, dropped.has_value());
    } else {
      const auto erased = transaction.bucket(bucket_name(id)).erase_range("");
      if (!erased) {
        world_.broken("erase_range failed without any fault: " + erased.error().to_string());
      }
      log->erase_range(id, "", std::nullopt);
    }
  }
  finish(log, transaction);
}

void Client::put_some(uint64_t count) {
  const uint64_t floor_before = world_.oracle.floor();
  Transaction transaction = database_.begin();
  const auto log = new_log(to_int(transaction.snapshot_csn()), floor_before, Isolation::kSnapshot);
  if (!put_marker(*log, transaction)) {
    return;
  }
  const BucketId id = bucket_id(generator_.bucket());
  Bucket bucket = transaction.bucket(bucket_name(id));
  for (uint64_t row = 0; row < count; ++row) {
    if (!put_row(*log, bucket, id, generator_.key())) {
      return;
    }
  }
  finish(log, transaction);
}

}  // namespace holdfast::sim
