// pin add, list and drop, and --as-of, through the real program.
#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

using CommandPin = Command;

TEST_F(CommandPin, reads_a_pinned_state_after_it_was_changed) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "users", "id:100", "Alice"}).exit_code, 0);
  const Outcome pinned = holdfast({"pin", "add", database_, "before"});
  ASSERT_EQ(pinned.exit_code, 0) << pinned.err;
  EXPECT_EQ(pinned.out, "pinned: the state after commit 1\n");
  ASSERT_EQ(holdfast({"put", database_, "users", "id:100", "Bob"}).exit_code, 0);
  ASSERT_EQ(holdfast({"put", database_, "users", "id:101", "Carol"}).exit_code, 0);
  EXPECT_EQ(holdfast({"get", database_, "users", "id:100"}).out, "Bob\n");
  EXPECT_EQ(holdfast({"get", database_, "users", "id:100", "--as-of", "before"}).out, "Alice\n");
  EXPECT_EQ(holdfast({"get", database_, "users", "id:100", "--as-of", "csn:1"}).out, "Alice\n");
  EXPECT_EQ(holdfast({"get", database_, "users", "id:100", "--as-of", "time:99999999999"}).out, "Alice\n");
  EXPECT_EQ(holdfast({"scan", database_, "users", "--as-of", "before"}).out, "id:100\tAlice\n");
  EXPECT_EQ(holdfast({"scan", database_, "users"}).out, "id:100\tBob\nid:101\tCarol\n");
  const Outcome list = holdfast({"pin", "list", database_});
  EXPECT_TRUE(list.out.starts_with("before\t1\t")) << list.out;
  EXPECT_NE(holdfast({"pin", "list", database_, "--json"}).out.find("\"csn\":1"), std::string::npos);
  EXPECT_EQ(holdfast({"check", database_}).exit_code, 0);
}

TEST_F(CommandPin, says_what_is_kept_when_something_else_is_asked_for) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "b", "k", "v"}).exit_code, 0);
  ASSERT_EQ(holdfast({"pin", "add", database_, "p"}).exit_code, 0);
  const Outcome csn = holdfast({"get", database_, "b", "k", "--as-of", "csn:7"});
  EXPECT_EQ(csn.exit_code, 1);
  EXPECT_NE(csn.err.find("commit 7 is not kept; those that are: 1 (pinned), 2 (the newest)"), std::string::npos)
      << csn.err;
  EXPECT_EQ(holdfast({"get", database_, "b", "k", "--as-of", "nothing"}).exit_code, 1);
  EXPECT_EQ(holdfast({"get", database_, "b", "k", "--as-of", "time:1"}).exit_code, 1);
  EXPECT_NE(holdfast({"get", database_, "b", "k", "--as-of", "csn:x"}).exit_code, 0);
  EXPECT_NE(holdfast({"pin", "add", database_, "p"}).exit_code, 0);
  EXPECT_EQ(holdfast({"pin", "drop", database_, "p"}).exit_code, 0);
  EXPECT_EQ(holdfast({"pin", "drop", database_, "p"}).exit_code, 1);
  EXPECT_EQ(holdfast({"pin", "list", database_}).out, "");
  EXPECT_EQ(holdfast({"check", database_}).exit_code, 0);
}

}  // namespace
}  // namespace holdfast::cli_test
