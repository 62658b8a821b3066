// Replay: a child fills the log and ends without a word; then the database is opened.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <holdfast/holdfast.hpp>

#include "tests/bench/engine.h"
#include "tests/bench/streams.h"

namespace holdfast::bench {
namespace {

constexpr uint64_t kPayloadBytes = uint64_t{64} << 20;
constexpr uint64_t kKeys = 1'000'000;

Options options() {
  Options options;
  options.cache_bytes = uint64_t{1} << 30;
  options.checkpoint_wal_bytes = uint64_t{4} << 30;  // everything stays in the log
  return options;
}

[[noreturn]] void fill_and_end(const std::string& directory, size_t value_bytes) {
  Database database = Database::open(directory, options()).value();
  const std::string value(value_bytes, 'v');
  Csn last{};
  for (uint64_t at = 0; at < kPayloadBytes / value_bytes; ++at) {
    const std::string key = fmt::format("{:016}", at * 7'919'777 % kKeys);
    last = database.put("rows", key, value, Durability::kDeferred).value().csn;
  }
  bench_check(database.wait_durable(last).has_value(), "holdfast: wait_durable");
  ::_exit(0);
}

}  // namespace

void measure_replay(Table& table, const std::string& directory, int repetitions) {
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    for (const size_t value_bytes : {size_t{100}, size_t{1000}}) {
      const std::string path = directory + "/holdfast";
      std::filesystem::remove_all(path);
      std::filesystem::create_directories(path);
      const pid_t child = ::fork();
      bench_check(child >= 0, "cannot fork");
      if (child == 0) fill_and_end(path, value_bytes);
      int status = 0;
      bench_check(::waitpid(child, &status, 0) == child && status == 0, "holdfast: the child failed");
      sync();
      const auto start = std::chrono::steady_clock::now();
      const Database database = Database::open(path, options()).value();
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      const auto bytes = static_cast<double>(database.stats().value().recovery.replayed_bytes);
      table.add(fmt::format("replay of the log at open, rows of {} B, MB/s", value_bytes), "holdfast",
                bytes / seconds / 1e6);
    }
  }
}

}  // namespace holdfast::bench
