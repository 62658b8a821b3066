// WiredTiger: one table with raw keys and values, logging with a sync per commit, cache larger than the data.
#include <wiredtiger.h>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

constexpr const char* kTable = "table:rows";

void check(int code) { bench_check(code == 0, std::string("wiredtiger: ") + wiredtiger_strerror(code)); }

WT_ITEM to_item(std::string_view bytes) {
  WT_ITEM item = {};
  item.data = bytes.data();
  item.size = bytes.size();
  return item;
}
std::string_view to_view(const WT_ITEM& item) { return {static_cast<const char*>(item.data), item.size}; }

class Session {
 public:
  explicit Session(WT_CONNECTION* connection, const char* cursor_options = nullptr) {
    check(connection->open_session(connection, nullptr, nullptr, &session_));
    check(session_->create(session_, kTable, "key_format=u,value_format=u"));
    check(session_->open_cursor(session_, kTable, nullptr, cursor_options, &cursor_));
  }
  ~Session() { session_->close(session_, nullptr); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void begin(const char* options) { check(session_->begin_transaction(session_, options)); }
  void commit() { check(session_->commit_transaction(session_, nullptr)); }
  void rollback() { check(session_->rollback_transaction(session_, nullptr)); }
  void checkpoint() { check(session_->checkpoint(session_, nullptr)); }
  WT_CURSOR* cursor() { return cursor_; }

 private:
  WT_SESSION* session_ = nullptr;
  WT_CURSOR* cursor_ = nullptr;
};

class WiredtigerReader : public Reader {
 public:
  explicit WiredtigerReader(WT_CONNECTION* connection) : session_(connection) { session_.begin("isolation=snapshot"); }
  ~WiredtigerReader() override { session_.rollback(); }
  void refresh() override {
    session_.rollback();
    session_.begin("isolation=snapshot");
  }
  std::string_view get(std::string_view key) override {
    WT_CURSOR* cursor = session_.cursor();
    const WT_ITEM wanted = to_item(key);
    cursor->set_key(cursor, &wanted);
    check(cursor->search(cursor));
    WT_ITEM value;
    check(cursor->get_value(cursor, &value));
    return to_view(value);
  }
  uint64_t visit(std::string_view from, uint64_t rows) override {
    WT_CURSOR* cursor = session_.cursor();
    int code = 0;
    if (from.empty()) {
      check(cursor->reset(cursor));
      code = cursor->next(cursor);
    } else {
      const WT_ITEM wanted = to_item(from);
      cursor->set_key(cursor, &wanted);
      int direction = 0;
      code = cursor->search_near(cursor, &direction);
      if (code == 0 && direction < 0) code = cursor->next(cursor);
    }
    uint64_t sum = 0;
    for (; code == 0 && rows > 0; code = --rows > 0 ? cursor->next(cursor) : WT_NOTFOUND) {
      WT_ITEM key, value;
      check(cursor->get_key(cursor, &key));
      check(cursor->get_value(cursor, &value));
      sum += touch(to_view(key), to_view(value));
    }
    return sum;
  }

 private:
  Session session_;
};

class Wiredtiger : public Engine {
 public:
  explicit Wiredtiger(const std::string& directory) {
    check(wiredtiger_open(directory.c_str(), nullptr,
                          "create,cache_size=1GB,log=(enabled=true),transaction_sync=(enabled=true,method=fsync)",
                          &connection_));
    session_ = std::make_unique<Session>(connection_);
  }
  ~Wiredtiger() override {
    session_.reset();
    connection_->close(connection_, nullptr);
  }
  Wiredtiger(const Wiredtiger&) = delete;
  Wiredtiger& operator=(const Wiredtiger&) = delete;

  std::unique_ptr<Reader> reader() override { return std::make_unique<WiredtigerReader>(connection_); }

  void put(std::span<const Row> rows) override {
    session_->begin(nullptr);
    for (const Row& row : rows) insert(*session_, row);
    session_->commit();
  }

  void load_sorted(std::span<const Row> rows) override {
    session_.reset();  // a bulk cursor wants the table for itself
    {
      Session bulk(connection_, "bulk");
      for (const Row& row : rows) insert(bulk, row);
    }
    session_ = std::make_unique<Session>(connection_);
    session_->checkpoint();
  }
  void settle() override { session_->checkpoint(); }

 private:
  static void insert(Session& session, const Row& row) {
    WT_CURSOR* cursor = session.cursor();
    const WT_ITEM key = to_item(row.key), value = to_item(row.value);
    cursor->set_key(cursor, &key);
    cursor->set_value(cursor, &value);
    check(cursor->insert(cursor));
  }
  WT_CONNECTION* connection_ = nullptr;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<Engine> open_wiredtiger(const std::string& directory) {
  return std::make_unique<Wiredtiger>(directory);
}

}  // namespace holdfast::bench
