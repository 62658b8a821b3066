// check: reads every page and every record of a database and names everything that is not as it was written.
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

struct CheckArgs {
  std::string path;
  bool json = false;
};

std::string as_json(const CheckReport& report) {
  nlohmann::ordered_json damage = nlohmann::ordered_json::array();
  for (const CheckReport::Damage& place : report.damage) {
    nlohmann::ordered_json object = {{"file", place.file}, {"offset", place.offset}};
    set_json_bytes(object, "what", place.what);
    damage.push_back(std::move(object));
  }
  return nlohmann::ordered_json{
             {"sound", report.damage.empty()},
             {"page_count", report.page_count},
             {"meta_pages", report.meta_pages},
             {"reachable_pages", report.reachable_pages},
             {"free_pages", report.free_pages},
             {"awaiting_pages", report.awaiting_pages},
             {"damaged_pages", report.damaged_pages},
             {"buckets", report.buckets},
             {"rows", report.rows},
             {"payload_bytes", report.payload_bytes},
             {"streams", report.streams},
             {"records", report.records},
             {"projections", report.projections},
             {"versions", report.versions},
             {"damage", std::move(damage)},
         }
             .dump() +
         "\n";
}

std::string as_text(const CheckReport& report) {
  std::string text;
  for (const CheckReport::Damage& place : report.damage) {
    text += fmt::format("damaged: {} offset {}: {}\n", place.file, place.offset, escaped(place.what));
  }
  text += fmt::format("{}: {} pages: {} meta, {} reachable, {} free, {} awaiting, {} damaged\n",
                      report.damage.empty() ? "sound" : "damaged", report.page_count, report.meta_pages,
                      report.reachable_pages, report.free_pages, report.awaiting_pages, report.damaged_pages);
  text += fmt::format(
      "{}: {} buckets, {} rows, {} bytes of keys and values; {} streams, {} records; "
      "{} projections, {} versions\n",
      report.damage.empty() ? "holds" : "readable", report.buckets, report.rows, report.payload_bytes, report.streams,
      report.records, report.projections, report.versions);
  return text;
}

Result<ExitCode> run_check(const CheckArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(Database database, open_to_read(args.path));
  Progress progress("checking");
  const Result<CheckReport> report = database.check([&](uint64_t done, uint64_t total) {
    if (progress.due()) progress.update(done, total, fmt::format("page {} of {}", done, total));
    return !interrupted();
  });
  progress.clear();
  if (interrupted()) {
    say("holdfast: interrupted before the whole database was read; nothing is known of the rest");
    return ExitCode::kInterrupted;
  }
  if (!report) return fail(report.error());
  Output output;
  output.write(args.json ? as_json(*report) : as_text(*report));
  HOLDFAST_TRY(output.flush());
  return report->damage.empty() ? ExitCode::kDone : ExitCode::kDamaged;
}

void define_check(CLI::App& command, CheckArgs& args) {
  command.add_flag("--json", args.json, "One JSON object");
  command.footer(
      "Reads every page, verifies checksums, order and links, accounts for each page of the file, and verifies every\n"
      "stream (of one, `log verify` says more). Prints one line per damaged place, then two of summary. Exit code 0:\n"
      "sound; 4: damaged.\n\n"
      "Example: holdfast check orders.db --json | jq .damage");
}

}  // namespace

void add_check_command(CLI::App& app, Chosen& chosen) {
  add_command<CheckArgs>(app, chosen, "check", "Verify every page, list every damaged place", run_check, define_check);
}

}  // namespace holdfast::cli
