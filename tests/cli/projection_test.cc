// projection: list, lag, follow, get, scan, history, diff, rebuild, prune, purge, drop, pins; load --audit-values.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

class CommandProjection : public Command {
 protected:
  using Words = std::vector<std::string>;
  // `args`: the subcommand, and what stands behind the database.
  Outcome projection(Words args, std::string_view input = {}) {
    args.insert(args.begin() + 1, database_);
    args.insert(args.begin(), "projection");
    return holdfast(args, input);
  }
  // Standard output of what must succeed.
  std::string printed(const Words& args) {
    const Outcome done = projection(args);
    EXPECT_EQ(done.exit_code, 0) << args[0] << ": " << done.err;
    return done.out;
  }
  void load(std::string_view rows, const Words& more = {}) {
    Words args = {"load", database_, "--bucket", "users", "--audit", "audit", "--audit-values"};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome done = holdfast(args, rows);
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  void append(const Words& events) {
    std::string lines;
    for (const std::string& event : events) lines += event + "\n";
    ASSERT_EQ(holdfast({"log", "append", database_, "audit", "-"}, lines).exit_code, 0);
  }
  Outcome follow(const Words& more = {}) {
    Words args = {"follow", "p", "--stream", "audit"};
    args.insert(args.end(), more.begin(), more.end());
    return projection(args);
  }
  // Positions 1 to 5: a, b and c are put, a is put again, b is erased.
  void make_three() {
    create();
    load("a\t1\nb\t2\nc\t3\na\t4\n");
    append({R"({"erase":"users","key":"b"})"});
    const Outcome followed = follow();
    ASSERT_EQ(followed.exit_code, 0) << followed.err;
    EXPECT_EQ(followed.out, "applied: 5 events; position 5, 0 events left\n");
  }
};

TEST_F(CommandProjection, a_projection_of_the_audit_trail_is_the_bucket_that_it_tells_of) {
  create();
  // What is not UTF-8, or looks like JSON, or is empty, comes back byte for byte.
  load(
      "plain\tvalue\n\\xff\\x00\\n\t\\xfe\\x80\\t\\\\\nquote\"\t\"}{"
      "\\x01\nempty\t\nsnow\xe2\x98\x83\t\xc3\xa9\nplain\tagain\n");
  ASSERT_EQ(follow({"--batch", "2"}).exit_code, 0);
  const std::string table = printed({"scan", "p", "users"});
  EXPECT_EQ(table, holdfast({"scan", database_, "users"}).out);
  EXPECT_EQ(std::ranges::count(table, '\n'), 5);
  const std::string events = holdfast({"log", "read", database_, "audit", "--format", "raw"}).out;
  EXPECT_NE(events.find(R"("key":"plain","value_bytes":5,"value_sha256":"cd42404d52ad55cc)"), std::string::npos);
  EXPECT_NE(events.find(R"(,"value":"value"})"), std::string::npos) << events;
  EXPECT_NE(events.find(R"("key_hex":"ff000a")"), std::string::npos) << events;
  EXPECT_NE(events.find(R"("value_hex":"fe80095c")"), std::string::npos) << events;
}

TEST_F(CommandProjection, an_event_without_a_value_stores_its_own_text) {
  create();
  ASSERT_EQ(holdfast({"load", database_, "--bucket", "users", "--audit", "audit"}, "a\tsecret\n").exit_code, 0);
  append({R"({"put":"users","key":"b","by":["anybody",1]})"});
  ASSERT_EQ(follow().exit_code, 0);
  EXPECT_EQ(printed({"get", "p", "users", "a", "--raw"}),
            holdfast({"log", "read", database_, "audit", "--limit", "1", "--format", "raw"}).out);
  EXPECT_EQ(printed({"get", "p", "users", "b"}), "{\"put\":\"users\",\"key\":\"b\",\"by\":[\"anybody\",1]}\n");
  EXPECT_EQ(holdfast({"load", database_, "--bucket", "users", "--audit-values"}, "a\tb\n").exit_code, 2)
      << "values of which trail?";
}

TEST_F(CommandProjection, tables_are_read_as_of_any_position) {
  make_three();
  EXPECT_EQ(printed({"scan", "p", "users"}), "a\t4\nc\t3\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "3"}), "a\t1\nb\t2\nc\t3\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "0"}), "");
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "4", "--reverse", "--limit", "2", "--keys"}), "c\nb\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "4", "--from", "b"}), "b\t2\nc\t3\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "4", "--to", "b"}), "a\t4\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "4", "--prefix", "b"}), "b\t2\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--hex", "--prefix", "61"}), "61\t34\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--json", "--limit", "1"}),
            "{\"key\":\"a\",\"value\":\"4\",\"created_at\":4}\n");
  EXPECT_EQ(printed({"get", "p", "users", "a"}), "4\n");
  EXPECT_EQ(printed({"get", "p", "users", "a", "--at", "3", "--raw"}), "1");
  EXPECT_EQ(printed({"get", "p", "users", "62", "--at", "4", "--hex"}), "32\n");
  EXPECT_EQ(projection({"get", "p", "users", "b"}).exit_code, 1);
  EXPECT_EQ(printed({"history", "p", "users", "a"}), "4\t-\t4\n1\t4\t1\n");
  EXPECT_EQ(printed({"history", "p", "users", "a", "--limit", "1"}), "4\t-\t4\n");
  EXPECT_EQ(printed({"history", "p", "users", "b", "--json"}), "{\"created_at\":2,\"deleted_at\":5,\"value\":\"2\"}\n");
  EXPECT_EQ(printed({"history", "p", "users", "c", "--json"}),
            "{\"created_at\":3,\"deleted_at\":null,\"value\":\"3\"}\n");
  EXPECT_EQ(printed({"diff", "p", "users", "--from", "2", "--to", "5"}), "-\ta\t1\n+\ta\t4\n-\tb\t2\n+\tc\t3\n");
  EXPECT_EQ(printed({"diff", "p", "users", "--from", "2", "--to", "2"}), "");
  EXPECT_EQ(
      printed({"diff", "p", "users", "--from", "3", "--to", "4", "--json"}),
      "{\"key\":\"a\",\"before\":{\"created_at\":1,\"value\":\"1\"},\"after\":{\"created_at\":4,\"value\":\"4\"}}\n");
}

