// wal stat, wal verify, wal dump, recover, and what other commands do with a log that a killed process left.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <holdfast/holdfast.hpp>

#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

using nlohmann::json;

class CommandWal : public Command {
 protected:
  // Loads `commits` commits of two rows each, k1000 and so on, and kills the program before it can close the database.
  void load_and_kill(int commits, const std::vector<std::string>& options = {}) {
    create();
    std::string rows;
    for (int row = 0; row < 2 * commits; ++row) rows += "k" + std::to_string(1000 + row) + "\tv\n";
    std::vector<std::string> args = {"load", database_, "--bucket", "b", "--batch", "2", "--ack"};
    args.insert(args.end(), options.begin(), options.end());
    Running loading = start(args);
    // Half a batch more, so that it waits for the rest.
    loading.write_input(rows + "k9999\tv\n");
    ASSERT_TRUE(loading.printed(std::to_string(commits) + "\t" + std::to_string(2 * commits) + "\n"));
    kill(loading.pid, SIGKILL);
    ASSERT_EQ(loading.wait().exit_code, 128 + SIGKILL);
  }
  json stat() { return json::parse(holdfast({"wal", "stat", database_, "--json"}).out); }
  std::filesystem::path file(const std::string& name) const { return std::filesystem::path(database_) / name; }
  // Content of every file but the lock.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::directory_iterator(database_)) {
      if (entry.path().filename() != "lock") contents[entry.path().filename()] = read_file(entry.path());
    }
    return contents;
  }
  void flip_bit(const std::string& name, size_t at) {
    std::string bytes = read_file(file(name));
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    write_file(file(name), bytes);
  }
  // The place of the redo of a record, as `wal dump` names it.
  json record_of(uint64_t csn) {
    const std::string number = std::to_string(csn);
    return json::parse(holdfast({"wal", "dump", database_, "--json", "--from", number, "--to", number}).out);
  }
  std::string expected_scan(int commits) {
    std::string rows;
    for (int row = 0; row < 2 * commits; ++row) rows += "k" + std::to_string(1000 + row) + "\tv\n";
    return rows;
  }
};

TEST_F(CommandWal, stat_says_what_opening_would_replay) {
  load_and_kill(20, {"--lanes", "2"});
  const json found = stat();
  EXPECT_EQ(found["closed"], false);
  EXPECT_EQ(found["lane_count"], 2);
  EXPECT_EQ(found["lanes"].size(), 2U);
  EXPECT_EQ(found["replay_commits"], 20);
  EXPECT_EQ(found["cut_records"], 0);
  EXPECT_EQ(found["damaged"], false);
  EXPECT_GE(found["watermark"], 19);
  const Outcome text = holdfast({"wal", "stat", database_});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_NE(text.out.find("replays 20 commits (csns 1 to 20)"), std::string::npos) << text.out;
}

TEST_F(CommandWal, stat_of_a_closed_database_says_that_there_is_nothing_to_do) {
  create();
  ASSERT_EQ(holdfast({"put", database_, "b", "k", "v"}).exit_code, 0);
  EXPECT_EQ(stat()["closed"], true);
  EXPECT_EQ(stat()["replay_commits"], 0);
  EXPECT_EQ(stat()["checkpoint_csn"], 1);
  EXPECT_NE(holdfast({"wal", "stat", database_}).out.find("nothing to do"), std::string::npos);
}

TEST_F(CommandWal, commands_that_look_write_nothing) {
  load_and_kill(20);
  const auto before = files();
  for (const char* command : {"stat", "verify", "dump"}) {
    EXPECT_EQ(holdfast({"wal", command, database_}).exit_code, 0) << command;
    EXPECT_EQ(holdfast({"wal", command, database_, "--json"}).exit_code, 0) << command;
  }
  EXPECT_TRUE(files() == before);
}

