// log append: events from arguments, lines of standard input, or whole files, in commits of a chosen number of events.
//
// A commit holds whole events. Offsets are printed once their commit is on disk. Whatever ends the command, the stream
// then holds the first events of the input, up to a commit.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/input.h"
#include "cli/log_commands.h"
#include "cli/marked_event.h"
#include "cli/terminal.h"

namespace holdfast::cli {
namespace {

// A batch is held in memory until it commits, so it also ends when its events have this many bytes.
constexpr uint64_t kBatchBytesMax = uint64_t{256} << 20;

struct AppendArgs {
  std::string path;
  std::string stream;
  std::vector<std::string> events;
  std::vector<std::string> files;
  std::optional<uint64_t> expect;
  Codec codec = Codec::kNone;
  uint64_t batch_events = 1000;
  bool deferred = false;
  bool json = false;
};

class EventAppender {
 public:
  EventAppender(const AppendArgs& args, Database database)
      : args_(args),
        database_(std::move(database)),
        stream_(database_.stream(args.stream)),
        expect_(args.expect),
        progress_("appending") {}

  Result<ExitCode> run() {
    Result<void> appended = append_all();
    const Result<void> settled = settle();
    if (appended && !settled) appended = fail(settled.error());
    progress_.clear();
    if (!appended || interrupted()) say(account(!appended ? "stopped by an error" : "interrupted"));
    if (!appended && args_.expect && appended.error().code() == ErrorCode::kConflict) {
      say(fmt::format("holdfast: {}", appended.error().to_string()));
      say("  hint: read what others appended; then say --expect with the number of records that there are now");
      return ExitCode::kBusy;
    }
    HOLDFAST_TRY(appended);
    HOLDFAST_TRY(database_.close());
    return interrupted() ? ExitCode::kInterrupted : ExitCode::kDone;
  }

 private:
  Result<void> append_all() {
    for (const std::string& event : args_.events) {
      HOLDFAST_TRY(event == "-" ? append_lines() : append(event, "an argument"));
    }
    for (const std::string& file : args_.files) {
      HOLDFAST_TRY_ASSIGN(Input input, Input::open(file));
      HOLDFAST_TRY_ASSIGN(std::string event, input.read_all(kEventBytesMax));
      if (interrupted()) return {};  // perhaps not the whole file
      HOLDFAST_TRY(append(std::move(event), file));
    }
    return commit();
  }

  Result<void> append_lines() {
    HOLDFAST_TRY_ASSIGN(Input input, Input::open("-"));
    for (std::string_view line;;) {
      HOLDFAST_TRY_ASSIGN(const bool more, input.next_line(line));
      if (!more || interrupted()) return {};
      HOLDFAST_TRY(append(std::string(line), input.place()));
      if (progress_.due()) {
        progress_.update(input.bytes_read(), input.bytes_total(), fmt::format("{} events on disk", events_on_disk_));
      }
    }
  }

  Result<void> append(std::string event, const std::string& place) {
    if (event.size() > kEventBytesMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: an event of {} bytes; the longest has {}", place, event.size(), kEventBytesMax));
    }
    batch_bytes_ += event.size();
    batch_.push_back(std::move(event));
    return batch_.size() >= args_.batch_events || batch_bytes_ >= kBatchBytesMax ? commit() : Result<void>();
  }

  Result<void> commit() {
    if (batch_.empty() || interrupted()) return {};
    const std::vector<std::string_view> events(batch_.begin(), batch_.end());
    HOLDFAST_TRY_ASSIGN(const Appended appended,
                        stream_.append_batch(events, expect_, args_.codec,
                                             args_.deferred ? Durability::kDeferred : Durability::kDurable));
    if (expect_) expect_ = appended.next_offset;
    batch_.clear();
    batch_bytes_ = 0;
    unacknowledged_.push_back(appended);
    return acknowledge();
  }

  // Makes everything that was committed durable.
  Result<void> settle() {
    if (unacknowledged_.empty()) return output_.flush();
    HOLDFAST_TRY(database_.wait_durable(unacknowledged_.back().csn));
    return acknowledge();
  }

