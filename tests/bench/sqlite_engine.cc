// SQLite: one table WITHOUT ROWID, write-ahead log, every commit synced, cache larger than the data, statements
// prepared.
#include <mutex>
#include <vector>

#include <sqlite3.h>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) {
    bench_check(sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr) == SQLITE_OK, sqlite3_errmsg(db));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int index, std::string_view bytes) {
    sqlite3_bind_blob(statement_, index, bytes.data(), static_cast<int>(bytes.size()), nullptr);
  }
  void bind(int index, uint64_t number) { sqlite3_bind_int64(statement_, index, static_cast<sqlite3_int64>(number)); }
  bool step() {
    const int code = sqlite3_step(statement_);
    bench_check(code == SQLITE_ROW || code == SQLITE_DONE, sqlite3_errstr(code));
    return code == SQLITE_ROW;
  }
  std::string_view column(int index) {
    const void* at = sqlite3_column_blob(statement_, index);
    return {static_cast<const char*>(at), static_cast<size_t>(sqlite3_column_bytes(statement_, index))};
  }
  void reset() { sqlite3_reset(statement_); }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

class Connection {
 public:
  explicit Connection(const std::string& directory) {
    bench_check(sqlite3_open((directory + "/db").c_str(), &db_) == SQLITE_OK, "sqlite: open");
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1048576;");
    run("PRAGMA mmap_size = 17179869184; PRAGMA locking_mode = NORMAL;");
    run("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;");
  }
  ~Connection() { sqlite3_close_v2(db_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  void run(const char* sql) {
    bench_check(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sqlite3_errmsg(db_));
  }
  sqlite3* get() { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

class SqliteReader : public Reader {
 public:
  explicit SqliteReader(const std::string& directory)
      : connection_(directory),
        get_(connection_.get(), "SELECT value FROM rows WHERE key = ?"),
        visit_(connection_.get(), "SELECT key, value FROM rows WHERE key >= ? ORDER BY key LIMIT ?") {
    connection_.run("BEGIN");
  }
  void refresh() override {
    get_.reset();
    connection_.run("COMMIT");
    connection_.run("BEGIN");
  }
  std::string_view get(std::string_view key) override {
    get_.reset();
    get_.bind(1, key);
    bench_check(get_.step(), "sqlite: key is missing");
    return get_.column(0);
  }
  uint64_t visit(std::string_view from, uint64_t rows) override {
    visit_.reset();
    visit_.bind(1, from.empty() ? std::string_view("") : from);
    visit_.bind(2, rows);
    uint64_t sum = 0;
    while (visit_.step()) sum += touch(visit_.column(0), visit_.column(1));
    return sum;
  }

 private:
  Connection connection_;
  Statement get_, visit_;
};

class Sqlite : public Engine {
 public:
  explicit Sqlite(const std::string& directory)
      : directory_(directory),
        connection_(directory),
        put_(connection_.get(), "INSERT OR REPLACE INTO rows VALUES (?, ?)") {}

  std::unique_ptr<Reader> reader() override { return std::make_unique<SqliteReader>(directory_); }
  void put(std::span<const Row> rows) override {
    connection_.run("BEGIN IMMEDIATE");
    for (const Row& row : rows) {
      put_.bind(1, row.key);
      put_.bind(2, row.value);
      put_.step();
      put_.reset();
    }
    connection_.run("COMMIT");
  }
  void load_sorted(std::span<const Row> rows) override { put(rows); }
  void settle() override { connection_.run("PRAGMA wal_checkpoint(TRUNCATE)"); }

 private:
  std::string directory_;
  Connection connection_;
  Statement put_;
};

}  // namespace

std::unique_ptr<Engine> open_sqlite(const std::string& directory) { return std::make_unique<Sqlite>(directory); }

}  // namespace holdfast::bench
