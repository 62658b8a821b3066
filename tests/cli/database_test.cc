// create, stat, check, and how the program answers when it cannot do what it was asked.
#include <string>

#include <nlohmann/json.hpp>

#include <holdfast/holdfast.hpp>

#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

class CommandDatabase : public Command {
 protected:
  void load_rows(int count) {
    std::string rows;
    for (int i = 0; i < count; ++i) rows += "key" + std::to_string(100000 + i) + "\t" + std::string(100, 'v') + "\n";
    ASSERT_EQ(holdfast({"load", database_, "--bucket", "b"}, rows).exit_code, 0);
  }
  // Flips one bit in the middle of the `nth` page from the end of the tree file that holds rows.
  uint64_t flip_a_bit_in_a_row() {
    const auto path = std::filesystem::path(database_) / "tree";
    std::string bytes = read_file(path);
    const size_t at = bytes.rfind("vvvvvvvv");
    EXPECT_NE(at, std::string::npos);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    write_file(path, bytes);
    return at;
  }
};

TEST_F(CommandDatabase, is_created_once) {
  create();
  const Outcome again = holdfast({"create", database_});
  EXPECT_EQ(again.exit_code, 9);
  EXPECT_NE(again.err.find("already_exists"), std::string::npos) << again.err;
}

TEST_F(CommandDatabase, is_created_with_the_page_size_that_was_asked_for) {
  ASSERT_EQ(holdfast({"create", database_, "--page-bytes", "4096"}).exit_code, 0);
  const auto stat = nlohmann::json::parse(holdfast({"stat", database_, "--json"}).out);
  EXPECT_EQ(stat["page_bytes"], 4096);
  EXPECT_EQ(stat["csn"], 0);
  EXPECT_EQ(stat["buckets"], 0);
  EXPECT_EQ(holdfast({"create", (folder_ / "other").string(), "--page-bytes", "5000"}).exit_code, 2);
}

TEST_F(CommandDatabase, that_is_not_there_is_never_made_by_another_command) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"get", database_, "b", "k"},
                                             {"put", database_, "b", "k", "v"},
                                             {"delete", database_, "b", "k"},
                                             {"scan", database_, "b"},
                                             {"buckets", database_},
                                             {"load", database_, "--bucket", "b"},
                                             {"dump", database_},
                                             {"stat", database_},
                                             {"check", database_},
                                             {"recover", database_},
                                             {"wal", "stat", database_},
                                             {"wal", "verify", database_},
                                             {"wal", "dump", database_}}) {
    const Outcome outcome = holdfast(args, "k\tv\n");
    EXPECT_EQ(outcome.exit_code, 1) << args[0] << outcome.err;
    EXPECT_NE(outcome.err.find("holdfast create " + database_), std::string::npos) << args[0] << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(database_));
}

TEST_F(CommandDatabase, that_is_a_foreign_directory_is_left_alone) {
  std::filesystem::create_directory(database_);
  write_file(std::filesystem::path(database_) / "letter.txt", "dear");
  EXPECT_NE(holdfast({"create", database_}).exit_code, 0);
  EXPECT_NE(holdfast({"scan", database_, "b"}).exit_code, 0);
  EXPECT_EQ(read_file(std::filesystem::path(database_) / "letter.txt"), "dear");
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(database_) / "tree"));
}

TEST_F(CommandDatabase, stat_shows_what_it_holds) {
  create();
  load_rows(2500);
  const auto stat = nlohmann::json::parse(holdfast({"stat", database_, "--json"}).out);
  EXPECT_EQ(stat["csn"], 3);
  EXPECT_EQ(stat["buckets"], 1);
  EXPECT_EQ(stat["file_bytes"], std::filesystem::file_size(std::filesystem::path(database_) / "tree"));
  const std::string text = holdfast({"stat", database_}).out;
  EXPECT_NE(text.find("commits      3\n"), std::string::npos) << text;
}

TEST_F(CommandDatabase, check_accounts_for_every_page_of_a_sound_one) {
  create();
  load_rows(2500);
  const Outcome checked = holdfast({"check", database_, "--json"});
  ASSERT_EQ(checked.exit_code, 0) << checked.err << checked.out;
  const auto report = nlohmann::json::parse(checked.out);
  EXPECT_EQ(report["sound"], true);
  EXPECT_EQ(report["rows"], 2500);
  EXPECT_EQ(report["buckets"], 1);
  EXPECT_EQ(report["page_count"].get<uint64_t>(),
            report["meta_pages"].get<uint64_t>() + report["reachable_pages"].get<uint64_t>() +
                report["free_pages"].get<uint64_t>() + report["awaiting_pages"].get<uint64_t>());
  EXPECT_EQ(holdfast({"check", database_}).out.substr(0, 7), "sound: ");
}

TEST_F(CommandDatabase, check_lists_the_place_where_a_bit_was_flipped) {
  create();
  load_rows(2500);
  const uint64_t at = flip_a_bit_in_a_row();
  const Outcome checked = holdfast({"check", database_, "--json"});
  EXPECT_EQ(checked.exit_code, 4) << checked.err;
  const auto report = nlohmann::json::parse(checked.out);
  ASSERT_EQ(report["damage"].size(), 1u) << checked.out;
  EXPECT_EQ(report["damage"][0]["file"], "tree");
  EXPECT_EQ(report["damage"][0]["offset"].get<uint64_t>(), at / kPageBytesDefault * kPageBytesDefault);
  const Outcome text = holdfast({"check", database_});
  EXPECT_EQ(text.exit_code, 4);
  EXPECT_EQ(text.out.substr(0, 21), "damaged: tree offset ") << text.out;
}