TEST_F(CommandProjection, projections_are_listed_with_position_floor_lag_and_tables) {
  EXPECT_EQ(projection({"list"}).exit_code, 1);
  create();
  EXPECT_EQ(printed({"list"}), "");
  EXPECT_EQ(printed({"lag"}), "");
  append({R"({"put":"b\tc","key":"k"})", R"({"put":"#7","key":"k"})", R"({"put":"t","key":"k"})"});
  ASSERT_EQ(follow({"--until", "2"}).exit_code, 0);
  ASSERT_EQ(projection({"follow", "q", "--stream", "audit"}).exit_code, 0);
  EXPECT_EQ(printed({"list"}), "p\taudit\t2\t0\t1\t##7\tb\\tc\nq\taudit\t3\t0\t0\t##7\tb\\tc\tt\n");
  EXPECT_EQ(printed({"lag"}), "p\t1\nq\t0\n");
  EXPECT_EQ(printed({"lag", "p", "--json"}), "{\"projection\":\"p\",\"lag\":1}\n");
  const std::string listed = printed({"list", "--json"});
  const auto json = nlohmann::json::parse(listed.substr(0, listed.find('\n')));
  EXPECT_EQ(json["projection"], "p");
  EXPECT_EQ(json["stream"], "audit");
  EXPECT_EQ(json["applied_position"], 2);
  EXPECT_EQ(json["lag"], 1);
  EXPECT_EQ(json["rebuilding"], false);
  EXPECT_EQ(json["tables"], (std::vector<std::string>{"##7", "b\\tc"}));
  // A table that is named #7 is not the one that has the number 7.
  EXPECT_EQ(printed({"scan", "p", "##7", "--keys"}), "k\n");
  EXPECT_EQ(projection({"scan", "p", "#7"}).exit_code, 1);
  const auto stat = nlohmann::json::parse(holdfast({"stat", database_, "--json"}).out);
  EXPECT_EQ(stat["projections"], 2);
  EXPECT_EQ(stat["projection_lag_max"], 1);
  EXPECT_EQ(stat["buckets"], 0);
  const auto report = nlohmann::json::parse(holdfast({"check", database_, "--json"}).out);
  EXPECT_EQ(report["buckets"], 0) << "what the engine keeps for itself is no bucket";
  EXPECT_EQ(report["rows"], 0);
  EXPECT_EQ(report["projections"], 2);
  EXPECT_EQ(report["versions"], 5);
  EXPECT_NE(holdfast({"stat", database_}).out.find("projections  2: the greatest lag is 1 event"), std::string::npos);
}

TEST_F(CommandProjection, an_event_of_another_form_stops_with_its_offset_and_the_commits_before_stay) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"created id:100", "not JSON"},
      {"[1]", "array"},
      {R"({"key":"k"})", "\"put\" and \"erase\""},
      {R"({"put":"t","erase":"t","key":"k"})", "\"put\" and \"erase\""},
      {R"({"put":"t"})", "\"key\" is missing"},
      {R"({"put":"t","key":7})", "\"key\" is a number"},
      {R"({"put":"t","key":"k","value":null})", "\"value\" is a null"},
      {R"({"put":"t","key":"k","value":"a","value_hex":"00"})", "both there"},
      {R"({"put":"t","key":"k","value_hex":"0"})", "hexadecimal"},
      {R"({"put":"","key":"k"})", "table name"},
      {R"({"put":"t","key":""})", "key is empty"},
      {R"({"put":")" + std::string(201, 't') + R"(","key":"k"})", "table name"},
      {R"({"put":"t","key":")" + std::string(4096, 'k') + R"("})", "the key has 4096 bytes"},
  };
  create();
  load("a\t1\nb\t2\nc\t3\n");
  uint64_t at = 3;
  for (const auto& [event, why] : wrong) {
    append({event, R"({"put":"t","key":"k"})"});
    const Outcome stopped = follow({"--batch", "1"});
    EXPECT_EQ(stopped.exit_code, 2) << stopped.err;
    EXPECT_EQ(stopped.out, "");
    EXPECT_NE(stopped.err.find("event " + std::to_string(at) + " of stream \"audit\": "), std::string::npos)
        << stopped.err;
    EXPECT_NE(stopped.err.find(why), std::string::npos) << event << ": " << stopped.err;
    EXPECT_TRUE(printed({"list"}).starts_with("p\taudit\t" + std::to_string(at) + "\t")) << event;
    if (at == 3) {
      EXPECT_EQ(projection({"rebuild", "p"}).exit_code, 2);
      EXPECT_EQ(printed({"scan", "p", "users"}), "a\t1\nb\t2\nc\t3\n") << "the old tables stay";
    }
    // A redacted event changes nothing, whatever it was.
    ASSERT_EQ(holdfast({"log", "redact", database_, "audit", std::to_string(at), "--yes"}).exit_code, 0);
    ASSERT_EQ(follow().exit_code, 0);
    at += 2;
  }
}

