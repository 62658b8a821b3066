// The promises that btree-store 0.1 breaks, or once broke: each was reproduced there, and each is kept here.
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "format/meta.h"
#include "format/page.h"
#include "tests/db/database_test.h"
#include "tests/db/failing_env.h"
#include "tests/env/environments.h"

namespace holdfast {
namespace {

class BtreeStorePromises : public DatabaseTest {
 protected:
  static constexpr uint32_t kPage = 4096;

  // Commits of one row each. Returns what the bucket holds then.
  Rows fill(Database& database, uint64_t rows) {
    Rows wanted;
    for (uint64_t i = 0; i < rows; ++i) {
      wanted[numbered("k", i)] = "value " + std::to_string(i);
      EXPECT_OK(database.put("t", numbered("k", i), wanted[numbered("k", i)]));
    }
    return wanted;
  }
  // The meta page with the newest state.
  uint64_t newest_meta_page() {
    const std::string tree = content("tree");
    std::pair<uint64_t, uint64_t> newest;
    uint64_t page = 0;
    for (const uint64_t slot : {0U, 1U}) {
      const auto copy = as_bytes(std::string_view(tree).substr(slot * kPage, format::kMetaCopyBytes));
      const auto meta = format::decode_meta(copy.first<format::kMetaCopyBytes>());
      if (meta && std::pair(to_int(meta->csn), uint64_t{to_int(meta->epoch)}) > newest) {
        newest = {to_int(meta->csn), to_int(meta->epoch)};
        page = slot;
      }
    }
    return page;
  }
  std::vector<uint64_t> offsets_of(format::PageKind kind) {
    const std::string tree = content("tree");
    std::vector<uint64_t> offsets;
    for (uint64_t offset = 2 * kPage; offset + kPage <= tree.size(); offset += kPage) {
      const auto& header = format::header_of(reinterpret_cast<const std::byte*>(tree.data()) + offset);
      if (header.kind == static_cast<uint8_t>(kind) && header.page_number == offset / kPage) {
        offsets.push_back(offset);
      }
    }
    return offsets;
  }
};

// Upstream: the superblock was overwritten in place, and a torn one lost the last commit or the database.
TEST_F(BtreeStorePromises, a_torn_copy_of_the_newest_meta_page_loses_nothing) {
  Rows wanted;
  {
    Database database = open();
    wanted = fill(database, 50);
  }
  const std::string tree = content("tree");
  const uint64_t page = newest_meta_page() * kPage;
  struct Tear {
    uint64_t offset;
    uint64_t bytes;
  };
  for (const Tear tear : {Tear{0, 100}, Tear{100, 100}, Tear{0, 512}, Tear{412, 100}, Tear{kPage - 512, 512},
                          Tear{kPage - 100, 100}, Tear{kPage - 512, 1}}) {
    SCOPED_TRACE(tear.offset);
    replace("tree", tree);
    overwrite("tree", page + tear.offset, std::string(tear.bytes, '\0'));
    Database database = open();
    EXPECT_EQ(rows_of(database, "t"), wanted);
    ASSERT_OK(database.put("t", "after", "1"));
    // The next commits write the damaged copy anew.
    ASSERT_OK(database.put("t", "after", "2"));
    sound(database);
  }
}

// Both copies cannot be hit by one crash: that is damage, and the newest commit may have been there.
TEST_F(BtreeStorePromises, a_meta_page_with_both_copies_gone_is_corruption_and_not_an_older_state) {
  {
    Database database = open();
    fill(database, 50);
  }
  const std::string tree = content("tree");
  for (const uint64_t page : {0U, 1U}) {
    replace("tree", tree);
    overwrite("tree", page * kPage, std::string(kPage, '\0'));
    const auto refused = Database::open(kPath, options());
    EXPECT_ERROR(kCorruption, refused);
    EXPECT_EQ(refused.error().file(), "tree");
  }
}

// Upstream: an identity or tree restored alone from a backup was taken for the database.
TEST_F(BtreeStorePromises, an_identity_from_an_older_database_is_refused) {
  {
    fill(*std::make_unique<Database>(open()), 5);
  }
  const std::string old_identity = content("identity");
  const auto directory = memory_->open_directory(kPath, DirectoryMode::kMustExist).value();
  const std::vector<std::string> names = directory->list().value();
  for (const std::string& name : names) {
    ASSERT_OK(directory->remove(name));
  }
  {
    fill(*std::make_unique<Database>(open()), 5);
  }
  const std::string new_identity = content("identity");
  replace("identity", old_identity);
  EXPECT_ERROR(kCorruption, Database::open(kPath, options()));
  replace("identity", new_identity);
  EXPECT_EQ(rows_of(open(), "t").size(), 5U);
}

// Upstream: one failed fsync, 30 later commits, and 235 of 300 rows were left.
TEST_F(BtreeStorePromises, a_failed_fsync_does_not_let_later_commits_lose_rows) {
  for (uint64_t nth = 1; nth <= 12; ++nth) {
    SCOPED_TRACE(nth);
    const std::string path = "/fsync-" + std::to_string(nth);
    FailingEnv env(*memory_);
    Options chosen = options();
    chosen.env = &env;
    Rows wanted;
    {
      Database database = Database::open(path, chosen).value();
      wanted = fill(database, 300);
      env.plan().fail(nth, EIO);
      for (uint64_t i = 0; i < 31; ++i) {
        if (database.put("t", numbered("later", i), "x")) {
          wanted[numbered("later", i)] = "x";
        }
      }
      env.plan().stop();
      EXPECT_EQ(rows_of(database, "t"), wanted) << "readers go on with what was acknowledged";
    }
    chosen.env = memory_.get();
    Database database = Database::open(path, chosen).value();
    const Rows rows = rows_of(database, "t");
    for (const auto& [key, value] : wanted) {
      ASSERT_TRUE(rows.contains(key) && rows.at(key) == value) << key;
    }
    EXPECT_LE(rows.size(), wanted.size() + 1);
    sound(database);
  }
}

// Upstream: one flipped bit, and an iteration ended early without an error.
TEST_F(BtreeStorePromises, an_iteration_that_meets_damage_says_so) {
  {
    Database database = open();
    ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
      for (uint64_t i = 0; i < 3000; ++i) {
        HOLDFAST_TRY(bucket.put(numbered("k", i), "value"));
      }
      return {};
    }));
  }
  const auto leaves = offsets_of(format::PageKind::kLeaf);
  ASSERT_GT(leaves.size(), 10U);
  flip_bit("tree", leaves[leaves.size() / 2] + kPage / 2);
  Database database = open();
  uint64_t rows = 0;
  const auto seen = database.view("t", [&](const BucketView& bucket) -> Result<void> {
    for ([[maybe_unused]] const auto row : bucket.all()) {
      ++rows;
    }
    return {};
  });
  EXPECT_ERROR(kCorruption, seen);
  EXPECT_EQ(seen.error().file(), "tree");
  EXPECT_EQ(seen.error().offset().value_or(0), leaves[leaves.size() / 2]);
  EXPECT_LT(rows, 3000U);
  EXPECT_GT(rows, 0U);
  // Backwards, and by cursor.
  EXPECT_ERROR(kCorruption, database.view("t", [&](const BucketView& bucket) -> Result<void> {
    for ([[maybe_unused]] const auto row : bucket.all().reversed()) {
    }
    return {};
  }));
  // A transaction that read past the damage must not commit what it made of it.
  EXPECT_ERROR(kCorruption, database.exec("t", [&](Bucket& bucket) -> Result<void> {
    uint64_t count = 0;
    for ([[maybe_unused]] const auto row : bucket.all()) {
      ++count;
    }
    return bucket.put("count", std::to_string(count));
  }));
  // What is intact stays readable and writable.
  EXPECT_EQ(database.get("t", numbered("k", 0))->value(), "value");
  EXPECT_OK(database.put("t", numbered("k", 0), "new"));
  EXPECT_EQ(database.check()->damage.size(), 1U);
}

