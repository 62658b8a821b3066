// The public Database, which hands on to a DatabaseCore.
#include <utility>

#include <holdfast/database.h>

#include "base/check.h"
#include "db/catalog.h"
#include "db/core.h"
#include "db/cursor_core.h"
#include "db/limits.h"
#include "db/pins.h"
#include "db/transaction_core.h"
#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

std::unexpected<Error> fail_closed() { return fail(ErrorCode::kInvalidArgument, "the database is closed"); }

}  // namespace

Database::Database(std::unique_ptr<DatabaseCore> core) : core_(std::move(core)) {}

Result<Database> Database::open(std::string_view path, const Options& options) {
  HOLDFAST_TRY_ASSIGN(std::unique_ptr<DatabaseCore> core, DatabaseCore::open(path, options, OnDamage::kRefuse));
  return Database(std::move(core));
}

Result<RecoveryReport> Database::recover(std::string_view path, const Options& options) {
  HOLDFAST_TRY_ASSIGN(const std::unique_ptr<DatabaseCore> core, DatabaseCore::open(path, options, OnDamage::kCut));
  HOLDFAST_TRY(core->close());
  return core->recovery();
}

Database::Database(Database&&) noexcept = default;

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    let_go();
    core_ = std::move(other.core_);
  }
  return *this;
}

Database::~Database() { let_go(); }

void Database::let_go() {
  // A database that snapshots or transactions still use must not go away under them.
  CHECK(close().has_value() || core_ == nullptr);
}

Result<void> Database::close() {
  if (!core_) {
    return {};
  }
  auto closed = core_->close();
  if (closed || closed.error().code() != ErrorCode::kBusy) {
    core_.reset();
  }
  return closed;
}

Transaction Database::begin(Isolation isolation) {
  CHECK(core_ != nullptr);
  return Transaction(core_->begin(isolation));
}

Snapshot Database::snapshot() const {
  CHECK(core_ != nullptr);
  return Snapshot(std::make_unique<ReadState>(*core_, core_->store().new_reader()));
}

Result<Pin> Database::pin(std::string_view name) { return core_ ? pin_state(*core_, name) : fail_closed(); }

Result<bool> Database::unpin(std::string_view name) { return core_ ? unpin_state(*core_, name) : fail_closed(); }

Result<std::vector<Pin>> Database::pins() const { return core_ ? list_pins(*core_) : fail_closed(); }

Result<Snapshot> Database::as_of(std::string_view pin) const {
  return core_ ? snapshot_of(reader_of_pin(*core_, pin)) : fail_closed();
}

Result<Snapshot> Database::as_of(Csn csn) const {
  return core_ ? snapshot_of(reader_of_csn(*core_, csn)) : fail_closed();
}

Result<Snapshot> Database::as_of_time(uint64_t wall_ns) const {
  return core_ ? snapshot_of(reader_of_time(*core_, wall_ns)) : fail_closed();
}

Result<Snapshot> Database::snapshot_of(Result<PageReader> reader) const {
  if (!reader) {
    return fail(std::move(reader).error());
  }
  return Snapshot(std::make_unique<ReadState>(*core_, std::move(*reader)));
}

Result<Commit> Database::exec(const std::function<Result<void>(Transaction&)>& body, Isolation isolation,
                              Durability durability) {
  if (!core_) {
    return fail_closed();
  }
  for (uint32_t attempt = 1;; ++attempt) {
    Transaction transaction = begin(isolation);
    HOLDFAST_TRY(body(transaction));
    Result<Commit> commit = transaction.commit(durability);
    if (commit || commit.error().code() != ErrorCode::kConflict || attempt == kExecAttemptsMax) {
      return commit;
    }
  }
}

Result<Commit> Database::exec(std::string_view bucket, const std::function<Result<void>(Bucket&)>& body,
                              Isolation isolation, Durability durability) {
  return exec(
      [&](Transaction& transaction) {
        Bucket in = transaction.bucket(bucket);
        return body(in);
      },
      isolation, durability);
}

Result<void> Database::view(const std::function<Result<void>(const Snapshot&)>& body) const {
  if (!core_) {
    return fail_closed();
  }
  const Snapshot seen = snapshot();
  HOLDFAST_TRY(body(seen));
  return seen.status();
}

Result<void> Database::view(std::string_view bucket, const std::function<Result<void>(const BucketView&)>& body) const {
  return view([&](const Snapshot& seen) { return body(seen.bucket(bucket)); });
}

Result<std::optional<std::string>> Database::get(std::string_view bucket, std::string_view key) const {
  if (!core_) {
    return fail_closed();
  }
  HOLDFAST_TRY(check_bucket_name(bucket));
  HOLDFAST_TRY(check_key(key, core_->store().page_bytes()));
  PageReader reader = core_->store().new_reader();
  // The one string holds first the bucket's record, then the value: nothing else is allocated.
  std::string value;
  HOLDFAST_TRY_ASSIGN(const auto record, catalog::find(reader, reader.state().catalog, bucket, value));
  if (!record) {
    return fail(ErrorCode::kNotFound, "there is no bucket named " + std::string(bucket));
  }
  HOLDFAST_TRY_ASSIGN(const bool found, tree::get(reader, record->root, key, value));
  if (!found) {
    return std::nullopt;
  }
  return value;
}

Result<Commit> Database::put(std::string_view bucket, std::string_view key, std::string_view value,
                             Durability durability) {
  if (!core_) {
    return fail_closed();
  }
  HOLDFAST_TRY(check_bucket_name(bucket));
  HOLDFAST_TRY(check_key(key, core_->store().page_bytes()));
  HOLDFAST_TRY(check_value(value));
  // It reads nothing, so it conflicts with nothing that came before.
  WriteSet writes;
  const uint32_t index = writes.index_of(bucket);
  writes.set_implied(index);
  writes.put(index, key, value);
  PendingCommit pending(writes, nullptr, std::nullopt, durability);
  return core_->commit(pending);
}

Result<bool> Database::erase(std::string_view bucket, std::string_view key) {
  bool found = false;
  HOLDFAST_TRY(exec(bucket, [&](Bucket& in) -> Result<void> {
    HOLDFAST_TRY_ASSIGN(found, in.erase(key));
    return {};
  }));
  return found;
}

Stream Database::stream(std::string_view name) {
  CHECK(core_ != nullptr);
  return {core_.get(), name};
}

Projection Database::projection(std::string_view name) {
  CHECK(core_ != nullptr);
  return {core_.get(), name};
}

Csn Database::durable_csn() const {
  CHECK(core_ != nullptr);
  return core_->durable_csn();
}

Result<void> Database::wait_durable(Csn csn) { return core_ ? core_->wait_durable(csn) : fail_closed(); }

Result<void> Database::when_durable(Csn csn, std::function<void(Result<void>)> done) {
  return core_ ? core_->when_durable(csn, std::move(done)) : fail_closed();
}

Result<void> Database::checkpoint() { return core_ ? core_->checkpoint() : fail_closed(); }

Result<CheckReport> Database::check(const std::function<bool(uint64_t done, uint64_t total)>& progress) {
  if (!core_) {
    return fail_closed();
  }
  return core_->check(progress);
}

Result<Stats> Database::stats() const {
  if (!core_) {
    return fail_closed();
  }
  return core_->stats();
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
