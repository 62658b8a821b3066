#include "sim/copies.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "sim/copy_process.h"
#include "sim/damage.h"
#include "sim/inspect.h"

namespace holdfast::sim {

namespace {

constexpr auto kStream = Stream::kProbe;

// Both copies of one meta page are garbage: the one loss that a torn neighbour may cause (see fault/torn_neighbour.h).
bool lost_a_meta_page(const CopyContext& context, const SimDisk& disk) {
  const auto directory = disk.find_directory("db");
  const auto file = directory ? disk.find(*directory, "tree") : std::nullopt;
  const uint64_t page = context.config.page_bytes;
  return file &&
         ((is_damaged(disk, *file, 0, kSectorBytes) && is_damaged(disk, *file, page - kSectorBytes, kSectorBytes)) ||
          (is_damaged(disk, *file, page, kSectorBytes) &&
           is_damaged(disk, *file, 2 * page - kSectorBytes, kSectorBytes)));
}

// `refused`: set if the database may be, and was, refused because of a torn neighbour.
Verdict recover_copy(const CopyContext& context, SimDisk& copy, Decisions& decisions, Trace& trace, Contents& contents,
                     bool& refused) {
  CopyProcess process(context, copy, decisions, trace, nullptr);
  auto database = process.open();
  if (!database) {
    const Error& error = database.error();
    refused = error.code() == ErrorCode::kCorruption && error.file() == "tree" && lost_a_meta_page(context, copy);
    if (refused) {
      return process.violated();
    }
    return "opening it answered " + database.error().to_string();
  }
  Verdict broken;
  Inspection seen = inspect(*database, context.oracle.model(), Tolerance::kNone, broken);
  context.counters.rows_checked += seen.rows;
  contents = std::move(seen.contents);
  if (!broken && decisions.chance(kStream, 1, 4)) {
    if (const auto report = database->check(); !report) {
      broken = "check answered " + report.error().to_string();
    } else if (!report->damage.empty() || report->awaiting_pages != 0 ||
               report->meta_pages + report->reachable_pages + report->free_pages != report->page_count) {
      broken =
          fmt::format("check found {} damaged places ({}), or does not account for all {} pages", report->damage.size(),
                      report->damage.empty() ? "" : report->damage.front().what, report->page_count);
    }
  }
  return broken ? broken : process.violated();
}

}  // namespace

CopyResult crash_probe(const CopyContext& context, const SimDisk& disk, Decisions decisions) {
  const SingleThreaded inline_only;
  Trace trace;
  const bool kill = decisions.chance(kStream, 1, 3);
  SimDisk copy = kill ? disk : disk.power_cut(decisions);
  if (kill) {
    copy.process_kill();
  }
  uint64_t torn = 0;
  if (!kill && decisions.chance(kStream, 1, 3)) {
    torn = tear_neighbours(disk, copy, decisions.pick(kStream, std::array<uint32_t, 3>{10, 50, 100}), decisions);
    context.counters.faults[static_cast<size_t>(fault::Kind::kTornNeighbour)] += torn;
  }
  const std::string what =
      kill ? "a crash probe (process killed at this moment, on a copy of the disk): "
           : fmt::format(
                 "a crash probe (power cut at this moment, on a copy of the disk; {} units with torn neighbours): ",
                 torn);
  Contents first;
  CopyResult result;
  bool refused = false;
  result.verdict = with_prefix(what, recover_copy(context, copy, decisions, trace, first, refused));
  result.digest = trace.digest();
  if (refused) {
    ++context.counters.torn_refused;
    return result;
  }
  if (!result.verdict) {
    result.verdict = with_prefix(what, context.oracle.probed(first));
  }
  if (!result.verdict && decisions.chance(kStream, 1, 2)) {
    const std::string again = what + "after the recovery the power was cut once more: ";
    SimDisk cut = copy.power_cut(decisions);
    Contents second;
    result.verdict = with_prefix(again, recover_copy(context, cut, decisions, trace, second, refused));
    if (!result.verdict && !same_contents(first, second)) {
      result.verdict =
          again + fmt::format("it showed commit {}, now it shows commit {}, or other rows", first.csn, second.csn);
    }
  }
  result.digest = trace.digest();
  return result;
}

}  // namespace holdfast::sim