TEST_F(CommandWal, commands_that_look_answer_busy_while_another_process_writes) {
  create();
  Running loading = start({"load", database_, "--bucket", "b", "--batch", "1", "--ack"});
  loading.write_input("k\tv\n");
  ASSERT_TRUE(loading.printed("1\t1\n"));
  for (const char* command : {"stat", "verify", "dump"}) {
    const Outcome outcome = holdfast({"wal", command, database_});
    EXPECT_EQ(outcome.exit_code, 3) << command;
    EXPECT_NE(outcome.err.find(std::to_string(loading.pid)), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(holdfast({"recover", database_}).exit_code, 3);
  loading.close_input();
  EXPECT_EQ(loading.wait().exit_code, 0);
}

TEST_F(CommandWal, dump_prints_each_record_and_what_it_changes) {
  load_and_kill(3);
  const std::string records = holdfast({"wal", "dump", database_}).out;
  EXPECT_TRUE(records.starts_with("record\t1\t1\t0\twal-00-0002\t")) << records;
  EXPECT_EQ(std::count(records.begin(), records.end(), '\n'), 3);
  EXPECT_NE(records.find("\treplayed\n"), std::string::npos);
  const std::string rows = holdfast({"wal", "dump", database_, "--rows", "--from", "2", "--to", "2"}).out;
  EXPECT_EQ(rows.substr(rows.find('\n') + 1), "put\t2\tb\tk1002\tv\nput\t2\tb\tk1003\tv\n");
  const std::string hex = holdfast({"wal", "dump", database_, "--rows", "--hex", "--from", "3"}).out;
  EXPECT_NE(hex.find("put\t3\t62\t6b31303034\t76\n"), std::string::npos) << hex;
  const json third =
      json::parse(holdfast({"wal", "dump", database_, "--rows", "--json", "--from", "3", "--to", "3"}).out);
  EXPECT_EQ(third["commits"][0]["csn"], 3);
  EXPECT_EQ(third["commits"][0]["changes"][0],
            (json{{"change", "put"}, {"bucket", "b"}, {"key", "k1004"}, {"value", "v"}}));
  EXPECT_EQ(holdfast({"wal", "dump", database_, "--from", "3", "--to", "2"}).exit_code, 2);
  EXPECT_EQ(holdfast({"wal", "dump", database_, "--json", "--hex"}).exit_code, 2);
  EXPECT_EQ(holdfast({"wal"}).exit_code, 2);
}

TEST_F(CommandWal, dump_prints_erased_rows_and_buckets_too) {
  create();
  {
    Options options;
    options.create_if_missing = false;
    Database database = Database::open(database_, options).value();
    ASSERT_TRUE(database.exec([](Transaction& transaction) -> Result<void> {
      HOLDFAST_TRY(transaction.create_bucket("made"));
      Bucket bucket = transaction.bucket("other");
      HOLDFAST_TRY(bucket.erase_range("a", "c"));
      HOLDFAST_TRY(bucket.erase_range("x"));
      return bucket.put("m", "1");
    }));
  }
  // Closed: the last segment still holds what the tree holds, too.
  const std::string rows = holdfast({"wal", "dump", database_, "--rows"}).out;
  EXPECT_NE(rows.find("\tin-tree\n"), std::string::npos) << rows;
  EXPECT_NE(rows.find("create\t1\tmade\n"), std::string::npos) << rows;
  EXPECT_NE(rows.find("put\t1\tother\tm\t1\n"), std::string::npos) << rows;
}

TEST_F(CommandWal, verify_finds_a_flipped_bit_in_the_first_of_many_acknowledged_records) {
  load_and_kill(30);
  EXPECT_EQ(holdfast({"wal", "verify", database_}).exit_code, 0);
  const json first = record_of(1);
  flip_bit(first["file"], first["offset"]);
  const Outcome verified = holdfast({"wal", "verify", database_, "--json"});
  EXPECT_EQ(verified.exit_code, 4);
  const json report = json::parse(verified.out);
  EXPECT_EQ(report["sound"], false);
  ASSERT_EQ(report["damage"].size(), 1U) << verified.out;
  EXPECT_EQ(report["damage"][0]["file"], first["file"]);
  EXPECT_EQ(report["damage"][0]["offset"], 4096);
  EXPECT_EQ(report["first_lost_csn"], 1);
  EXPECT_EQ(report["last_lost_csn"], 30);
  const Outcome text = holdfast({"wal", "verify", database_});
  EXPECT_EQ(text.exit_code, 4);
  EXPECT_EQ(text.out.substr(0, 32), "damaged: wal-00-0002 offset 4096") << text.out;
  EXPECT_NE(text.out.find("lost: csns 1 to 30"), std::string::npos) << text.out;
  EXPECT_EQ(holdfast({"wal", "stat", database_}).exit_code, 4);
}

TEST_F(CommandWal, a_damaged_log_is_refused_by_name_and_left_as_it_was) {
  load_and_kill(30);
  const json first = record_of(1);
  flip_bit(first["file"], first["offset"]);
  const auto before = files();
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"scan", database_, "b"}, {"put", database_, "b", "k", "v"}, {"check", database_}, {"stat", database_}}) {
    const Outcome outcome = holdfast(args);
    EXPECT_EQ(outcome.exit_code, 4) << args[0];
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("wal-00-0002"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("`holdfast wal verify " + database_ + "`"), std::string::npos) << outcome.err;
  }
  const Outcome warned = holdfast({"recover", database_});
  EXPECT_EQ(warned.exit_code, 4);
  EXPECT_NE(warned.err.find("would lose: csns 1 to 30"), std::string::npos) << warned.err;
  EXPECT_NE(warned.err.find("nothing was changed"), std::string::npos) << warned.err;
  for (const auto& [name, content] : files()) {
    // A new epoch in the tree's meta page is all that opening for writing left.
    if (name != "tree") {
      EXPECT_TRUE(before.at(name) == content) << name;
    }
  }
}

