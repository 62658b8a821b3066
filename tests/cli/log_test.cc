// log: append, read, tail, streams, head, verify, redact, trim, compact; load --audit.
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

class CommandLog : public Command {
 protected:
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  Outcome log(std::vector<std::string> args, std::string_view input = {}) {
    args.insert(args.begin() + 1, database_);
    args.insert(args.begin(), "log");
    return holdfast(args, input);
  }
  // "event 0", "event 1", ...
  static std::string events(uint64_t from, uint64_t to) {
    std::string lines;
    for (uint64_t at = from; at < to; ++at) lines += "event " + std::to_string(at) + "\n";
    return lines;
  }
  void fill(uint64_t from, uint64_t to) {
    const Outcome done = log({"append", "audit", "-"}, events(from, to));
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  // Changes a byte of this text in the stream's file; returns its position.
  uint64_t tamper(const std::string& text, const std::string& name = "stream-1-1-0") {
    std::string bytes = read_file(std::filesystem::path(database_) / name);
    const size_t at = bytes.find(text);
    EXPECT_NE(at, std::string::npos) << text;
    bytes[at] ^= 1;
    write_file(std::filesystem::path(database_) / name, bytes);
    return at;
  }
};

TEST_F(CommandLog, events_from_arguments_lines_and_files_are_read_back_byte_for_byte) {
  create();
  write_file(file("event"), std::string("\0\n\xFF", 3));
  const Outcome added =
      log({"append", "audit", "first", "-", "last", "--file", file("event")}, "line one\n\nline\ttwo\\\nno line feed");
  ASSERT_EQ(added.exit_code, 0) << added.err;
  EXPECT_EQ(added.out, "0\n1\n2\n3\n4\n5\n6\n");
  EXPECT_EQ(log({"read", "audit"}).out,
            "0\tfirst\n1\tline one\n2\t\n3\tline\\ttwo\\\\\n4\tno line feed\n5\tlast\n6\t\\x00\\n\\xff\n");
  EXPECT_EQ(log({"read", "audit", "--from", "6", "--format", "raw"}).out, read_file(file("event")));
  EXPECT_EQ(log({"read", "audit", "--from", "5", "--format", "hex"}).out, "5\t6c617374\n6\t000aff\n");
  EXPECT_EQ(log({"read", "audit", "--from", "5", "--format", "json"}).out,
            "{\"offset\":5,\"payload_bytes\":4,\"payload\":\"last\"}\n"
            "{\"offset\":6,\"payload_bytes\":3,\"payload_hex\":\"000aff\"}\n");
  EXPECT_EQ(log({"read", "audit", "--from", "1", "--limit", "1"}).out, "1\tline one\n");
  EXPECT_EQ(log({"read", "audit", "--from", "7"}).out, "");
}

TEST_F(CommandLog, an_event_in_brackets_is_one_event) {
  create();
  ASSERT_EQ(log({"append", "audit", "[1,2]", "[", "]", "[]", "{\"a\":[3]}", "[[4],5]"}).out, "0\n1\n2\n3\n4\n5\n");
  ASSERT_EQ(log({"append", "audit", "--", "[-6,7]"}).out, "6\n");
  EXPECT_EQ(log({"read", "audit"}).out, "0\t[1,2]\n1\t[\n2\t]\n3\t[]\n4\t{\"a\":[3]}\n5\t[[4],5]\n6\t[-6,7]\n");
  write_file(file("[1,2]"), "from a file");
  EXPECT_EQ(log({"append", "[s]", "--file", file("[1,2]")}).out, "0\n");
  EXPECT_EQ(log({"read", "[s]"}).out, "0\tfrom a file\n");
}

TEST_F(CommandLog, many_events_go_in_commits_of_the_size_that_was_asked_for) {
  create();
  for (const char* codec : {"none", "lz4", "zstd"}) {
    const Outcome added =
        log({"append", codec, "-", "--batch", "100", "--codec", codec, "--json", "--deferred"}, events(0, 250));
    ASSERT_EQ(added.exit_code, 0) << added.err;
    std::vector<uint64_t> ends;
    for (std::string_view rest = added.out; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
      ends.push_back(nlohmann::json::parse(rest.substr(0, rest.find('\n')))["next_offset"].get<uint64_t>());
    }
    EXPECT_EQ(ends, (std::vector<uint64_t>{100, 200, 250}));
    EXPECT_EQ(log({"tail", codec, "-n", "2"}).out, "248\tevent 248\n249\tevent 249\n");
    EXPECT_EQ(log({"tail", codec}).out, log({"read", codec, "--from", "240"}).out);
    EXPECT_EQ(log({"tail", codec, "-n", "1000"}).out, log({"read", codec}).out);
  }
}

TEST_F(CommandLog, expect_appends_only_at_that_offset) {
  create();
  ASSERT_EQ(log({"append", "audit", "a", "b", "--expect", "0"}).exit_code, 0);
  const Outcome late = log({"append", "audit", "c", "--expect", "1"});
  EXPECT_EQ(late.exit_code, 3) << late.err;
  EXPECT_NE(late.err.find("no event was appended"), std::string::npos) << late.err;
  EXPECT_NE(late.err.find("2"), std::string::npos) << late.err;
  EXPECT_NE(late.err.find("hint: "), std::string::npos) << late.err;
  EXPECT_EQ(late.out, "");
  EXPECT_EQ(log({"append", "audit", "-", "--batch", "1", "--expect", "2"}, "c\nd\n").out, "2\n3\n");
  EXPECT_EQ(log({"read", "audit"}).out, "0\ta\n1\tb\n2\tc\n3\td\n");
}

TEST_F(CommandLog, streams_are_listed_with_records_and_heads) {
  create();
  EXPECT_EQ(log({"streams"}).out, "");
  ASSERT_EQ(log({"append", "b\tc", "x"}).exit_code, 0);
  ASSERT_EQ(log({"append", "a", "x", "y"}).exit_code, 0);
  const auto head = nlohmann::json::parse(log({"head", "a", "--json"}).out);
  EXPECT_EQ(head["next_offset"], 2);
  EXPECT_EQ(head["tree_size"], 2);
  const std::string hash = head["chain_hash"].get<std::string>();
  const Outcome listed = log({"streams"});
  EXPECT_EQ(listed.out.substr(0, listed.out.find('\n')), "a\t2\t0\t" + hash.substr(0, 16));
  EXPECT_NE(listed.out.find("\nb\\tc\t1\t0\t"), std::string::npos) << listed.out;
  const std::string json = log({"streams", "--json"}).out;
  EXPECT_EQ(nlohmann::json::parse(json.substr(0, json.find('\n')))["chain_hash"], hash);
  const std::string text = log({"head", "a"}).out;
  EXPECT_NE(text.find("chain hash   " + hash), std::string::npos) << text;
}

TEST_F(CommandLog, an_untouched_stream_is_sound) {
  create();
  fill(0, 600);
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"verify", "audit"}, {"verify", "audit", "--threads", "4"}, {"verify", "audit", "--to", "600"}}) {
    const Outcome sound = log(args);
    EXPECT_EQ(sound.exit_code, 0) << sound.out << sound.err;
    EXPECT_EQ(sound.out, "sound: 600 records (0 to 599), 0 redacted, 5290 bytes of payloads\n");
  }
  const auto report = nlohmann::json::parse(log({"verify", "audit", "--from", "100", "--json"}).out);
  EXPECT_EQ(report["sound"], true);
  EXPECT_EQ(report["from"], 100);
  EXPECT_TRUE(report["finding"].is_null());
  EXPECT_EQ(log({"verify", "audit", "--from", "600"}).out, "sound: no records\n");
}

