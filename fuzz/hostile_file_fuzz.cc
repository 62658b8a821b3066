// Opens a database whose tree file, stream segments and log were changed by someone who knows the format: checksums are
// made right again.
//
// Choices: patches {page, segment or frame of the log, offset, length, bytes}. Whatever they say, every call answers in
// bounded time, without undefined behaviour, and goes on to write into what it was given.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/memory_env.h>
#include <holdfast/holdfast.hpp>

#include "base/check.h"
#include "format/meta.h"
#include "format/page.h"
#include "fuzz/choices.h"
#include "fuzz/files.h"
#include "fuzz/log_patch.h"
#include "fuzz/segment_patch.h"

namespace {

using holdfast::Database;
using holdfast::Result;
using holdfast::fuzz::Choices;

constexpr const char* kPath = "database";
constexpr uint32_t kPageBytes = holdfast::kPageBytesMin;
constexpr uint64_t kRowsMax = 20000;
constexpr uint64_t kRecordsMax = 20000;
// Of the choices of what is patched, so many are for segments of streams.
constexpr uint32_t kSegmentChoices = 16;
constexpr std::string_view kSegmentPrefix = "stream-";
// And so many for the log.
constexpr uint32_t kLogChoices = 12;
constexpr std::string_view kLogPrefix = "wal-";
constexpr size_t kLogPatchedBytes = 64 * 1024;  // all commits that make_files() leaves lie before

holdfast::Options options_for(holdfast::Env& env) {
  holdfast::Options options;
  options.page_bytes = kPageBytes;
  options.cache_bytes = holdfast::kCacheBytesMin;
  options.lanes = 1;
  options.checkpoint_wal_bytes = holdfast::kCheckpointWalBytesMin;
  options.stream_segment_bytes = holdfast::kStreamSegmentBytesMin;
  options.background = false;
  options.env = &env;
  return options;
}

Result<void> reduce(const holdfast::StreamRecord& event, holdfast::WriteBatch& batch) {
  batch.put("events", "key-" + std::to_string(event.offset % 3), event.payload);
  return {};
}

// A stream that was trimmed, with a record that was redacted, compressed ones and several blocks; and a short one.
void make_streams(Database& database) {
  auto audit = database.stream("audit");
  for (int batch = 0; batch < 6; ++batch) {
    const std::string event =
        "event of batch " + std::to_string(batch) + std::string(20 * static_cast<size_t>(batch), 'e');
    const std::vector<std::string_view> events(100, event);
    CHECK(audit.append_batch(events, 100 * static_cast<uint64_t>(batch), static_cast<holdfast::Codec>(batch % 3))
              .has_value());
  }
  CHECK(audit.redact(330).has_value());
  CHECK(audit.trim(300).value().first_offset > 0);
  for (int i = 0; i < 5; ++i) {
    CHECK(database.stream("other").append("short " + std::to_string(i)).has_value());
  }
}

// Tables with versions, one of them larger than a page; and one that follows a stream.
void make_projections(Database& database) {
  for (uint64_t position = 1; position <= 40; ++position) {
    holdfast::WriteBatch batch(position);
    batch.put("t", "key-" + std::to_string(position % 7), std::string(position == 20 ? 6000 : 30, 'v'));
    batch.erase("t", "key-" + std::to_string(position % 5));
    CHECK(database.projection("by hand").apply(batch).has_value());
  }
  CHECK(database.projection("by hand").pin("pin", 10).has_value());
  CHECK(database.projection("by hand").prune(10).has_value());
  CHECK(database.projection("followed").follow("other", reduce).has_value());
}

// Commits that no checkpoint has, of every kind.
void leave_in_the_log(Database& database) {
  CHECK(database.put("rows", "logged", "value").has_value());
  CHECK(database
            .exec([&](holdfast::Transaction& transaction) -> Result<void> {
              HOLDFAST_TRY(transaction.bucket("fresh").put("key", std::string(5000, 'o')));
              HOLDFAST_TRY(transaction.bucket("rows").erase_range("key-p", "key-pq"));
              HOLDFAST_TRY(transaction.drop_bucket("large"));
              HOLDFAST_TRY(transaction.stream("audit").append("with rows"));
              return transaction.stream("new").append("the first");
            })
            .has_value());
  CHECK(database.stream("audit").append(std::string(400, 'e'), holdfast::Codec::kLz4).has_value());
  holdfast::WriteBatch batch(41);
  batch.put("t", "key-1", "logged").erase("t", "key-2");
  CHECK(database.projection("by hand").apply(batch).has_value());
  for (int i = 0; i < 3; ++i) {
    CHECK(database.put("rows", "deferred " + std::to_string(i), "value", holdfast::Durability::kDeferred).has_value());
  }
  CHECK(database.stream("other").append("short, logged").has_value());
}

// A small database with three levels, an overflow value, free pages, streams, and a log: its process was killed. The
// same for every input of a process.
holdfast::fuzz::Files make_files() {
  const auto env = holdfast::new_memory_env();
  auto database = Database::open(kPath, options_for(*env)).value();
  for (int round = 0; round < 3; ++round) {
    const auto done = database.exec([&](holdfast::Transaction& transaction) -> Result<void> {
      auto rows = transaction.bucket("rows");
      for (int i = 0; i < 120; ++i) {
        HOLDFAST_TRY(rows.put("key-" + std::string(200, 'p') + std::to_string(i * 7 % 120), std::string(60, 'v')));
      }
      auto large = transaction.bucket("large");
      return large.put("one", std::string(9000 + static_cast<size_t>(round), 'o'));
    });
    CHECK(done.has_value());
  }
  make_streams(database);
  CHECK(database.pin("before").has_value());
  make_projections(database);
  CHECK(database.pin("behind").has_value());
  CHECK(database.put("rows", "key", "value").has_value());
  CHECK(database.checkpoint().has_value());
  leave_in_the_log(database);
  CHECK(database.stats()->wal_bytes > 0);
  const holdfast::fuzz::Files files = holdfast::fuzz::files_of(*env, kPath);
  const auto reopened_env = holdfast::fuzz::env_of(files, kPath);
  const auto reopened = Database::open(kPath, options_for(*reopened_env));
  CHECK(reopened->get("rows", "deferred 0")->has_value());
  return files;
}

std::string some_file(Choices& input, holdfast::Directory& directory, std::string_view prefix) {
  std::vector<std::string> names = directory.list().value();
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
  std::ranges::sort(names);
  return names[input.below(static_cast<uint32_t>(names.size()))];
}

void patch_log(Choices& input, holdfast::Directory& directory) {
  const auto file =
      directory.open_file(some_file(input, directory, kLogPrefix), holdfast::OpenMode::kReadWrite).value();
  std::vector<std::byte> bytes(kLogPatchedBytes);
  bytes.resize(file->read_at(0, bytes).value());
  holdfast::fuzz::patch_log_segment(input, bytes);
  CHECK(file->write_at(0, bytes).has_value());
}

void patch_some_segment(Choices& input, holdfast::Directory& directory, const holdfast::format::DatabaseId& id) {
  const auto file =
      directory.open_file(some_file(input, directory, kSegmentPrefix), holdfast::OpenMode::kReadWrite).value();
  std::vector<std::byte> bytes(file->size().value());
  CHECK(file->read_at(0, bytes).value() == bytes.size());
  holdfast::fuzz::patch_segment(input, bytes, id);
  if (!bytes.empty() && input.below(32) == 0) {
    bytes.resize(input.below(static_cast<uint32_t>(bytes.size())));
    CHECK(file->truncate(bytes.size()).has_value());
  }
  CHECK(file->write_at(0, bytes).has_value());
}

void patch(Choices& input, holdfast::Env& env) {
  const auto directory = env.open_directory(kPath, holdfast::DirectoryMode::kMustExist).value();
  const auto file = directory->open_file("tree", holdfast::OpenMode::kReadWrite).value();
  const auto pages = static_cast<uint32_t>(file->size().value() / kPageBytes);
  std::vector<std::byte> page(kPageBytes);
  CHECK(file->read_at(0, page).has_value());
  holdfast::format::DatabaseId id{};
  std::memcpy(id.data(), page.data() + offsetof(holdfast::format::MetaOnDisk, database_id), id.size());
  const uint32_t seed = holdfast::format::checksum_seed_of(id);
  while (!input.empty()) {
    const uint32_t number = holdfast::format::kMetaPages +
                            input.below(pages - holdfast::format::kMetaPages + kSegmentChoices + kLogChoices);
    if (number >= pages + kSegmentChoices) {
      patch_log(input, *directory);
      continue;
    }
    if (number >= pages) {
      patch_some_segment(input, *directory, id);
      continue;
    }
    CHECK(file->read_at(uint64_t{number} * kPageBytes, page).value() == kPageBytes);
    holdfast::fuzz::overwrite(input, page);
    holdfast::format::seal_page(page, seed);
    CHECK(file->write_at(uint64_t{number} * kPageBytes, page).has_value());
  }
}

// Whatever it answers: nothing here may be believed.
void read_stream(const holdfast::StreamView& stream) {
  static_cast<void>(stream.tree_head());
  static_cast<void>(stream.verify());
  const auto head = stream.head();
  if (!head) {
    return;
  }
  const uint64_t size = head->next_offset;
  uint64_t records = 0;
  for (uint64_t from = head->first_offset; from < size && records < kRecordsMax;) {
    const auto read = stream.read(from, 3000);
    const uint64_t count = read ? read->size() : 1;  // over what is damaged
    CHECK(count > 0);
    from += count;
    records += count;
  }
  for (const uint64_t offset : {head->first_offset, size / 2, size - 1}) {
    static_cast<void>(stream.read(offset, 1));
    static_cast<void>(stream.verify({.from = offset, .to = offset + 300}));
    static_cast<void>(stream.leaves(offset, 300));
    static_cast<void>(stream.prove_inclusion(offset, size));
    static_cast<void>(stream.prove_consistency(offset, size));
    static_cast<void>(stream.tree_head_at(offset));
    static_cast<void>(stream.subtree(8, offset / 256));
  }
}

void tidy_stream(holdfast::Stream stream, uint64_t offset) {
  static_cast<void>(stream.append("one more", holdfast::Codec::kLz4));
  static_cast<void>(stream.redact(offset));
  static_cast<void>(stream.seal());
  static_cast<void>(stream.append("another"));
  static_cast<void>(stream.compact({.codec = holdfast::Codec::kZstd}));
  static_cast<void>(stream.trim(offset));
  static_cast<void>(stream.verify());
}

// Whatever it answers: nothing here may be believed.
void read_table(const holdfast::TableView& table, uint64_t floor, uint64_t applied) {
  for (const uint64_t position : {floor, (floor + applied) / 2, applied}) {
    auto range = table.scan_at(position).limited(kRowsMax);
    for (const auto& row : range) {
      CHECK(!row.key.empty());
    }
    auto backwards = table.scan_at(position).reversed().limited(kRowsMax);
    for (const auto& row : backwards) {
      CHECK(!row.key.empty());
    }
    static_cast<void>(table.get_at("key-3", position));
    if (auto diff = table.diff(position, applied)) {
      for (uint64_t changes = 0; changes < kRowsMax; ++changes) {
        const auto change = diff->next();
        if (!change || !*change) {
          break;
        }
      }
    }
  }
  if (auto history = table.history("key-3")) {
    for (uint64_t versions = 0; versions < kRowsMax; ++versions) {
      const auto version = history->next();
      if (!version || !*version) {
        break;
      }
    }
  }
}

void read_projections(const holdfast::Snapshot& snapshot) {
  const auto names = snapshot.projections();
  for (const std::string& name : names ? *names : std::vector<std::string>{"by hand", "followed"}) {
    const auto view = snapshot.projection(name);
    const auto tables = view.tables();
    const auto floor = view.floor();
    const auto applied = view.applied_position();
    static_cast<void>(view.stats());
    if (!tables || !floor || !applied) {
      continue;
    }
    for (const auto& table : *tables) {
      read_table(view.table(table), *floor, *applied);
    }
    static_cast<void>(view.content_hash(*floor, *applied));
  }
}

void change_projections(Database& database) {
  const auto applied = database.projection("by hand").applied_position();
  holdfast::WriteBatch batch(applied.value_or(0) + 1);
  batch.put("t", "key-3", "new").erase("t", "key-4");
  static_cast<void>(database.projection("by hand").apply(batch));
  static_cast<void>(database.projection("by hand").prune(applied.value_or(0)));
  static_cast<void>(database.projection("by hand").pins());
  static_cast<void>(database.projection("by hand").unpin("pin"));
  static_cast<void>(database.projection("followed").follow("other", reduce, {.batch_events = 2}));
  static_cast<void>(database.projection("followed").rebuild(reduce));
  static_cast<void>(database.projection("by hand").purge_table("t"));
  static_cast<void>(database.projection("followed").drop());
}

void use_pins(Database& database) {
  static_cast<void>(database.pins());
  for (const char* const name : {"before", "behind"}) {
    if (const auto pinned = database.as_of(name)) {
      read_projections(*pinned);
      auto range = pinned->bucket("rows").all().limited(kRowsMax);
      for (auto row : range) {
        CHECK(!row.key.empty());
      }
    }
  }
  static_cast<void>(database.unpin("before"));
  static_cast<void>(database.pin("new"));
  static_cast<void>(database.unpin("behind"));
}

Result<void> use(Database& database) {
  HOLDFAST_TRY_ASSIGN(const auto report, database.check());
  static_cast<void>(report);
  {
    const auto snapshot = database.snapshot();
    static_cast<void>(snapshot.stream_totals());
    const auto names = snapshot.streams();
    for (const std::string& name : names ? *names : std::vector<std::string>{"audit", "other"}) {
      read_stream(snapshot.stream(name));
    }
    read_projections(snapshot);
  }
  use_pins(database);
  const auto snapshot = database.snapshot();
  HOLDFAST_TRY_ASSIGN(const auto names, snapshot.buckets());
  for (const auto& name : names) {
    uint64_t rows = 0;
    auto range = snapshot.bucket(name).all();
    for (auto [key, value] : range) {
      CHECK(!key.empty());
      if (++rows > kRowsMax) {
        break;
      }
    }
    static_cast<void>(range.status());
    auto backwards = snapshot.bucket(name).all().reversed();
    for (auto row : backwards) {
      CHECK(!row.key.empty());
    }
    static_cast<void>(backwards.status());
    static_cast<void>(snapshot.bucket(name).get("key-"));
  }
  static_cast<void>(database.exec([&](holdfast::Transaction& transaction) -> Result<void> {
    auto bucket = transaction.bucket("rows");
    for (int i = 0; i < 50; ++i) {
      HOLDFAST_TRY(bucket.put("key-" + std::to_string(i), std::string(300, 'n')));
    }
    return bucket.erase_range("key-p", "key-q");
  }));
  tidy_stream(database.stream("audit"), 400);
  tidy_stream(database.stream("other"), 3);
  change_projections(database);
  static_cast<void>(
      database.exec([&](holdfast::Transaction& transaction) { return transaction.drop_bucket("large"); }));
  static_cast<void>(database.exec([&](holdfast::Transaction& transaction) { return transaction.drop_bucket("rows"); }));
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  Choices input(data, bytes);
  static const holdfast::fuzz::Files kFiles = make_files();
  const auto env = holdfast::fuzz::env_of(kFiles, kPath);
  patch(input, *env);
  auto database = Database::open(kPath, options_for(*env));
  if (database) {
    static_cast<void>(use(*database));
  }
  return 0;
}
