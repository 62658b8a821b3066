#include "sim/exhaust_program.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/script.h"

namespace holdfast::sim {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Op::kCount)> kNames = {
    "put",  "erase",  "multi", "append",  "defer", "wait",  "checkpoint", "apply",
    "seal", "redact", "trim",  "compact", "prune", "large", "huge",       "reopen"};

// What is larger than a quarter of the log is not logged; a segment of it has 64 KiB.
constexpr uint64_t kCheckpointAt = 384 * 1024;

}  // namespace

std::string_view name_of(Op op) { return kNames[static_cast<size_t>(op)]; }

std::string to_string(const ExhaustProgram& program) {
  std::string text;
  for (const Op op : program) {
    text += (text.empty() ? "" : "; ") + std::string(name_of(op));
  }
  return text;
}

std::optional<ExhaustProgram> program_from(std::string_view text) {
  ExhaustProgram program;
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (word.starts_with(' ')) {
      word.remove_prefix(1);
    }
    while (word.ends_with(' ')) {
      word.remove_suffix(1);
    }
    const auto found = std::ranges::find(kNames, word);
    if (found == kNames.end()) {
      return std::nullopt;
    }
    program.push_back(static_cast<Op>(found - kNames.begin()));
  }
  return program;
}

Options exhaust_options(const ExhaustSetup& setup, Env& env) {
  Options options;
  options.page_bytes = kPageBytesMin;
  options.cache_bytes = kCacheBytesMin;
  options.lanes = 1;
  options.checkpoint_wal_bytes = kCheckpointAt;
  options.stream_segment_bytes = kStreamSegmentBytesMin;
  options.checkpoint_every_commit = setup.log == LogMode::kNone;
  options.background = false;
  options.env = &env;
  return options;
}

ExhaustProcess::ExhaustProcess(SimDisk& disk, DiskHooks& hooks, uint64_t seed)
    : decisions_(seed),
      clock_(decisions_, time_, {}),
      entropy_(decisions_),
      env_(Machine{disk, hooks, trace_, decisions_, clock_, entropy_, threads_, nullptr, 1000}) {}

DiskChange DiskChange::of(const IoEvent& event) {
  return {.kind = event.kind, .name = std::string(event.name), .offset = event.offset, .bytes = event.bytes};
}

std::string describe(const DiskChange& change) {
  std::string text = fmt::format("{} of {}", name_of(change.kind), change.name);
  if (change.kind == IoKind::kWrite) {
    text += fmt::format(" (offset {}, {} bytes)", change.offset, change.bytes);
  }
  return text;
}

std::string describe(const ProgramPoint& point, const ExhaustProgram& program) {
  const std::string during =
      point.operation == 0 ? std::string("its beginning")
                           : fmt::format("operation {} ({})", point.operation, name_of(program[point.operation - 1]));
  if (point.io == nullptr) {
    return "after " + during;
  }
  return fmt::format("{} {} in {}", point.before ? "before" : "after", describe(DiskChange::of(*point.io)), during);
}

}  // namespace holdfast::sim
