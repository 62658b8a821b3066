// See workload.h. The calls of a client: closures, snapshots that it keeps, single operations, check, and the last
// life.
#include "sim/workload.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "sim/inspect.h"

namespace holdfast::sim {

namespace {

constexpr size_t kKeptMax = 3;
constexpr uint64_t kSnapshotsPerCheck = 4;  // that begin or end

}  // namespace

void Client::exec() {
  const Isolation isolation =
      generator_.percent(world_.config.serializable_percent) ? Isolation::kSerializable : Isolation::kSnapshot;
  const uint64_t steps = 1 + generator_.below(world_.config.steps_max);
  const bool gives_up = generator_.percent(8);
  const bool deferred = generator_.percent(world_.config.deferred_percent);
  std::shared_ptr<TxnLog> log;
  bool committing = false;
  Before seen = before();
  const auto conflicted = [&] {
    // Being called again says that the attempt before met a conflict.
    ++world_.counters.conflicts;
    // The other may be one of the same group, whose process then ended: see commit_answered().
    if (!world_.oracle.others_after(log->snapshot_csn, log->id) && world_.errors_injected() == 0 &&
        !world_.was_full() && !world_.over()) {
      world_.broken(name_ + ": exec ran its body again, but nothing was committed since its snapshot");
    }
    world_.expect(world_.oracle.refused(log->id));
  };
  // Taken before the first attempt; a retry must see at least as much.
  Asked asked = world_.oracle.ask();
  const auto body = [&](Transaction& transaction) -> Result<void> {
    const Unwatched unwatched;
    if (committing) {
      conflicted();
      committing = false;
    }
    log = new_log(to_int(transaction.snapshot_csn()), asked, isolation);
    asked = world_.oracle.ask();
    if (!put_marker(*log, transaction) || !fill(*log, transaction, steps, true)) {
      return fail(ErrorCode::kUnsupported, "met an error");
    }
    if (gives_up) {
      return fail(ErrorCode::kUnsupported, "gives up");
    }
    log->deferred = deferred;
    world_.oracle.committing(log);
    committing = true;
    seen = before();
    return {};
  };
  const auto answer =
      watched([&] { return database_.exec(body, isolation, deferred ? Durability::kDeferred : Durability::kDurable); });
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
  const Asked asked = world_.oracle.ask();
  const auto body = [&](Bucket& bucket) -> Result<void> {
    const Unwatched unwatched;
    if (committing) {
      ++world_.counters.conflicts;
      world_.expect(world_.oracle.refused(log->id));
      committing = false;
    }
    log = new_log(asked.floor, asked, Isolation::kSnapshot);
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
  };
  const auto answer = watched([&] { return database_.exec(bucket_name(id), body); });
  if (committing) {
    commit_answered(log, answer, seen);
  }
}

void Client::view() {
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  bool good = true;
  const auto body = [&](const Snapshot& snapshot) -> Result<void> {
    const Unwatched unwatched;
    world_.expect(world_.oracle.shown(name_, to_int(snapshot.csn()), asked.floor));
    good = read_snapshot_rows(snapshot, asked.at, world_.oracle.next_moment());
    return {};
  };
  const auto answer = watched([&] { return database_.view(body); });
  // A bucket that is not there ends an iteration with not_found, which view() repeats.
  if (!answer && good && answer.error().code() != ErrorCode::kNotFound) {
    excuse(answer.error(), seen, "view");
  }
}

void Client::keep_snapshot() {
  if (kept_.size() >= kKeptMax) {
    return read_snapshot();
  }
  const Asked asked = world_.oracle.ask();
  const bool again = generator_.one_in(4) && !kept_.empty();
  Snapshot snapshot = watched([&] { return again ? kept_.front().snapshot.clone() : database_.snapshot(); });
  const uint64_t shown = world_.oracle.next_moment();
  kept_.push_back({std::move(snapshot), again ? kept_.front().asked : asked.at, again ? kept_.front().shown : shown});
  const uint64_t csn = to_int(kept_.back().snapshot.csn());
  if (kept_.size() == 1) {
    world_.expect(world_.oracle.shown(name_, csn, asked.floor));
  }
  if (again && generator_.one_in(2)) {
    watched([&] { kept_.erase(kept_.begin()); });  // handed over: the pages are held by the clone alone
  }
  read_snapshot_rows(kept_.back());
  remarkable(kSnapshotsPerCheck);
}

void Client::read_snapshot() {
  if (!kept_.empty()) {
    read_snapshot_rows(kept_[static_cast<size_t>(generator_.below(kept_.size()))]);
  }
}

void Client::drop_snapshot() {
  if (!kept_.empty()) {
    const size_t index = static_cast<size_t>(generator_.below(kept_.size()));
    const Watched in_the_engine;
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(index));
    remarkable(kSnapshotsPerCheck);
  }
}

void Client::single_put() {
  const BucketId id = bucket_id(generator_.bucket());
  const Asked asked = world_.oracle.ask();
  const auto log = new_log(asked.floor, asked, Isolation::kSnapshot);
  log->blind = true;
  const std::string key = generator_.key();
  const std::string value = generator_.value(log->id, writes_made_++);
  log->put(id, key, value);
  const Before seen = before();
  const Durability durability = draw_durability(*log);
  world_.oracle.committing(log);
  commit_answered(log, watched([&] { return database_.put(bucket_name(id), key, value, durability); }), seen);
}