  // Prints the offsets of commits that are durable by now.
  Result<void> acknowledge() {
    const Csn durable = database_.durable_csn();
    for (; !unacknowledged_.empty() && unacknowledged_.front().csn <= durable; unacknowledged_.pop_front()) {
      const Appended& commit = unacknowledged_.front();
      events_on_disk_ += commit.next_offset - commit.first_offset;
      next_offset_ = commit.next_offset;
      if (args_.json) {
        output_.write(nlohmann::ordered_json{{"csn", to_int(commit.csn)},
                                             {"first_offset", commit.first_offset},
                                             {"next_offset", commit.next_offset}}
                          .dump() +
                      "\n");
      } else {
        for (uint64_t at = commit.first_offset; at < commit.next_offset; ++at) output_.write(fmt::format("{}\n", at));
      }
    }
    return output_.flush();
  }

  std::string account(std::string_view why) const {
    if (events_on_disk_ == 0) return fmt::format("holdfast: append {}: no event was appended", why);
    return fmt::format("holdfast: append {}: {} are appended (the last is record {}), none after that", why,
                       counted(events_on_disk_, "event"), next_offset_ - 1);
  }

  const AppendArgs& args_;
  Database database_;
  Stream stream_;
  std::optional<uint64_t> expect_;
  Progress progress_;
  Output output_;
  std::vector<std::string> batch_;
  uint64_t batch_bytes_ = 0;
  std::deque<Appended> unacknowledged_;
  uint64_t events_on_disk_ = 0;
  uint64_t next_offset_ = 0;
};

Result<ExitCode> run_append(const AppendArgs& given) {
  AppendArgs args = given;
  unmark_event(args.path);
  unmark_event(args.stream);
  std::ranges::for_each(args.events, unmark_event);
  std::ranges::for_each(args.files, unmark_event);
  if (args.events.empty() && args.files.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "say the events: as arguments, - for the lines of standard input, or --file for whole files");
  }
  catch_interrupts();
  HOLDFAST_TRY_ASSIGN(Database database, open_to_write(args.path));
  return EventAppender(args, std::move(database)).run();
}

void define_append(CLI::App& command, AppendArgs& args) {
  command.add_option("STREAM", args.stream, "Stream; made by its first event")->required();
  command.add_option("EVENT", args.events, "Events; - stands for the lines of standard input, each an event");
  command.add_option("--file", args.files, "A file, which is one event, byte for byte; may be said several times")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--expect", args.expect, "Append only if the first event gets this offset")
      ->type_name("OFFSET")
      ->check(CLI::NonNegativeNumber);
  add_codec_option(command, args.codec, "How payloads are stored, where that makes them smaller");
  command.add_option("--batch", args.batch_events, "Events per commit")
      ->type_name("EVENTS")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->capture_default_str();
  command.add_flag("--deferred", args.deferred, "Do not wait for the disk after each commit, only at the end");
  command.add_flag("--json", args.json, "One JSON object per commit instead of one offset per event");
  command.footer(
      "Prints the offset of each event once it is on disk. Arguments come first, then files. An event has at most\n"
      "16 MiB - 1 bytes, and may be empty; a commit also ends when its events exceed 256 MiB. All events of a commit "
      "are\n"
      "there or none; of several commits, --expect guards each against the one before. Exit code 3: the stream did "
      "not\n"
      "have so many records; the message says how many it has.\n\n"
      "Examples:\n"
      "  holdfast log append orders.db audit 'created id:100' 'paid id:100'\n"
      "  tail -f access.log | holdfast log append web.db access - --batch 1\n"
      "  holdfast log append orders.db invoices --file invoice-17.pdf --codec zstd --expect 17");
}

}  // namespace

void add_log_append_command(CLI::App& log, Chosen& chosen) {
  add_command<AppendArgs>(log, chosen, "append", "Append events to a stream", run_append, define_append);
}

}  // namespace holdfast::cli