TEST_F(CommandWal, recover_keeps_what_lies_before_the_damage_and_copies_of_the_log) {
  load_and_kill(30);
  const json damaged = record_of(11);
  flip_bit(damaged["file"], damaged["offset"]);
  const std::string log = read_file(file(damaged["file"]));
  const Outcome recovered = holdfast({"recover", database_, "--yes", "--json"});
  ASSERT_EQ(recovered.exit_code, 0) << recovered.err;
  const json report = json::parse(recovered.out);
  EXPECT_EQ(report["last_csn"], 10);
  EXPECT_EQ(report["replayed_commits"], 10);
  EXPECT_EQ(report["first_lost_csn"], 11);
  EXPECT_EQ(report["last_lost_csn"], 30);
  bool kept = false;
  for (const json& name : report["kept_files"]) kept = kept || read_file(file(name)) == log;
  EXPECT_TRUE(kept) << recovered.out;
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, expected_scan(10));
  EXPECT_EQ(holdfast({"check", database_}).exit_code, 0);
  EXPECT_EQ(holdfast({"wal", "verify", database_}).exit_code, 0);
  const Outcome again = holdfast({"recover", database_});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.out.substr(0, 6), "sound:") << again.out;
}

TEST_F(CommandWal, recover_does_no_harm_to_a_sound_database) {
  load_and_kill(20);
  const Outcome recovered = holdfast({"recover", database_});
  ASSERT_EQ(recovered.exit_code, 0) << recovered.err;
  EXPECT_EQ(recovered.out.substr(0, 29), "sound: nothing was lost\nholds") << recovered.out;
  EXPECT_EQ(stat()["closed"], true);
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, expected_scan(20));
}

TEST_F(CommandWal, a_missing_file_of_the_log_is_named_and_the_rest_can_still_be_dumped) {
  load_and_kill(20, {"--lanes", "2"});
  const json first = record_of(1);
  std::filesystem::remove(file(first["file"]));
  const Outcome verified = holdfast({"wal", "verify", database_});
  EXPECT_EQ(verified.exit_code, 4);
  EXPECT_NE(verified.out.find(first["file"].get<std::string>().substr(0, 6)), std::string::npos) << verified.out;
  EXPECT_NE(verified.out.find("is missing"), std::string::npos) << verified.out;
  EXPECT_EQ(holdfast({"wal", "stat", database_}).exit_code, 4);
  EXPECT_EQ(holdfast({"wal", "dump", database_}).exit_code, 0);
  EXPECT_EQ(holdfast({"scan", database_, "b"}).exit_code, 4);
  EXPECT_EQ(holdfast({"recover", database_}).exit_code, 4);
}

