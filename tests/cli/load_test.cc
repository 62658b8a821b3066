// load and dump through the real program.
#include <string>

#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

using CommandLoad = Command;

std::string numbered_rows(int count) {
  std::string rows;
  for (int i = 0; i < count; ++i) rows += "key" + std::to_string(100000 + i) + "\tvalue " + std::to_string(i) + "\n";
  return rows;
}

TEST_F(CommandLoad, stores_every_line_of_standard_input) {
  create();
  const std::string rows = numbered_rows(5000);
  const Outcome loaded = holdfast({"load", database_, "--bucket", "b"}, rows);
  EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
  EXPECT_EQ(loaded.out, "");
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, rows);
}

TEST_F(CommandLoad, takes_a_last_line_without_line_feed) {
  create();
  ASSERT_EQ(holdfast({"load", database_, "--bucket", "b"}, "a\t1\nb\t2").exit_code, 0);
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, "a\t1\nb\t2\n");
}

TEST_F(CommandLoad, acknowledges_each_commit_with_its_number_and_the_rows_so_far) {
  create();
  const Outcome loaded = holdfast({"load", database_, "--bucket", "b", "--batch", "4", "--ack"}, numbered_rows(10));
  EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
  EXPECT_EQ(loaded.out, "1\t4\n2\t8\n3\t10\n");
}

TEST_F(CommandLoad, takes_an_input_without_rows) {
  create();
  const Outcome loaded = holdfast({"load", database_, "--bucket", "b", "--ack"}, "");
  EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
  EXPECT_EQ(loaded.out, "");
}

TEST_F(CommandLoad, reads_json_lines_into_several_buckets) {
  create();
  const Outcome loaded = holdfast({"load", database_, "--json", "--bucket", "rest"},
                                  "{\"bucket\":\"users\",\"key\":\"a\",\"value\":\"x\\ty\"}\n"
                                  "{\"key_hex\":\"00ff\",\"value\":\"\\u00e9\"}\n"
                                  "{\"value_hex\":\"FF\",\"key\":\"b\",\"bucket\":\"users\"}\n");
  ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  EXPECT_EQ(holdfast({"scan", database_, "users"}).out, "a\tx\\ty\nb\t\\xff\n");
  EXPECT_EQ(holdfast({"scan", database_, "rest"}).out, "\\x00\\xff\t\xc3\xa9\n");
}

TEST_F(CommandLoad, reads_back_what_scan_printed_as_json) {
  create();
  ASSERT_EQ(holdfast({"load", database_, "--bucket", "b"}, "a\\x00\\t\tx\\\\\\xfe\n\\x7f\t\n").exit_code, 0);
  const std::string json = holdfast({"scan", database_, "b", "--json"}).out;
  ASSERT_EQ(holdfast({"load", database_, "--json", "--bucket", "copy"}, json).exit_code, 0);
  EXPECT_EQ(holdfast({"scan", database_, "copy"}).out, holdfast({"scan", database_, "b"}).out);
}

TEST_F(CommandLoad, takes_lines_as_they_are_when_raw) {
  create();
  ASSERT_EQ(holdfast({"load", database_, "--raw", "--bucket", "b"}, "C:\\temp\tD:\\new\ttab\n").exit_code, 0);
  EXPECT_EQ(holdfast({"get", database_, "b", "C:\\temp"}).out, "D:\\new\ttab\n");
}

TEST_F(CommandLoad, names_the_wrong_line_and_keeps_earlier_commits_only) {
  create();
  const Outcome loaded =
      holdfast({"load", database_, "--bucket", "b", "--batch", "2"}, "a\t1\nb\t2\nc\t3\nthis is no row\ne\t5\n");
  EXPECT_EQ(loaded.exit_code, 2);
  EXPECT_NE(loaded.err.find("standard input line 4: no TAB"), std::string::npos) << loaded.err;
  EXPECT_NE(loaded.err.find("2 rows are committed (through line 2, commit 1)"), std::string::npos) << loaded.err;
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, "a\t1\nb\t2\n");
}

TEST_F(CommandLoad, refuses_every_kind_of_garbage_with_its_line) {
  create();
  const struct {
    std::vector<std::string> options;
    std::string input, complaint;
  } cases[] = {
      {{"--bucket", "b"}, "\n", "line 1: no TAB"},
      {{"--bucket", "b"}, "a\t1\nb\t2\t3\n", "line 2: more than one TAB"},
      {{"--bucket", "b"}, "a\t\\q\n", "line 1: \"\\\\q\" is no escape"},
      {{"--bucket", "b"}, "a\t\\x4\n", "line 1: \"\\\\x4\" is no escape"},
      {{"--bucket", "b"}, "\tvalue of the empty key\n", "line 1: "},
      {{"--bucket", "b"}, std::string(20000, 'k') + "\tv\n", "line 1: "},
      {{}, "a\t1\n", "line 1: the row names no bucket"},
      {{"--json", "--bucket", "b"}, "{\"key\":\"a\"\n", "line 1: not JSON"},
      {{"--json", "--bucket", "b"}, "[1]\n", "line 1: a JSON object is wanted"},
      {{"--json", "--bucket", "b"}, "{\"key\":\"a\"}\n", "line 1: \"value\" is missing"},
      {{"--json", "--bucket", "b"}, "{\"value\":\"a\"}\n", "line 1: \"key\" is missing"},
      {{"--json", "--bucket", "b"}, "{\"key\":1,\"value\":\"a\"}\n", "line 1: \"key\" is a number"},
      {{"--json", "--bucket", "b"}, "{\"key\":\"a\",\"value\":\"b\",\"vlaue\":\"c\"}\n", "unknown member \"vlaue\""},
      {{"--json", "--bucket", "b"}, "{\"key_hex\":\"0\",\"value\":\"b\"}\n", "line 1: hexadecimal needs two"},
      {{"--json"}, "{\"key\":\"a\",\"value\":\"b\"}\n", "line 1: the row names no bucket"},
  };
  for (const auto& wrong : cases) {
    std::vector<std::string> args = {"load", database_};
    args.insert(args.end(), wrong.options.begin(), wrong.options.end());
    const Outcome loaded = holdfast(args, wrong.input);
    EXPECT_EQ(loaded.exit_code, 2) << wrong.complaint << "\n" << loaded.err;
    EXPECT_NE(loaded.err.find(wrong.complaint), std::string::npos) << wrong.complaint << "\n" << loaded.err;
  }
  EXPECT_EQ(holdfast({"buckets", database_}).out, "");
}

