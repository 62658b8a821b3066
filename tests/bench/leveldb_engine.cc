// LevelDB: Bloom filters, a block cache larger than the data, no compression (the values do not compress), synced
// writes.
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

// Rows per write in a sorted load, which syncs once at the end.
constexpr uint64_t kLoadBatchRows = 10'000;

void check(const leveldb::Status& status) { bench_check(status.ok(), status.ToString()); }
leveldb::Slice to_slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view to_view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

class LeveldbReader : public Reader {
 public:
  explicit LeveldbReader(leveldb::DB* db) : db_(db) { options_.snapshot = db_->GetSnapshot(); }
  ~LeveldbReader() override {
    iterator_.reset();
    db_->ReleaseSnapshot(options_.snapshot);
  }
  LeveldbReader(const LeveldbReader&) = delete;
  LeveldbReader& operator=(const LeveldbReader&) = delete;

  void refresh() override {
    iterator_.reset();
    db_->ReleaseSnapshot(options_.snapshot);
    options_.snapshot = db_->GetSnapshot();
  }
  std::string_view get(std::string_view key) override {
    check(db_->Get(options_, to_slice(key), &value_));
    return value_;
  }
  uint64_t visit(std::string_view from, uint64_t rows) override {
    if (!iterator_) iterator_.reset(db_->NewIterator(options_));
    uint64_t sum = 0;
    for (iterator_->Seek(to_slice(from)); iterator_->Valid() && rows > 0; --rows) {
      sum += touch(to_view(iterator_->key()), to_view(iterator_->value()));
      if (rows > 1) iterator_->Next();
    }
    check(iterator_->status());
    return sum;
  }

 private:
  leveldb::DB* db_;
  leveldb::ReadOptions options_;
  std::string value_;
  std::unique_ptr<leveldb::Iterator> iterator_;
};

class Leveldb : public Engine {
 public:
  explicit Leveldb(const std::string& directory)
      : cache_(leveldb::NewLRUCache(kCacheBytes)), filter_(leveldb::NewBloomFilterPolicy(10)) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.block_cache = cache_.get();
    options.filter_policy = filter_.get();
    options.compression = leveldb::kNoCompression;
    leveldb::DB* db = nullptr;
    check(leveldb::DB::Open(options, directory, &db));
    db_.reset(db);
  }

  std::unique_ptr<Reader> reader() override { return std::make_unique<LeveldbReader>(db_.get()); }
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
  void settle() override { db_->CompactRange(nullptr, nullptr); }

 private:
  void write(std::span<const Row> rows, bool sync) {
    leveldb::WriteBatch batch;
    for (const Row& row : rows) batch.Put(to_slice(row.key), to_slice(row.value));
    leveldb::WriteOptions options;
    options.sync = sync;
    check(db_->Write(options, &batch));
  }
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
};

}  // namespace

std::unique_ptr<Engine> open_leveldb(const std::string& directory) { return std::make_unique<Leveldb>(directory); }

}  // namespace holdfast::bench
