// The walks of one put(), one append(), one follow() and one get() in the README: every room is there, and the disk
// sees what the text says.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <holdfast/memory_env.h>
#include <holdfast/holdfast.hpp>

namespace holdfast {
namespace {

// Writes down what a database asks of its files, and passes it on.
class RecordingFile : public File {
 public:
  RecordingFile(std::unique_ptr<File> file, std::vector<std::string>& log) : file_(std::move(file)), log_(log) {}
  Result<void> sync() override {
    log_.push_back("sync " + kind());
    return file_->sync();
  }
  Result<uint64_t> size() override { return file_->size(); }
  Result<void> truncate(uint64_t bytes) override { return file_->truncate(bytes); }
  Result<void> allocate(uint64_t offset, uint64_t bytes) override { return file_->allocate(offset, bytes); }
  const std::string& name() const override { return file_->name(); }

 protected:
  Transfer read_some(uint64_t offset, std::span<std::byte> buffer) override {
    log_.push_back("read");
    const auto bytes = file_->read_at(offset, buffer);
    return {.bytes = bytes.value(), .os_error = 0};
  }
  Transfer write_some(uint64_t offset, std::span<const std::byte> data) override {
    log_.push_back("write " + (kind() == "tree" && offset < 2 * uint64_t{kPageBytesDefault} ? "meta" : kind()));
    EXPECT_TRUE(file_->write_at(offset, data).has_value());
    return {.bytes = data.size(), .os_error = 0};
  }

 private:
  std::string kind() const { return file_->name().starts_with("wal-") ? "log" : file_->name(); }

  std::unique_ptr<File> file_;
  std::vector<std::string>& log_;
};

class RecordingDirectory : public Directory {
 public:
  RecordingDirectory(std::unique_ptr<Directory> directory, std::vector<std::string>& log)
      : directory_(std::move(directory)), log_(log) {}
  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenMode mode) override {
    HOLDFAST_TRY_ASSIGN(std::unique_ptr<File> file, directory_->open_file(name, mode));
    return std::make_unique<RecordingFile>(std::move(file), log_);
  }
  Result<std::vector<std::string>> list() override { return directory_->list(); }
  Result<void> rename(std::string_view from, std::string_view to) override { return directory_->rename(from, to); }
  Result<void> remove(std::string_view name) override { return directory_->remove(name); }
  Result<void> sync() override { return directory_->sync(); }
  Result<std::unique_ptr<FileLock>> lock(std::string_view name, LockMode mode) override {
    return directory_->lock(name, mode);
  }
  const std::string& path() const override { return directory_->path(); }

 private:
  std::unique_ptr<Directory> directory_;
  std::vector<std::string>& log_;
};

class RecordingEnv : public Env {
 public:
  Result<std::unique_ptr<Directory>> open_directory(std::string_view path, DirectoryMode mode) override {
    HOLDFAST_TRY_ASSIGN(std::unique_ptr<Directory> directory, env_->open_directory(path, mode));
    return std::make_unique<RecordingDirectory>(std::move(directory), log);
  }
  Clock& clock() override { return env_->clock(); }
  Random& random() override { return env_->random(); }
  Threads& threads() override { return env_->threads(); }

  std::vector<std::string> log;

