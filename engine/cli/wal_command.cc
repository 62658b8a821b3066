// wal stat, wal verify: the write-ahead log as a whole. They write nothing, and need neither a sound tree nor a sound
// log.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/wal_commands.h"
#include "cli/wal_text.h"
#include "db/log_inspection.h"

namespace holdfast::cli {

Result<LogInspection> inspect_log(const std::string& path) {
  auto log = LogInspection::open(posix_env(), path);
  if (!log) return fail(with_create_hint(log.error(), path));
  return log;
}

namespace {

using Kind = wal::LaneEnd::Kind;

struct WalArgs {
  std::string path;
  bool json = false;
};

// --- stat

bool is_damaged(const LogInspection& log) {
  bool damaged = log.tree_damage().has_value() || log.plan().damage.has_value();
  for (const InspectedLane& lane : log.lanes()) {
    damaged = damaged || lane.damage || lane.contents.end.kind == Kind::kDamaged;
  }
  return damaged;
}

uint64_t replayed_commits(const LogInspection& log) { return to_int(log.plan().last) - to_int(log.checkpoint_csn()); }

struct CsnSpan {
  Csn first{}, last{};
};

CsnSpan csns_of(const wal::LaneContents& lane) {
  if (lane.records.empty()) return {};
  return {lane.records.front().first_csn, lane.records.back().last_csn()};
}

uint64_t frame_bytes_of(const wal::LaneContents& lane) {
  uint64_t bytes = 0;
  for (const wal::SegmentStats& segment : lane.segments) bytes += segment.frame_bytes;
  return bytes;
}

nlohmann::ordered_json lane_as_json(const InspectedLane& lane) {
  const wal::LaneContents& contents = lane.contents;
  nlohmann::ordered_json segments = nlohmann::ordered_json::array();
  for (const wal::SegmentStats& segment : contents.segments) {
    segments.push_back({{"file", segment.file},
                        {"sequence", segment.sequence},
                        {"frames", segment.frame_count},
                        {"bytes", segment.frame_bytes},
                        {"first_csn", to_int(segment.first_csn)},
                        {"last_csn", to_int(segment.last_csn)}});
  }
  const CsnSpan csns = csns_of(contents);
  nlohmann::ordered_json object = {{"lane", contents.identity.lane},     {"segments", std::move(segments)},
                                   {"frames", contents.frame_count},     {"records", contents.records.size()},
                                   {"bytes", frame_bytes_of(contents)},  {"first_csn", to_int(csns.first)},
                                   {"last_csn", to_int(csns.last)},      {"watermark", to_int(contents.watermark)},
                                   {"end", end_name(contents.end.kind)}, {"end_file", contents.end.file},
                                   {"end_offset", contents.end.offset}};
  if (!contents.end.reason.empty()) set_json_bytes(object, "end_reason", contents.end.reason);
  if (lane.damage) set_json_bytes(object, "damage", lane.damage->to_string());
  return object;
}

std::string stat_as_json(const LogInspection& log) {
  nlohmann::ordered_json lanes = nlohmann::ordered_json::array();
  for (const InspectedLane& lane : log.lanes()) lanes.push_back(lane_as_json(lane));
  const Loss loss = loss_of(log);
  nlohmann::ordered_json object = {{"lane_count", log.start().lane_count},
                                   {"wal_epoch", to_int(log.start().epoch)},
                                   {"segment_bytes", log.start().segment_bytes},
                                   {"closed", log.start().closed},
                                   {"checkpoint_csn", to_int(log.checkpoint_csn())},
                                   {"watermark", to_int(log.watermark())},
                                   {"segments", log.segment_count()},
                                   {"bytes", log.frame_bytes()},
                                   {"replay_commits", replayed_commits(log)},
                                   {"replay_records", log.plan().replay.size()},
                                   {"cut_records", log.plan().cut.size()},
                                   {"damaged", is_damaged(log)},
                                   {"first_lost_csn", loss.any() ? to_int(loss.first) : 0},
                                   {"last_lost_csn", loss.any() ? to_int(loss.last) : 0},
                                   {"lanes", std::move(lanes)}};
  if (log.tree_damage()) set_json_bytes(object, "tree_damage", log.tree_damage()->to_string());
  return object.dump() + "\n";
}

std::string recovery_text(const LogInspection& log) {
  if (log.tree_damage()) return "not known: the tree is damaged";
  if (log.start().closed) return "nothing to do";
  std::string text = replayed_commits(log) == 0 ? "replays nothing"
                                                : fmt::format("replays {} commits ({})", replayed_commits(log),
                                                              csns_text(next(log.checkpoint_csn()), log.plan().last));
  text += fmt::format(", cuts {} records", log.plan().cut.size());
  if (log.plan().damage) {
    text = "refused by open: the log is damaged; `holdfast recover` " + text;
    if (const Loss loss = loss_of(log); loss.any()) text += fmt::format(", loses {}", csns_text(loss.first, loss.last));
  }
  return text;
}

std::string lane_as_text(const InspectedLane& lane) {
  const wal::LaneContents& contents = lane.contents;
  const CsnSpan csns = csns_of(contents);
  std::string text =
      fmt::format("lane {:<7} {} segments, {} frames, {} bytes, {} records", contents.identity.lane,
                  contents.segments.size(), contents.frame_count, frame_bytes_of(contents), contents.records.size());
  if (!contents.records.empty()) text += ", " + csns_text(csns.first, csns.last);
  if (contents.end.kind != Kind::kClean) {
    text += fmt::format("; {} at {}: {}", end_name(contents.end.kind),
                        place_text(contents.end.file, contents.end.offset), escaped(contents.end.reason));
  }
  if (lane.damage) text += fmt::format("; damaged: {}", escaped(lane.damage->to_string()));
  return text + "\n";
}

std::string stat_as_text(const LogInspection& log) {
  if (log.tree_damage()) {
    return fmt::format("tree         damaged: {}\n", escaped(log.tree_damage()->to_string())) +
           fmt::format("lanes        {}, wal epoch {} (the newest among the log's files)\n", log.start().lane_count,
                       to_int(log.start().epoch));
  }
  if (log.start().lane_count == 0) {
    return fmt::format("lanes        none: every commit is a checkpoint\ncheckpoint   csn {}\n",
                       to_int(log.checkpoint_csn()));
  }
  std::string text;
  text += fmt::format("lanes        {}, wal epoch {}\n", log.start().lane_count, to_int(log.start().epoch));
  text += fmt::format("state        {}\n", log.start().closed ? "closed: the tree holds everything"
                                                              : "not closed: its last user was killed, or lost power");
  text += fmt::format("checkpoint   csn {}\n", to_int(log.checkpoint_csn()));
  if (!log.start().closed) text += fmt::format("watermark    csn {}\n", to_int(log.watermark()));
  text += fmt::format("log          {} bytes in {} segments of {}\n", log.frame_bytes(), log.segment_count(),
                      log.start().segment_bytes);
  return text + fmt::format("recovery     {}\n", recovery_text(log));
}

Result<ExitCode> run_wal_stat(const WalArgs& args) {
  HOLDFAST_TRY_ASSIGN(const LogInspection log, inspect_log(args.path));
  Output output;
  if (args.json) {
    output.write(stat_as_json(log));
  } else {
    output.write(stat_as_text(log));
    for (const InspectedLane& lane : log.lanes()) output.write(lane_as_text(lane));
  }
  HOLDFAST_TRY(output.flush());
  return is_damaged(log) ? ExitCode::kDamaged : ExitCode::kDone;
}

void define_wal_stat(CLI::App& command, WalArgs& args) {
  command.add_flag("--json", args.json, "One JSON object, with every segment");
  command.footer(
      "What the log holds and what opening the database would do with it: how many commits it would replay into the\n"
      "tree, and how many records it would cut, because no commit before them survived (they were never acknowledged,\n"
      "unless there is damage).\n\n"
      "  checkpoint  the tree holds every commit up to this csn\n"
      "  watermark   every commit up to this csn is known to have been on disk\n"
      "  torn        a write that was under way when the process or the machine stopped; never acknowledged\n\n"
      "Exit code 0: sound; 4: damaged.\n\n"
      "Example: holdfast wal stat orders.db --json | jq .replay_commits");
}

// --- verify

std::string verify_as_json(const LogInspection& log, const std::vector<CheckReport::Damage>& damage) {
  nlohmann::ordered_json places = nlohmann::ordered_json::array();
  for (const CheckReport::Damage& place : damage) places.push_back(damage_as_json(place));
  const Loss loss = loss_of(log);
  return nlohmann::ordered_json{{"sound", damage.empty()},
                                {"lane_count", log.start().lane_count},
                                {"segments", log.segment_count()},
                                {"bytes", log.frame_bytes()},
                                {"records", log.records().size()},
                                {"first_lost_csn", loss.any() ? to_int(loss.first) : 0},
                                {"last_lost_csn", loss.any() ? to_int(loss.last) : 0},
                                {"damage", std::move(places)}}
             .dump() +
         "\n";
}

std::string verify_as_text(const LogInspection& log, const std::vector<CheckReport::Damage>& damage) {
  std::string text;
  for (const CheckReport::Damage& place : damage) {
    text += fmt::format("damaged: {}: {}\n", place_text(place.file, place.offset), escaped(place.what));
  }
  for (const InspectedLane& lane : log.lanes()) {
    if (const wal::LaneEnd& end = lane.contents.end; end.kind == Kind::kTorn) {
      text += fmt::format("torn: {}: {} (never acknowledged)\n", place_text(end.file, end.offset), escaped(end.reason));
    }
  }
  if (const Loss loss = loss_of(log); loss.any()) {
    text += fmt::format("lost: {}, for certain or perhaps\n", csns_text(loss.first, loss.last));
  } else if (!damage.empty() && !log.tree_damage()) {
    text += log.start().closed ? "lost: nothing; the tree holds every commit\n" : "lost: no commit that is known of\n";
  }
  return text + fmt::format("{}: {} lanes, {} segments, {} records, {} bytes\n", damage.empty() ? "sound" : "damaged",
                            log.start().lane_count, log.segment_count(), log.records().size(), log.frame_bytes());
}

Result<ExitCode> run_wal_verify(const WalArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(LogInspection log, inspect_log(args.path));
  Progress progress("verifying");
  const auto damage = log.verify([&](uint64_t done, uint64_t total) {
    if (progress.due()) progress.update(done, total, fmt::format("record {} of {}", done, total));
    return !interrupted();
  });
  progress.clear();
  if (interrupted()) {
    say("holdfast: interrupted before the whole log was read; nothing is known of the rest");
    return ExitCode::kInterrupted;
  }
  if (!damage) return fail(damage.error());
  Output output;
  output.write(args.json ? verify_as_json(log, *damage) : verify_as_text(log, *damage));
  HOLDFAST_TRY(output.flush());
  return damage->empty() ? ExitCode::kDone : ExitCode::kDamaged;
}

void define_wal_verify(CLI::App& command, WalArgs& args) {
  command.add_flag("--json", args.json, "One JSON object");
  command.footer(
      "Scans every lane, reads every record, and verifies checksums, order and the redo in them. Prints one line per\n"
      "damaged place, one per torn tail (which is no damage), what would be lost, and one line of summary.\n"
      "Exit code 0: sound; 4: damaged.\n\n"
      "Example: holdfast wal verify orders.db && echo sound");
}

}  // namespace

void add_wal_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* wal = app.add_subcommand("wal", "Look into the write-ahead log (stat, verify, dump)");
  wal->require_subcommand(1);
  wal->footer(
      "The log is a set of lanes; a lane is a set of segments, the files wal-LANE-SLOT; a segment holds frames, and "
      "frames\n"
      "hold records: the changes of one group of commits. A commit is named by its number in the one order of all, its "
      "csn.\n"
      "These commands write nothing, and work on databases that do not open any more. `holdfast wal COMMAND --help` "
      "says\n"
      "more.\n\n"
      "Examples:\n"
      "  holdfast wal stat orders.db\n"
      "  holdfast wal verify orders.db\n"
      "  holdfast wal dump orders.db --rows --from 1000");
  add_command<WalArgs>(*wal, chosen, "stat", "Show lanes, segments, and what a recovery would do", run_wal_stat,
                       define_wal_stat);
  add_command<WalArgs>(*wal, chosen, "verify", "Read every record, list every damaged place", run_wal_verify,
                       define_wal_verify);
  add_wal_dump_command(*wal, chosen);
}

}  // namespace holdfast::cli
