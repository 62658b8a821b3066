// Ctrl-C in the middle of log export, verify, read and tail: they end at once, leave nothing wrong behind, and say so.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "tests/cli/harness.h"

namespace holdfast::cli_test {
namespace {

constexpr int kTriesMax = 10;
// Far more than it takes, far less than the commands would go on.
constexpr std::chrono::seconds kPromptly{5};

class CommandLogInterrupt : public Command {
 protected:
  void SetUp() override { create(); }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  Outcome log(std::vector<std::string> args, std::string_view input = {}) {
    args.insert(args.begin() + 1, database_);
    args.insert(args.begin(), "log");
    return holdfast(args, input);
  }
  void fill(uint64_t count, size_t bytes) {
    std::string lines;
    for (uint64_t at = 0; at < count; ++at) {
      lines += "event " + std::to_string(records_++);
      lines.append(bytes, 'e');
      lines += '\n';
    }
    ASSERT_EQ(log({"append", "audit", "-", "--batch", "10000"}, lines).exit_code, 0);
  }
  void make_key() { ASSERT_EQ(holdfast({"keygen", "--name", "example.com/audit", "--out", file("key")}).exit_code, 0); }
  std::vector<std::string> export_to(const std::string& directory) const {
    return {"log", "export", database_, "audit", directory, "--key", file("key")};
  }
  static size_t count_files(const std::string& directory) {
    size_t files = 0;
    std::error_code error;  // it changes while it is walked
    for (std::filesystem::recursive_directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
      files += it->is_regular_file(error) ? 1U : 0U;
    }
    return files;
  }
  static std::map<std::string, std::string> files_in(const std::string& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file()) {
        files[std::filesystem::relative(entry.path(), directory).string()] = read_file(entry.path());
      }
    }
    return files;
  }
  // Whether the process has a segment of a stream open.
  static bool reads_a_stream(pid_t pid) {
    std::error_code error;
    for (std::filesystem::directory_iterator it("/proc/" + std::to_string(pid) + "/fd", error), end;
         !error && it != end; it.increment(error)) {
      const auto target = std::filesystem::read_symlink(it->path(), error);
      if (!error && target.filename().string().starts_with("stream-")) return true;
      error.clear();
    }
    return false;
  }
  // Sends the signal once the program is where it should be, and waits for its end, which must come soon.
  static Outcome interrupt(Running& running, const std::function<bool()>& is_there, int signal = SIGINT) {
    for (int looks = 0; looks < 20'000 && !is_there(); ++looks) usleep(500);
    const auto sent = std::chrono::steady_clock::now();
    kill(running.pid, signal);
    Outcome outcome = running.wait();
    EXPECT_LT(std::chrono::steady_clock::now() - sent, kPromptly);
    return outcome;
  }

  uint64_t records_ = 0;
};

TEST_F(CommandLogInterrupt, an_interrupted_export_that_is_run_again_is_as_one_that_was_not) {
  make_key();
  fill(8'000, 0);
  ASSERT_EQ(holdfast(export_to(file("whole"))).exit_code, 0);
  const auto whole = files_in(file("whole"));
  bool has_been_interrupted = false;
  for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
    const std::string directory = file("tiles" + std::to_string(signal));
    for (size_t wanted = 5; wanted < whole.size(); wanted += whole.size() / 3) {
      // A file more than there were: then it listens for signals, however slowly it has started.
      const size_t enough = std::max(wanted, count_files(directory) + 1);
      Running running = start(export_to(directory));
      const Outcome outcome = interrupt(running, [&] { return count_files(directory) >= enough; }, signal);
      if (outcome.exit_code == 0) continue;  // it was quicker
      has_been_interrupted = true;
      EXPECT_FALSE(std::filesystem::exists(directory + "/checkpoint"));
      EXPECT_EQ(outcome.out, "");
      if (signal == SIGKILL) continue;
      EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
      EXPECT_NE(outcome.err.find("interrupted; there is no new checkpoint"), std::string::npos) << outcome.err;
    }
    ASSERT_EQ(holdfast(export_to(directory)).exit_code, 0);
    EXPECT_TRUE(files_in(directory) == whole);
  }
  EXPECT_TRUE(has_been_interrupted);
}

TEST_F(CommandLogInterrupt, an_interrupted_export_leaves_the_one_before_as_it_was) {
  make_key();
  fill(600, 0);
  ASSERT_EQ(holdfast(export_to(file("tiles"))).exit_code, 0);
  const auto before = files_in(file("tiles"));
  fill(8'000, 0);
  Running running = start(export_to(file("tiles")));
  const Outcome outcome = interrupt(running, [&] { return count_files(file("tiles")) >= before.size() + 10; });
  ASSERT_EQ(outcome.exit_code, 130) << outcome.err;
  const auto interrupted = files_in(file("tiles"));
  for (const auto& [name, bytes] : before) EXPECT_EQ(interrupted.at(name), bytes) << name;
  ASSERT_EQ(holdfast(export_to(file("tiles"))).exit_code, 0);
  ASSERT_EQ(holdfast(export_to(file("fresh"))).exit_code, 0);
  const auto grown = files_in(file("tiles"));
  for (const auto& [name, bytes] : files_in(file("fresh"))) EXPECT_TRUE(grown.at(name) == bytes) << name;
}

TEST_F(CommandLogInterrupt, verify_says_that_it_was_interrupted) {
  fill(500, 200'000);
  bool has_been_interrupted = false;
  for (int tries = 0; tries < kTriesMax && !has_been_interrupted; ++tries) {
    Running running = start({"log", "verify", database_, "audit"});
    const Outcome outcome = interrupt(running, [&] { return reads_a_stream(running.pid); });
    if (outcome.exit_code == 0) continue;  // it was quicker
    has_been_interrupted = true;
    EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("interrupted before every record was read"), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(has_been_interrupted);
  EXPECT_EQ(log({"verify", "audit"}).exit_code, 0);
}

TEST_F(CommandLogInterrupt, read_and_tail_end_while_nobody_takes_what_they_print) {
  fill(1'000, 1'000);
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"log", "tail", database_, "audit", "-n", "1000"},
        {"log", "read", database_, "audit"}}) {
    const std::string fifo = file(args[1]);
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(reader, 0);
    Running running = start_into(args, fifo);
    char first = 0;
    const Outcome outcome = interrupt(running, [&] { return read(reader, &first, 1) == 1; });
    EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    close(reader);
  }
  EXPECT_EQ(log({"append", "audit", "one more"}).exit_code, 0);
}

}  // namespace
}  // namespace holdfast::cli_test
