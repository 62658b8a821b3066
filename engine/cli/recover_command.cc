// recover: opens a database whose log is damaged without the acknowledged commits that this costs; and says first which
// they are.
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/wal_commands.h"
#include "cli/wal_text.h"

namespace holdfast::cli {
namespace {

struct RecoverArgs {
  std::string path;
  bool yes = false;
  bool json = false;
};

// Whether Database::open refuses because of the log. Damage in a log that is closed costs nothing, but a missing file
// is named all the same.
bool is_refused(const LogInspection& log) {
  bool refused = log.plan().damage.has_value();
  for (const InspectedLane& lane : log.lanes()) refused = refused || lane.damage.has_value();
  return refused;
}

std::string loss_text(Loss loss) {
  return loss.any() ? csns_text(loss.first, loss.last) + ", for certain or perhaps" : "no commit that is known of";
}

// What recovering would cost. Nothing is changed.
ExitCode warn(const RecoverArgs& args, const LogInspection& log) {
  std::string text;
  for (const InspectedLane& lane : log.lanes()) {
    if (lane.damage) text += fmt::format("damaged: {}\n", escaped(lane.damage->to_string()));
  }
  if (log.plan().damage) text += fmt::format("damaged: {}\n", escaped(log.plan().damage->to_error().to_string()));
  text += fmt::format("would keep: everything up to csn {}\n", to_int(log.plan().last));
  text += fmt::format("would lose: {}\n", loss_text(loss_of(log)));
  say(text +
      "holdfast: nothing was changed. If a backup, or the missing file, is somewhere, put that back instead.\n"
      "  `holdfast wal dump " +
      args.path + " --rows` shows what is left; `holdfast recover --yes " + args.path +
      "` goes on and keeps a copy of the log");
  return ExitCode::kDamaged;
}

std::string as_json(const RecoveryReport& report) {
  nlohmann::ordered_json object = {{"checkpoint_csn", to_int(report.checkpoint_csn)},
                                   {"last_csn", to_int(report.last_csn)},
                                   {"replayed_commits", report.replayed_commits},
                                   {"replayed_bytes", report.replayed_bytes},
                                   {"cut_records", report.cut_records},
                                   {"first_lost_csn", to_int(report.first_lost)},
                                   {"last_lost_csn", to_int(report.last_lost)},
                                   {"kept_files", report.kept_files}};
  set_json_bytes(object, "damage", report.damage);
  return object.dump() + "\n";
}

std::string as_text(const RecoveryReport& report) {
  std::string text;
  if (report.damage.empty()) {
    text += report.replayed_commits == 0 ? "sound: nothing to recover\n" : "sound: nothing was lost\n";
  } else {
    text += fmt::format("damaged: {}\n", escaped(report.damage));
    text += fmt::format("lost: {}\n", loss_text({report.first_lost, report.last_lost}));
  }
  text += fmt::format("holds: everything up to csn {}: {} in the tree, {} commits replayed from the log\n",
                      to_int(report.last_csn), to_int(report.checkpoint_csn), report.replayed_commits);
  if (report.cut_records > 0) {
    text += fmt::format("cut: {} records of the log behind that{}\n", report.cut_records,
                        report.damage.empty() ? " (never acknowledged)" : "");
  }
  for (const std::string& file : report.kept_files) text += fmt::format("kept: {}\n", file);
  return text;
}

Result<ExitCode> run_recover(const RecoverArgs& args) {
  {
    HOLDFAST_TRY_ASSIGN(const LogInspection log, inspect_log(args.path));
    if (log.tree_damage()) return fail(*log.tree_damage());
    if (is_refused(log) && !args.yes) return warn(args, log);
  }
  Options options;
  options.create_if_missing = false;
  options.recovery_progress = recovery_progress();
  HOLDFAST_TRY_ASSIGN(const RecoveryReport report, Database::recover(args.path, options));
  Output output;
  output.write(args.json ? as_json(report) : as_text(report));
  HOLDFAST_TRY(output.flush());
  return ExitCode::kDone;
}

void define_recover(CLI::App& command, RecoverArgs& args) {
  command.add_flag("--yes", args.yes, "If the log is damaged, go on without the commits that this costs");
  command.add_flag("--json", args.json, "What was done, as one JSON object");
  command.footer(
      "After a crash every command that opens the database replays its log; nothing that was acknowledged is lost, "
      "and\n"
      "this command is not needed. It is for a log that is damaged: files of it are gone, or bytes are not what was\n"
      "written. Then no command opens the database, because acknowledged commits would be missing without a word.\n\n"
      "Without --yes it only says what would be lost (exit code 4). With --yes it keeps everything before the first "
      "lost\n"
      "commit, gives up the rest, and leaves the log as it was in files `cut-EPOCH-wal-LANE-SLOT` beside the database; "
      "it\n"
      "prints their names, and they may be deleted. A sound database comes to no harm: its log is replayed.\n\n"
      "Examples:\n"
      "  holdfast recover orders.db\n"
      "  cp -a orders.db orders.copy && holdfast recover --yes orders.db");
}

}  // namespace

void add_recover_command(CLI::App& app, Chosen& chosen) {
  add_command<RecoverArgs>(app, chosen, "recover", "Open a database whose log is damaged, without what is lost",
                           run_recover, define_recover);
}

}  // namespace holdfast::cli