// Upstream: pages of large values had no checksum, and a flipped bit was returned as data.
TEST_F(BtreeStorePromises, a_flipped_bit_in_a_large_value_is_detected) {
  {
    Database database = open();
    ASSERT_OK(database.put("t", "large", std::string(100'000, 'x')));
  }
  const auto runs = offsets_of(format::PageKind::kOverflow);
  ASSERT_FALSE(runs.empty());
  const std::string tree = content("tree");
  for (const uint64_t into : {40U, 100U, 5000U, 50'000U}) {
    SCOPED_TRACE(into);
    replace("tree", tree);
    flip_bit("tree", runs[0] + into);
    Database database = open();
    EXPECT_ERROR(kCorruption, database.get("t", "large"));
    EXPECT_ERROR(kCorruption, database.snapshot().bucket("t").get("large"));
    EXPECT_ERROR(kCorruption, database.view("t", [](const BucketView& bucket) -> Result<void> {
      for ([[maybe_unused]] const auto row : bucket.all()) {
        ADD_FAILURE() << "a row with a damaged value was shown";
      }
      return {};
    }));
    const Snapshot snapshot = database.snapshot();
    Cursor cursor = snapshot.bucket("t").cursor();
    ASSERT_TRUE(cursor.first());
    EXPECT_EQ(cursor.value(), "");
    EXPECT_FALSE(cursor.valid());
    EXPECT_ERROR(kCorruption, cursor.status());
    EXPECT_ERROR(kCorruption, snapshot.status());
    EXPECT_FALSE(database.check()->damage.empty());
  }
}

// Upstream: a bucket vanished for good when a nested closure failed and its error was swallowed.
TEST_F(BtreeStorePromises, a_swallowed_inner_error_loses_no_bucket) {
  Database database = open();
  const Rows before = fill(database, 200);
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    const auto inner = [&]() -> Result<void> {
      Bucket bucket = transaction.bucket("t");
      HOLDFAST_TRY(bucket.put("k000001", "changed"));
      HOLDFAST_TRY_ASSIGN(const bool erased, bucket.erase("missing"));
      return erased ? Result<void>() : fail(ErrorCode::kNotFound, "no such key");
    };
    EXPECT_FALSE(inner().has_value());
    return transaction.bucket("other").put("k", "v");
  }));
  Rows wanted = before;
  wanted["k000001"] = "changed";
  EXPECT_EQ(rows_of(database, "t"), wanted);
  EXPECT_EQ(database.get("other", "k")->value(), "v");
  // With a savepoint the inner closure is undone alone.
  ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
    const Savepoint savepoint = transaction.savepoint();
    HOLDFAST_TRY(transaction.bucket("t").put("k000002", "undone"));
    HOLDFAST_TRY(transaction.rollback_to(savepoint));
    return transaction.bucket("other").put("k", "w");
  }));
  EXPECT_EQ(rows_of(database, "t"), wanted);
  sound(database);
}

