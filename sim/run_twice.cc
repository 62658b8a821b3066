// See run.h: a seed that is run, or run twice.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"
#include "sim/run.h"

namespace holdfast::sim {

namespace {

struct FreeText {
  char* text = nullptr;
  size_t bytes = 0;
  FreeText() = default;
  FreeText(const FreeText&) = delete;
  FreeText& operator=(const FreeText&) = delete;
  ~FreeText() { std::free(text); }
};

void trace_to(FreeText& into, uint64_t seed, Profile profile, FiberStacks& stacks) {
  std::FILE* file = ::open_memstream(&into.text, &into.bytes);
  CHECK(file != nullptr);
  run_seed(seed, profile, stacks, file);
  std::fclose(file);
}

std::string first_difference(uint64_t seed, Profile profile, FiberStacks& stacks) {
  FreeText a;
  FreeText b;
  trace_to(a, seed, profile, stacks);
  trace_to(b, seed, profile, stacks);
  const size_t shorter = std::min(a.bytes, b.bytes);
  const auto at = static_cast<size_t>(std::mismatch(a.text, a.text + shorter, b.text).first - a.text);
  if (at == shorter && a.bytes == b.bytes) {
    return "two further runs with their traces written out are the same";
  }
  const auto line_at = [at](const FreeText& of) {
    const std::string_view text(of.text, of.bytes);
    const size_t begin =
        text.rfind('\n', at == 0 ? 0 : at - 1) == std::string_view::npos ? 0 : text.rfind('\n', at - 1) + 1;
    return std::string(text.substr(begin, text.find('\n', begin) - begin));
  };
  return "the first event that differs: [" + line_at(a) + "] and [" + line_at(b) + "]";
}

}  // namespace

RunResult run_seed(uint64_t seed, Profile profile, FiberStacks& stacks, std::FILE* trace) {
  RunRequest request;
  request.seed = seed;
  request.profile = profile;
  request.trace = trace;
  return run(request, stacks);
}

RunResult run_seed_twice(uint64_t seed, Profile profile, FiberStacks& stacks) {
  RunResult first = run_seed(seed, profile, stacks);
  if (!first.failure.empty()) {
    return first;
  }
  const RunResult second = run_seed(seed, profile, stacks);
  first.counters.runs_compared = 1;
  if (first.digest != second.digest || first.events != second.events) {
    first.failure =
        fmt::format("two runs of the seed differ ({} events with digest {:016x}, {} with {:016x}); {}", first.events,
                    first.digest, second.events, second.digest, first_difference(seed, profile, stacks));
  }
  return first;
}

}  // namespace holdfast::sim
