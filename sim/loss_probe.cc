#include "sim/loss_probe.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/copy_process.h"
#include "sim/inspect.h"
#include "sim/log_loss.h"

namespace holdfast::sim {

namespace {

constexpr auto kStream = Stream::kProbe;
constexpr uint64_t kCrashesMax = 3;
constexpr uint64_t kMisreadsMax = 4;

class LossProbe {
 public:
  LossProbe(const CopyContext& context, const SimDisk& disk, Decisions& decisions)
      : context_(context), model_(context.oracle.model()), now_(disk), decisions_(decisions) {}

  Verdict run() {
    std::optional<LogLoss> loss;
    if (Verdict verdict = read_log(loss); verdict || !loss || !loss->has_commits()) {
      return verdict;
    }
    const uint64_t way = decisions_.below(kStream, 4);
    if (way < 2) {
      return way == 0 ? misread() : damage_in_recovery(*loss);
    }
    text_ = loss->inflict(now_, LogLoss::Reach::kFilesToo, decisions_);
    if (text_.empty()) {
      return std::nullopt;
    }
    least_csn_ = loss->intact_csn();
    checkpoint_csn_ = loss->checkpoint_csn();
    watermark_ = loss->readable_watermark();
    if (const auto shown = open_and_look()) {
      return with_prefix("opened all the same: ", judge_silence(*loss, Came::kBefore, *shown));
    }
    ++context_.counters.losses;
    wanted_ = loss->copies_to_keep(now_);
    // How many operations there are at which it may be cut off.
    uint64_t operations = 0;
    SimDisk rehearsal = now_;
    Verdict verdict = look_into_log();
    verdict = verdict ? verdict : accept(rehearsal, operations);
    for (uint64_t crash = decisions_.below(kStream, kCrashesMax + 1); crash > 0 && !verdict; --crash) {
      verdict = with_prefix("cut off on the way: ", crash_in_recovery(operations));
    }
    return verdict ? verdict : accept(now_, operations);
  }
  const std::string& text() const { return text_; }
  uint64_t digest() const { return trace_.digest(); }

 private:
  Verdict read_log(std::optional<LogLoss>& loss) {
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    const auto log = process.inspect_log();
    if (!log) {
      return "looking into its log answered " + log.error().to_string();
    }
    if (!log->start().closed) {
      loss.emplace(*log, now_);
      if (loss->intact_csn() != model_.newest_csn()) {
        return fmt::format("before it was damaged, its log reaches to commit {}, expected commit {}",
                           loss->intact_csn(), model_.newest_csn());
      }
    }
    return std::nullopt;
  }

  // Whoever asks first is told what it will cost.
  Verdict look_into_log() {
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    const auto log = process.inspect_log();
    if (!log) {
      return "looking into its log answered " + log.error().to_string();
    }
    if (!log->plan().damage) {
      return "a look into its log finds no damage";
    }
    foretold_ = log->plan();
    return std::nullopt;
  }

  // Opened while a read of its files brings bytes of another place: it refuses, or shows everything; and nothing is
  // lost.
  Verdict misread() {
    text_ = "misread";
    bool is_open = false;
    for (uint64_t left = kMisreadsMax; left > 0 && !is_open; --left) {
      fault::FaultPlan plan;
      plan.misdirected_read.one_in = static_cast<uint32_t>(decisions_.between(kStream, 2, 24));
      IoFaults faults(plan);
      CopyProcess process(context_, now_, decisions_, trace_, &faults);
      auto database = process.open();
      faults.switch_off();
      context_.counters.faults[static_cast<size_t>(fault::Kind::kMisdirectedRead)] +=
          faults.counts()[static_cast<size_t>(fault::Kind::kMisdirectedRead)];
      if (!database) {
        const ErrorCode code = database.error().code();
        if (code != ErrorCode::kCorruption && code != ErrorCode::kIo && code != ErrorCode::kUnsupported) {
          return "with a misdirected read, opening it answered " + database.error().to_string();
        }
        continue;
      }
      is_open = true;
      if (Verdict verdict = look_for_all(*database)) {
        return "with a misdirected read: " + *verdict;
      }
    }
    now_.process_kill();
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    auto database = process.open();
    return with_prefix(
        "after misdirected reads: ",
        database ? look_for_all(*database) : Verdict("opening it answered " + database.error().to_string()));
  }

