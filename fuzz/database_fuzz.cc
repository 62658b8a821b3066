// Drives the public API against plain maps, lists of events, and lists of versions: every answer of the database must
// be the model's.
//
// Choices: a byte for the options, then operations. The database lives in memory, pages are small so that trees get
// deep, and so is the log, so that checkpoints are many: most of a run must not go into filling segments with zeros.
// Now and then the process is killed: a copy of its files goes on, and has everything that was said to be durable.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <holdfast/memory_env.h>
#include <holdfast/holdfast.hpp>

#include "base/check.h"
#include "fuzz/choices.h"
#include "fuzz/files.h"
#include "fuzz/stream_oracle.h"
#include "fuzz/table_oracle.h"

namespace {

using holdfast::Database;
using holdfast::fuzz::Choices;
using holdfast::fuzz::EventWrites;
using holdfast::fuzz::StreamOracle;
using holdfast::fuzz::TableOracle;
using Rows = std::map<std::string, std::string>;
using Model = std::map<std::string, Rows>;

constexpr const char* kPath = "database";

constexpr uint32_t kStepsMax = 400;
constexpr uint32_t kPausesMax = 6;  // to open it again, or check all of it: each costs as much as many transactions
constexpr uint32_t kTidiesMax = 8;  // upkeep of streams, tables and pins, which is a checkpoint
constexpr uint32_t kValueBytesMax = 20000;  // larger than a logged group may be: a checkpoint of its own
constexpr uint32_t kOpsPerTransactionMax = 64;

std::string key_of(Choices& input) {
  const uint32_t choice = input.below(8);
  std::string key(1, 'k');
  key += std::to_string(input.below(300));
  if (choice == 0) {
    key.append(input.below(900), 'p');  // long keys, some near the limit of 4 KiB pages
  } else if (choice == 1) {
    key = input.text(1 + input.below(4));
  }
  return key;
}

std::string value_of(Choices& input) {
  const uint32_t choice = input.below(16);
  const uint32_t bytes = choice == 0 ? input.below(kValueBytesMax) : choice < 4 ? input.below(1500) : input.below(40);
  return std::string(bytes, static_cast<char>('a' + input.below(26)));
}

void expect_equal(holdfast::Range range, Rows::const_iterator from, Rows::const_iterator to) {
  for (auto [key, value] : range) {
    CHECK(from != to);
    CHECK(from->first == key);
    CHECK(from->second == value);
    ++from;
  }
  CHECK(range.status().has_value());
  CHECK(from == to);
}

void expect_equal_reversed(holdfast::Range range, Rows::const_iterator from, Rows::const_iterator to) {
  for (auto [key, value] : range) {
    CHECK(from != to);
    --to;
    CHECK(to->first == key);
    CHECK(to->second == value);
  }
  CHECK(range.status().has_value());
  CHECK(from == to);
}

void expect_rows(const holdfast::Snapshot& snapshot, const Model& model) {
  std::vector<std::string> names;
  for (const auto& [name, rows] : model) {
    names.push_back(name);
    expect_equal(snapshot.bucket(name).all(), rows.begin(), rows.end());
    expect_equal_reversed(snapshot.bucket(name).all().reversed(), rows.begin(), rows.end());
  }
  CHECK(snapshot.buckets().value() == names);
}

// What the database must hold.
struct Expected {
  Model model;
  std::map<std::string, Model> pins;
  StreamOracle streams;
  TableOracle tables;

  void check(const Database& database) {
    expect_rows(database.snapshot(), model);
    CHECK(database.pins().value().size() == pins.size());
    for (const auto& [name, pinned] : pins) {
      expect_rows(database.as_of(name).value(), pinned);
    }
    streams.expect_all(database);
    tables.expect_all(database);
  }