 private:
  std::unique_ptr<Env> env_ = new_memory_env();
};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The rows `| file | function | ... |` below a heading.
std::vector<std::pair<std::string, std::string>> rows_below(const std::string& readme, const std::string& heading) {
  std::vector<std::pair<std::string, std::string>> rows;
  const size_t begin = readme.find(heading);
  EXPECT_NE(begin, std::string::npos);
  const std::string section = readme.substr(begin, readme.find("\n#", begin + 1) - begin);
  const std::regex row("\\| `([^`]+)` \\| `([^`]+)` \\|");
  for (std::sregex_iterator it(section.begin(), section.end(), row), end; it != end; ++it) {
    rows.emplace_back((*it)[1], (*it)[2]);
  }
  return rows;
}

void expect_rooms(const std::string& heading, size_t rows_min) {
  const std::filesystem::path root = std::filesystem::path(HOLDFAST_TESTS_DIR).parent_path();
  const auto rows = rows_below(text_of(root / "README.md"), heading);
  EXPECT_GE(rows.size(), rows_min);
  for (const auto& [file, function] : rows) {
    EXPECT_NE(text_of(root / file).find(function + "("), std::string::npos) << function << " in " << file;
  }
}

TEST(ReadmeWalk, every_room_of_the_put_is_there) { expect_rooms("### The walk of one put()", 9); }
TEST(ReadmeWalk, every_room_of_the_append_is_there) { expect_rooms("### The walk of one append()", 9); }
TEST(ReadmeWalk, every_room_of_the_follow_is_there) { expect_rooms("### The walk of one follow()", 9); }
TEST(ReadmeWalk, every_room_of_the_get_is_there) { expect_rooms("### The walk of one get()", 5); }

TEST(ReadmeWalk, a_put_is_one_write_and_one_sync_and_a_get_touches_no_file) {
  RecordingEnv env;
  auto db = Database::open("walk.db", {.env = &env}).value();
  ASSERT_TRUE(db.put("users", "id:1", "first").has_value());
  env.log.clear();

  ASSERT_TRUE(db.put("users", "id:100", "Alice").has_value());
  EXPECT_EQ(env.log, (std::vector<std::string>{"write log", "sync log"}));

  env.log.clear();
  {
    const Snapshot snapshot = db.snapshot();
    EXPECT_EQ(snapshot.bucket("users").get("id:100").value(), "Alice");
    EXPECT_TRUE(env.log.empty());
  }

  ASSERT_TRUE(db.checkpoint().has_value());
  while (!env.log.empty() && env.log.front() == "write tree") {
    env.log.erase(env.log.begin());
  }
  EXPECT_EQ(env.log, (std::vector<std::string>{"sync tree", "write meta", "write meta", "sync tree"}));
}

TEST(ReadmeWalk, an_append_is_one_write_and_one_sync_and_its_file_is_written_by_the_checkpoint) {
  RecordingEnv env;
  auto db = Database::open("walk.db", {.env = &env}).value();
  Stream audit = db.stream("audit");
  ASSERT_TRUE(audit.append("first").has_value());
  env.log.clear();

  ASSERT_TRUE(audit.append("created id:102").has_value());
  EXPECT_EQ(env.log, (std::vector<std::string>{"write log", "sync log"}));

  env.log.clear();
  EXPECT_EQ(audit.read(1, 1000)->front().payload, "created id:102");
  EXPECT_TRUE(env.log.empty());

  ASSERT_TRUE(db.checkpoint().has_value());
  std::erase(env.log, "write tree");
  std::erase(env.log, "write stream-1-1-0");
  EXPECT_EQ(env.log,
            (std::vector<std::string>{"sync stream-1-1-0", "sync tree", "write meta", "write meta", "sync tree"}));
}

TEST(ReadmeWalk, what_a_follow_applies_is_written_by_the_checkpoint_alone) {
  RecordingEnv env;
  auto db = Database::open("walk.db", {.background = false, .env = &env}).value();
  const std::string payload(1000, 'x');
  for (int number = 0; number < 20; ++number) ASSERT_TRUE(db.stream("audit").append(payload).has_value());
  const auto reducer = [](const StreamRecord& event, WriteBatch& batch) -> Result<void> {
    batch.put("by-offset", std::to_string(event.offset), event.payload);
    return {};
  };
  // Makes the projection, which is logged and synced.
  ASSERT_TRUE(db.projection("p").follow("audit", reducer, {.until = 1}).has_value());
  ASSERT_TRUE(db.put("users", "id:1", "first").has_value());
  env.log.clear();

  ASSERT_EQ(db.projection("p").follow("audit", reducer)->to, 20U);
  EXPECT_TRUE(std::ranges::find(env.log, "sync log") == env.log.end());
  EXPECT_TRUE(std::ranges::find(env.log, "write tree") == env.log.end());
  EXPECT_EQ(db.projection("p").get("by-offset", "19").value(), payload);

  env.log.clear();
  ASSERT_TRUE(db.checkpoint().has_value());
  EXPECT_TRUE(std::ranges::find(env.log, "write tree") != env.log.end());
}

}  // namespace
}  // namespace holdfast
