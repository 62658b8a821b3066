// The public Transaction and Bucket, which hand on to a TransactionCore.
#include <memory>
#include <utility>

#include <holdfast/database.h>

#include "db/cursor_core.h"
#include "db/limits.h"
#include "db/prefix.h"
#include "db/transaction_core.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

Result<void> Bucket::put(std::string_view key, std::string_view value) { return core_->put(bucket_index_, key, value); }

Result<bool> Bucket::insert(std::string_view key, std::string_view value) {
  return core_->insert(bucket_index_, key, value);
}

Result<bool> Bucket::update(std::string_view key, std::string_view value) {
  return core_->update(bucket_index_, key, value);
}

Result<bool> Bucket::erase(std::string_view key) { return core_->erase(bucket_index_, key); }

Result<void> Bucket::erase_range(std::string_view lo, std::optional<std::string_view> hi) {
  return core_->erase_range(bucket_index_, lo, hi);
}

Result<std::optional<std::string_view>> Bucket::get(std::string_view key) const {
  return core_->get(bucket_index_, key);
}

Result<bool> Bucket::contains(std::string_view key) const { return core_->contains(bucket_index_, key); }

Range Bucket::range(std::string_view lo, std::optional<std::string_view> hi) const {
  std::optional<std::string> end;
  if (hi) {
    end = clamp_bound(*hi, core_->page_bytes());
  }
  return {cursor(), std::string(clamp_bound(lo, core_->page_bytes())), std::move(end)};
}

Range Bucket::prefix(std::string_view prefix) const { return {cursor(), std::string(prefix), prefix_end(prefix)}; }

Range Bucket::all() const { return range({}); }

Cursor Bucket::cursor() const { return Cursor(core_->cursor(bucket_index_)); }

Result<void> StreamWriter::append(std::string_view event, Codec codec) { return core_->append(name_, event, codec); }

Result<void> StreamWriter::expect(uint64_t next_offset) { return core_->expect(name_, next_offset); }

Result<StreamHead> StreamWriter::head() const { return core_->stream_head(name_); }

Transaction::Transaction(std::unique_ptr<TransactionCore> core) : core_(std::move(core)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Csn Transaction::snapshot_csn() const { return core_->snapshot_csn(); }

Bucket Transaction::bucket(std::string_view name) { return {core_.get(), core_->bucket(name)}; }

Result<Bucket> Transaction::create_bucket(std::string_view name) {
  const Bucket made = bucket(name);
  HOLDFAST_TRY(core_->create_bucket(made.bucket_index_));
  return made;
}

Result<void> Transaction::drop_bucket(std::string_view name) { return core_->drop_bucket(core_->bucket(name)); }

Result<std::vector<std::string>> Transaction::buckets() const { return core_->buckets(); }

StreamWriter Transaction::stream(std::string_view name) { return {core_.get(), name}; }

Savepoint Transaction::savepoint() { return Savepoint{core_->savepoint()}; }

Result<void> Transaction::rollback_to(Savepoint savepoint) {
  return core_->rollback_to(static_cast<uint64_t>(savepoint));
}

Result<Commit> Transaction::commit(Durability durability) { return core_->commit(durability); }

void Transaction::rollback() { core_->rollback(); }

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