TEST_F(CommandDatabase, never_prints_rows_of_a_damaged_page_and_says_where_it_is) {
  create();
  load_rows(2500);
  flip_a_bit_in_a_row();
  const Outcome scanned = holdfast({"scan", database_, "b"});
  EXPECT_EQ(scanned.exit_code, 4);
  EXPECT_EQ(scanned.err.substr(0, 22), "holdfast: corruption: ") << scanned.err;
  EXPECT_NE(scanned.err.find("file tree, offset "), std::string::npos) << scanned.err;
  EXPECT_NE(scanned.err.find("hint: `holdfast check " + database_), std::string::npos) << scanned.err;
  EXPECT_EQ(scanned.out.find("vuv"), std::string::npos);
  const Outcome dumped = holdfast({"dump", database_});
  EXPECT_EQ(dumped.exit_code, 4);
  EXPECT_EQ(dumped.out.find("\nend "), std::string::npos);
}

TEST_F(CommandDatabase, that_another_process_has_open_is_busy_and_the_message_names_the_process) {
  create();
  load_rows(10);
  Result<Database> held = Database::open(database_);
  ASSERT_TRUE(held.has_value());
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"put", database_, "b", "k", "v"}, {"scan", database_, "b"}, {"check", database_}}) {
    const Outcome outcome = holdfast(args);
    EXPECT_EQ(outcome.exit_code, 3) << args[0];
    EXPECT_EQ(outcome.err.substr(0, 16), "holdfast: busy: ") << outcome.err;
    EXPECT_NE(outcome.err.find(std::to_string(getpid())), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("hint: "), std::string::npos) << outcome.err;
  }
}

TEST_F(CommandDatabase, is_read_by_several_processes_at_once) {
  create();
  load_rows(10);
  Options options;
  options.read_only = true;
  options.create_if_missing = false;
  const Result<Database> held = Database::open(database_, options);
  ASSERT_TRUE(held.has_value()) << held.error().to_string();
  EXPECT_EQ(holdfast({"scan", database_, "b", "--limit", "1"}).exit_code, 0);
  EXPECT_EQ(holdfast({"check", database_}).exit_code, 0);
  EXPECT_EQ(holdfast({"put", database_, "b", "k", "v"}).exit_code, 3);
}

using CommandLine = Command;

TEST_F(CommandLine, answers_wrong_usage_with_exit_code_2_and_a_hint) {
  create();
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{},
                                             {"frobnicate", database_},
                                             {"get", database_},
                                             {"get", database_, "b", "k", "superfluous"},
                                             {"get", database_, "b", "k", "--reverse"},
                                             {"get", database_, "b", "k", "--hex", "--raw"},
                                             {"load", database_, "--batch", "0"},
                                             {"load", database_, "--batch", "ten"},
                                             {"load", database_, "--json", "--raw"}}) {
    const Outcome outcome = holdfast(args);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err.substr(0, 17), "holdfast: usage: ") << outcome.err;
    EXPECT_NE(outcome.err.find("--help"), std::string::npos) << outcome.err;
  }
}

TEST_F(CommandLine, answers_arguments_that_break_a_limit_with_exit_code_2) {
  create();
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"put", database_, "b", "k"},
           {"put", database_, "b", "k", "v", "--value-file", "also"},
           {"put", database_, "b", "", "v"},
           {"put", database_, "", "k", "v"},
           {"put", database_, std::string(256, 'b'), "k", "v"},
           {"put", database_, "b", std::string(key_bytes_max(kPageBytesDefault) + 1, 'k'), "v"},
           {"put", database_, "b", "--hex", "0", "00"},
           {"put", database_, "b", "--hex", "zz", "00"},
           {"get", database_, "b", "--hex", "xy"}}) {
    const Outcome outcome = holdfast(args);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(outcome.err.substr(0, 28), "holdfast: invalid_argument: ") << outcome.err;
  }
  EXPECT_EQ(holdfast({"buckets", database_}).out, "");
}

TEST_F(CommandLine, says_when_an_input_file_is_not_there) {
  create();
  EXPECT_EQ(holdfast({"load", database_, "/nonexistent/rows", "--bucket", "b"}).exit_code, 1);
  EXPECT_EQ(holdfast({"put", database_, "b", "k", "--value-file", "/nonexistent/value"}).exit_code, 1);
}

TEST_F(CommandLine, prints_help_with_examples_and_exit_codes) {
  const Outcome help = holdfast({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("Exit codes:"), std::string::npos);
  EXPECT_NE(help.out.find("Examples:"), std::string::npos);
  for (const char* command :
       {"create", "put", "get", "delete", "scan", "buckets", "load", "dump", "stat", "check", "recover"}) {
    EXPECT_NE(help.out.find(std::string("  ") + command), std::string::npos) << command;
    const Outcome of_command = holdfast({command, "--help"});
    EXPECT_EQ(of_command.exit_code, 0) << command;
    EXPECT_NE(of_command.out.find("DATABASE"), std::string::npos) << of_command.out;
  }
  EXPECT_EQ(holdfast({"--version"}).out.substr(0, 9), "holdfast ");
}

}  // namespace
}  // namespace holdfast::cli_test