  void pin_something(Choices& input, Database& database) {
    const std::string name = "pin" + std::to_string(input.below(3));
    if (pins.contains(name)) {
      CHECK(database.unpin(name).value());
      pins.erase(name);
    } else {
      CHECK(database.pin(name).has_value());
      pins[name] = model;
    }
  }
};

void read_something(Choices& input, holdfast::Bucket& bucket, const Rows& rows) {
  const std::string lo = key_of(input);
  const std::string hi = key_of(input);
  switch (input.below(4)) {
    case 0: {
      const auto value = bucket.get(lo);
      const auto expected = rows.find(lo);
      CHECK(value.has_value());
      CHECK(value->has_value() == (expected != rows.end()));
      CHECK(!value->has_value() || **value == expected->second);
      break;
    }
    case 1:
      if (lo <= hi) {
        expect_equal(bucket.range(lo, hi), rows.lower_bound(lo), rows.lower_bound(hi));
      }
      break;
    case 2:
      if (lo <= hi) {
        expect_equal_reversed(bucket.range(lo, hi).reversed(), rows.lower_bound(lo), rows.lower_bound(hi));
      }
      break;
    default: {
      auto cursor = bucket.cursor();
      const auto after = rows.lower_bound(lo);
      CHECK(cursor.seek(lo) == (after != rows.end()));
      CHECK(!cursor.valid() || cursor.key() == after->first);
      CHECK(cursor.seek_before(lo) == (after != rows.begin()));
      CHECK(!cursor.valid() || cursor.key() == std::prev(after)->first);
      CHECK(cursor.status().has_value());
    }
  }
}

void write_something(Choices& input, holdfast::Bucket& bucket, Rows& rows) {
  const std::string key = key_of(input);
  const bool present = rows.contains(key);
  switch (input.below(6)) {
    case 0:
    case 1: {
      const std::string value = value_of(input);
      CHECK(bucket.put(key, value).has_value());
      rows[key] = value;
      break;
    }
    case 2: {
      const std::string value = value_of(input);
      CHECK(bucket.insert(key, value).value() == !present);
      rows.try_emplace(key, value);
      break;
    }
    case 3: {
      const std::string value = value_of(input);
      CHECK(bucket.update(key, value).value() == present);
      if (present) {
        rows[key] = value;
      }
      break;
    }
    case 4:
      CHECK(bucket.erase(key).value() == present);
      rows.erase(key);
      break;
    default: {
      const std::string hi = key_of(input);
      if (key <= hi) {
        CHECK(bucket.erase_range(key, hi).has_value());
        rows.erase(rows.lower_bound(key), rows.lower_bound(hi));
      }
    }
  }
}

struct Mark {
  holdfast::Savepoint savepoint;
  Model model;
  EventWrites events;
};

// One transaction of random operations. Returns the model after it, or nothing if it was rolled back or refused; the
// events are told to the oracle.
std::optional<Model> run_transaction(Choices& input, Database& database, Model model, StreamOracle& streams) {
  auto transaction = database.begin();
  std::vector<Mark> savepoints;
  EventWrites events;
  const uint32_t ops = input.below(kOpsPerTransactionMax);
  for (uint32_t i = 0; i < ops && !input.empty(); ++i) {
    const std::string name(1, static_cast<char>('a' + input.below(3)));
    const uint32_t choice = input.below(32);
    if (choice == 0) {
      const bool present = model.contains(name);
      const auto dropped = transaction.drop_bucket(name);
      CHECK(dropped.has_value() == present);
      model.erase(name);
    } else if (choice == 1) {
      const bool present = model.contains(name);
      CHECK(transaction.create_bucket(name).has_value() == !present);
      model.try_emplace(name);
    } else if (choice == 2) {
      savepoints.push_back({transaction.savepoint(), model, events});
    } else if (choice == 3 && !savepoints.empty()) {
      const uint32_t index = input.below(static_cast<uint32_t>(savepoints.size()));
      savepoints.resize(index + 1);
      CHECK(transaction.rollback_to(savepoints[index].savepoint).has_value());
      model = savepoints[index].model;
      events = savepoints[index].events;
    } else if (choice < 8) {
      streams.write_something(input, transaction, events);
    } else if (choice < 12) {
      auto bucket = transaction.bucket(name);
      const auto rows = model.find(name);
      const Rows none;
      read_something(input, bucket, rows == model.end() ? none : rows->second);
    } else {
      auto bucket = transaction.bucket(name);
      Rows rows = model.contains(name) ? model[name] : Rows();
      const Rows before = rows;
      write_something(input, bucket, rows);
      if (rows != before || model.contains(name)) {
        model[name] = rows;
      }
    }
  }
  if (input.below(4) == 0) {
    transaction.rollback();
    return std::nullopt;
  }
  // A write that changed nothing may still have created its bucket: the database says which are there.
  const auto names = transaction.buckets().value();
  const auto durability = input.below(4) == 0 ? holdfast::Durability::kDeferred : holdfast::Durability::kDurable;
  const auto commit = transaction.commit(durability);
  if (!streams.holds(events)) {
    CHECK(!commit && commit.error().code() == holdfast::ErrorCode::kConflict);
    return std::nullopt;
  }
  CHECK(commit.has_value());
  streams.committed(events);
  for (const auto& name : names) {
    model.try_emplace(name);
  }
  CHECK(model.size() == names.size());
  return model;
}

holdfast::Options options_for(Choices& input) {
  const uint32_t choice = input.below(8);
  holdfast::Options options;
  options.page_bytes = holdfast::kPageBytesMin << (choice & 1);
  options.cache_bytes = holdfast::kCacheBytesMin;
  options.lanes = 1;  // one thread commits, and has one home
  options.checkpoint_wal_bytes = holdfast::kCheckpointWalBytesMin;
  options.stream_segment_bytes = holdfast::kStreamSegmentBytesMin;
  options.checkpoint_every_commit = choice == 7;
  options.background = false;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  Choices input(data, bytes);
  auto env = holdfast::new_memory_env();
  holdfast::Options options = options_for(input);
  options.env = env.get();
  std::optional<Database> database(Database::open(kPath, options).value());
  Expected expected;
  uint32_t pauses = 0;
  uint32_t tidies = 0;
  for (uint32_t step = 0; step < kStepsMax && !input.empty(); ++step) {
    const uint32_t choice = input.below(16);
    const bool pause = choice < 3 && pauses++ < kPausesMax;
    if (pause && choice == 0) {
      CHECK(database->close().has_value());
      database.emplace(Database::open(kPath, options).value());
      expected.check(*database);
    } else if (pause && choice == 1) {
      CHECK(database->wait_durable(database->snapshot().csn()).has_value());
      auto left = holdfast::fuzz::env_of(holdfast::fuzz::files_of(*env, kPath), kPath);
      database.reset();
      env = std::move(left);
      options.env = env.get();
      database.emplace(Database::open(kPath, options).value());
      expected.check(*database);
    } else if (pause) {
      const auto report = database->check().value();
      CHECK(report.damage.empty());
      CHECK(report.page_count ==
            report.meta_pages + report.reachable_pages + report.free_pages + report.awaiting_pages);
    } else if (choice == 3 || choice == 4) {
      expected.streams.append_something(input, *database);
    } else if (choice == 5) {
      expected.streams.read_something(input, *database);
    } else if ((choice == 6 || choice == 7) && tidies++ < kTidiesMax) {
      const uint32_t what = input.below(4);
      if (what == 0) {
        expected.pin_something(input, *database);
      } else if (what == 1) {
        expected.tables.tidy(input, *database);
      } else {
        expected.streams.tidy(input, *database);
      }
    } else if (choice == 8) {
      expected.tables.apply_something(input, *database);
    } else if (choice == 9) {
      expected.tables.read_something(input, *database);
    } else if (auto after = run_transaction(input, *database, expected.model, expected.streams)) {
      expected.model = std::move(*after);
    }
  }
  expected.check(*database);
  CHECK(database->check().value().damage.empty());
  return 0;
}