TEST_F(CommandLoad, rolls_the_open_batch_back_when_interrupted_and_says_what_is_committed) {
  create();
  Running loading = start({"load", database_, "--bucket", "b", "--batch", "3", "--ack"});
  loading.write_input("a\t1\nb\t2\nc\t3\nd\t4\n");
  ASSERT_TRUE(loading.printed("1\t3\n"));
  kill(loading.pid, SIGINT);
  const Outcome loaded = loading.wait();
  EXPECT_EQ(loaded.exit_code, 130);
  EXPECT_NE(loaded.err.find("interrupted: 3 rows are committed (through line 3, commit 1)"), std::string::npos)
      << loaded.err;
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, "a\t1\nb\t2\nc\t3\n");
}

TEST_F(CommandLoad, keeps_every_acknowledged_commit_when_killed) {
  create();
  Running loading = start({"load", database_, "--bucket", "b", "--batch", "2", "--ack"});
  loading.write_input("a\t1\nb\t2\nc\t3\nd\t4\ne\t5\n");
  ASSERT_TRUE(loading.printed("2\t4\n"));
  kill(loading.pid, SIGKILL);
  EXPECT_EQ(loading.wait().exit_code, 128 + SIGKILL);
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, "a\t1\nb\t2\nc\t3\nd\t4\n");
  EXPECT_EQ(holdfast({"check", database_}).exit_code, 0);
}

class CommandDump : public Command {
 protected:
  void SetUp() override {
    create();
    ASSERT_EQ(holdfast({"load", database_, "--bucket", "many"}, numbered_rows(3000)).exit_code, 0);
    ASSERT_EQ(holdfast({"load", database_, "--bucket", "odd\tname"},
                       "\\x00\t\\xff\\n\nholdfast dump 1\tend 3\ntab\\there\tback\\\\slash\nempty\t\n")
                  .exit_code,
              0);
    ASSERT_EQ(holdfast({"put", database_, "emptied", "k", "v"}).exit_code, 0);
    ASSERT_EQ(holdfast({"delete", database_, "emptied", "k"}).exit_code, 0);
    copy_ = (folder_ / "copy").string();
    ASSERT_EQ(holdfast({"create", copy_, "--page-bytes", "4096"}).exit_code, 0);
  }
  std::string copy_;
};

TEST_F(CommandDump, is_read_back_into_an_equal_database) {
  const Outcome dumped = holdfast({"dump", database_});
  ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
  const Outcome loaded = holdfast({"load", copy_, "--batch", "7"}, dumped.out);
  ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  EXPECT_TRUE(holdfast({"dump", copy_}).out == dumped.out);
  EXPECT_EQ(holdfast({"buckets", copy_}).out, "emptied\nmany\nodd\\tname\n");
}

TEST_F(CommandDump, of_one_bucket_holds_that_bucket_only) {
  const Outcome dumped = holdfast({"dump", database_, "--bucket", "many"});
  ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
  ASSERT_EQ(holdfast({"load", copy_}, dumped.out).exit_code, 0);
  EXPECT_EQ(holdfast({"buckets", copy_, "--count"}).out, "many\t3000\n");
  EXPECT_EQ(holdfast({"dump", database_, "--bucket", "nobody"}).exit_code, 1);
}

TEST_F(CommandDump, is_refused_when_it_is_cut_short_or_goes_on_after_its_end) {
  const std::string dump = holdfast({"dump", database_, "--bucket", "many"}).out;
  const std::string without_end = dump.substr(0, dump.rfind("end "));
  const Outcome cut = holdfast({"load", copy_}, without_end);
  EXPECT_EQ(cut.exit_code, 2);
  EXPECT_NE(cut.err.find("cut short"), std::string::npos) << cut.err;
  EXPECT_EQ(holdfast({"load", copy_}, without_end + "end 2999\n").exit_code, 2);
  EXPECT_EQ(holdfast({"load", copy_}, dump + "many\tk\tv\n").exit_code, 2);
  EXPECT_EQ(holdfast({"load", copy_, "--bucket", "b"}, dump).exit_code, 2);
  EXPECT_EQ(holdfast({"load", copy_}, "holdfast dump 1\nrow without TAB\nend 1\n").exit_code, 2);
}

}  // namespace
}  // namespace holdfast::cli_test
