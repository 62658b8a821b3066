#include "sim/workload.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace holdfast::sim {

namespace {

// Acknowledged commits that wait in the oracle for an earlier one. Beyond it clients pause, until the fiber that was
// interrupted between its commit and its answer has told.
constexpr uint64_t kUnknownMax = 32;
constexpr uint64_t kLastActions = 4;  // after writes have failed
// How often a check follows; after a full disk always.
constexpr uint64_t kAbortsPerCheck = 8;
constexpr uint64_t kConflictsPerCheck = 4;

}  // namespace

Client::Client(World& world, Database& database, uint32_t number, Decisions decisions)
    : world_(world),
      database_(database),
      generator_(world.config, decisions),
      name_("client " + std::to_string(number)),
      last_actions_(kLastActions) {}

BucketId Client::bucket_id(uint32_t number) {
  const Unwatched unwatched;
  return world_.oracle.model().bucket("bucket" + std::to_string(number));
}

void Client::run(uint64_t operations) {
  operations_left_ = operations;
  while (operations_left_ > 0 && may_go_on()) {
    act();
  }
  end();
}

bool Client::may_go_on() {
  if (world_.over() || last_actions_ == 0) {
    return false;
  }
  while (world_.oracle.unknown_commits() > kUnknownMax && !world_.over() && !world_.writes_failed) {
    world_.pause();
  }
  if (world_.writes_failed) {
    --last_actions_;
  }
  return true;
}

void Client::end() {
  if (record_ != nullptr) {
    record_->end = generator_.position();
  }
  while (!kept_.empty()) {
    drop_snapshot();
  }
}

void Client::act() {
  --operations_left_;
  ++world_.counters.operations;
  const Action action = generator_.action();
  take(action, ScriptedAction::Cause::kDrawn);
  // Only now are the action's own transaction and snapshot gone.
  if (std::exchange(wants_check_, false) && !world_.over()) {
    take(Action::kCheck, ScriptedAction::Cause::kFollows);
  }
}

void Client::take(Action action, ScriptedAction::Cause cause) {
  world_.begin_action(++actions_);
  fills_ = 0;
  if (record_ != nullptr) {
    record_->actions.push_back(
        {.number = actions_, .action = action, .cause = cause, .position = generator_.position(), .moves = {}});
  }
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
    case Action::kCheckpoint: return checkpoint();
    case Action::kWaitDurable: return wait_durable();
    case Action::kAppendBatch: return append_batch();
    case Action::kReadStream: return read_stream();
    case Action::kProve: return prove();
    case Action::kWaitStream: return wait_stream();
    case Action::kSealStream: seal_stream(stream_id(generator_.stream())); return;
    case Action::kRedact: return redact();
    case Action::kTrim: return trim();
    case Action::kCompactStream: return compact_stream();
    case Action::kFollow: return follow();
    case Action::kApplyBatches: return apply_batches();
    case Action::kReadProjection: return read_projection();
    case Action::kRebuild: return rebuild();
    case Action::kPrune: return prune();
    case Action::kPin: return pin();
    case Action::kPurgeTable: return purge_table();
    case Action::kDropProjection: return drop_projection(any_projection());
    case Action::kPinState: return pin_state();
    case Action::kCount: break;
  }
}

