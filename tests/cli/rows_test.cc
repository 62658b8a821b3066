// put, get, delete, scan and buckets through the real program.
#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

using CommandRows = Command;

TEST_F(CommandRows, prints_the_value_that_was_put) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "users", "id:100", "Alice"}).exit_code, 0);
  const Outcome got = holdfast({"get", database_, "users", "id:100"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, "Alice\n");
  EXPECT_EQ(got.err, "");
}

TEST_F(CommandRows, replaces_a_value_and_keeps_an_empty_one) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "b", "k", "first"}).exit_code, 0);
  ASSERT_EQ(holdfast({"put", database_, "b", "k", ""}).exit_code, 0);
  EXPECT_EQ(holdfast({"get", database_, "b", "k"}).out, "\n");
  EXPECT_EQ(holdfast({"get", database_, "b", "k", "--raw"}).out, "");
}

TEST_F(CommandRows, keeps_every_byte_of_binary_keys_and_values) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "b", "--hex", "00ff095c0a", "0A0d00"}).exit_code, 0);
  EXPECT_EQ(holdfast({"get", database_, "b", "--hex", "00FF095C0A"}).out, "0a0d00\n");
  const Outcome raw = holdfast({"scan", database_, "b"});
  EXPECT_EQ(raw.out, "\\x00\\xff\\t\\\\\\n\t\\n\\r\\x00\n");
  EXPECT_EQ(holdfast({"scan", database_, "b", "--hex"}).out, "00ff095c0a\t0a0d00\n");
  EXPECT_EQ(holdfast({"scan", database_, "b", "--json"}).out,
            "{\"key_hex\":\"00ff095c0a\",\"value\":\"\\n\\r\\u0000\"}\n");
}

TEST_F(CommandRows, takes_a_value_from_standard_input_and_from_a_file_byte_for_byte) {
  create();
  const std::string bytes("a\0\n\xff tail without line feed", 28);
  ASSERT_EQ(holdfast({"put", database_, "b", "stdin", "-"}, bytes).exit_code, 0);
  write_file(folder_ / "value", bytes);
  ASSERT_EQ(holdfast({"put", database_, "b", "file", "--value-file", (folder_ / "value").string()}).exit_code, 0);
  EXPECT_EQ(holdfast({"get", database_, "b", "stdin", "--raw"}).out, bytes);
  EXPECT_EQ(holdfast({"get", database_, "b", "file", "--raw"}).out, bytes);
}

TEST_F(CommandRows, keeps_a_value_of_several_megabytes) {
  create();
  std::string bytes(5'000'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(static_cast<unsigned char>(i * 7 % 251));
  ASSERT_EQ(holdfast({"put", database_, "b", "big", "-"}, bytes).exit_code, 0);
  EXPECT_TRUE(holdfast({"get", database_, "b", "big", "--raw"}).out == bytes);
}

TEST_F(CommandRows, takes_keys_that_look_like_options_after_two_dashes) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "b", "--", "--limit", "-5"}).exit_code, 0);
  EXPECT_EQ(holdfast({"get", database_, "b", "--", "--limit"}).out, "-5\n");
}

TEST_F(CommandRows, says_not_found_with_exit_code_1) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "b", "k", "v"}).exit_code, 0);
  const Outcome no_key = holdfast({"get", database_, "b", "other"});
  EXPECT_EQ(no_key.exit_code, 1);
  EXPECT_EQ(no_key.out, "");
  EXPECT_EQ(no_key.err, "holdfast: not_found: no key \"other\" in bucket \"b\"\n");
  for (const char* command : {"get", "delete"}) {
    const Outcome no_bucket = holdfast({command, database_, "nobody", "k"});
    EXPECT_EQ(no_bucket.exit_code, 1) << command;
    EXPECT_NE(no_bucket.err.find("no bucket \"nobody\""), std::string::npos) << no_bucket.err;
  }
  EXPECT_EQ(holdfast({"scan", database_, "nobody"}).exit_code, 1);
}

