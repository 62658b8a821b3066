// LMDB with its defaults: 4 KiB pages, synchronous commits, reads straight from the map.
#include <lmdb.h>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

constexpr uint64_t kMapBytes = uint64_t{16} << 30;

void check(int code) { bench_check(code == 0, std::string("lmdb: ") + mdb_strerror(code)); }

MDB_val to_val(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view to_view(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

class LmdbReader : public Reader {
 public:
  LmdbReader(MDB_env* env, MDB_dbi dbi) : dbi_(dbi) {
    check(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn_));
    check(mdb_cursor_open(txn_, dbi_, &cursor_));
  }
  ~LmdbReader() override {
    mdb_cursor_close(cursor_);
    mdb_txn_abort(txn_);
  }
  LmdbReader(const LmdbReader&) = delete;
  LmdbReader& operator=(const LmdbReader&) = delete;

  void refresh() override {
    mdb_txn_reset(txn_);
    check(mdb_txn_renew(txn_));
  }
  std::string_view get(std::string_view key) override {
    MDB_val wanted = to_val(key), value;
    check(mdb_get(txn_, dbi_, &wanted, &value));
    return to_view(value);
  }
  uint64_t visit(std::string_view from, uint64_t rows) override {
    uint64_t sum = 0;
    MDB_val key = to_val(from), value;
    for (int code = mdb_cursor_get(cursor_, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
         code == 0 && rows > 0; code = --rows > 0 ? mdb_cursor_get(cursor_, &key, &value, MDB_NEXT) : MDB_NOTFOUND) {
      sum += touch(to_view(key), to_view(value));
    }
    return sum;
  }

 private:
  MDB_dbi dbi_;
  MDB_txn* txn_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

class Lmdb : public Engine {
 public:
  explicit Lmdb(const std::string& directory) {
    check(mdb_env_create(&env_));
    check(mdb_env_set_mapsize(env_, kMapBytes));
    check(mdb_env_open(env_, directory.c_str(), MDB_NOTLS, 0600));
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    check(mdb_dbi_open(txn, nullptr, 0, &dbi_));
    check(mdb_txn_commit(txn));
  }
  ~Lmdb() override { mdb_env_close(env_); }
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;

  std::unique_ptr<Reader> reader() override { return std::make_unique<LmdbReader>(env_, dbi_); }
  void put(std::span<const Row> rows) override { write(rows, 0); }
  bool takes_concurrent_puts() const override { return true; }
  void load_sorted(std::span<const Row> rows) override { write(rows, MDB_APPEND); }

 private:
  void write(std::span<const Row> rows, unsigned flags) {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    for (const Row& row : rows) {
      MDB_val key = to_val(row.key), value = to_val(row.value);
      check(mdb_put(txn, dbi_, &key, &value, flags));
    }
    check(mdb_txn_commit(txn));
  }
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

std::unique_ptr<Engine> open_lmdb(const std::string& directory) { return std::make_unique<Lmdb>(directory); }

}  // namespace holdfast::bench
