// projection follow, projection rebuild: tables from the events that `load --audit` writes.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/audit_event.h"
#include "cli/log_commands.h"
#include "cli/projection_commands.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace holdfast::cli {
namespace {

constexpr uint64_t kEventsPerCommit = 1024;
constexpr uint64_t kEventsPerCheckpoint = 100'000;

// The reducer of both commands, which knows at which event it is, so that an error can say so.
class EventReducer {
 public:
  explicit EventReducer(std::string stream) : stream_(std::move(stream)) {}
  Reducer function() {
    return [this](const StreamRecord& event, WriteBatch& batch) {
      event_ = event.offset;
      return reduce_audit_event(event, batch);
    };
  }
  // What was reduced is applied.
  void committed() { event_.reset(); }
  // The complaint about an event, by the reducer or by the tables, with the event's offset; another error as it is.
  Error with_event(const Error& error) const {
    if (error.code() != ErrorCode::kInvalidArgument || !event_) return error;
    return {error.code(), fmt::format("event {} of stream \"{}\": {}", *event_, escaped(stream_), error.message())};
  }

 private:
  std::string stream_;
  std::optional<uint64_t> event_;  // the last one that was reduced and is not applied
};

// --- follow

struct FollowArgs {
  std::string path;
  std::string projection;
  std::string stream;
  uint64_t until = UINT64_MAX;
  uint32_t batch_events = kEventsPerCommit;
  uint64_t checkpoint_events = kEventsPerCheckpoint;
  bool ack = false;
};

class EventFollower {
 public:
  EventFollower(const FollowArgs& args, Database database)
      : args_(args), database_(std::move(database)), reducer_(args.stream), progress_("following") {}

  Result<ExitCode> run() {
    HOLDFAST_TRY(check_stream());
    // Where it is not there yet, follow() begins at 0.
    checkpointed_ = database_.projection(args_.projection).applied_position().value_or(0);
    const FollowOptions options{
        .until = args_.until, .batch_events = args_.batch_events, .progress = [&](uint64_t position, uint64_t newest) {
          return go_on(position, newest);
        }};
    const Result<FollowReport> report =
        database_.projection(args_.projection).follow(args_.stream, reducer_.function(), options);
    progress_.clear();
    if (!report) {
      if (applied_) say(fmt::format("holdfast: follow stopped by an error: position {} is applied", *applied_));
      return fail(reducer_.with_event(report.error()));
    }
    HOLDFAST_TRY(status_);
    HOLDFAST_TRY_ASSIGN(const ProjectionStats stats, database_.projection(args_.projection).stats());
    HOLDFAST_TRY(database_.close());
    HOLDFAST_TRY(tell(*report, stats));
    if (!report->stopped) return ExitCode::kDone;
    say(fmt::format("holdfast: interrupted; position {} is applied, run it again for the rest", report->to));
    return ExitCode::kInterrupted;
  }

 private:
  Result<void> check_stream() const {
    const Snapshot snapshot = database_.snapshot();
    HOLDFAST_TRY(existing_stream(snapshot, args_.stream));
    return {};
  }

  bool go_on(uint64_t position, uint64_t newest) {
    reducer_.committed();
    applied_ = position;
    if (progress_.due()) progress_.update(position, newest, fmt::format("position {} of {}", position, newest));
    if (position - checkpointed_ >= args_.checkpoint_events) {
      status_ = checkpoint(position);
    }
    return status_.has_value() && !interrupted();
  }

  Result<void> checkpoint(uint64_t position) {
    HOLDFAST_TRY(database_.checkpoint());
    checkpointed_ = position;
    return args_.ack ? acknowledge(position) : Result<void>();
  }

  Result<void> acknowledge(uint64_t position) {
    if (acknowledged_ != position) output_.write(fmt::format("{}\n", position));
    acknowledged_ = position;
    return output_.flush();
  }

  Result<void> tell(const FollowReport& report, const ProjectionStats& stats) {
    if (args_.ack) return acknowledge(report.to);
    output_.write(fmt::format("applied: {}; position {}, {} left\n", counted(report.to - report.from, "event"),
                              report.to, counted(stats.lag, "event")));
    return output_.flush();
  }

