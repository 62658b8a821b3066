// The example of the README and of DESIGN: it compiles, and does what the text says.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include <holdfast/holdfast.hpp>

namespace {

TEST(ReadmeExample, does_what_it_says) {
  std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-example-XXXXXX").string();
  const std::filesystem::path directory = mkdtemp(pattern.data());
  const std::string path = (directory / "orders.db").string();
  std::vector<std::string> printed;
  {
    auto db = holdfast::Database::open(path, {.cache_bytes = 256 << 20}).value();

    // Read-write: commits when the closure returns success, rolls back on error, retries on conflict.
    auto commit = db.exec([&](holdfast::Transaction& txn) -> holdfast::Result<void> {
      auto users = txn.bucket("users");  // created on first write
      HOLDFAST_TRY(users.put("id:100", "Alice"));
      HOLDFAST_TRY(users.put("id:101", "Bob"));
      return {};
    });  // Result<Commit>{csn}
    ASSERT_TRUE(commit.has_value());
    EXPECT_EQ(commit->csn, holdfast::Csn{1});

    auto seen = db.view([&](const holdfast::Snapshot& snapshot) -> holdfast::Result<void> {
      for (auto [key, value] : snapshot.bucket("users").prefix("id:")) { /* views, no copies */
        printed.push_back(std::string(key) + "=" + std::string(value));
      }
      return {};
    });
    ASSERT_TRUE(seen.has_value());
  }
  EXPECT_EQ(printed, (std::vector<std::string>{"id:100=Alice", "id:101=Bob"}));
  std::filesystem::remove_all(directory);
}

}  // namespace
