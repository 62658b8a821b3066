#include "db/transaction_core.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "db/catalog.h"
#include "db/cursor_core.h"
#include "db/limits.h"
#include "db/stream_head.h"
#include "format/projection_rows.h"
#include "log/codec.h"
#include "tree/tree.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

namespace {

// A point that says "erased" to whoever asks for a key in an erased range or in a dropped bucket.
constexpr PointWrite kErased = std::nullopt;

// A name that breaks the same limit as the one for which this index was given.
std::string refused_name(uint32_t bucket) {
  switch (bucket) {
    case kBucketNameEmpty: return {};
    case kBucketNameTooLong: return std::string(size_t{kBucketNameBytesMax} + 1, ' ');
    default: return {format::kOwnBucketPrefix};
  }
}

}  // namespace

TransactionCore::TransactionCore(DatabaseCore& database, PageReader reader, Isolation isolation)
    : database_(database), read_(database, std::move(reader)) {
  if (isolation == Isolation::kSerializable) {
    reads_.emplace();
  }
}

TransactionCore::~TransactionCore() { rollback(); }

void TransactionCore::rollback() {
  if (!over_) {
    over_ = true;
    read_.end();
    database_.active().remove(read_.csn());
  }
}

Result<Commit> TransactionCore::commit(Durability durability) {
  if (over_) {
    return fail_over();
  }
  if (auto met = read_.status(); !met) {
    rollback();
    return fail(std::move(met).error());
  }
  if (writes_.empty() && !writes_.expects()) {
    rollback();
    if (durability == Durability::kDurable) {
      // What it has read may be on its way still.
      HOLDFAST_TRY(database_.wait_durable(read_.csn()));
    }
    return Commit{read_.csn()};
  }
  // Given back first: what the commit replaces is then free at once.
  over_ = true;
  read_.end();
  PendingCommit pending(writes_, reads_ ? &*reads_ : nullptr, read_.csn(), durability);
  return database_.commit(pending);
}

uint32_t TransactionCore::bucket(std::string_view name) {
  if (name.empty()) {
    return kBucketNameEmpty;
  }
  if (name.size() > kBucketNameBytesMax) {
    return kBucketNameTooLong;
  }
  if (name.front() == format::kOwnBucketPrefix) {
    return kBucketNameReserved;
  }
  const uint32_t index = writes_.index_of(name);
  if (index == bases_.size()) {
    bases_.push_back(&read_.slot(name));
  }
  return index;
}

uint32_t TransactionCore::own_bucket(const std::string& name, Logging logging) {
  const uint32_t index = writes_.index_of(name);
  if (index == bases_.size()) {
    bases_.push_back(&read_.own_slot(name));
  }
  writes_.bucket(index).unlogged = logging == Logging::kUnlogged;
  return index;
}

Result<void> TransactionCore::check_bucket(uint32_t bucket) const {
  if (over_) [[unlikely]] {
    return fail_over();
  }
  if (bucket >= kBucketNameReserved) [[unlikely]] {
    return check_bucket_name(refused_name(bucket));
  }
  return {};
}

Result<void> TransactionCore::check_access(uint32_t bucket, std::string_view key) const {
  HOLDFAST_TRY(check_bucket(bucket));
  return check_key(key, read_.page_bytes());
}

Result<BucketSlot*> TransactionCore::base(uint32_t bucket) {
  BucketSlot* const slot = bases_[bucket];
  HOLDFAST_TRY(read_.resolve(*slot));
  return slot;
}

const PointWrite* TransactionCore::own_write(const BucketWrites& writes, std::string_view key) const {
  if (const auto found = writes.points.find(key); found != writes.points.end()) {
    return &found->second;
  }
  return writes.dropped || writes.erased.find(key) != nullptr ? &kErased : nullptr;
}

