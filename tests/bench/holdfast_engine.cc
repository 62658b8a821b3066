// Holdfast as the benchmarks use it: one bucket, default page size.
#include <optional>
#include <utility>

#include <holdfast/holdfast.hpp>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

constexpr std::string_view kBucket = "rows";

template <class T>
T take(Result<T> result) {
  if (!result) stop("holdfast: " + result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class HoldfastReader : public Reader {
 public:
  explicit HoldfastReader(const Database& database) : database_(database) { refresh(); }

  void refresh() override {
    cursor_.reset();
    bucket_.reset();
    snapshot_.emplace(database_.snapshot());
    bucket_.emplace(snapshot_->bucket(kBucket));
  }

  std::string_view get(std::string_view key) override {
    const std::optional<std::string_view> value = take(bucket_->get(key));
    bench_check(value.has_value(), "holdfast: key is missing");
    return *value;
  }

  uint64_t visit(std::string_view from, uint64_t rows) override {
    if (!cursor_) cursor_.emplace(bucket_->cursor());
    uint64_t sum = 0;
    for (bool on = cursor_->seek(from); on && rows > 0; on = --rows > 0 && cursor_->next()) {
      sum += touch(cursor_->key(), cursor_->value());
    }
    take(cursor_->status());
    return sum;
  }

 private:
  const Database& database_;
  std::optional<Snapshot> snapshot_;
  std::optional<BucketView> bucket_;
  std::optional<Cursor> cursor_;
};

class Holdfast : public Engine {
 public:
  explicit Holdfast(const std::string& directory) : database_(take(Database::open(directory + "/db", options()))) {}

  std::unique_ptr<Reader> reader() override { return std::make_unique<HoldfastReader>(database_); }

  void put(std::span<const Row> rows) override {
    if (rows.size() == 1) {
      take(database_.put(kBucket, rows[0].key, rows[0].value));
      return;
    }
    take(database_.exec(kBucket, [&](Bucket& bucket) -> Result<void> {
      for (const Row& row : rows) HOLDFAST_TRY(bucket.put(row.key, row.value));
      return {};
    }));
  }
  bool takes_concurrent_puts() const override { return true; }
  bool put_deferred(const Row& row) override {
    take(database_.put(kBucket, row.key, row.value, Durability::kDeferred));
    return true;
  }

  void load_sorted(std::span<const Row> rows) override { put(rows); }

 private:
  static Options options() {
    Options options;
    options.cache_bytes = kCacheBytes;
    return options;
  }
  Database database_;
};

}  // namespace

std::unique_ptr<Engine> open_holdfast(const std::string& directory) { return std::make_unique<Holdfast>(directory); }

}  // namespace holdfast::bench
