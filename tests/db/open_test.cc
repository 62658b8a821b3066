#include <sys/wait.h>
#include <unistd.h>

#include "page/page_store.h"
#include "tests/db/database_test.h"
#include "tests/env/environments.h"

namespace holdfast {
namespace {

class OpenTest : public DatabaseTest {
 protected:
  Options read_only() const {
    Options chosen = options();
    chosen.read_only = true;
    return chosen;
  }
  Options no_create() const {
    Options chosen = options();
    chosen.create_if_missing = false;
    return chosen;
  }
  // But for those of the log.
  std::vector<std::string> names() {
    auto all = memory_->open_directory(kPath, DirectoryMode::kMustExist).value()->list().value();
    std::erase_if(all, [](const std::string& name) { return name.starts_with("wal-"); });
    return all;
  }
  void remove_log() {
    const auto all = memory_->open_directory(kPath, DirectoryMode::kMustExist).value()->list().value();
    for (const std::string& name : all) {
      if (name.starts_with("wal-")) {
        remove(name);
      }
    }
  }
  void remove(std::string_view name) {
    ASSERT_OK(memory_->open_directory(kPath, DirectoryMode::kMustExist).value()->remove(name));
  }
};

TEST_F(OpenTest, creates_only_if_it_may) {
  EXPECT_ERROR(kNotFound, Database::open(kPath, no_create()));
  EXPECT_ERROR(kNotFound, Database::open(kPath, read_only()));
  EXPECT_ERROR(kNotFound, memory_->open_directory(kPath, DirectoryMode::kMustExist));
  {
    open();
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"identity", "lock", "tree"}));
  EXPECT_OK(Database::open(kPath, no_create()));
}

TEST_F(OpenTest, shows_after_reopening_what_was_committed) {
  Rows wanted;
  for (int round = 0; round < 5; ++round) {
    Database database = open();
    EXPECT_EQ(rows_of(database, "t"), wanted);
    for (uint64_t i = 0; i < 100; ++i) {
      const std::string key = numbered("k", static_cast<uint64_t>(round) * 50 + i);
      wanted[key] = std::to_string(round);
      ASSERT_OK(database.put("t", key, wanted[key]));
    }
    if (round % 2 == 0) {
      ASSERT_OK(database.close());
    }
  }
  Database database = open();
  EXPECT_EQ(rows_of(database, "t"), wanted);
  EXPECT_EQ(database.stats()->csn, Csn{500});
  sound(database);
}

TEST_F(OpenTest, keeps_the_page_size_it_was_created_with) {
  {
    ASSERT_OK(open().put("t", "k", "v"));
  }
  Options chosen = options();
  chosen.page_bytes = 65536;
  Database database = Database::open(kPath, chosen).value();
  EXPECT_EQ(database.stats()->page_bytes, 4096U);
  EXPECT_EQ(database.get("t", "k")->value(), "v");
}

TEST_F(OpenTest, a_second_open_is_busy_until_the_first_is_closed) {
  Database database = open();
  EXPECT_ERROR(kBusy, Database::open(kPath, options()));
  EXPECT_ERROR(kBusy, Database::open(kPath, read_only()));
  ASSERT_OK(database.close());
  ASSERT_OK(database.close());
  EXPECT_ERROR(kInvalidArgument, database.get("t", "k"));
  EXPECT_ERROR(kInvalidArgument, database.put("t", "k", "v"));
  EXPECT_ERROR(kInvalidArgument, database.erase("t", "k"));
  EXPECT_ERROR(kInvalidArgument, database.exec([](Transaction&) -> Result<void> { return {}; }));
  EXPECT_ERROR(kInvalidArgument, database.view([](const Snapshot&) -> Result<void> { return {}; }));
  EXPECT_ERROR(kInvalidArgument, database.check());
  EXPECT_ERROR(kInvalidArgument, database.stats());
  {
    Database second = open();
    EXPECT_OK(second.put("t", "k", "v"));
  }
  Database third = open();
  Database moved = std::move(third);
  EXPECT_ERROR(kBusy, Database::open(kPath, options()));
}

TEST_F(OpenTest, does_not_close_under_a_snapshot_or_a_transaction) {
  Database database = open();
  ASSERT_OK(database.put("t", "k", "v"));
  {
    const Snapshot snapshot = database.snapshot();
    EXPECT_ERROR(kBusy, database.close());
    EXPECT_EQ(snapshot.bucket("t").get("k")->value(), "v");
  }
  {
    const Transaction transaction = database.begin();
    EXPECT_ERROR(kBusy, database.close());
  }
  EXPECT_OK(database.close());
}