TEST_F(CommandLog, a_tampered_file_is_named_with_its_record_and_the_exit_code_says_so) {
  create();
  fill(0, 600);
  tamper("event 321");
  const Outcome found = log({"verify", "audit"});
  EXPECT_EQ(found.exit_code, 4) << found.err;
  EXPECT_TRUE(found.out.starts_with("tampered with: record 321: unreadable: stream-1-1-0 position ")) << found.out;
  EXPECT_NE(found.out.find("records before 321 are sound"), std::string::npos) << found.out;
  const Outcome json = log({"verify", "audit", "--json"});
  EXPECT_EQ(json.exit_code, 4);
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report["sound"], false);
  EXPECT_EQ(report["finding"]["offset"], 321);
  EXPECT_EQ(report["finding"]["file"], "stream-1-1-0");
  EXPECT_EQ(log({"verify", "audit", "--to", "256"}).exit_code, 0);
  const Outcome checked = holdfast({"check", database_});
  EXPECT_EQ(checked.exit_code, 4) << checked.out;
  EXPECT_NE(checked.out.find("stream-1-1-0"), std::string::npos) << checked.out;
  // What is before it is still read, and it itself never.
  const Outcome read = log({"read", "audit"});
  EXPECT_EQ(read.exit_code, 4);
  EXPECT_TRUE(read.out.ends_with("\n320\tevent 320\n")) << read.out;
  EXPECT_NE(read.err.find("holdfast log verify"), std::string::npos) << read.err;
}

