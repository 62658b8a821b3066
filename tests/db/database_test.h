// What the tests of the database share: a database in memory, and short ways to fill and read it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <holdfast/memory_env.h>
#include <holdfast/holdfast.hpp>

#include "base/bytes.h"
#include "tests/draw.h"

namespace holdfast {

constexpr std::string_view kPath = "/db";

// Why a result is an error; "" if it is none.
template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string() : result.error().to_string();
}

template <class T>
testing::AssertionResult succeeds(const Result<T>& result) {
  return result ? testing::AssertionSuccess() : testing::AssertionFailure() << why(result);
}
template <class T>
testing::AssertionResult fails_with(ErrorCode wanted, const Result<T>& result) {
  if (!result && result.error().code() == wanted) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "not " << error_code_name(wanted) << " but "
                                     << (result ? "success" : why(result));
}

#define ASSERT_OK(...) ASSERT_TRUE(::holdfast::succeeds(__VA_ARGS__))
#define EXPECT_OK(...) EXPECT_TRUE(::holdfast::succeeds(__VA_ARGS__))
#define EXPECT_ERROR(wanted, ...) EXPECT_TRUE(::holdfast::fails_with(ErrorCode::wanted, __VA_ARGS__))

using Rows = std::map<std::string, std::string>;

// "k000042"
inline std::string numbered(std::string_view prefix, uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(prefix) + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

// Every row of a bucket; empty if it is not there. Adds to the test's failures if an iteration met an error.
inline Rows rows_of(const Snapshot& snapshot, std::string_view bucket) {
  Rows rows;
  if (!snapshot.bucket(bucket).exists()) {
    return rows;
  }
  Range range = snapshot.bucket(bucket).all();
  for (const auto [key, value] : range) {
    rows.emplace(key, value);
  }
  EXPECT_OK(range.status());
  return rows;
}

inline Rows rows_of(const Database& database, std::string_view bucket) { return rows_of(database.snapshot(), bucket); }

inline Rows rows_of(const Bucket& bucket) {
  Rows rows;
  Range range = bucket.all();
  for (const auto [key, value] : range) {
    rows.emplace(key, value);
  }
  EXPECT_OK(range.status());
  return rows;
}

// The report of check(), which must find nothing wrong.
inline CheckReport sound(Database& database) {
  auto report = database.check();
  EXPECT_OK(report);
  if (!report) {
    return {};
  }
  for (const auto& damage : report->damage) {
    ADD_FAILURE() << damage.file << " at " << damage.offset << ": " << damage.what;
  }
  EXPECT_EQ(report->page_count, report->meta_pages + report->reachable_pages + report->free_pages +
                                    report->awaiting_pages + report->damaged_pages);
  EXPECT_EQ(report->damaged_pages, 0U);
  return *report;
}

// A database in memory, of small pages so that trees are deep.
class DatabaseTest : public testing::Test {
 protected:
  Options options() const {
    Options options;
    options.env = memory_.get();
    options.page_bytes = 4096;
    options.cache_bytes = uint64_t{4} << 20;
    return options;
  }
  Database open() {
    auto database = Database::open(kPath, options());
    EXPECT_OK(database);
    return std::move(database).value();
  }
  // The bytes of a file of the database, to damage it.
  std::unique_ptr<File> file(std::string_view name, OpenMode mode = OpenMode::kReadWrite) {
    directory_ = memory_->open_directory(kPath, DirectoryMode::kMustExist).value();
    return directory_->open_file(name, mode).value();
  }
  std::string content(std::string_view name) {
    const auto from = file(name);
    std::string text(from->size().value(), '\0');
    EXPECT_EQ(from->read_at(0, std::as_writable_bytes(std::span(text))).value(), text.size());
    return text;
  }
  void overwrite(std::string_view name, uint64_t offset, std::string_view text) {
    EXPECT_OK(file(name)->write_at(offset, as_bytes(text)));
  }
  void replace(std::string_view name, std::string_view text) {
    const auto to = file(name, OpenMode::kCreate);
    EXPECT_OK(to->truncate(0));
    EXPECT_OK(to->write_at(0, as_bytes(text)));
  }
  void flip_bit(std::string_view name, uint64_t offset) {
    std::string text = content(name).substr(offset, 1);
    text[0] = static_cast<char>(text[0] ^ 0x10);
    overwrite(name, offset, text);
  }

  std::unique_ptr<Env> memory_ = new_memory_env();
  std::unique_ptr<Directory> directory_;
};

}  // namespace holdfast