  // The damage comes while it is opened, before some read: behind what has been looked at, or before it.
  Verdict damage_in_recovery(LogLoss& loss) {
    uint64_t reads = 0;
    {
      SimDisk copy = now_;
      CopyProcess rehearsal(context_, copy, decisions_, trace_, nullptr);
      if (const auto database = rehearsal.open(); !database) {
        return "opening it answered " + database.error().to_string();
      }
      reads = rehearsal.reads();
    }
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    process.at_read(decisions_.below(kStream, reads) + 1,
                    [&] { text_ = loss.inflict(now_, LogLoss::Reach::kFrames, decisions_); });
    auto database = process.open();
    least_csn_ = loss.intact_csn();
    watermark_ = loss.readable_watermark();
    if (!database) {
      return database.error().code() == ErrorCode::kCorruption
                 ? process.violated()
                 : Verdict("damaged while it was opened, it answered " + database.error().to_string());
    }
    Verdict verdict = judge_silence(loss, Came::kMeanwhile, to_int(database->snapshot().csn()));
    return with_prefix("damaged while it was opened: ", verdict ? verdict : look(*database));
  }

  Verdict look_for_all(Database& database) {
    least_csn_ = model_.newest_csn();
    return look(database);
  }

  // The commit that it shows; nothing: it refuses.
  std::optional<uint64_t> open_and_look() {
    SimDisk copy = now_;
    CopyProcess process(context_, copy, decisions_, trace_, nullptr);
    const auto database = process.open();
    return database ? std::optional(to_int(database->snapshot().csn())) : std::nullopt;
  }

  // Nothing may be missing but what looks like a torn tail. (That the rows are right is a matter of rot probes.)
  enum class Came : uint8_t { kBefore, kMeanwhile };
  Verdict judge_silence(const LogLoss& loss, Came came, uint64_t shown) const {
    ++context_.counters.losses_unseen;
    if (shown < least_csn_) {
      return fmt::format("it shows commit {}, although nothing up to commit {} was damaged", shown, least_csn_);
    }
    if (shown < watermark_) {
      return fmt::format("it shows commit {}, although its log says that commit {} was durable", shown, watermark_);
    }
    const uint64_t lost = loss.first_provably_lost();
    // What was read before the damage came is not lost.
    if (lost != 0 && shown < (came == Came::kBefore ? model_.newest_csn() : lost)) {
      return fmt::format(
          "it shows commit {} as if it were the last, although a file that is missing or cut short, or a later flush, "
          "says that commit {} was there",
          shown, lost);
    }
    return std::nullopt;
  }

  // A recovery that ends in the middle; now and then somebody tries to open what it left.
  Verdict crash_in_recovery(uint64_t operations) {
    {
      CopyProcess process(context_, now_, decisions_, trace_, nullptr);
      process.kill_at(decisions_.below(kStream, operations) + 1);
      const auto report = process.recover();
      if (!report && !process.dead()) {
        return "recover answered " + report.error().to_string();
      }
      if (process.violated()) {
        return process.violated();
      }
    }
    is_fresh_ = false;
    ++context_.counters.loss_crashes;
    if (decisions_.chance(kStream, 1, 2)) {
      now_ = now_.power_cut(decisions_);
    } else {
      now_.process_kill();
    }
    if (!decisions_.chance(kStream, 1, 3)) {
      return std::nullopt;
    }
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    auto database = process.open();
    if (!database) {
      return database.error().code() == ErrorCode::kCorruption
                 ? process.violated()
                 : Verdict("opening it then answered " + database.error().to_string());
    }
    return look(*database);
  }

  // It succeeds, and what it says is so, for good.
  Verdict accept(SimDisk& disk, uint64_t& operations) {
    std::optional<RecoveryReport> report;
    {
      CopyProcess process(context_, disk, decisions_, trace_, nullptr);
      auto answer = process.recover();
      if (!answer) {
        return "recover answered " + answer.error().to_string();
      }
      operations = process.changes();
      report = std::move(*answer);
      if (process.violated()) {
        return process.violated();
      }
    }
    if (Verdict verdict = judge_report(*report)) {
      return verdict;
    }
    const std::optional<uint64_t> shown_before = shown_csn_;
    shown_csn_ = to_int(report->last_csn);
    Verdict verdict;
    for (int again = 0; again < 2 && !verdict; ++again) {
      disk = disk.power_cut(decisions_);
      verdict = find_copies(disk);
      if (!verdict) {
        CopyProcess process(context_, disk, decisions_, trace_, nullptr);
        auto database = process.open();
        verdict = database ? look(*database) : Verdict("opening it answered " + database.error().to_string());
      }
      verdict = with_prefix("after recover and a power cut: ", verdict);
    }
    if (&disk != &now_) {
      shown_csn_ = shown_before;  // a rehearsal binds nobody
    }
    return verdict;
  }