TEST_F(CommandLog, a_cut_and_a_missing_file_are_named) {
  create();
  fill(0, 600);
  const auto path = std::filesystem::path(database_) / "stream-1-1-0";
  std::filesystem::resize_file(path, 1000);
  const Outcome cut = log({"verify", "audit"});
  EXPECT_EQ(cut.exit_code, 4);
  EXPECT_NE(cut.out.find("stream-1-1-0"), std::string::npos) << cut.out;
  std::filesystem::remove(path);
  const Outcome missing = log({"verify", "audit"});
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_NE(missing.out.find("record 0: truncated: "), std::string::npos) << missing.out;
}

TEST_F(CommandLog, a_kept_note_is_what_the_stream_must_begin_with) {
  create();
  fill(0, 300);
  ASSERT_EQ(holdfast({"keygen", "--name", "example.com/audit", "--out", file("key")}).exit_code, 0);
  const Outcome head = log({"head", "audit", "--key", file("key")});
  ASSERT_EQ(head.exit_code, 0) << head.err;
  EXPECT_TRUE(head.out.starts_with("example.com/audit\n300\n")) << head.out;
  write_file(file("note"), head.out);
  fill(300, 700);
  const std::vector<std::string> verify = {"verify", "audit", "--note", file("note"), "--key", file("key.pub")};
  const Outcome sound = log(verify);
  EXPECT_EQ(sound.exit_code, 0) << sound.out << sound.err;
  EXPECT_NE(sound.out.find("begins with the 300 records of the checkpoint"), std::string::npos) << sound.out;

  // The same events in another database are another history, however consistent.
  std::filesystem::rename(database_, file("first"));
  create();
  fill(0, 700);
  const Outcome other = log(verify);
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_NE(other.out.find("forked"), std::string::npos) << other.out;
  EXPECT_EQ(log({"verify", "audit"}).exit_code, 0);

  // A note that nobody signed, of another log, or changed.
  std::string changed = head.out;
  changed[changed.find("300")] = '2';
  write_file(file("changed"), changed);
  const Outcome bad = log({"verify", "audit", "--note", file("changed"), "--key", file("key.pub")});
  EXPECT_EQ(bad.exit_code, 4);
  EXPECT_EQ(bad.out, "");
  std::vector<std::string> of_another = verify;
  of_another.insert(of_another.end(), {"--origin", "example.com/other"});
  EXPECT_EQ(log(of_another).exit_code, 4);
}

TEST_F(CommandLog, a_redacted_record_says_so_and_the_chain_still_verifies) {
  create();
  ASSERT_EQ(log({"append", "audit", "public", "a secret", "public"}).exit_code, 0);
  const std::string head = log({"head", "audit"}).out;
  EXPECT_EQ(log({"redact", "audit", "1"}).exit_code, 2);
  EXPECT_EQ(log({"read", "audit", "--from", "1", "--limit", "1"}).out, "1\ta secret\n");
  const Outcome redacted = log({"redact", "audit", "1", "--yes"});
  ASSERT_EQ(redacted.exit_code, 0) << redacted.err;
  EXPECT_NE(redacted.out.find("redacted: record 1"), std::string::npos) << redacted.out;
  EXPECT_NE(redacted.out.find("write-ahead log"), std::string::npos) << redacted.out;
  EXPECT_EQ(log({"redact", "audit", "1", "--yes"}).out, "record 1 was redacted already\n");
  EXPECT_NE(log({"redact", "audit", "3", "--yes"}).exit_code, 0);
  EXPECT_EQ(log({"read", "audit"}).out, "0\tpublic\n1\t\\- redacted, 8 bytes\n2\tpublic\n");
  EXPECT_EQ(log({"read", "audit", "--format", "json", "--from", "1", "--limit", "1"}).out,
            "{\"offset\":1,\"payload_bytes\":8,\"redacted\":true}\n");
  const Outcome raw = log({"read", "audit", "--format", "raw"});
  EXPECT_EQ(raw.out, "publicpublic");
  EXPECT_NE(raw.err.find("record 1 was redacted"), std::string::npos) << raw.err;
  EXPECT_EQ(log({"head", "audit"}).out, head);
  EXPECT_EQ(log({"verify", "audit"}).out, "sound: 3 records (0 to 2), 1 redacted, 20 bytes of payloads\n");
  for (const auto& entry : std::filesystem::directory_iterator(database_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("stream-")) continue;
    EXPECT_EQ(read_file(entry.path()).find("a secret"), std::string::npos) << name;
  }
}

