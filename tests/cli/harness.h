// Runs the real `holdfast` program, as a shell would, on databases in a directory of the test's own.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace holdfast::cli_test {

inline constexpr const char* kProgram = HOLDFAST_BIN_DIR "/holdfast";

struct Outcome {
  int exit_code = -1;  // 128 + signal if one ended the program
  std::string out;
  std::string err;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// A program that was started and not yet waited for. Its standard input is the write end `input` (-1: a file).
struct Running {
  pid_t pid = -1;
  int input = -1;
  std::filesystem::path out, err;

  void write_input(std::string_view bytes) const {
    ASSERT_EQ(write(input, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void close_input() {
    if (input >= 0) close(std::exchange(input, -1));
  }
  // Waits until standard output holds `bytes`; false if it does not within ten seconds.
  bool printed(std::string_view bytes) const {
    for (int tries = 0; tries < 1000; ++tries) {
      if (read_file(out).find(bytes) != std::string::npos) return true;
      usleep(10'000);
    }
    return false;
  }
  Outcome wait() {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    close_input();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err)};
  }
};

class Command : public testing::Test {
 protected:
  Command() {
    // Beside the build, not in /tmp: /tmp may be memory.
    std::string pattern = HOLDFAST_BIN_DIR "/cli-test-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    database_ = (folder_ / "db").string();
  }
  ~Command() override { std::filesystem::remove_all(folder_); }

  // `args` after the program's name. Standard input is `input`.
  Outcome holdfast(const std::vector<std::string>& args, std::string_view input = {}) {
    write_file(folder_ / "in", input);
    return spawn(args, (folder_ / "in").string(), -1).wait();
  }

  // The same, with standard input a pipe that the test writes to.
  Running start(const std::vector<std::string>& args) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    Running running = spawn(args, {}, ends[0]);
    close(ends[0]);
    running.input = ends[1];
    return running;
  }

  // The same, without input, and with standard output into `out`, which nobody reads for the test.
  Running start_into(const std::vector<std::string>& args, const std::filesystem::path& out) {
    write_file(folder_ / "in", {});
    return spawn(args, (folder_ / "in").string(), -1, out);
  }

  void create() { ASSERT_EQ(holdfast({"create", database_}).exit_code, 0); }

  std::filesystem::path folder_;
  std::string database_;

 private:
  Running spawn(const std::vector<std::string>& args, const std::string& input_file, int input_descriptor,
                const std::filesystem::path& out = {}) {
    const std::string number = std::to_string(runs_++);
    Running running;
    running.out = folder_ / ("out" + number);
    running.err = folder_ / ("err" + number);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (input_descriptor >= 0) {
      posix_spawn_file_actions_adddup2(&actions, input_descriptor, STDIN_FILENO);
    } else {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input_file.c_str(), O_RDONLY, 0);
    }
    const std::filesystem::path& to = out.empty() ? running.out : out;
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, to.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, running.err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::vector<std::string> words = {kProgram};
    words.insert(words.end(), args.begin(), args.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&running.pid, kProgram, &actions, nullptr, pointers.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return running;
  }

  int runs_ = 0;
};

}  // namespace holdfast::cli_test