void Client::single_erase() {
  // It does not say its commit number, which only a lonely client can find out.
  if (world_.config.clients > 1) {
    return single_put();
  }
  const BucketId id = bucket_id(generator_.bucket());
  const Asked asked = world_.oracle.ask();
  const auto log = new_log(asked.floor, asked, Isolation::kSnapshot);
  const std::string key = generator_.key();
  log->erase(id, key, world_.oracle.model().get(id, key, asked.floor) != nullptr);
  const Before seen = before();
  if (!log->changes_nothing()) {
    world_.oracle.committing(log);
  }
  const auto answer = watched([&] { return database_.erase(bucket_name(id), key); });
  if (!answer) {
    return commit_answered(log, fail(answer.error()), seen);
  }
  if (*answer != !log->changes_nothing() && !world_.over()) {
    world_.broken(fmt::format("{}: erase answered {}, but the key holds {}", name_, *answer ? "yes" : "no",
                              world_.oracle.model().describe_value(id, key, asked.floor)));
  }
  commit_answered(log, Commit{Csn{asked.floor + (log->changes_nothing() ? 0U : 1U)}}, seen);
}

void Client::single_get() {
  const BucketId id = bucket_id(generator_.bucket());
  const std::string key = generator_.key();
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  const auto value = watched([&] { return database_.get(bucket_name(id), key); });
  if (!value) {
    if (value.error().code() != ErrorCode::kNotFound) {
      excuse(value.error(), seen, "get");
    }
    return;
  }
  const auto log = std::make_shared<TxnLog>();
  log->who = name_;
  log->asked = asked.at;
  log->shown = world_.oracle.next_moment();
  log->snapshot_csn = asked.floor;
  log->get(id, key, *value ? std::optional<std::string_view>(**value) : std::nullopt);
  // The state that it read is not told: only without other clients is there one right answer.
  if (world_.config.clients == 1) {
    world_.expect(world_.oracle.looked(log));
  } else {
    world_.oracle.looked_somewhen(log);
  }
}

void Client::bad_argument() {
  const Asked asked = world_.oracle.ask();
  Transaction transaction = watched([&] { return database_.begin(); });
  const auto log = new_log(to_int(transaction.snapshot_csn()), asked, Isolation::kSnapshot);
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
  const auto report = watched([&] { return database_.check(); });
  if (!report) {
    excuse(report.error(), seen, "check");
    return;
  }
  if (world_.over() || seen.writes_failed || world_.writes_failed) {
    return;
  }
  // A failed write or sync leaves what may look like damage, and a failed read is one. Nothing else is: neither a full
  // disk nor a transaction that came to nothing.
  const uint64_t before_check = world_.config.clients > 1 ? 0 : seen.errors_in_files;
  if (world_.errors_in_files() > before_check) {
    return;
  }
  world_.expect(judge_pages(*report));
  if (world_.config.clients == 1 && world_.oracle.settled()) {
    world_.expect(judge_counts(*report, world_.oracle.model(), world_.oracle.model().newest_csn(),
                               kept_.empty() ? Snapshots::kNone : Snapshots::kAlive));
  }
}

void Client::checkpoint() {
  const Before seen = before();
  const Asked asked = world_.oracle.ask();
  const ProjectionModel::Mark mark = projections().mark();
  if (const auto made = watched([&] { return database_.checkpoint(); }); !made) {
    excuse(made.error(), seen, "checkpoint");
  } else if (!world_.over()) {
    projections().durable(mark);
    world_.expect(world_.oracle.certain(name_, asked.floor));
  }
}

void Client::wait_durable() {
  const Before seen = before();
  const uint64_t csn = last_csn_;
  const auto told = [&world = world_, name = name_, csn](const Result<void>& answer) {
    const Unwatched unwatched;
    if (answer && !world.over()) {
      world.expect(world.oracle.certain(name, csn));
    }
  };
  if (generator_.one_in(2)) {
    if (const auto answer = watched([&] { return database_.when_durable(Csn{csn}, told); }); !answer) {
      excuse(answer.error(), seen, "when_durable");
    }
    const uint64_t durable = to_int(watched([&] { return database_.durable_csn(); }));
    if (!world_.over()) {
      world_.expect(world_.oracle.certain(name_, durable));
    }
    return;
  }
  const auto answer = watched([&] { return database_.wait_durable(Csn{csn}); });
  told(answer);
  if (!answer) {
    excuse(answer.error(), seen, "wait_durable");
  }
}

void Client::erase_everything() {
  const Asked asked = world_.oracle.ask();
  Transaction transaction = watched([&] { return database_.begin(); });
  const auto log = new_log(to_int(transaction.snapshot_csn()), asked, Isolation::kSnapshot);
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
  const Asked asked = world_.oracle.ask();
  Transaction transaction = watched([&] { return database_.begin(); });
  const auto log = new_log(to_int(transaction.snapshot_csn()), asked, Isolation::kSnapshot);
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