TEST_F(CommandLog, trimming_drops_whole_files_and_what_stays_verifies) {
  create();
  fill(0, 300);
  ASSERT_EQ(log({"redact", "audit", "299", "--yes"}).exit_code, 0);  // ends the file
  fill(300, 400);
  EXPECT_EQ(log({"trim", "audit", "--before", "400"}).exit_code, 2);
  EXPECT_EQ(log({"trim", "audit", "--before", "299", "--yes"}).out.substr(0, 48),
            "trimmed: 0 records dropped; the oldest is now 0\n");
  const Outcome trimmed = log({"trim", "audit", "--before", "350", "--yes"});
  ASSERT_EQ(trimmed.exit_code, 0) << trimmed.err;
  EXPECT_EQ(trimmed.out.substr(0, trimmed.out.find('\n')), "trimmed: 300 records dropped; the oldest is now 300");
  EXPECT_EQ(log({"read", "audit", "--limit", "1"}).out, "300\tevent 300\n");
  const Outcome gone = log({"read", "audit", "--from", "5"});
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_NE(gone.err.find("the oldest is 300"), std::string::npos) << gone.err;
  EXPECT_EQ(log({"verify", "audit"}).out.substr(0, 30), "sound: 100 records (300 to 399");
  EXPECT_NE(log({"streams"}).out.find("audit\t100\t300\t"), std::string::npos);
}

TEST_F(CommandLog, compacting_changes_no_hash) {
  create();
  for (uint64_t at = 0; at < 3; ++at) {
    fill(at * 100, at * 100 + 100);
    ASSERT_EQ(log({"redact", "audit", std::to_string(at * 100), "--yes"}).exit_code, 0);  // ends the file
  }
  fill(300, 310);
  const std::string head = log({"head", "audit"}).out;
  const std::string records = log({"read", "audit"}).out;
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"compact", "audit"}, {"compact", "audit", "--codec", "zstd"}}) {
    const Outcome compacted = log(args);
    ASSERT_EQ(compacted.exit_code, 0) << compacted.err;
    EXPECT_TRUE(compacted.out.starts_with("compacted: ")) << compacted.out;
    EXPECT_NE(compacted.out.find("are now 2;"), std::string::npos) << compacted.out;
    EXPECT_EQ(log({"head", "audit"}).out, head);
    EXPECT_EQ(log({"read", "audit"}).out, records);
    EXPECT_EQ(log({"verify", "audit"}).exit_code, 0);
  }
}