  Verdict judge_report(const RecoveryReport& report) const {
    const uint64_t last = to_int(report.last_csn);
    const uint64_t truth = model_.newest_csn();
    if (report.replayed_commits != last - to_int(report.checkpoint_csn)) {
      return fmt::format("recover says that it replayed {} commits from {} to {}", report.replayed_commits,
                         to_int(report.checkpoint_csn), last);
    }
    if (is_fresh_ && (report.damage.empty() || to_int(report.checkpoint_csn) != checkpoint_csn_)) {
      return fmt::format("recover says nothing of the damage, or that the checkpoint was {}, expected {}",
                         to_int(report.checkpoint_csn), checkpoint_csn_);
    }
    if (is_fresh_ && (report.last_csn != foretold_.last || report.first_lost != foretold_.damage->first_lost ||
                      report.last_lost != foretold_.damage->last_lost)) {
      return fmt::format("recover keeps commit {} and loses up to {}; a look into the log had said {} and {}", last,
                         to_int(report.last_lost), to_int(foretold_.last), to_int(foretold_.damage->last_lost));
    }
    if (report.damage.empty()) {
      return report.kept_files.empty() ? std::nullopt : Verdict("recover kept copies, but says nothing of damage");
    }
    const uint64_t last_lost = to_int(report.last_lost);
    if (to_int(report.first_lost) != last + 1 || last_lost > truth || (last < watermark_ && last_lost < watermark_)) {
      return fmt::format(
          "recover says that it keeps commit {} and loses {} to {}, although there were commits up to {}, and the log "
          "says that those up to {} were durable",
          last, to_int(report.first_lost), last_lost, truth, watermark_);
    }
    for (const auto& [name, bytes] : wanted_) {
      if (std::ranges::find(report.kept_files, name) == report.kept_files.end()) {
        return "recover does not name the copy " + name;
      }
    }
    return std::nullopt;
  }

  Verdict find_copies(const SimDisk& disk) const {
    const uint32_t directory = disk.find_directory("db").value();
    for (const auto& [name, wanted] : wanted_) {
      const auto file = disk.find(directory, name);
      if (!file) {
        return "the copy " + name + " is not there";
      }
      std::vector<std::byte> bytes(disk.file(*file).size());
      disk.file(*file).read(0, bytes);
      // A file that was cut short may have been filled with zeros.
      const bool same = bytes.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), bytes.begin()) &&
                        std::all_of(bytes.begin() + static_cast<ptrdiff_t>(wanted.size()), bytes.end(),
                                    [](std::byte byte) { return byte == std::byte{}; });
      if (!same) {
        return "the copy " + name + " does not hold what the file of the log held";
      }
    }
    return std::nullopt;
  }

  Verdict look(Database& database) {
    Verdict broken;
    const Inspection seen = inspect(database, model_, Tolerance::kNone, broken);
    context_.counters.rows_checked += seen.rows;
    if (broken) {
      return broken;
    }
    const uint64_t csn = seen.contents.csn;
    if (csn > model_.newest_csn()) {
      return fmt::format("it shows commit {}, but there were only {}", csn, model_.newest_csn());
    }
    if (csn < least_csn_) {
      return fmt::format("it shows commit {}, although nothing up to commit {} was damaged", csn, least_csn_);
    }
    if (shown_csn_ && csn != *shown_csn_) {
      return fmt::format("it shows commit {}, but commit {} was said or shown to be the last", csn, *shown_csn_);
    }
    shown_csn_ = csn;
    if (Verdict verdict = judge_contents(seen, model_, csn)) {
      return verdict;
    }
    return check_soundness(database, model_, csn);
  }

  const CopyContext& context_;
  Model& model_;
  SimDisk now_;
  Decisions& decisions_;
  Trace trace_;
  std::string text_;
  std::map<std::string, std::vector<std::byte>> wanted_;  // copies of the log, by name
  wal::RecoveryPlan foretold_;
  uint64_t checkpoint_csn_ = 0;
  uint64_t least_csn_ = 0;
  uint64_t watermark_ = 0;
  bool is_fresh_ = true;  // no recovery was begun yet
  std::optional<uint64_t> shown_csn_;
};

}  // namespace

CopyResult loss_probe(const CopyContext& context, const SimDisk& disk, Decisions decisions) {
  const SingleThreaded inline_only;
  LossProbe probe(context, disk, decisions);
  CopyResult result;
  const Verdict verdict = probe.run();
  result.verdict =
      with_prefix("a copy of the disk whose log is damaged (" + probe.text() + ") and given up in part: ", verdict);
  result.digest = probe.digest();
  return result;
}

}  // namespace holdfast::sim
