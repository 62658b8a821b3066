// holdfast-bench: the same work on every engine that is installed, interleaved in one run, in one table.
//
// Reads work on one database per engine, loaded once; writes start from an empty directory each time. Nothing here
// judges a time.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tests/bench/engine.h"
#include "tests/bench/projections.h"
#include "tests/bench/rows.h"
#include "tests/bench/streams.h"
#include "tests/bench/table.h"

namespace holdfast::bench {

void stop(const std::string& what) {
  fmt::print(stderr, "holdfast-bench: {}\n", what);
  std::exit(1);
}

namespace {

constexpr uint64_t kPrepareBatchRows = 50'000;
constexpr uint64_t kRangeRows = 100;
constexpr uint64_t kDurableBatchRows = 1'000;
constexpr int kSinglePuts = 1'000;
constexpr int kConcurrentPuts = 6'400;
constexpr int kDeferredPuts = 100'000;
constexpr uint64_t kYcsbThreads = 4;
constexpr const char* kBytesWork = "bytes written per durable single put";
constexpr uint64_t kLookupStride = 7'919;  // keeps two threads on different keys

struct Settings {
  std::string directory = "build/bench-data";
  uint64_t rows = 1'000'000;
  uint64_t durable_rows = 100'000;
  std::vector<std::string> engines;
  std::string filter = ".";
  int repetitions = 3;
  double seconds = 0.3;
};

std::vector<EngineKind> installed_engines() {
  std::vector<EngineKind> kinds = {{"raw", open_raw}, {"holdfast", open_holdfast}};
#ifdef HOLDFAST_BENCH_LMDB
  kinds.push_back({"lmdb", open_lmdb});
#endif
#ifdef HOLDFAST_BENCH_WIREDTIGER
  kinds.push_back({"wiredtiger", open_wiredtiger});
#endif
#ifdef HOLDFAST_BENCH_LEVELDB
  kinds.push_back({"leveldb", open_leveldb});
#endif
#ifdef HOLDFAST_BENCH_ROCKSDB
  kinds.push_back({"rocksdb", open_rocksdb});
#endif
#ifdef HOLDFAST_BENCH_SQLITE
  kinds.push_back({"sqlite", open_sqlite});
#endif
  return kinds;
}

std::string empty_directory(const Settings& settings, const std::string& engine, const std::string& purpose) {
  const std::filesystem::path path = std::filesystem::path(settings.directory) / engine / purpose;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path.string();
}

// Bytes of disk that a directory takes.
uint64_t bytes_on_disk(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

// Bytes that this process gave to write calls so far, by any thread and to any file; 0 where the system does not tell.
uint64_t bytes_given_to_writes() {
  std::ifstream counters("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (counters >> name >> value) {
    if (name == "wchar:") return value;
  }
  return 0;
}

class Bench {
 public:
  Bench(const Settings& settings, std::vector<EngineKind> kinds)
      : settings_(settings), kinds_(std::move(kinds)), rows_(settings.rows), table_(names()) {}

  void run() {
    add_reads();
    fmt::print(stderr, "reads\n");
    benchmark::RunSpecifiedBenchmarks(&table_, settings_.filter);
    benchmark::ClearRegisteredBenchmarks();
    prepared_.clear();
    add_writes();
    fmt::print(stderr, "writes\n");
    benchmark::RunSpecifiedBenchmarks(&table_, settings_.filter);
    const uint64_t payload = std::min(settings_.durable_rows, rows_.count()) * kRowBytes;
    for (const auto& [engine, bytes] : space_) {
      table_.add("space after random load, file / payload", engine,
                 static_cast<double>(bytes) / static_cast<double>(payload));
    }
    if (has("holdfast") && (settings_.filter == "." || settings_.filter == "streams")) {
      fmt::print(stderr, "streams, replay\n");
      measure_streams(table_, settings_.directory + "/streams", settings_.repetitions);
      measure_replay(table_, settings_.directory + "/replay", settings_.repetitions);
    }
    if (has("holdfast") && (settings_.filter == "." || settings_.filter == "projections")) {
      fmt::print(stderr, "projections\n");
      measure_projections(table_, settings_.directory + "/projections", settings_.rows);
    }
    table_.print();
  }

 private:
  bool has(const std::string& name) const {
    return std::ranges::any_of(kinds_, [&](const EngineKind& kind) { return kind.name == name; });
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const EngineKind& kind : kinds_) names.push_back(kind.name);
    return names;
  }

  // The engine with all rows, loaded in random order, opened again, and read once.
  Engine& prepared(const EngineKind& kind) {
    const std::lock_guard lock(prepare_);
    std::unique_ptr<Engine>& engine = prepared_[kind.name];
    if (engine) return *engine;
    fmt::print(stderr, "preparing {}\n", kind.name);
    const std::string directory = empty_directory(settings_, kind.name, "reads");
    engine = kind.open(directory);
    for (uint64_t at = 0; at < rows_.count(); at += kPrepareBatchRows)
      engine->put(slice(rows_.random(), at, kPrepareBatchRows));
    engine->settle();
    if (kind.name != "raw") {
      engine.reset();
      engine = kind.open(directory);
    }
    const std::unique_ptr<Reader> reader = engine->reader();
    for (uint64_t i = 0; i < rows_.count(); ++i) benchmark::DoNotOptimize(reader->get(rows_.lookup(i)).back());
    return *engine;
  }

  static std::span<const Row> slice(const std::vector<Row>& rows, uint64_t at, uint64_t count) {
    return std::span(rows).subspan(at, std::min(count, rows.size() - at));
  }

  using ReadBody = std::function<void(benchmark::State&, Engine&)>;

  void add_read(const std::string& work, int threads, const ReadBody& body) {
    table_.announce(work);
    for (const EngineKind& kind : kinds_) {
      const auto run = [this, kind, body, threads](benchmark::State& state) {
        body(state, prepared(kind));
        if (threads == 1) state.counters["cpu"] = 1;
      };
      benchmark::RegisterBenchmark((work + "/" + kind.name).c_str(), run)
          ->Threads(threads)
          ->UseRealTime()
          ->MinTime(settings_.seconds)
          ->Repetitions(settings_.repetitions);
    }
  }

  void add_reads() {
    const ReadBody get_in_snapshot = [this](benchmark::State& state, Engine& engine) {
      const std::unique_ptr<Reader> reader = engine.reader();
      uint64_t at = static_cast<uint64_t>(state.thread_index()) * kLookupStride;
      for (auto _ : state) benchmark::DoNotOptimize(reader->get(rows_.lookup(at++)).back());
    };
    const ReadBody get_in_transaction = [this](benchmark::State& state, Engine& engine) {
      const std::unique_ptr<Reader> reader = engine.reader();
      uint64_t at = static_cast<uint64_t>(state.thread_index()) * kLookupStride;
      for (auto _ : state) {
        reader->refresh();
        benchmark::DoNotOptimize(reader->get(rows_.lookup(at++)).back());
      }
    };
    add_read("get, one snapshot, 1 thread (cpu)", 1, get_in_snapshot);
    add_read("get, one snapshot, 2 threads (wall)", 2, get_in_snapshot);
    add_read("get, a transaction each, 1 thread (cpu)", 1, get_in_transaction);
    add_read("get, a transaction each, 2 threads (wall)", 2, get_in_transaction);
    add_read("full scan, per row (cpu)", 1, [this](benchmark::State& state, Engine& engine) {
      const std::unique_ptr<Reader> reader = engine.reader();
      for (auto _ : state) benchmark::DoNotOptimize(reader->visit({}, rows_.count()));
      state.counters["ops"] = static_cast<double>(rows_.count());
    });
    add_read("range of 100 from a random start (cpu)", 1, [this](benchmark::State& state, Engine& engine) {
      const std::unique_ptr<Reader> reader = engine.reader();
      uint64_t at = 0;
      for (auto _ : state) benchmark::DoNotOptimize(reader->visit(rows_.lookup(at++), kRangeRows));
    });
  }

  // A write benchmark measures `body` on a new, empty engine; opening and closing are not measured.
  using WriteBody = std::function<void(Engine&)>;

  void add_write(const std::string& work, uint64_t ops, const WriteBody& body) {
    table_.announce(work);
    for (const EngineKind& kind : kinds_) {
      const auto run = [this, kind, work, ops, body](benchmark::State& state) {
        for (auto _ : state) {
          const std::string directory = empty_directory(settings_, kind.name, "writes");
          sync();  // what earlier work left in the page cache is not this engine's to write
          std::unique_ptr<Engine> engine = kind.open(directory);
          const auto start = std::chrono::steady_clock::now();
          body(*engine);
          state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
          engine.reset();
          if (work.starts_with("random load")) space_[kind.name] = bytes_on_disk(directory);
        }
        state.counters["ops"] = static_cast<double>(ops);
      };
      benchmark::RegisterBenchmark((work + "/" + kind.name).c_str(), run)
          ->UseManualTime()
          ->Iterations(1)
          ->Repetitions(settings_.repetitions);
    }
  }

  void add_single_puts() {
    table_.announce("durable single put");
    table_.announce(kBytesWork);
    for (const EngineKind& kind : kinds_) {
      const auto run = [this, kind](benchmark::State& state) {
        const std::string directory = empty_directory(settings_, kind.name, "writes");
        const std::unique_ptr<Engine> engine = kind.open(directory);
        engine->put(slice(rows_.random(), 0, settings_.durable_rows));
        sync();
        uint64_t at = 0;
        const uint64_t before = bytes_given_to_writes();
        for (auto _ : state) engine->put(slice(rows_.random(), at++ % settings_.durable_rows, 1));
        const uint64_t bytes = bytes_given_to_writes() - before;
        if (bytes > 0 && kind.name != "raw")
          table_.add(kBytesWork, kind.name, static_cast<double>(bytes) / kSinglePuts);
      };
      benchmark::RegisterBenchmark(("durable single put/" + kind.name).c_str(), run)
          ->UseRealTime()
          ->Iterations(kSinglePuts)
          ->Repetitions(settings_.repetitions);
    }
  }

  void add_writes() {
    add_write("sorted bulk load, per row", rows_.count(),
              [this](Engine& engine) { engine.load_sorted(rows_.sorted()); });
    const uint64_t durable_rows = std::min(settings_.durable_rows, rows_.count());
    add_write("random load, durable batches of 1,000", durable_rows, [this, durable_rows](Engine& engine) {
      for (uint64_t at = 0; at < durable_rows; at += kDurableBatchRows) {
        engine.put(slice(rows_.random(), at, std::min(kDurableBatchRows, durable_rows - at)));
      }
    });
    add_single_puts();
    for (const int threads : {4, 16, 64}) add_concurrent_puts(threads);
    add_deferred_puts();
    add_ycsb_a();
  }

  // Durable puts of one row by several threads: time per commit on the wall, and the latencies that a thread sees.
  void add_concurrent_puts(int threads) {
    const std::string work = fmt::format("durable single put, {} threads", threads);
    for (const char* const more : {"", ", p50", ", p99"}) table_.announce(work + more);
    for (const EngineKind& kind : kinds_) {
      const auto run = [this, kind, work, threads](benchmark::State& state) {
        const std::unique_ptr<Engine> engine = kind.open(empty_directory(settings_, kind.name, "writes"));
        if (!engine->takes_concurrent_puts()) return state.SkipWithError("one thread at a time");
        for (auto _ : state) {
          const auto start = std::chrono::steady_clock::now();
          const std::vector<double> latencies = put_from_threads(*engine, threads);
          state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
          table_.add(work + ", p50", kind.name, latencies[latencies.size() / 2]);
          table_.add(work + ", p99", kind.name, latencies[latencies.size() * 99 / 100]);
        }
        state.counters["ops"] = kConcurrentPuts;
      };
      benchmark::RegisterBenchmark((work + "/" + kind.name).c_str(), run)
          ->UseManualTime()
          ->Iterations(1)
          ->Repetitions(settings_.repetitions);
    }
  }

  // Nanoseconds of each put, sorted.
  std::vector<double> put_from_threads(Engine& engine, int threads) {
    std::vector<std::vector<double>> each(static_cast<size_t>(threads));
    std::vector<std::thread> running;
    const auto body = [&](size_t number) {
      const uint64_t share = static_cast<uint64_t>(kConcurrentPuts / threads);
      for (uint64_t at = number * share; at < (number + 1) * share; ++at) {
        const auto start = std::chrono::steady_clock::now();
        engine.put(slice(rows_.random(), at % rows_.count(), 1));
        each[number].push_back(
            std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
      }
    };
    for (size_t number = 0; number < each.size(); ++number) running.emplace_back(body, number);
    for (std::thread& thread : running) thread.join();
    std::vector<double> all;
    for (const std::vector<double>& one : each) all.insert(all.end(), one.begin(), one.end());
    std::sort(all.begin(), all.end());
    return all;
  }

  // YCSB workload A: half reads, half durable updates, of keys whose popularity is Zipf's (0.99), from four threads.
  void add_ycsb_a() {
    const std::string work = "YCSB-A, 4 threads, durable updates";
    table_.announce(work);
    for (const EngineKind& kind : kinds_) {
      const auto run = [this, kind](benchmark::State& state) {
        const std::unique_ptr<Engine> engine = kind.open(empty_directory(settings_, kind.name, "writes"));
        if (!engine->takes_concurrent_puts()) return state.SkipWithError("one thread at a time");
        const uint64_t rows = std::min(settings_.durable_rows, rows_.count());
        engine->put(slice(rows_.random(), 0, rows));
        const std::vector<double> popularity = zipf_sums(rows);
        for (auto _ : state) {
          const auto start = std::chrono::steady_clock::now();
          std::vector<std::thread> running;
          for (uint64_t number = 0; number < kYcsbThreads; ++number) {
            running.emplace_back([&, number] { run_ycsb_a(*engine, popularity, number); });
          }
          for (std::thread& thread : running) thread.join();
          state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        }
        state.counters["ops"] = kConcurrentPuts;
      };
      benchmark::RegisterBenchmark((work + "/" + kind.name).c_str(), run)
          ->UseManualTime()
          ->Iterations(1)
          ->Repetitions(settings_.repetitions);
    }
  }

  static std::vector<double> zipf_sums(uint64_t rows) {
    std::vector<double> sums;
    double sum = 0;
    for (uint64_t rank = 1; rank <= rows; ++rank) {
      sum += 1 / std::pow(static_cast<double>(rank), 0.99);
      sums.push_back(sum);
    }
    return sums;
  }

  void run_ycsb_a(Engine& engine, const std::vector<double>& popularity, uint64_t number) {
    const std::unique_ptr<Reader> reader = engine.reader();
    std::mt19937_64 random(number);
    std::uniform_real_distribution<double> draw(0, popularity.back());
    for (uint64_t left = kConcurrentPuts / kYcsbThreads; left > 0; --left) {
      const auto rank = std::lower_bound(popularity.begin(), popularity.end(), draw(random)) - popularity.begin();
      const std::span<const Row> row = slice(rows_.random(), static_cast<uint64_t>(rank), 1);
      if (random() % 2 == 0) {
        reader->refresh();
        benchmark::DoNotOptimize(reader->get(row[0].key).back());
      } else {
        engine.put(row);
      }
    }
  }

  // By one thread, into an engine that holds rows already.
  void add_deferred_puts() {
    const std::string work = "deferred single put";
    table_.announce(work);
    for (const EngineKind& kind : kinds_) {
      const auto run = [this, kind](benchmark::State& state) {
        const std::unique_ptr<Engine> engine = kind.open(empty_directory(settings_, kind.name, "writes"));
        engine->put(slice(rows_.random(), 0, settings_.durable_rows));
        uint64_t at = 0;
        for (auto _ : state) {
          if (!engine->put_deferred(rows_.random()[at++ % settings_.durable_rows])) {
            return state.SkipWithError("no deferred commits");
          }
        }
      };
      benchmark::RegisterBenchmark((work + "/" + kind.name).c_str(), run)
          ->UseRealTime()
          ->Iterations(kDeferredPuts)
          ->Repetitions(settings_.repetitions);
    }
  }

  const Settings& settings_;
  std::vector<EngineKind> kinds_;
  Rows rows_;
  Table table_;
  std::mutex prepare_;
  std::map<std::string, std::unique_ptr<Engine>> prepared_;
  std::map<std::string, uint64_t> space_;
};

int run(int argc, char** argv) {
  Settings settings;
  CLI::App app("holdfast-bench: Holdfast beside other engines, in one table.\nFurther options: --benchmark_*",
               "holdfast-bench");
  app.allow_extras();
  app.add_option("--rows", settings.rows, "Rows of the read benchmarks and the sorted load")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--durable-rows", settings.durable_rows, "Rows of the durable loads")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--engines", settings.engines, "Only these, separated by commas")->delimiter(',');
  app.add_option(
      "--filter", settings.filter,
      "Only work/engine that match this regular expression; \"streams\": streams and replay; \"projections\": these");
  app.add_option("--repetitions", settings.repetitions, "Measurements of each; the median counts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seconds", settings.seconds, "Least time of one measurement of a read")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--directory", settings.directory, "Where the databases live; removed afterwards")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  std::vector<EngineKind> kinds = installed_engines();
  for (const std::string& name : settings.engines) {
    bench_check(std::any_of(kinds.begin(), kinds.end(), [&](const EngineKind& kind) { return kind.name == name; }),
                "no engine \"" + name + "\" in this build");
  }
  if (!settings.engines.empty()) {
    std::erase_if(kinds, [&](const EngineKind& kind) {
      return std::find(settings.engines.begin(), settings.engines.end(), kind.name) == settings.engines.end();
    });
  }

  std::vector<std::string> words = {argv[0], "--benchmark_enable_random_interleaving=true"};
  for (const std::string& extra : app.remaining()) words.push_back(extra);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

  Bench(settings, std::move(kinds)).run();
  std::filesystem::remove_all(settings.directory);
  return 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) { return holdfast::bench::run(argc, argv); }