TEST_F(OpenTest, two_may_open_it_read_only) {
  {
    ASSERT_OK(open().put("t", "k", "v"));
  }
  const std::string tree = content("tree");
  {
    Database one = Database::open(kPath, read_only()).value();
    Database two = Database::open(kPath, read_only()).value();
    EXPECT_EQ(one.get("t", "k")->value(), "v");
    EXPECT_EQ(two.get("t", "k")->value(), "v");
    EXPECT_ERROR(kReadOnly, one.put("t", "k", "w"));
    EXPECT_ERROR(kReadOnly, one.erase("t", "k"));
    EXPECT_ERROR(kReadOnly, one.exec([](Transaction& transaction) { return transaction.drop_bucket("t"); }));
    EXPECT_EQ(one.get("t", "k")->value(), "v");
    EXPECT_FALSE(one.stats()->read_only_reason.empty());
    EXPECT_ERROR(kBusy, Database::open(kPath, options()));
    sound(two);
  }
  EXPECT_TRUE(content("tree") == tree);
  EXPECT_EQ(open().get("t", "k")->value(), "v");
}

TEST_F(OpenTest, a_directory_with_foreign_files_is_left_alone) {
  const auto directory = memory_->open_directory(kPath, DirectoryMode::kCreateIfMissing).value();
  ASSERT_OK(directory->open_file("thesis.tex", OpenMode::kCreate));
  EXPECT_ERROR(kInvalidArgument, Database::open(kPath, options()));
  const auto refused = Database::open(kPath, no_create());
  EXPECT_ERROR(kNotFound, refused);
  EXPECT_NE(refused.error().message().find("thesis.tex"), std::string::npos);
  EXPECT_EQ(*directory->list(), (std::vector<std::string>{"thesis.tex"}));
}

TEST_F(OpenTest, a_missing_tree_file_is_corruption_and_never_an_empty_database) {
  {
    ASSERT_OK(open().put("t", "k", "v"));
  }
  remove("tree");
  for (const Options& chosen : {options(), no_create(), read_only()}) {
    const auto refused = Database::open(kPath, chosen);
    EXPECT_ERROR(kCorruption, refused);
    EXPECT_EQ(refused.error().file(), "tree");
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"identity", "lock"}));
}

TEST_F(OpenTest, an_empty_or_cut_tree_file_is_corruption) {
  {
    ASSERT_OK(open().put("t", "k", "v"));
  }
  const std::string tree = content("tree");
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{511}, size_t{512}, size_t{4096}}) {
    SCOPED_TRACE(bytes);
    replace("tree", tree.substr(0, bytes));
    EXPECT_ERROR(kCorruption, Database::open(kPath, options()));
    EXPECT_ERROR(kCorruption, Database::open(kPath, read_only()));
  }
  replace("tree", tree);
  EXPECT_EQ(open().get("t", "k")->value(), "v");
}

TEST_F(OpenTest, a_tree_file_of_another_database_is_refused_and_left_as_it_is) {
  {
    ASSERT_OK(open().put("t", "k", "v"));
  }
  {
    ASSERT_OK(Database::open("/other", options()).value().put("t", "k", "foreign"));
  }
  const auto other = memory_->open_directory("/other", DirectoryMode::kMustExist).value();
  const auto foreign_file = other->open_file("tree", OpenMode::kReadOnly).value();
  std::string foreign(foreign_file->size().value(), '\0');
  ASSERT_OK(foreign_file->read_at(0, std::as_writable_bytes(std::span(foreign))));
  replace("tree", foreign);
  const auto refused = Database::open(kPath, options());
  EXPECT_ERROR(kCorruption, refused);
  EXPECT_EQ(refused.error().file(), "tree");
  EXPECT_TRUE(content("tree") == foreign);
}

TEST_F(OpenTest, a_damaged_identity_is_refused) {
  {
    ASSERT_OK(open().put("t", "k", "v"));
  }
  const std::string identity = content("identity");
  for (const uint32_t offset : {0U, 8U, 12U, 16U, 33U, 511U}) {
    flip_bit("identity", offset);
    const auto refused = Database::open(kPath, options());
    EXPECT_FALSE(refused.has_value()) << offset;
    EXPECT_EQ(refused.error().file(), "identity");
    replace("identity", identity);
  }
  replace("identity", identity.substr(0, 511));
  EXPECT_ERROR(kCorruption, Database::open(kPath, options()));
  replace("identity", identity + "x");
  EXPECT_ERROR(kCorruption, Database::open(kPath, options()));
  replace("identity", "");
  EXPECT_ERROR(kCorruption, Database::open(kPath, options()));
  replace("identity", identity);
  EXPECT_EQ(open().get("t", "k")->value(), "v");
}

