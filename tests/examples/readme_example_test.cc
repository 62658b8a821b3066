// The example of the README and of DESIGN: it compiles, and does what the text says.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include <holdfast/proof.h>
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

TEST(ReadmeExample, of_event_streams_does_what_it_says) {
  std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-example-XXXXXX").string();
  const std::filesystem::path directory = mkdtemp(pattern.data());
  {
    auto db = holdfast::Database::open((directory / "orders.db").string()).value();

    auto commit = db.exec([&](holdfast::Transaction& txn) -> holdfast::Result<void> {
      HOLDFAST_TRY(txn.bucket("users").put("id:102", "Carol"));
      return txn.stream("audit").append("created id:102");  // the row and its event, or neither
    });
    holdfast::Stream audit = db.stream("audit");
    auto records = audit.read(0, 1 << 20).value();               // from offset 0, about 1 MiB of payloads
    auto kept = audit.tree_head().value();                       // {size, root}: keep it away from the database
    auto report = audit.verify({.trusted_tree = kept}).value();  // or report.finding
    auto path = audit.prove_inclusion(0, kept.size).value();     // for somebody who has the tree head and no database

    ASSERT_TRUE(commit.has_value());
    EXPECT_EQ(db.get("users", "id:102").value(), "Carol");
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].payload, "created id:102");
    EXPECT_TRUE(report.sound());
    EXPECT_EQ(kept.size, 1U);
    EXPECT_TRUE(path.empty());  // a tree of one leaf is that leaf
    EXPECT_EQ(holdfast::proof::chain_hash(audit.leaves(0, 1)->front()), kept.root);
    kept.root[0] ^= std::byte{1};
    EXPECT_FALSE(audit.verify({.trusted_tree = kept})->sound());
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