// Upstream: a panic in a closure left half of a transaction for the next commit to take along.
TEST_F(BtreeStorePromises, an_exception_in_a_closure_leaves_nothing_behind) {
  Database database = open();
  const Rows before = fill(database, 200);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THROW(static_cast<void>(database.exec([](Transaction& transaction) -> Result<void> {
                   HOLDFAST_TRY(transaction.bucket("t").erase_range(""));
                   HOLDFAST_TRY(transaction.drop_bucket("t"));
                   throw std::runtime_error("stop");
                 })),
                 std::runtime_error);
    ASSERT_OK(database.put("other", "k", std::to_string(i)));
  }
  EXPECT_EQ(rows_of(database, "t"), before);
  sound(database);
}

// Upstream: an iterator that was made before writes of its transaction showed 0 of 5,000 rows.
TEST_F(BtreeStorePromises, an_iterator_made_before_writes_goes_on_over_them) {
  Database database = open();
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    for (uint64_t i = 0; i < 5000; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), "old"));
    }
    return {};
  }));
  ASSERT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    Range range = bucket.all();
    auto at = range.begin();
    for (uint64_t i = 0; i < 5000; ++i) {
      HOLDFAST_TRY(bucket.put(numbered("k", i), "new"));
    }
    uint64_t rows = 0;
    for (; at != range.end(); ++at) {
      ++rows;
    }
    EXPECT_EQ(rows, 5000U);
    return range.status();
  }));
}

