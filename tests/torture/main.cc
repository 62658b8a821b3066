// holdfast-torture: kills a process with SIGKILL, over and over, while its clients commit, and looks each time whether
// the database kept its promises: nothing lost that was acknowledged as durable, no half commit, of deferred ones only
// the last missing, nothing taken back that was shown, and check() finds no damage.
//
// A kill leaves what was given to the operating system; power cuts are the simulator's business. But with --cut the
// database lies on a file system that a command can cut off from its device (ci/kernel-lane): COMMAND cut ends all
// writing, then the process is killed, and COMMAND back brings what reached the device.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/judge.h"
#include "tests/torture/life.h"

namespace {

using namespace holdfast;
using namespace holdfast::torture;
namespace fs = std::filesystem;

constexpr uint64_t kTellEvery = 25;

struct Arguments {
  uint64_t kills = 300;
  uint64_t seed = 1;
  fs::path folder;
  fs::path database;  // by default in the folder
  std::string cut;    // empty: the process is killed, and that is all
};

int usage() {
  std::fprintf(stderr,
               "usage: holdfast-torture FOLDER [--kills N] [--seed N] [--database PATH --cut COMMAND]\n"
               "FOLDER is made anew; it should be on the kind of disk that the promises are for.\n");
  return 2;
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int index = 1; index < argc; ++index) {
    const std::string word = argv[index];
    if ((word == "--kills" || word == "--seed") && index + 1 < argc) {
      (word == "--kills" ? arguments.kills : arguments.seed) = std::strtoull(argv[++index], nullptr, 10);
    } else if (word == "--database" && index + 1 < argc) {
      arguments.database = argv[++index];
    } else if (word == "--cut" && index + 1 < argc) {
      arguments.cut = argv[++index];
    } else if (arguments.folder.empty() && !word.starts_with("-")) {
      arguments.folder = word;
    } else {
      return false;
    }
  }
  if (arguments.database.empty()) {
    arguments.database = arguments.folder / "database";
  }
  return !arguments.folder.empty() && arguments.kills > 0;
}

void run_or_end(const std::string& command) {
  if (std::system(command.c_str()) != 0) {  // NOLINT(concurrency-mt-unsafe): one thread
    std::fprintf(stderr, "torture: %s failed\n", command.c_str());
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
}

// Lives until it is killed; false if it ended before by itself. A process that is cut off may well end by itself.
bool live_and_kill(const char* program, const Arguments& arguments, const fs::path& acknowledgements, uint64_t seed,
                   uint64_t microseconds) {
  const std::string seed_text = std::to_string(seed);
  const pid_t child = fork();
  if (child == 0) {
    execl(program, program, "live", arguments.database.c_str(), acknowledgements.c_str(), seed_text.c_str(), nullptr);
    std::perror("torture: exec");
    _exit(1);
  }
  usleep(static_cast<useconds_t>(microseconds));
  if (!arguments.cut.empty()) {
    run_or_end(arguments.cut + " cut");
  }
  kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!arguments.cut.empty()) {
    run_or_end(arguments.cut + " back");
    return true;
  }
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

std::vector<Acknowledgement> read_acknowledgements(const fs::path& path) {
  std::vector<Acknowledgement> told;
  std::ifstream file(path, std::ios::binary);
  for (Acknowledgement one; file.read(reinterpret_cast<char*>(&one), sizeof(one));) {
    told.push_back(one);
  }
  return told;
}

// Durable when it returns: whoever restores a database from a copy has to see to that.
void restore(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to);
  const int descriptor = open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0 || syncfs(descriptor) != 0) {
    std::perror("torture: syncing a copy");
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  close(descriptor);
}

int fail_loudly(const Arguments& arguments, uint64_t number, const std::vector<std::string>& broken) {
  std::fprintf(stderr, "\nFAILED after kill %ju (seed %ju):\n", uintmax_t{number}, uintmax_t{arguments.seed});
  for (const std::string& what : broken) {
    std::fprintf(stderr, "  %s\n", what.c_str());
  }
  const std::string folder = arguments.folder.string();
  std::fprintf(stderr,
               "what the killed process left is in %s, untouched; what it acknowledged in %s/acknowledgements\n"
               "  holdfast wal stat %s\n"
               "  holdfast wal dump %s --rows\n"
               "what was made of it by opening a copy is in %s/copy; holdfast check %s/copy\n",
               arguments.database.c_str(), folder.c_str(), arguments.database.c_str(), arguments.database.c_str(),
               folder.c_str(), folder.c_str());
  return 1;
}

int torture_with(const char* program, const Arguments& arguments) {
  const fs::path& database = arguments.database;
  const fs::path copy = arguments.folder / "copy";
  const fs::path acknowledgements = arguments.folder / "acknowledgements";
  fs::remove_all(arguments.folder);
  fs::remove_all(database);
  fs::create_directories(arguments.folder);
  const auto started = std::chrono::steady_clock::now();
  Draw draw(arguments.seed);
  Judge judge;
  for (uint64_t number = 1; number <= arguments.kills; ++number) {
    fs::remove(acknowledgements);
    // A quarter dies while it opens, and recovers from what the one before left.
    const uint64_t microseconds = draw.one_in(4) ? draw.below(12'000) : 10'000 + draw.below(190'000);
    if (!live_and_kill(program, arguments, acknowledgements, draw.next(), microseconds)) {
      return fail_loudly(arguments, number, {"the process ended by itself; its last words are above"});
    }
    judge.hear(read_acknowledgements(acknowledgements));
    if (!fs::exists(database)) {
      if (judge.acknowledged_durable() > 0) {
        return fail_loudly(arguments, number, {"the database is gone"});
      }
      continue;
    }
    // On a copy, so that half of the time the next life finds what the last one left, and the rest a closed database.
    fs::remove_all(copy);
    fs::copy(database, copy);
    const Options options = draw_options(draw);
    if (const auto broken = judge.judge(copy.string(), options); !broken.empty()) {
      return fail_loudly(arguments, number, broken);
    }
    if (draw.one_in(2)) {
      restore(copy, database);
    }
    if (number % kTellEvery == 0) {
      std::printf("%4ju kills: csn %ju, %ju acknowledged, %ju replayed\n", uintmax_t{number}, uintmax_t{judge.csn()},
                  uintmax_t{judge.acknowledged()}, uintmax_t{judge.replayed()});
      std::fflush(stdout);
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  std::printf(
      "torture: %ju kills in %.0f s, no promise broken: %ju acknowledged (%ju durable), "
      "%ju deferred lost, %ju commits replayed, %ju records cut, csn %ju\n",
      uintmax_t{arguments.kills}, seconds.count(), uintmax_t{judge.acknowledged()},
      uintmax_t{judge.acknowledged_durable()}, uintmax_t{judge.lost_deferred()}, uintmax_t{judge.replayed()},
      uintmax_t{judge.cut_records()}, uintmax_t{judge.csn()});
  fs::remove_all(arguments.folder);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "live") {
    return live(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10));
  }
  Arguments arguments;
  return parse(argc, argv, arguments) ? torture_with("/proc/self/exe", arguments) : usage();
}
