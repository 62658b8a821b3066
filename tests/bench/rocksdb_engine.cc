// RocksDB: Bloom filters, a block cache larger than the data, no compression (the values do not compress), synced
// writes.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

// Rows per write in a sorted load, which syncs once at the end.
constexpr uint64_t kLoadBatchRows = 10'000;

void check(const rocksdb::Status& status) { bench_check(status.ok(), status.ToString()); }
rocksdb::Slice to_slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

class RocksdbReader : public Reader {
 public:
  explicit RocksdbReader(rocksdb::DB* db) : db_(db) { options_.snapshot = db_->GetSnapshot(); }
  ~RocksdbReader() override {
    iterator_.reset();
    db_->ReleaseSnapshot(options_.snapshot);
  }
  RocksdbReader(const RocksdbReader&) = delete;
  RocksdbReader& operator=(const RocksdbReader&) = delete;

  void refresh() override {
    iterator_.reset();
    db_->ReleaseSnapshot(options_.snapshot);
    options_.snapshot = db_->GetSnapshot();
  }
  std::string_view get(std::string_view key) override {
    value_.Reset();
    check(db_->Get(options_, db_->DefaultColumnFamily(), to_slice(key), &value_));
    return value_.ToStringView();
  }
  uint64_t visit(std::string_view from, uint64_t rows) override {
    if (!iterator_) iterator_.reset(db_->NewIterator(options_));
    uint64_t sum = 0;
    for (iterator_->Seek(to_slice(from)); iterator_->Valid() && rows > 0; --rows) {
      sum += touch(iterator_->key().ToStringView(), iterator_->value().ToStringView());
      if (rows > 1) iterator_->Next();
    }
    check(iterator_->status());
    return sum;
  }

 private:
  rocksdb::DB* db_;
  rocksdb::ReadOptions options_;
  rocksdb::PinnableSlice value_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class Rocksdb : public Engine {
 public:
  explicit Rocksdb(const std::string& directory) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options, directory, &db));
    db_.reset(db);
  }

  std::unique_ptr<Reader> reader() override { return std::make_unique<RocksdbReader>(db_.get()); }
  void put(std::span<const Row> rows) override { write(rows, true); }
  bool takes_concurrent_puts() const override { return true; }
  bool put_deferred(const Row& row) override {
    write({&row, 1}, false);
    return true;
  }
  void load_sorted(std::span<const Row> rows) override {
    for (uint64_t at = 0; at < rows.size(); at += kLoadBatchRows) {
      const uint64_t count = std::min(kLoadBatchRows, rows.size() - at);
      write(rows.subspan(at, count), at + count == rows.size());
    }
  }
  void settle() override { check(db_->CompactRange({}, nullptr, nullptr)); }

 private:
  void write(std::span<const Row> rows, bool sync) {
    rocksdb::WriteBatch batch;
    for (const Row& row : rows) check(batch.Put(to_slice(row.key), to_slice(row.value)));
    rocksdb::WriteOptions options;
    options.sync = sync;
    check(db_->Write(options, &batch));
  }
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::unique_ptr<Engine> open_rocksdb(const std::string& directory) { return std::make_unique<Rocksdb>(directory); }

}  // namespace holdfast::bench