Result<bool> TransactionCore::exists(uint32_t bucket) {
  const BucketWrites& writes = writes_.bucket(bucket);
  if (writes.created || writes.implied) {
    return true;
  }
  if (writes.dropped) {
    return false;
  }
  if (reads_) {
    reads_->add_existence(writes.name);
  }
  HOLDFAST_TRY_ASSIGN(const BucketSlot* const slot, base(bucket));
  return slot->exists;
}

Result<void> TransactionCore::create_bucket(uint32_t bucket) {
  HOLDFAST_TRY(check_bucket(bucket));
  HOLDFAST_TRY_ASSIGN(const bool there, exists(bucket));
  if (there) {
    return fail(ErrorCode::kAlreadyExists, "there is a bucket named " + writes_.bucket(bucket).name + " already");
  }
  writes_.create(bucket);
  return {};
}

Result<void> TransactionCore::drop_bucket(uint32_t bucket) {
  HOLDFAST_TRY(check_bucket(bucket));
  HOLDFAST_TRY_ASSIGN(const bool there, exists(bucket));
  if (!there) {
    return fail(ErrorCode::kNotFound, "there is no bucket named " + writes_.bucket(bucket).name);
  }
  HOLDFAST_TRY_ASSIGN(const BucketSlot* const slot, base(bucket));
  writes_.drop(bucket, slot->exists);
  return {};
}