TEST_F(CommandWal, can_be_dumped_although_the_tree_is_gone) {
  load_and_kill(3);
  const std::string wanted = holdfast({"wal", "dump", database_, "--rows", "--from", "2"}).out;
  std::filesystem::remove(file("tree"));
  const Outcome dumped = holdfast({"wal", "dump", database_, "--rows", "--from", "2"});
  EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
  EXPECT_NE(dumped.out.find("put\t3\tb\tk1004\tv\n"), std::string::npos) << dumped.out;
  EXPECT_NE(dumped.out.find("\tunknown\n"), std::string::npos) << dumped.out;
  const Outcome verified = holdfast({"wal", "verify", database_});
  EXPECT_EQ(verified.exit_code, 4);
  EXPECT_NE(verified.out.find("damaged: tree"), std::string::npos) << verified.out;
  EXPECT_EQ(holdfast({"recover", database_, "--yes"}).exit_code, 4);
}

TEST_F(CommandWal, reading_commands_replay_what_a_killed_process_left) {
  load_and_kill(20);
  const json found = json::parse(holdfast({"stat", database_, "--json"}).out);
  EXPECT_EQ(found["csn"], 20);
  EXPECT_EQ(found["replayed_commits"], 20);
  EXPECT_EQ(found["durable_csn"], 20);
  EXPECT_EQ(json::parse(holdfast({"stat", database_, "--json"}).out)["replayed_commits"], 0);
  EXPECT_EQ(holdfast({"scan", database_, "b"}).out, expected_scan(20));
}

TEST_F(CommandWal, creating_over_a_database_that_was_not_closed_is_refused) {
  load_and_kill(5);
  EXPECT_EQ(holdfast({"create", database_}).exit_code, 9);
}

TEST_F(CommandWal, a_deferred_load_acknowledges_every_commit_once_it_is_on_disk) {
  create();
  std::string rows, acknowledged;
  for (int row = 1; row <= 3000; ++row) {
    rows += "k" + std::to_string(1000 + row) + "\tv\n";
    acknowledged += std::to_string(row) + "\t" + std::to_string(row) + "\n";
  }
  const Outcome loaded =
      holdfast({"load", database_, "--bucket", "b", "--batch", "1", "--deferred", "--ack", "--lanes", "3"}, rows);
  EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
  EXPECT_TRUE(loaded.out == acknowledged);
  EXPECT_TRUE(holdfast({"scan", database_, "b"}).out == rows);
  EXPECT_EQ(stat()["lane_count"], 3);
  EXPECT_EQ(holdfast({"load", database_, "--lanes", "33"}).exit_code, 2);
}

TEST_F(CommandWal, a_deferred_load_tells_of_what_is_in_before_it_waits_for_more) {
  create();
  Running loading = start({"load", database_, "--bucket", "b", "--batch", "1", "--deferred", "--ack"});
  loading.write_input("k1\tv\n");
  EXPECT_TRUE(loading.printed("1\t1\n"));
  loading.write_input("k2\tv\n");
  EXPECT_TRUE(loading.printed("2\t2\n"));
  loading.close_input();
  EXPECT_EQ(loading.wait().exit_code, 0);
}

TEST_F(CommandWal, a_deferred_load_that_is_killed_leaves_the_first_rows_of_its_input) {
  create();
  Running loading = start({"load", database_, "--bucket", "b", "--batch", "1", "--deferred", "--ack"});
  std::string rows;
  for (int row = 0; row < 3000; ++row) rows += "k" + std::to_string(1000 + row) + "\tv\n";
  loading.write_input(rows);
  ASSERT_TRUE(loading.printed("\n"));
  kill(loading.pid, SIGKILL);
  const Outcome loaded = loading.wait();
  ASSERT_EQ(loaded.exit_code, 128 + SIGKILL);
  const std::string found = holdfast({"scan", database_, "b"}).out;
  EXPECT_TRUE(rows.starts_with(found));
  EXPECT_GE(std::count(found.begin(), found.end(), '\n'), std::count(loaded.out.begin(), loaded.out.end(), '\n'));
}

}  // namespace
}  // namespace holdfast::cli_test
