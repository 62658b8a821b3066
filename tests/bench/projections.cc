// Projections: reads of a table beside reads of a plain bucket with the same rows, space, pruning, following, and
// opening after a kill with events that were not applied.
#include "tests/bench/projections.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <holdfast/holdfast.hpp>

#include "tests/bench/engine.h"

namespace holdfast::bench {
namespace {

constexpr uint64_t kRowsPerPosition = 10'000;
constexpr size_t kValueBytes = 100;
constexpr uint64_t kVersionsPerKey = 10;
constexpr uint64_t kEvents = 1'000'000;
constexpr uint64_t kGets = 1'000'000;

double seconds_of(const auto& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Options options() {
  Options options;
  options.cache_bytes = uint64_t{4} << 30;
  return options;
}

Database open_empty(const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  return Database::open(directory, options()).value();
}

std::string key_of(uint64_t number) { return fmt::format("{:016}", number); }

// Every key gets a new value in turn, at random places, so many positions for each round.
void apply_all(Projection& projection, uint64_t keys) {
  uint64_t position = 0;
  for (uint64_t version = 0; version < kVersionsPerKey; ++version) {
    for (uint64_t at = 0; at < keys; at += kRowsPerPosition) {
      WriteBatch batch(++position);
      for (uint64_t row = at; row < at + kRowsPerPosition; ++row) {
        batch.put("rows", key_of(row * 7'919'777 % keys), std::string(kValueBytes, static_cast<char>('a' + version)));
      }
      bench_check(projection.apply(batch, Durability::kDeferred).has_value(), "holdfast: apply");
    }
  }
}

void measure_tables(Table& table, const std::string& directory, uint64_t keys) {
  Database database = open_empty(directory);
  Projection projection = database.projection("p");
  const auto versions = static_cast<double>(keys * kVersionsPerKey);
  table.add("projection: apply, per row, batches of 10,000", "holdfast",
            seconds_of([&] { apply_all(projection, keys); }) / versions * 1e9);
  // The same rows in a plain bucket.
  for (uint64_t at = 0; at < keys; at += kRowsPerPosition) {
    const auto put = [&](Bucket& bucket) -> Result<void> {
      for (uint64_t row = at; row < at + kRowsPerPosition; ++row) {
        HOLDFAST_TRY(bucket.put(key_of(row * 7'919'777 % keys), std::string(kValueBytes, 'j')));
      }
      return {};
    };
    bench_check(database.exec("rows", put).has_value(), "holdfast: put");
  }
  bench_check(database.checkpoint().has_value(), "holdfast: checkpoint");
  const Snapshot snapshot = database.snapshot();
  const TableView rows = snapshot.projection("p").table("rows");
  const BucketView bucket = snapshot.bucket("rows");
  const uint64_t newest = snapshot.projection("p").applied_position().value();
  const auto per_get = [&](const auto& get) {
    return seconds_of([&] {
             for (uint64_t i = 0; i < kGets; ++i) get(key_of(i * 104'729 % keys), i);
           }) /
           static_cast<double>(kGets) * 1e9;
  };
  std::string value;
  const auto plain = [&](const std::string& key, uint64_t) { bench_check(*bucket.get(key, value), "no row"); };
  const auto current = [&](const std::string& key, uint64_t) { bench_check(*rows.get(key, value), "no row"); };
  const auto at_newest = [&](const std::string& key, uint64_t) {
    bench_check(*rows.get_at(key, newest, value), "no row");
  };
  const auto at_any = [&](const std::string& key, uint64_t i) {
    bench_check(rows.get_at(key, 1 + i * 7'919 % newest, value).has_value(), "get_at");
  };
  per_get(plain);  // everything into the cache
  per_get(at_any);
  table.add("get of a plain bucket, 10 versions beside it", "holdfast", per_get(plain));
  table.add("projection: get", "holdfast", per_get(current));
  table.add("projection: get_at the newest position", "holdfast", per_get(at_newest));
  table.add("projection: get_at any position", "holdfast", per_get(at_any));
  table.add("projection: scan, per row", "holdfast",
            seconds_of([&] {
              for (const TableRow& row : rows.scan()) benchmark::DoNotOptimize(row.value.data());
            }) / static_cast<double>(keys) *
                1e9);
  table.add("projection: scan_at the middle, per row", "holdfast",
            seconds_of([&] {
              for (const TableRow& row : rows.scan_at(newest / 2)) benchmark::DoNotOptimize(row.value.data());
            }) / static_cast<double>(keys) *
                1e9);
}

double used_bytes(Database& database) {
  const Stats stats = database.stats().value();
  return static_cast<double>(stats.page_count - stats.free_pages) * stats.page_bytes;
}

void measure_pruning(Table& table, const std::string& directory, uint64_t keys) {
  Database database = Database::open(directory, options()).value();
  Projection projection = database.projection("p");
  const auto versions = static_cast<double>(keys * kVersionsPerKey);
  const double plain = static_cast<double>(keys) * (kValueBytes + 16) * 1.45;  // about what the bucket beside it takes
  table.add("projection: bytes per version of 116 B (10 a key)", "holdfast", (used_bytes(database) - plain) / versions);
  const uint64_t newest = projection.applied_position().value();
  uint64_t dropped = 0;
  const double seconds = seconds_of([&] { dropped = projection.prune(newest).value().versions; });
  table.add("projection: prune, per version", "holdfast", seconds / static_cast<double>(dropped) * 1e9);
  for (int twice = 0; twice < 2; ++twice) bench_check(database.checkpoint().has_value(), "holdfast: checkpoint");
  table.add("projection: bytes per key after that", "holdfast",
            (used_bytes(database) - plain) / static_cast<double>(keys));
}

Result<void> reduce(const StreamRecord& event, WriteBatch& batch) {
  batch.put("rows", std::string_view(event.payload).substr(0, 16), event.payload);
  return {};
}

void append_events(Database& database) {
  Stream stream = database.stream("events");
  for (uint64_t at = 0; at < kEvents; at += 1'000) {
    std::vector<std::string> events;
    for (uint64_t row = at; row < at + 1'000; ++row) {
      events.push_back(key_of(row * 7'919'777 % 100'000) + std::string(84, 'e'));
    }
    const std::vector<std::string_view> views(events.begin(), events.end());
    bench_check(stream.append_batch(views, std::nullopt, Codec::kNone, Durability::kDeferred).has_value(), "append");
  }
}

void measure_following(Table& table, const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const pid_t child = ::fork();
  bench_check(child >= 0, "cannot fork");
  if (child == 0) {
    Database database = open_empty(directory);
    append_events(database);
    bench_check(database.checkpoint().has_value(), "holdfast: checkpoint");
    ::_exit(0);
  }
  int status = 0;
  bench_check(::waitpid(child, &status, 0) == child && status == 0, "holdfast: the child failed");
  std::optional<Database> opened;
  table.add("open after a kill, 1 M events not applied", "holdfast",
            seconds_of([&] { opened.emplace(Database::open(directory, options()).value()); }) * 1e9);
  Database& database = *opened;
  const double seconds =
      seconds_of([&] { bench_check(database.projection("p").follow("events", reduce).has_value(), "follow"); });
  table.add("projection: follow, events of 100 B per second", "holdfast", static_cast<double>(kEvents) / seconds);
}

}  // namespace

void measure_projections(Table& table, const std::string& directory, uint64_t keys) {
  keys = std::max(keys / kRowsPerPosition, uint64_t{1}) * kRowsPerPosition;
  measure_tables(table, directory + "/tables", keys);
  measure_pruning(table, directory + "/tables", keys);
  measure_following(table, directory + "/following");
}

}  // namespace holdfast::bench