std::string numbered_rows(int count) {
  std::string rows;
  for (int at = 0; at < count; ++at) rows += "key " + std::to_string(at % 50) + "\t" + std::to_string(at) + "\n";
  return rows;
}

// After every kill the projection is somewhere between two events, never before what was acknowledged, and the end is
// the same as without a kill.
TEST_F(CommandProjection, killed_again_and_again_it_applies_every_event_once) {
  create();
  load(numbered_rows(3000));
  const Words follow_slowly = {"projection", "follow", database_,      "p", "--stream", "audit",
                               "--batch",    "1",      "--checkpoint", "1", "--ack"};
  uint64_t before = 0;
  for (int kills = 0; kills < 3; ++kills) {
    Running running = start(follow_slowly);
    ASSERT_TRUE(running.printed("\n" + std::to_string(before + 5) + "\n")) << read_file(running.err);
    kill(running.pid, SIGKILL);
    const Outcome killed = running.wait();
    ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << killed.err;
    const std::string acknowledged = killed.out.substr(0, killed.out.rfind('\n'));
    const uint64_t position = std::stoull(acknowledged.substr(acknowledged.rfind('\n') + 1));
    const std::string lag = printed({"lag", "p"});
    before = 3000 - std::stoull(lag.substr(2));
    EXPECT_GE(before, position);
    EXPECT_LE(before, position + 1);
    EXPECT_EQ(std::ranges::count(printed({"scan", "p", "users"}), '\n'),
              static_cast<int64_t>(std::min<uint64_t>(before, 50)));
  }
  EXPECT_EQ(follow().out, "applied: " + std::to_string(3000 - before) + " events; position 3000, 0 events left\n");
  ASSERT_EQ(projection({"follow", "q", "--stream", "audit", "--ack"}).out, "3000\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--json"}), printed({"scan", "q", "users", "--json"}));
  EXPECT_EQ(printed({"scan", "p", "users"}), holdfast({"scan", database_, "users"}).out);
  for (const std::string at : {"1", "20", "1500"}) {
    EXPECT_EQ(printed({"scan", "p", "users", "--at", at}), printed({"scan", "q", "users", "--at", at})) << at;
  }
  EXPECT_EQ(printed({"history", "p", "users", "key 7"}), printed({"history", "q", "users", "key 7"}));
  EXPECT_EQ(holdfast({"check", database_}).exit_code, 0);
  EXPECT_EQ(follow().out, "applied: 0 events; position 3000, 0 events left\n");
}

