// What the tests of the write-ahead log share: databases with a small log, and copies of them as a kill leaves them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "db/log_inspection.h"
#include "format/meta.h"
#include "page/meta_pages.h"
#include "tests/db/database_test.h"

namespace holdfast {

constexpr std::string_view kCopyPath = "/copy";

class LogTest : public DatabaseTest {
 protected:
  // Nothing happens but in the calls of the test: no thread of the engine's own.
  Options logged(uint16_t lanes = 1, uint64_t checkpoint_wal_bytes = uint64_t{1} << 20) const {
    Options chosen = options();
    chosen.lanes = lanes;
    chosen.checkpoint_wal_bytes = checkpoint_wal_bytes;
    chosen.background = false;
    return chosen;
  }
  static Database open_at(std::string_view path, const Options& chosen) {
    auto database = Database::open(path, chosen);
    EXPECT_OK(database);
    return std::move(database).value();
  }

  std::unique_ptr<Directory> directory_at(std::string_view path) {
    return memory_->open_directory(path, DirectoryMode::kCreateIfMissing).value();
  }
  std::vector<std::string> names_at(std::string_view path) { return directory_at(path)->list().value(); }
  std::string content_at(std::string_view path, std::string_view name) {
    const auto directory = directory_at(path);
    const auto file = directory->open_file(name, OpenMode::kReadOnly).value();
    std::string text(file->size().value(), '\0');
    EXPECT_EQ(file->read_at(0, std::as_writable_bytes(std::span(text))).value(), text.size());
    return text;
  }
  void write_at(std::string_view path, std::string_view name, uint64_t offset, std::string_view text) {
    const auto directory = directory_at(path);
    const auto file = directory->open_file(name, OpenMode::kCreate).value();
    ASSERT_OK(file->write_at(offset, as_bytes(text)));
  }
  void remove_at(std::string_view path, std::string_view name) { ASSERT_OK(directory_at(path)->remove(name)); }
  void flip_bit_at(std::string_view path, std::string_view name, uint64_t offset) {
    std::string byte = content_at(path, name).substr(offset, 1);
    byte[0] = static_cast<char>(byte[0] ^ 0x10);
    write_at(path, name, offset, byte);
  }

  // The database as it would be found if its process were killed now. What was there at `to` goes.
  void copy_as_killed(std::string_view from = kPath, std::string_view to = kCopyPath) {
    for (const std::string& name : names_at(to)) {
      remove_at(to, name);
    }
    for (const std::string& name : names_at(from)) {
      write_at(to, name, 0, content_at(from, name));
    }
  }
  Database open_copy(const Options& chosen) { return open_at(kCopyPath, chosen); }

  LogInspection inspect(std::string_view path = kCopyPath) {
    auto log = LogInspection::open(*memory_, path);
    EXPECT_OK(log);
    return std::move(log).value();
  }
  format::Meta meta_at(std::string_view path) {
    const auto directory = directory_at(path);
    return find_newest_meta(*directory->open_file("tree", OpenMode::kReadOnly).value()).value();
  }
};

// A log is a file of the log of which the rest of a name may follow: "wal-00".
inline bool names_lane(const Error& error, std::string_view lane) { return error.file().starts_with(lane); }

// Commits one row in a thread of its own, so that lanes take turns.
inline void put_elsewhere(Database& database, std::string_view key, std::string_view value,
                          Durability durability = Durability::kDurable) {
  std::thread thread([&] { EXPECT_OK(database.put("t", key, value, durability)); });
  thread.join();
}

}  // namespace holdfast
