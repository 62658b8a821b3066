// What the tests of streams share: a database in memory or on the real file system, and a model of what streams hold.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "format/event_leaf.h"
#include "log/compact_range.h"
#include "tests/db/database_test.h"

namespace holdfast {

// "event 12 of audit"
inline std::string event_text(std::string_view stream, uint64_t offset, size_t bytes = 0) {
  std::string text = "event " + std::to_string(offset) + " of " + std::string(stream);
  if (text.size() < bytes) {
    text.append(bytes - text.size(), static_cast<char>('a' + offset % 26));
  }
  return text;
}

// The payloads of all records from `from` on, read `max_bytes` at a time.
inline std::vector<std::string> payloads(const Stream& stream, uint64_t from = 0, uint64_t max_bytes = 1000) {
  std::vector<std::string> all;
  const auto head = stream.head();
  EXPECT_OK(head);
  for (uint64_t next = from; head && next < head->next_offset;) {
    const auto records = stream.read(next, max_bytes);
    EXPECT_OK(records);
    if (!records || records->empty()) {
      break;
    }
    for (const StreamRecord& record : *records) {
      EXPECT_EQ(record.offset, next++);
      all.push_back(record.payload);
    }
  }
  return all;
}

inline void expect_sound(const Stream& stream, const VerifyOptions& options = {}) {
  const auto report = stream.verify(options);
  ASSERT_OK(report);
  if (report->finding) {
    ADD_FAILURE() << tamper_name(report->finding->kind) << " at " << report->finding->offset << ": "
                  << report->finding->what << " (" << report->finding->file << " at " << report->finding->position
                  << ")";
  }
}

class StreamTest : public DatabaseTest {
 protected:
  Options stream_options() const {
    Options options = DatabaseTest::options();
    options.stream_segment_bytes = 16 * 1024;
    return options;
  }
  Database open_with(const Options& options) {
    auto database = Database::open(kPath, options);
    EXPECT_OK(database);
    return std::move(database).value();
  }
  Database open() { return open_with(stream_options()); }

  // Appends so many events, in batches.
  static void fill(Database& database, std::string_view name, uint64_t count, size_t bytes = 0, uint64_t batch = 100) {
    Stream stream = database.stream(name);
    uint64_t next = stream.head()->next_offset;
    for (const uint64_t end = next + count; next < end;) {
      std::vector<std::string> texts;
      for (uint64_t at = 0; at < batch && next < end; ++at) {
        texts.push_back(event_text(name, next++, bytes));
      }
      const std::vector<std::string_view> events(texts.begin(), texts.end());
      ASSERT_OK(stream.append_batch(events));
    }
  }
  std::vector<std::string> segment_files() {
    directory_ = memory_->open_directory(kPath, DirectoryMode::kMustExist).value();
    const std::vector<std::string> files = directory_->list().value();
    std::vector<std::string> names;
    for (const std::string& name : files) {
      if (name.starts_with("stream-")) {
        names.push_back(name);
      }
    }
    return names;
  }
};

}  // namespace holdfast