TEST_F(CommandProjection, an_interrupted_follow_ends_after_a_commit_and_goes_on_later) {
  create();
  load(numbered_rows(3000));
  Running running = start(
      {"projection", "follow", database_, "p", "--stream", "audit", "--batch", "1", "--checkpoint", "1", "--ack"});
  ASSERT_TRUE(running.printed("\n3\n")) << read_file(running.err);
  kill(running.pid, SIGINT);
  const Outcome stopped = running.wait();
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  const uint64_t position = 3000 - std::stoull(printed({"lag", "p"}).substr(2));
  EXPECT_NE(stopped.err.find("position " + std::to_string(position) + " is applied"), std::string::npos) << stopped.err;
  EXPECT_TRUE(stopped.out.ends_with("\n" + std::to_string(position) + "\n")) << stopped.out;
  ASSERT_EQ(follow().exit_code, 0);
  EXPECT_EQ(printed({"lag"}), "p\t0\n");
}

TEST_F(CommandProjection, a_rebuild_says_whether_the_content_is_the_same) {
  make_three();
  EXPECT_EQ(printed({"rebuild", "p"}), "rebuilt: 5 events; the content is the same\n");
  ASSERT_EQ(projection({"purge", "p", "users", "--yes"}).exit_code, 0);
  EXPECT_EQ(projection({"scan", "p", "users"}).exit_code, 1);
  EXPECT_EQ(printed({"rebuild", "p"}), "rebuilt: 5 events; the content is not the same as before\n");
  const auto report = nlohmann::json::parse(printed({"rebuild", "p", "--json"}));
  EXPECT_EQ(report["position"], 5);
  EXPECT_EQ(report["same"], true);
  EXPECT_EQ(report["content_before"], report["content_after"]);
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "3"}), "a\t1\nb\t2\nc\t3\n");
}

TEST_F(CommandProjection, what_was_pruned_cannot_be_read_and_a_pin_holds_it) {
  make_three();
  EXPECT_EQ(printed({"pin", "p", "year\tend", "--at", "3"}), "year\\tend\t3\n");
  EXPECT_EQ(printed({"pin", "p", "now"}), "now\t5\n");
  EXPECT_EQ(printed({"pins", "p"}), "now\t5\nyear\\tend\t3\n");
  EXPECT_EQ(printed({"pins", "p", "--json"}),
            "{\"pin\":\"now\",\"position\":5}\n{\"pin\":\"year\\tend\",\"position\":3}\n");
  EXPECT_EQ(printed({"prune", "p", "--before", "5"}),
            "pruned: 0 versions dropped; the oldest position is now 3\na pin holds those behind it\n");
  EXPECT_EQ(printed({"scan", "p", "users", "--at", "3"}), "a\t1\nb\t2\nc\t3\n");
  EXPECT_EQ(printed({"unpin", "p", "year\tend"}), "");
  EXPECT_EQ(projection({"unpin", "p", "year\tend"}).exit_code, 1);
  EXPECT_EQ(printed({"prune", "p", "--before", "5"}), "pruned: 2 versions dropped; the oldest position is now 5\n");
  EXPECT_EQ(printed({"list"}), "p\taudit\t5\t5\t0\tusers\n");
  for (const Words& args : {Words{"get", "p", "users", "a", "--at", "4"},
                            {"scan", "p", "users", "--at", "4"},
                            {"diff", "p", "users", "--from", "4", "--to", "5"},
                            {"pin", "p", "late", "--at", "4"}}) {
    const Outcome below = projection(args);
    EXPECT_EQ(below.exit_code, 1) << args[0] << below.err;
    EXPECT_EQ(below.out, "") << args[0];
    EXPECT_NE(below.err.find("the oldest position is 5"), std::string::npos) << below.err;
  }
  EXPECT_EQ(projection({"history", "p", "users", "b"}).exit_code, 1);
  EXPECT_EQ(printed({"scan", "p", "users"}), "a\t4\nc\t3\n");
}