TEST_F(CommandRows, deletes_a_row_once) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "b", "k", "v"}).exit_code, 0);
  EXPECT_EQ(holdfast({"delete", database_, "b", "k"}).exit_code, 0);
  EXPECT_EQ(holdfast({"get", database_, "b", "k"}).exit_code, 1);
  EXPECT_EQ(holdfast({"delete", database_, "b", "k"}).exit_code, 1);
}

class CommandScan : public Command {
 protected:
  void SetUp() override {
    create();
    const Outcome loaded = holdfast({"load", database_, "--bucket", "b"}, "a:1\t1\na:2\t2\na:3\t3\nb:1\t4\nc:1\t5\n");
    ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  }
  std::string keys(std::vector<std::string> options) {
    std::vector<std::string> args = {"scan", database_, "b", "--keys"};
    args.insert(args.end(), options.begin(), options.end());
    const Outcome scanned = holdfast(args);
    EXPECT_EQ(scanned.exit_code, 0) << scanned.err;
    std::string joined = scanned.out;
    for (char& c : joined) c = c == '\n' ? ' ' : c;
    return joined;
  }
};

TEST_F(CommandScan, prints_rows_in_key_order) {
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, "a:1\t1\na:2\t2\na:3\t3\nb:1\t4\nc:1\t5\n");
  EXPECT_EQ(holdfast({"scan", database_, "b", "--text", "--limit", "1"}).out, "a:1\t1\n");
}

TEST_F(CommandScan, keeps_to_prefix_range_limit_and_direction) {
  EXPECT_EQ(keys({"--prefix", "a:"}), "a:1 a:2 a:3 ");
  EXPECT_EQ(keys({"--prefix", "a:", "--reverse"}), "a:3 a:2 a:1 ");
  EXPECT_EQ(keys({"--from", "a:2", "--to", "b:1"}), "a:2 a:3 ");
  EXPECT_EQ(keys({"--from", "a:2", "--to", "c", "--reverse", "--limit", "2"}), "b:1 a:3 ");
  EXPECT_EQ(keys({"--to", "a:2"}), "a:1 ");
  EXPECT_EQ(keys({"--from", "b"}), "b:1 c:1 ");
  EXPECT_EQ(keys({"--limit", "0"}), "");
  EXPECT_EQ(keys({"--prefix", "zzz"}), "");
  EXPECT_EQ(keys({"--prefix", "623a", "--hex"}), "623a31 ");
}

TEST_F(CommandScan, refuses_options_that_contradict_each_other) {
  EXPECT_EQ(holdfast({"scan", database_, "b", "--prefix", "a", "--from", "b"}).exit_code, 2);
  EXPECT_EQ(holdfast({"scan", database_, "b", "--json", "--hex"}).exit_code, 2);
  EXPECT_EQ(holdfast({"scan", database_, "b", "--from", "b", "--to", "a"}).exit_code, 2);
  EXPECT_EQ(holdfast({"scan", database_, "b", "--limit", "-1"}).exit_code, 2);
  EXPECT_EQ(holdfast({"scan", database_, "b", "--limit", "many"}).exit_code, 2);
  EXPECT_EQ(holdfast({"scan", database_, "b", "--hex", "--prefix", "a:"}).exit_code, 2);
}

TEST_F(CommandScan, lists_buckets_and_counts_their_rows) {
  ASSERT_EQ(holdfast({"put", database_, "a\tbucket", "k", "v"}).exit_code, 0);
  EXPECT_EQ(holdfast({"buckets", database_}).out, "a\\tbucket\nb\n");
  EXPECT_EQ(holdfast({"buckets", database_, "--count"}).out, "a\\tbucket\t1\nb\t5\n");
  EXPECT_EQ(holdfast({"buckets", database_, "--count", "--json"}).out,
            "{\"bucket\":\"a\\tbucket\",\"rows\":1}\n{\"bucket\":\"b\",\"rows\":5}\n");
}

}  // namespace
}  // namespace holdfast::cli_test