  const FollowArgs& args_;
  Database database_;
  EventReducer reducer_;
  Progress progress_;
  Output output_;
  std::optional<uint64_t> applied_;  // by the last commit
  uint64_t checkpointed_ = 0;        // a kill takes nobody back behind this position
  std::optional<uint64_t> acknowledged_;
  Result<void> status_;  // of checkpoints
};

Result<ExitCode> run_follow(const FollowArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  return EventFollower(args, std::move(database)).run();
}

void define_follow(CLI::App& command, FollowArgs& args) {
  add_projection_argument(command, args.projection);
  command.add_option("--stream", args.stream, "Stream that the projection is made from")->required();
  command.add_option("--until", args.until, "Not beyond this position; by default all events are applied")
      ->type_name("POSITION")
      ->default_str("");
  command.add_option("--batch", args.batch_events, "Events per commit")
      ->type_name("EVENTS")
      ->check(CLI::Range(uint32_t{1}, uint32_t{1'000'000'000}))
      ->capture_default_str();
  command.add_option("--checkpoint", args.checkpoint_events, "Events after which a checkpoint is made")
      ->type_name("EVENTS")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->capture_default_str();
  command.add_flag("--ack", args.ack, "Print the position once a checkpoint has it, and no summary");
  command.footer(
      "Applies the events that the projection has not, in order, each exactly once, and makes the projection if it is "
      "not\n"
      "there. The events are JSON objects as `load --audit` writes them: {\"put\":T,\"key\":K,...} stores in table T "
      "the "
      "event's\n"
      "\"value\" if it has one (`load --audit-values`), and otherwise the event's own text; {\"erase\":T,\"key\":K} "
      "erases. "
      "A\n"
      "member of the same name with _hex behind it is the same in hexadecimal. Other members are passed over; a "
      "redacted\n"
      "event changes nothing. Any other event ends it with an error that names the offset; the commits before stay.\n\n"
      "What is applied is not logged: after a kill the projection is where the last checkpoint was, and the next "
      "follow\n"
      "applies the rest. A stream that is not the one that was applied is refused. Ctrl-C ends it after a commit. A\n"
      "projection that a program makes with a reducer of its own is for that program to follow, and not for this\n"
      "command.\n\n"
      "Examples:\n"
      "  holdfast projection follow orders.db by-audit --stream audit\n"
      "  holdfast projection follow orders.db then --stream audit --until 1000");
}

// --- rebuild

struct RebuildArgs {
  std::string path;
  std::string projection;
  bool json = false;
};

std::string rebuild_text(const RebuildArgs& args, const RebuildReport& report) {
  if (!args.json) {
    return fmt::format("rebuilt: {}; the content is {}\n", counted(report.position, "event"),
                       report.same() ? "the same" : "not the same as before");
  }
  const nlohmann::ordered_json object = {{"position", report.position},
                                         {"same", report.same()},
                                         {"content_before", hex_of(report.content_before)},
                                         {"content_after", hex_of(report.content_after)}};
  return object.dump() + "\n";
}

Result<ExitCode> run_rebuild(const RebuildArgs& args) {
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  HOLDFAST_TRY(check_projection_exists(database, args.projection));
  Projection projection = database.projection(args.projection);
  HOLDFAST_TRY_ASSIGN(const ProjectionStats stats, projection.stats());
  EventReducer reducer(stats.stream);
  Progress progress("rebuilding");
  FollowOptions options;
  options.progress = [&](uint64_t position, uint64_t newest) {
    reducer.committed();
    if (progress.due()) progress.update(position, newest, fmt::format("position {} of {}", position, newest));
    return !interrupted();
  };
  const Result<RebuildReport> report = projection.rebuild(reducer.function(), options);
  progress.clear();
  if (!report) return fail(reducer.with_event(report.error()));
  HOLDFAST_TRY(database.close());
  if (!report->stopped) return print_done(rebuild_text(args, *report));
  say("holdfast: interrupted; the old tables stay");
  return ExitCode::kInterrupted;
}

void define_rebuild(CLI::App& command, RebuildArgs& args) {
  add_projection_argument(command, args.projection);
  command.add_flag("--json", args.json, "One JSON object: position, same, content_before, content_after");
  command.footer(
      "Makes all tables anew from the first event on, the way `follow` does, beside the old ones, and then puts them "
      "in\n"
      "their place at once. Says whether all that could be read in the old tables is the same in the new ones, by a "
      "hash "
      "of\n"
      "all versions. Brings back what was pruned or purged. Needs the whole stream: if it was trimmed, or an event is "
      "not\n"
      "as `follow` wants it, the old tables stay. Ctrl-C, too, leaves the old ones.\n\n"
      "Example: holdfast projection rebuild orders.db by-audit");
}

}  // namespace

void add_projection_follow_commands(CLI::App& projection, Chosen& chosen) {
  add_command<FollowArgs>(projection, chosen, "follow", "Apply the events that are not applied yet", run_follow,
                          define_follow);
  add_command<RebuildArgs>(projection, chosen, "rebuild", "Make all tables anew from the stream", run_rebuild,
                           define_rebuild);
}

}  // namespace holdfast::cli