TEST_F(CommandProjection, purging_and_dropping_need_a_yes) {
  make_three();
  append({R"({"put":"other","key":"k","value":"v"})"});
  ASSERT_EQ(follow().exit_code, 0);
  EXPECT_EQ(projection({"purge", "p", "users"}).exit_code, 2);
  EXPECT_EQ(projection({"drop", "p"}).exit_code, 2);
  EXPECT_EQ(printed({"scan", "p", "users"}), "a\t4\nc\t3\n");
  EXPECT_EQ(printed({"purge", "p", "users", "--yes"}), "purged: table \"users\"\n");
  EXPECT_EQ(printed({"purge", "p", "users", "--yes"}), "table \"users\" was empty already\n");
  EXPECT_EQ(printed({"list"}), "p\taudit\t6\t0\t0\tother\n");
  load("a\t9\n");
  ASSERT_EQ(follow().exit_code, 0);
  EXPECT_EQ(printed({"history", "p", "users", "a"}), "7\t-\t9\n");
  EXPECT_EQ(printed({"drop", "p", "--yes"}), "dropped: projection \"p\"\n");
  EXPECT_EQ(projection({"drop", "p", "--yes"}).exit_code, 1);
  EXPECT_EQ(printed({"list"}), "");
  EXPECT_EQ(holdfast({"check", database_}).exit_code, 0);
}

TEST_F(CommandProjection, what_is_not_there_and_what_makes_no_sense_has_its_exit_code) {
  make_three();
  const std::vector<Words> missing = {{"lag", "q"},
                                      {"get", "q", "users", "a"},
                                      {"get", "p", "other", "a"},
                                      {"get", "p", "users", "z"},
                                      {"get", "p", "users", "a", "--at", "0"},
                                      {"scan", "q", "users"},
                                      {"scan", "p", "#7"},
                                      {"history", "p", "users", "z"},
                                      {"diff", "p", "other", "--from", "1", "--to", "2"},
                                      {"follow", "p", "--stream", "other"},
                                      {"rebuild", "q"},
                                      {"prune", "q", "--before", "1"},
                                      {"purge", "q", "users", "--yes"},
                                      {"drop", "q", "--yes"},
                                      {"pin", "q", "x"},
                                      {"unpin", "p", "x"},
                                      {"pins", "q"}};
  for (const Words& args : missing) {
    const Outcome outcome = projection(args);
    EXPECT_EQ(outcome.exit_code, 1) << args[0] << outcome.err;
    EXPECT_EQ(outcome.out, "") << args[0];
    EXPECT_NE(outcome.err, "") << args[0];
  }
  ASSERT_EQ(holdfast({"log", "append", database_, "second", "x"}).exit_code, 0);
  const std::vector<Words> wrong = {{"get", "p", "users", "a", "--at", "6"},
                                    {"get", "p", "users", "a", "--at", "-1"},
                                    {"get", "p", "users", ""},
                                    {"get", "p", "users", "a", "--hex", "--raw"},
                                    {"scan", "p", "users", "--at", "6"},
                                    {"scan", "p", "users", "--from", "b", "--to", "a"},
                                    {"scan", "p"},
                                    {"diff", "p", "users", "--from", "3", "--to", "2"},
                                    {"diff", "p", "users", "--from", "3", "--to", "6"},
                                    {"diff", "p", "users", "--from", "3"},
                                    {"follow", "p"},
                                    {"follow", "p", "--stream", "second"},
                                    {"follow", "", "--stream", "audit"},
                                    {"follow", "p", "--stream", "audit", "--batch", "0"},
                                    {"follow", "p", "--stream", "audit", "--checkpoint", "0"},
                                    {"prune", "p", "--before", "6"},
                                    {"prune", "p"},
                                    {"pin", "p", "x", "--at", "6"},
                                    {"pin", "p", ""}};
  for (const Words& args : wrong) {
    const Outcome outcome = projection(args);
    EXPECT_EQ(outcome.exit_code, 2) << args[0] << " " << outcome.err;
    EXPECT_EQ(outcome.out, "") << args[0];
  }
  const Outcome early = projection({"get", "p", "users", "a", "--at", "6"});
  EXPECT_NE(early.err.find("there is no position 6 yet"), std::string::npos) << early.err;
  EXPECT_EQ(holdfast({"projection"}).exit_code, 2);
  EXPECT_EQ(printed({"scan", "p", "users"}), "a\t4\nc\t3\n");
}

}  // namespace
}  // namespace holdfast::cli_test