TEST_F(CommandLog, loaded_rows_and_their_audit_events_are_in_the_same_commits) {
  create();
  std::string rows;
  for (int at = 0; at < 250; ++at) rows += "key " + std::to_string(at) + "\tvalue\n";
  ASSERT_EQ(holdfast({"load", database_, "--bucket", "b", "--batch", "100", "--audit", "audit"}, rows).exit_code, 0);
  const auto stat = nlohmann::json::parse(holdfast({"stat", database_, "--json"}).out);
  EXPECT_EQ(stat["csn"], 3);
  EXPECT_EQ(stat["streams"], 1);
  EXPECT_EQ(stat["stream_records"], 250);
  EXPECT_EQ(stat["stream_files"], 1);
  EXPECT_EQ(stat["stream_tail_bytes"], 0);
  EXPECT_GT(stat["stream_file_bytes"].get<uint64_t>(), 250 * 48);
  EXPECT_EQ(log({"read", "audit", "--from", "17", "--limit", "1", "--format", "raw"}).out,
            "{\"put\":\"b\",\"key\":\"key 17\",\"value_bytes\":5,\"value_sha256\":"
            "\"cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf724118320619\"}");
  const auto report = nlohmann::json::parse(holdfast({"check", database_, "--json"}).out);
  EXPECT_EQ(report["streams"], 1);
  EXPECT_EQ(report["records"], 250);
  // A row that is refused takes the events of its commit with it.
  EXPECT_EQ(holdfast({"load", database_, "--bucket", "b", "--audit", "audit"}, "good\tx\nno tab\n").exit_code, 2);
  EXPECT_NE(log({"streams"}).out.find("audit\t250\t"), std::string::npos);
}

TEST_F(CommandLog, what_is_not_there_and_what_makes_no_sense_has_its_exit_code) {
  EXPECT_EQ(log({"append", "audit", "x"}).exit_code, 1);
  EXPECT_EQ(log({"streams"}).exit_code, 1);
  create();
  ASSERT_EQ(log({"append", "audit", "x"}).exit_code, 0);
  const std::vector<std::vector<std::string>> missing = {{"read", "other"},
                                                         {"tail", "other"},
                                                         {"head", "other"},
                                                         {"verify", "other"},
                                                         {"redact", "other", "0", "--yes"},
                                                         {"trim", "other", "--before", "1", "--yes"},
                                                         {"compact", "other"},
                                                         {"append", "audit", "--file", file("none")},
                                                         {"head", "audit", "--key", file("none")}};
  for (const std::vector<std::string>& args : missing) {
    const Outcome outcome = log(args);
    EXPECT_EQ(outcome.exit_code, 1) << args[0] << outcome.err;
    EXPECT_EQ(outcome.out, "") << args[0];
    EXPECT_NE(outcome.err, "") << args[0];
  }
  const std::vector<std::vector<std::string>> wrong = {{"append", "audit"},
                                                       {"append", "audit", "x", "--codec", "brotli"},
                                                       {"append", "audit", "x", "--batch", "0"},
                                                       {"append", "audit", "x", "--expect", "-1"},
                                                       {"append", "", "x"},
                                                       {"append", std::string(256, 's'), "x"},
                                                       {"read", "audit", "--from", "2"},
                                                       {"read", "audit", "--format", "xml"},
                                                       {"read"},
                                                       {"tail", "audit", "--follow"},
                                                       {"verify", "audit", "--from", "5", "--to", "3"},
                                                       {"verify", "audit", "--note", file("in")},
                                                       {"verify", "audit", "--threads", "65"},
                                                       {"head", "audit", "--origin", "example.com"},
                                                       {"redact", "audit"},
                                                       {"trim", "audit", "--yes"},
                                                       {"compact", "audit", "--codec", "brotli"}};
  for (const std::vector<std::string>& args : wrong) {
    const Outcome outcome = log(args);
    EXPECT_EQ(outcome.exit_code, 2) << args[0] << " " << outcome.err;
    EXPECT_EQ(outcome.out, "") << args[0];
  }
  EXPECT_EQ(holdfast({"log"}).exit_code, 2);
  EXPECT_EQ(log({"read", "audit"}).out, "0\tx\n");
}

TEST_F(CommandLog, an_event_beyond_the_limit_is_refused_with_its_place) {
  create();
  const std::string large(16 * 1024 * 1024, 'x');
  const Outcome line = log({"append", "audit", "-"}, "small\n" + large + "\n");
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_NE(line.err.find("standard input line 2"), std::string::npos) << line.err.substr(0, 300);
  write_file(file("large"), large);
  EXPECT_EQ(log({"append", "audit", "--file", file("large")}).exit_code, 2);
  EXPECT_EQ(log({"streams"}).out, "");
  ASSERT_EQ(log({"append", "audit", "-"}, std::string_view(large).substr(1)).exit_code, 0);
  EXPECT_EQ(log({"read", "audit", "--format", "raw"}).out.size(), large.size() - 1);
}

}  // namespace
}  // namespace holdfast::cli_test
