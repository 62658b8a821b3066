#include "sim/report_command.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/planted.h"
#include "sim/recorder.h"
#include "sim/report.h"
#include "sim/run.h"
#include "sim/score.h"

namespace holdfast::sim {

namespace {

struct ReportArgs {
  uint64_t seed = 1;
  std::string profile = "default";
  std::string planted;
  std::string html;
};

// A run that aborts leaves its page, too.
struct Unfinished {
  const ReportArgs* args = nullptr;
  const Recorder* recorder = nullptr;
};
Unfinished unfinished;

int write_page(const ReportArgs& args, const RunResult& result, const Recorder& recorder) {
  const std::string what = fmt::format("seed {}, profile {}{}", args.seed, args.profile,
                                       args.planted.empty() ? "" : ", with the planted bug " + args.planted);
  const std::string command = fmt::format("holdfast-sim replay --seed {} --profile {}{} --trace", args.seed,
                                          args.profile, args.planted.empty() ? "" : " --planted " + args.planted);
  const std::string page = report_page({what, command}, result, recorder);
  std::FILE* file = std::fopen(args.html.c_str(), "wb");
  const bool written = file != nullptr && std::fwrite(page.data(), 1, page.size(), file) == page.size();
  if (file == nullptr || std::fclose(file) != 0 || !written) {
    fmt::print(stderr, "holdfast-sim: {} cannot be written: {}\n", args.html, std::strerror(errno));
    return 1;
  }
  fmt::print("{}: {}\n{} ({} events, {} bytes); open it in a browser\n", what,
             result.failure.empty() ? "every promise was kept" : result.failure, args.html, recorder.events().size(),
             page.size());
  return 0;
}

void on_abort(int /*signal*/) {
  RunResult result;
  result.failure = "the process aborted: what it wrote to standard error says where";
  write_page(*unfinished.args, result, *unfinished.recorder);
  std::fflush(stdout);
  ::_exit(0);
}

int report(const ReportArgs& args) {
  Recorder recorder;
  unfinished = {&args, &recorder};
  ::signal(SIGABRT, on_abort);
  planted::active = bug_named(args.planted);
  FiberStacks stacks;
  RunRequest request;
  request.seed = args.seed;
  request.profile = *profile_named(args.profile);
  request.observer = &recorder;
  const RunResult result = run(request, stacks);
  ::signal(SIGABRT, SIG_DFL);
  return write_page(args, result, recorder);
}

}  // namespace

void add_report_command(CLI::App& app, std::function<int()>& run, const std::string& profiles) {
  auto args = std::make_shared<ReportArgs>();
  CLI::App* command = app.add_subcommand("report", "Run one seed again, and make a web page of it");
  command->add_option("--seed", args->seed, "The seed")->required();
  command->add_option("--profile", args->profile, "One of: " + profiles)
      ->check([](const std::string& name) { return profile_named(name) ? std::string() : "there is no such profile"; })
      ->capture_default_str();
  command->add_option("--planted", args->planted, "With this planted bug (see score)")->check(check_bug_name);
  command->add_option("--html", args->html, "The file to write")->required();
  command->callback([args, &run] { run = [args] { return report(*args); }; });
}

}  // namespace holdfast::sim