TEST_F(OpenTest, names_a_missing_identity_once_there_are_commits) {
  {
    ASSERT_OK(open().put("t", "k", "v"));
  }
  const std::string identity = content("identity");
  const std::string tree = content("tree");
  remove("identity");
  for (const Options& chosen : {options(), no_create()}) {
    const auto refused = Database::open(kPath, chosen);
    EXPECT_ERROR(kCorruption, refused);
    EXPECT_EQ(refused.error().file(), "identity");
    EXPECT_NE(refused.error().message().find("put it back from any backup"), std::string::npos);
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"lock", "tree"}));
  EXPECT_TRUE(content("tree") == tree) << "whoever was refused has changed nothing";
  // Both ways out that the error names.
  {
    Database database = Database::open(kPath, read_only()).value();
    EXPECT_EQ(database.get("t", "k")->value(), "v");
    const CheckReport report = database.check().value();
    ASSERT_EQ(report.damage.size(), 1U);
    EXPECT_EQ(report.damage[0].file, "identity");
  }
  replace("identity", identity);
  Database database = open();
  EXPECT_EQ(database.get("t", "k")->value(), "v");
  sound(database);
}

TEST_F(OpenTest, completes_a_creation_that_was_cut_short) {
  {
    const auto directory = memory_->open_directory(kPath, DirectoryMode::kCreateIfMissing).value();
    ASSERT_OK(PageStore::create(*memory_, *directory, "tree", {std::byte{7}}, 4096));
  }
  EXPECT_TRUE(Database::open(kPath, read_only()).value().snapshot().buckets()->empty());
  EXPECT_EQ(names(), (std::vector<std::string>{"lock", "tree"}));
  ASSERT_OK(open().put("t", "k", "v"));
  EXPECT_EQ(content("identity").size(), 512U);

  // Only what a creation leaves behind before it has a tree: not there yet.
  remove("identity");
  remove("tree");
  for (const Options& chosen : {options(), no_create(), read_only()}) {
    EXPECT_ERROR(kCorruption, Database::open(kPath, chosen)) << "a log without a tree";
  }
  remove_log();
  replace("tree.new", "half a tree");
  replace("identity.new", "half an identity");
  EXPECT_ERROR(kNotFound, Database::open(kPath, no_create()));
  EXPECT_ERROR(kNotFound, Database::open(kPath, read_only()));
  Database database = open();
  EXPECT_TRUE(database.snapshot().buckets()->empty());
  EXPECT_EQ(names(), (std::vector<std::string>{"identity", "lock", "tree"}));
}

TEST(OpenOnDisk, another_process_is_told_who_has_it) {
  const TemporaryPath temporary;
  const std::string path = temporary.path() + "/db";
  int ready[2];
  int finish[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(finish), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto database = Database::open(path);
    const char answer = database && database->put("t", "k", "from the child") ? 'y' : 'n';
    char byte = 0;
    const bool done = ::write(ready[1], &answer, 1) == 1 && ::read(finish[0], &byte, 1) == 1;
    _exit(done ? 0 : 1);  // without closing: the lock must go with the process
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  const auto refused = Database::open(path);
  EXPECT_ERROR(kBusy, refused);
  EXPECT_NE(refused.error().message().find(std::to_string(child)), std::string::npos) << refused.error().message();
  ASSERT_EQ(::write(finish[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  Database database = Database::open(path).value();
  EXPECT_EQ(database.get("t", "k")->value(), "from the child");
  sound(database);
}

TEST(OpenOnDisk, lives_in_a_directory_of_the_operating_system) {
  const TemporaryPath temporary;
  const std::string path = temporary.path() + "/db";
  EXPECT_FALSE(Database::open(path + "/missing/parent").has_value());
  {
    Database database = Database::open(path).value();
    ASSERT_OK(database.put("t", "k", "v"));
  }
  EXPECT_EQ(Database::open(path, {.read_only = true}).value().get("t", "k")->value(), "v");
}

}  // namespace
}  // namespace holdfast
