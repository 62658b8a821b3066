// The example of the README and of DESIGN: it compiles, and does what the text says.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
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

TEST(ReadmeExample, of_projections_does_what_it_says) {
  std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-example-XXXXXX").string();
  const std::filesystem::path directory = mkdtemp(pattern.data());
  {
    auto db = holdfast::Database::open((directory / "orders.db").string()).value();
    ASSERT_TRUE(db.stream("audit").append("created id:102").has_value());
    ASSERT_TRUE(db.stream("audit").append("paid id:102").has_value());

    auto reducer = [](const holdfast::StreamRecord& event, holdfast::WriteBatch& batch) -> holdfast::Result<void> {
      if (event.payload.starts_with("created ")) batch.put("users", event.payload.substr(8), event.payload);
      return {};  // of nothing but the event: a rebuild runs it again
    };
    holdfast::Projection by_id = db.projection("by-id");
    auto followed = by_id.follow("audit", reducer).value();  // what is not applied yet; event n makes position n + 1
    auto now = by_id.get("users", "id:102").value();
    auto then = by_id.get_at("users", "id:102", 0).value();  // nullopt: before the first event
    auto pinned = by_id.pin("year-end", followed.to);        // what can be read there stays, whatever is pruned
    auto snapshot = db.snapshot();
    auto rows = snapshot.projection("by-id").table("users").scan_at(followed.to);  // and history(key), diff(from, to)

    EXPECT_EQ(followed.from, 0U);
    EXPECT_EQ(followed.to, 2U);
    EXPECT_EQ(now, "created id:102");
    EXPECT_EQ(then, std::nullopt);
    EXPECT_TRUE(pinned.has_value());
    std::vector<std::string> printed;
    for (auto [key, value, created_at] : rows) {
      printed.push_back(std::string(key) + "=" + std::string(value) + " since " + std::to_string(created_at));
    }
    EXPECT_EQ(printed, (std::vector<std::string>{"id:102=created id:102 since 1"}));
    EXPECT_EQ(by_id.prune(1)->floor, 1U);
    EXPECT_FALSE(by_id.get_at("users", "id:102", 0).has_value());
    EXPECT_FALSE(by_id.get_at("users", "id:102", 3).has_value());
  }
  std::filesystem::remove_all(directory);
}

TEST(ReadmeExample, of_time_travel_does_what_it_says) {
  std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-example-XXXXXX").string();
  const std::filesystem::path directory = mkdtemp(pattern.data());
  {
    auto db = holdfast::Database::open((directory / "orders.db").string()).value();
    ASSERT_TRUE(db.put("users", "id:100", "Alice").has_value());

    auto pin = db.pin("before-the-migration").value();  // the newest state stays readable, also after a reopen
    auto changed = db.put("users", "id:100", "Bob");
    {
      auto before = db.as_of("before-the-migration").value();  // a Snapshot; or as_of(pin.csn), as_of_time(ns)
      auto old = before.bucket("users").get("id:100").value();

      EXPECT_EQ(old, "Alice");
      EXPECT_EQ(before.csn(), pin.csn);
    }
    auto gone = db.unpin("before-the-migration");  // what only the pin kept is free again

    EXPECT_TRUE(changed.has_value());
    EXPECT_TRUE(gone.value());
    EXPECT_FALSE(db.as_of(pin.csn).has_value());
    EXPECT_EQ(db.get("users", "id:100").value(), "Bob");
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