bool Client::excuse(const Error& error, const Before& before, std::string_view what) {
  const Unwatched unwatched;
  if (world_.over()) {
    return false;
  }
  // The fault may have hit the operation of somebody else, on which this one waited.
  const uint64_t now = world_.errors_injected();
  const RunConfig& config = world_.config;
  // Who feeds a projection commits without waiting, too: what became of it is told later.
  const bool defers = config.deferred_percent > 0 || config.followed_count + config.fed_count > 0;
  const bool alone = config.clients == 1 && !config.background && !defers;
  const bool explained = alone ? now > before.errors : now > 0;
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

std::shared_ptr<TxnLog> Client::new_log(uint64_t snapshot_csn, const Asked& asked, Isolation isolation) {
  auto log = std::make_shared<TxnLog>();
  log->id = world_.oracle.next_transaction_id();
  log->who = name_;
  log->snapshot_csn = snapshot_csn;
  log->serializable = isolation == Isolation::kSerializable;
  log->asked = asked.at;
  world_.expect(world_.oracle.began(name_, snapshot_csn, asked.floor));
  return log;
}

bool Client::put_marker(TxnLog& log, Transaction& transaction) {
  const Before seen = before();
  const std::string marker = generator_.marker(log.id);
  const BucketId ledger = world_.oracle.model().bucket(Oracle::kLedger);
  Bucket bucket = transaction.bucket(Oracle::kLedger);
  const std::string value = fmt::format("t{} of {} on {}", log.id, name_, log.snapshot_csn);
  if (const auto put = watched([&] { return bucket.put(marker, value); }); !put) {
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
  const Asked asked = world_.oracle.ask();
  Transaction transaction = watched([&] { return database_.begin(isolation); });
  const auto log = new_log(to_int(transaction.snapshot_csn()), asked, isolation);
  const uint64_t steps = 1 + generator_.below(world_.config.steps_max);
  if (!(writes && !put_marker(*log, transaction)) && fill(*log, transaction, steps, writes) && !generator_.percent(8)) {
    return finish(log, transaction);
  }
  if (generator_.percent(50)) {
    watched([&] { transaction.rollback(); });
  }
  world_.expect(world_.oracle.looked(log));
  remarkable(kAbortsPerCheck);
}

void Client::bulk() {
  const Asked asked = world_.oracle.ask();
  Transaction transaction = watched([&] { return database_.begin(); });
  const auto log = new_log(to_int(transaction.snapshot_csn()), asked, Isolation::kSnapshot);
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
  const Asked asked = world_.oracle.ask();
  Transaction transaction = watched([&] { return database_.begin(); });
  const auto log = new_log(to_int(transaction.snapshot_csn()), asked, Isolation::kSnapshot);
  const BucketId id = bucket_id(generator_.bucket());
  Bucket bucket = transaction.bucket(bucket_name(id));
  if (!put_marker(*log, transaction)) {
    return;
  }
  const std::string from = generator_.one_in(2) ? std::string() : generator_.key();
  const Before seen = before();
  if (const auto erased = watched([&] { return bucket.erase_range(from); }); !erased) {
    excuse(erased.error(), seen, "erase_range");
    return;
  }
  log->erase_range(id, from, std::nullopt);
  finish(log, transaction);
}

void Client::finish(const std::shared_ptr<TxnLog>& log, Transaction& transaction) {
  const Before seen = before();
  const Durability durability = draw_durability(*log);
  if (!log->changes_nothing()) {
    world_.oracle.committing(log);
  }
  commit_answered(log, watched([&] { return transaction.commit(durability); }), seen);
}

Durability Client::draw_durability(TxnLog& log) {
  log.deferred = generator_.percent(world_.config.deferred_percent);
  return log.deferred ? Durability::kDeferred : Durability::kDurable;
}

void Client::commit_answered(const std::shared_ptr<TxnLog>& log, const Result<Commit>& answer, const Before& before) {
  Oracle& oracle = world_.oracle;
  world_.trace.event(EventKind::kResult, log->id, answer ? 0 : 1 + static_cast<uint64_t>(answer.error().code()),
                     answer ? to_int(answer->csn) : 0);
  if (log->changes_nothing()) {
    if (!answer) {
      excuse(answer.error(), before, "commit of a transaction without writes");
    } else if (to_int(answer->csn) != log->snapshot_csn) {
      world_.broken(fmt::format("{}: a transaction without writes on the state after commit {} became commit {}", name_,
                                log->snapshot_csn, to_int(answer->csn)));
    } else if (!log->deferred) {
      world_.expect(oracle.certain(name_, to_int(answer->csn)));
      log->shown = oracle.next_moment();
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
    last_csn_ = to_int(answer->csn);
    world_.expect(oracle.committed(log->id, to_int(answer->csn)));
    return;
  }
  switch (answer.error().code()) {
    case ErrorCode::kConflict:
      ++world_.counters.conflicts;
      // The other may also be one of the same group, whose commit then failed because of a fault, or because the
      // process had ended: what that answers, nobody hears.
      if (!oracle.others_after(log->snapshot_csn, log->id) && !log->expects_wrongly && world_.errors_injected() == 0 &&
          !world_.was_full() && !world_.over()) {
        world_.broken(fmt::format("{}: transaction {} met a conflict, but nothing was committed since its snapshot {}",
                                  name_, log->id, log->snapshot_csn));
      }
      world_.expect(oracle.refused(log->id));
      remarkable(kConflictsPerCheck);
      return;
    case ErrorCode::kReadOnly:
    case ErrorCode::kNoSpace:
      remarkable(answer.error().code() == ErrorCode::kNoSpace ? 1 : kAbortsPerCheck);
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

}  // namespace holdfast::sim
