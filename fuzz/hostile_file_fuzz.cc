// Opens a database whose tree file was changed by someone who knows the format: page checksums are made right again.
//
// Choices: patches {page, offset, length, bytes}. Whatever they say, every call answers in bounded time, without
// undefined behaviour, and goes on to write into what it was given.
#include <cstring>
#include <string>
#include <vector>

#include <holdfast/memory_env.h>
#include <holdfast/holdfast.hpp>

#include "base/check.h"
#include "format/meta.h"
#include "format/page.h"
#include "fuzz/choices.h"
#include "fuzz/files.h"

namespace {

using holdfast::Database;
using holdfast::Result;
using holdfast::fuzz::Choices;

constexpr const char* kPath = "database";
constexpr uint32_t kPageBytes = holdfast::kPageBytesMin;
constexpr uint64_t kRowsMax = 20000;

holdfast::Options options_for(holdfast::Env& env) {
  holdfast::Options options;
  options.page_bytes = kPageBytes;
  options.cache_bytes = holdfast::kCacheBytesMin;
  options.lanes = 1;
  options.checkpoint_wal_bytes = holdfast::kCheckpointWalBytesMin;
  options.background = false;
  options.env = &env;
  return options;
}

// A small database with three levels, an overflow value, and free pages. The same for every input of a process.
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
  CHECK(database.close().has_value());
  return holdfast::fuzz::files_of(*env, kPath);
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
    const uint32_t number = holdfast::format::kMetaPages + input.below(pages - holdfast::format::kMetaPages);
    CHECK(file->read_at(uint64_t{number} * kPageBytes, page).value() == kPageBytes);
    const uint32_t offset = input.below(2) == 0 ? input.below(256) : input.below(kPageBytes);
    const uint32_t length = 1 + input.below(16);
    for (uint32_t i = offset; i < offset + length && i < kPageBytes; ++i) {
      page[i] = static_cast<std::byte>(input.byte());
    }
    holdfast::format::seal_page(page, seed);
    CHECK(file->write_at(uint64_t{number} * kPageBytes, page).has_value());
  }
}

Result<void> use(Database& database) {
  HOLDFAST_TRY_ASSIGN(const auto report, database.check());
  static_cast<void>(report);
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