// Upstream: two processes wrote one file, and 417 of 3,000 rows were left.
TEST_F(BtreeStorePromises, two_processes_do_not_write_one_database) {
  const TemporaryPath temporary;
  const std::string path = temporary.path() + "/db";
  std::vector<pid_t> children;
  for (int child = 0; child < 2; ++child) {
    const pid_t pid = fork();
    if (pid == 0) {
      // Open, add a few rows, close; wait while the other has it.
      uint64_t added = 0;
      for (int attempt = 0; attempt < 100'000 && added < 200; ++attempt) {
        auto database = Database::open(path);
        if (!database) {
          if (database.error().code() != ErrorCode::kBusy) {
            _exit(2);
          }
          usleep(200);
          continue;
        }
        for (int i = 0; i < 20; ++i) {
          if (!database->put("t", std::to_string(child) + numbered("-", added), "v")) {
            _exit(3);
          }
          ++added;
        }
      }
      _exit(added == 200 ? 0 : 4);
    }
    children.push_back(pid);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Database database = Database::open(path).value();
  EXPECT_EQ(rows_of(database, "t").size(), 400U);
  sound(database);
}

// Upstream: transactions that changed nothing rewrote the catalog and the superblock.
TEST_F(BtreeStorePromises, transactions_that_change_nothing_do_not_commit) {
  Database database = open();
  fill(database, 10);
  const Stats before = *database.stats();
  EXPECT_OK(database.exec([](Transaction&) -> Result<void> { return {}; }));
  EXPECT_OK(database.exec("t", [](Bucket&) -> Result<void> { return {}; }));
  EXPECT_OK(database.exec("new", [](Bucket&) -> Result<void> { return {}; }));
  EXPECT_OK(database.exec("t", [](Bucket& bucket) -> Result<void> {
    HOLDFAST_TRY(bucket.update("missing", "x"));
    return {};
  }));
  EXPECT_OK(database.erase("t", "missing"));
  const Stats after = *database.stats();
  EXPECT_EQ(after.csn, before.csn);
  EXPECT_EQ(after.syncs, before.syncs);
  EXPECT_EQ(*database.snapshot().buckets(), std::vector<std::string>{"t"});
}

// Upstream: a bucket that is not there and one without rows had the same root, 0.
TEST_F(BtreeStorePromises, a_missing_bucket_is_not_an_empty_one) {
  {
    Database database = open();
    ASSERT_OK(database.exec([](Transaction& transaction) -> Result<void> {
      HOLDFAST_TRY(transaction.create_bucket("empty"));
      return {};
    }));
  }
  Database database = open();
  EXPECT_FALSE(database.get("empty", "k")->has_value());
  EXPECT_ERROR(kNotFound, database.get("missing", "k"));
  EXPECT_OK(database.exec([](Transaction& transaction) { return transaction.drop_bucket("empty"); }));
  EXPECT_ERROR(kNotFound, database.get("empty", "k"));
}

// Upstream: clone() and open() inside a read callback waited for themselves.
TEST_F(BtreeStorePromises, a_view_may_clone_open_write_and_nest) {
  Database database = open();
  fill(database, 10);
  EXPECT_OK(database.view([&](const Snapshot& snapshot) -> Result<void> {
    const Snapshot clone = snapshot.clone();
    EXPECT_ERROR(kBusy, Database::open(kPath, options()));
    HOLDFAST_TRY(database.put("t", "written inside", "1"));
    EXPECT_FALSE(clone.bucket("t").get("written inside")->has_value());
    HOLDFAST_TRY(database.check());
    return database.view([&](const Snapshot& inner) -> Result<void> {
      EXPECT_TRUE(inner.bucket("t").get("written inside")->has_value());
      return {};
    });
  }));
}

// Upstream: an empty key collided with the leftmost separator.
TEST_F(BtreeStorePromises, an_empty_key_is_refused_and_harms_no_neighbour) {
  Database database = open();
  const Rows before = fill(database, 300);
  EXPECT_ERROR(kInvalidArgument, database.put("t", "", "x"));
  ASSERT_OK(database.put("t", std::string(1, '\0'), "lowest"));
  EXPECT_EQ(database.get("t", std::string(1, '\0'))->value(), "lowest");
  EXPECT_EQ(rows_of(database, "t").size(), before.size() + 1);
}

}  // namespace
}  // namespace holdfast