Result<std::vector<std::string>> TransactionCore::buckets() {
  if (over_) {
    return fail_over();
  }
  if (reads_) {
    reads_->add_bucket_list();
  }
  HOLDFAST_TRY_ASSIGN(std::vector<std::string> names, catalog::list(read_.reader(), read_.reader().state().catalog));
  std::set<std::string> all(std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
  for (uint32_t index = 0; index < writes_.bucket_count(); ++index) {
    const BucketWrites& writes = writes_.bucket(index);
    if (bases_[index]->owner == BucketOwner::kEngine) {
      continue;
    }
    if (writes.created || writes.implied) {
      all.insert(writes.name);
    } else if (writes.dropped) {
      all.erase(writes.name);
    }
  }
  return std::vector<std::string>(all.begin(), all.end());
}

// The first put to a bucket that is not there brings it to be.
Result<void> TransactionCore::prepare_write(uint32_t bucket) {
  const BucketWrites& writes = writes_.bucket(bucket);
  if (writes.created || writes.implied) {
    return {};
  }
  if (!writes.dropped) {
    HOLDFAST_TRY_ASSIGN(const BucketSlot* const slot, base(bucket));
    if (slot->exists) {
      return {};
    }
  }
  writes_.set_implied(bucket);
  return {};
}

Result<void> TransactionCore::put(uint32_t bucket, std::string_view key, std::string_view value) {
  HOLDFAST_TRY(check_access(bucket, key));
  HOLDFAST_TRY(check_value(value));
  HOLDFAST_TRY(prepare_write(bucket));
  writes_.put(bucket, key, value);
  return {};
}

Result<bool> TransactionCore::insert(uint32_t bucket, std::string_view key, std::string_view value) {
  HOLDFAST_TRY(check_value(value));
  HOLDFAST_TRY_ASSIGN(const bool there, contains(bucket, key));
  if (!there) {
    HOLDFAST_TRY(put(bucket, key, value));
  }
  return !there;
}

Result<bool> TransactionCore::update(uint32_t bucket, std::string_view key, std::string_view value) {
  HOLDFAST_TRY(check_value(value));
  HOLDFAST_TRY_ASSIGN(const bool there, contains(bucket, key));
  if (there) {
    HOLDFAST_TRY(put(bucket, key, value));
  }
  return there;
}

Result<bool> TransactionCore::erase(uint32_t bucket, std::string_view key) {
  HOLDFAST_TRY_ASSIGN(const bool there, contains(bucket, key));
  if (there) {
    writes_.erase(bucket, key);
  }
  return there;
}

Result<void> TransactionCore::erase_range(uint32_t bucket, std::string_view lo, std::optional<std::string_view> hi) {
  HOLDFAST_TRY(check_bucket(bucket));
  const BucketWrites& writes = writes_.bucket(bucket);
  if (!writes.created && !writes.implied) {
    if (writes.dropped) {
      return {};
    }
    HOLDFAST_TRY_ASSIGN(const BucketSlot* const slot, base(bucket));
    if (!slot->exists) {
      if (reads_) {
        reads_->add_range(writes.name, lo, hi);
      }
      return {};
    }
  }
  if (hi) {
    hi = clamp_bound(*hi, read_.page_bytes());
  }
  writes_.erase_range(bucket, clamp_bound(lo, read_.page_bytes()), hi);
  return {};
}

Result<std::optional<std::string_view>> TransactionCore::get(uint32_t bucket, std::string_view key) {
  HOLDFAST_TRY(check_access(bucket, key));
  const BucketWrites& writes = writes_.bucket(bucket);
  if (const PointWrite* const own = own_write(writes, key)) {
    return *own;
  }
  if (reads_) {
    reads_->add_key(writes.name, key);
  }
  HOLDFAST_TRY_ASSIGN(const BucketSlot* const slot, base(bucket));
  if (!slot->exists) {
    return std::nullopt;
  }
  return tree::get(read_.reader(), slot->record.root, key);
}

Result<bool> TransactionCore::contains(uint32_t bucket, std::string_view key) {
  HOLDFAST_TRY(check_access(bucket, key));
  const BucketWrites& writes = writes_.bucket(bucket);
  if (const PointWrite* const own = own_write(writes, key)) {
    return own->has_value();
  }
  if (reads_) {
    reads_->add_key(writes.name, key);
  }
  HOLDFAST_TRY_ASSIGN(const BucketSlot* const slot, base(bucket));
  return slot->exists ? tree::contains(read_.reader(), slot->record.root, key) : false;
}

std::unique_ptr<CursorCore> TransactionCore::cursor(uint32_t bucket) {
  if (bucket >= kBucketNameReserved) {
    // The slot of a name that breaks a limit says so when it is looked up.
    return std::make_unique<CursorCore>(read_, read_.slot(refused_name(bucket)), nullptr, nullptr);
  }
  return std::make_unique<CursorCore>(read_, *bases_[bucket], &writes_.bucket(bucket), reads_ ? &*reads_ : nullptr);
}

Result<void> TransactionCore::append(const std::string& stream, std::string_view event, Codec codec) {
  if (over_) {
    return fail_over();
  }
  HOLDFAST_TRY(check_stream_name(stream));
  HOLDFAST_TRY(check_event(event));
  log::CodecBuffer buffer;
  log::PreparedEvent prepared = log::prepare(as_bytes(event), codec, buffer);
  prepared.stored = writes_.keep(prepared.stored);
  writes_.append(writes_.stream(stream), prepared);
  return {};
}

Result<void> TransactionCore::expect(const std::string& stream, uint64_t next_offset) {
  if (over_) {
    return fail_over();
  }
  HOLDFAST_TRY(check_stream_name(stream));
  writes_.expect(writes_.stream(stream), next_offset);
  return {};
}

Result<StreamHead> TransactionCore::stream_head(const std::string& stream) {
  if (over_) {
    return fail_over();
  }
  HOLDFAST_TRY(check_stream_name(stream));
  if (reads_) {
    reads_->add_stream(stream);
  }
  return find_head(read_.reader(), stream);
}

uint64_t TransactionCore::savepoint() {
  savepoints_.push_back({next_savepoint_++, writes_.mark()});
  return savepoints_.back().id;
}

Result<void> TransactionCore::rollback_to(uint64_t savepoint) {
  if (over_) {
    return fail_over();
  }
  const auto found = std::ranges::find(savepoints_, savepoint, &SavepointMark::id);
  if (found == savepoints_.end()) {
    return fail(ErrorCode::kInvalidArgument, "the savepoint is not one of this transaction, or was rolled back over");
  }
  writes_.roll_back_to(found->undo_mark);
  savepoints_.erase(std::next(found), savepoints_.end());
  return {};
}

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
