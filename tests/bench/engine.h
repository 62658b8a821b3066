// What a benchmark asks of an engine, so that all of them do the same work.
//
// Threads: an Engine's reader() may be called from several threads; a Reader belongs to one. Writes: one thread, unless
// takes_concurrent_puts().
// Nothing here can fail: an engine that cannot do its work ends the program with a message (bench_check).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::bench {

struct Row {
  std::string_view key;
  std::string_view value;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Ends the snapshot and takes a new one, as a transaction of its own would.
  virtual void refresh() = 0;
  // The value, for as long as the next call leaves it. Ends the program if the key is not there.
  virtual std::string_view get(std::string_view key) = 0;
  // Visits at most `rows` rows from the first key >= `from` on; returns a sum that depends on every key and value.
  virtual uint64_t visit(std::string_view from, uint64_t rows) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;  // closes
  virtual std::unique_ptr<Reader> reader() = 0;
  // One durable commit.
  virtual void put(std::span<const Row> rows) = 0;
  // Whether put() may be called from several threads at once.
  virtual bool takes_concurrent_puts() const { return false; }
  // One commit that is durable later. False: this engine has none.
  virtual bool put_deferred(const Row& /*row*/) { return false; }
  // Rows in key order into an empty engine, by the fastest way that it has; durable at the end.
  virtual void load_sorted(std::span<const Row> rows) = 0;
  // Finishes work that the engine put off (compactions), so that reads are measured at rest.
  virtual void settle() {}
};

// Opens an engine in a directory that is there, and creates it if the directory is empty.
using OpenEngine = std::unique_ptr<Engine> (*)(const std::string& directory);

struct EngineKind {
  std::string name;
  OpenEngine open;
};

std::unique_ptr<Engine> open_raw(const std::string& directory);
std::unique_ptr<Engine> open_holdfast(const std::string& directory);
std::unique_ptr<Engine> open_lmdb(const std::string& directory);
std::unique_ptr<Engine> open_rocksdb(const std::string& directory);
std::unique_ptr<Engine> open_leveldb(const std::string& directory);
std::unique_ptr<Engine> open_sqlite(const std::string& directory);
std::unique_ptr<Engine> open_wiredtiger(const std::string& directory);

// Memory that each engine may use as its cache: more than the data.
constexpr uint64_t kCacheBytes = uint64_t{1} << 30;

// What visit() does with each row.
inline uint64_t touch(std::string_view key, std::string_view value) {
  return static_cast<unsigned char>(key.back()) + static_cast<uint64_t>(static_cast<unsigned char>(value.back()));
}

[[noreturn]] void stop(const std::string& what);
inline void bench_check(bool good, std::string_view what) {
  if (!good) [[unlikely]] {
    stop(std::string(what));
  }
}

}  // namespace holdfast::bench
