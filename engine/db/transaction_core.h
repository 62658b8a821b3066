// TransactionCore: one transaction: the snapshot that it reads, what it has written, and (serializable) what it has
// read.
//
// Threads:    one at a time.
// Invariants: (1) it is registered with the database's active transactions from begin() until it ends or commit() hands
//                 it to the committer;
//             (2) buckets are named by the index that the WriteSet gave them; `bases_` runs beside it.
// Fails:      after it is over every operation answers invalid_argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/database.h>

#include "db/core.h"
#include "db/read_set.h"
#include "db/read_state.h"
#include "db/write_set.h"

namespace holdfast {
inline namespace HOLDFAST_FLAVOR {

// What a Bucket carries instead of an index when its name breaks a limit.
constexpr uint32_t kBucketNameEmpty = UINT32_MAX;
constexpr uint32_t kBucketNameTooLong = UINT32_MAX - 1;
constexpr uint32_t kBucketNameReserved = UINT32_MAX - 2;
// Whether the rows of a bucket go into the log; see BucketWrites::unlogged.
enum class Logging : uint8_t { kLogged, kUnlogged };

class TransactionCore {
 public:
  TransactionCore(DatabaseCore& database, PageReader reader, Isolation isolation);
  TransactionCore(const TransactionCore&) = delete;
  TransactionCore& operator=(const TransactionCore&) = delete;
  ~TransactionCore();

  Csn snapshot_csn() const { return read_.csn(); }
  uint32_t bucket(std::string_view name);
  // One of the engine's own.
  uint32_t own_bucket(const std::string& name, Logging logging);
  ReadState& read_state() { return read_; }
  Result<void> create_bucket(uint32_t bucket);
  Result<void> drop_bucket(uint32_t bucket);
  Result<std::vector<std::string>> buckets();

  Result<void> put(uint32_t bucket, std::string_view key, std::string_view value);
  Result<bool> insert(uint32_t bucket, std::string_view key, std::string_view value);
  Result<bool> update(uint32_t bucket, std::string_view key, std::string_view value);
  Result<bool> erase(uint32_t bucket, std::string_view key);
  Result<void> erase_range(uint32_t bucket, std::string_view lo, std::optional<std::string_view> hi);
  Result<std::optional<std::string_view>> get(uint32_t bucket, std::string_view key);
  Result<bool> contains(uint32_t bucket, std::string_view key);
  std::unique_ptr<CursorCore> cursor(uint32_t bucket);
  uint32_t page_bytes() const { return read_.page_bytes(); }

  Result<void> append(const std::string& stream, std::string_view event, Codec codec);
  Result<void> expect(const std::string& stream, uint64_t next_offset);
  Result<StreamHead> stream_head(const std::string& stream);

  uint64_t savepoint();
  Result<void> rollback_to(uint64_t savepoint);
  Result<Commit> commit(Durability durability);
  void rollback();

 private:
  // Errors if the transaction is over, or the bucket's name breaks a limit.
  Result<void> check_bucket(uint32_t bucket) const;
  Result<void> check_access(uint32_t bucket, std::string_view key) const;
  // The row as the snapshot has it, in a bucket that is not dropped, outside erased ranges and points.
  Result<BucketSlot*> base(uint32_t bucket);
  // What the transaction itself wrote about the key; nullptr: nothing.
  const PointWrite* own_write(const BucketWrites& writes, std::string_view key) const;
  // Whether the bucket is there, as the transaction sees it.
  Result<bool> exists(uint32_t bucket);
  Result<void> prepare_write(uint32_t bucket);

  struct SavepointMark {
    uint64_t id = 0;
    uint64_t undo_mark = 0;
  };

  DatabaseCore& database_;
  ReadState read_;
  WriteSet writes_;
  std::vector<BucketSlot*> bases_;
  std::optional<ReadSet> reads_;
  std::vector<SavepointMark> savepoints_;
  uint64_t next_savepoint_ = 1;
  bool over_ = false;
};

}  // namespace HOLDFAST_FLAVOR
}  // namespace holdfast
