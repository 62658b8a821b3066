#include "sim/tamper_probe.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "sim/copy_process.h"
#include "sim/generator.h"
#include "sim/inspect.h"
#include "sim/live_pages.h"
#include "sim/tamper.h"

namespace holdfast::sim {

namespace {

using How = fault::TamperedStream::How;
constexpr auto kStream = Stream::kProbe;
constexpr const char* kPath = "db";
constexpr uint64_t kEventsMax = 40;

class TamperProbe {
 public:
  TamperProbe(const CopyContext& context, const SimDisk& disk, AtRest at_rest, Decisions& decisions)
      : context_(context),
        model_(context.oracle.model()),
        at_rest_(at_rest),
        older_(disk),
        now_(disk),
        decisions_(decisions),
        csn_before_(model_.newest_csn()) {}
  TamperProbe(const TamperProbe&) = delete;
  TamperProbe& operator=(const TamperProbe&) = delete;
  ~TamperProbe() {
    while (model_.newest_csn() > csn_before_) {
      model_.undo();
    }
  }

  Verdict run() {
    if (at_rest_ == AtRest::kClosed) {
      if (Verdict verdict = go_on()) {
        return "before anything was tampered with: " + *verdict;
      }
    }
    if (!tamper()) {
      return std::nullopt;
    }
    const std::string what =
        fmt::format("a copy of the disk whose streams were tampered with ({}): ", tampering_->text);
    const Verdict verdict = with_prefix(what, examine());
    return verdict ? verdict : with_prefix(what + "opened again: ", examine());
  }
  uint64_t digest() const { return trace_.digest(); }

 private:
  // Some events more, so that there is something to tamper with, and an older copy.
  Verdict go_on() {
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    auto database = process.open();
    if (!database) {
      return "opening it answered " + database.error().to_string();
    }
    Generator generator(context_.config, decisions_.fork(1));
    for (uint64_t left = decisions_.between(kStream, 1, 3); left > 0; --left) {
      TxnLog log;
      log.who = "tamper probe";
      log.blind = true;
      const StreamId id = model_.streams().stream("stream" + std::to_string(generator.stream()));
      std::vector<std::string> payloads;
      for (uint64_t count = decisions_.between(kStream, 1, kEventsMax); count > 0; --count) {
        payloads.push_back(generator.event(~left, count));
        log.append(id, payloads.back());
      }
      const std::vector<std::string_view> events(payloads.begin(), payloads.end());
      const auto answer = database->stream(model_.streams().name(id)).append_batch(events);
      if (!answer) {
        return "appending answered " + answer.error().to_string();
      }
      log.told_offset = answer->first_offset;
      if (Verdict verdict = model_.apply(log)) {
        return verdict;
      }
    }
    const auto closed = database->close();
    return closed ? process.violated() : Verdict("close answered " + closed.error().to_string());
  }

  // In the way that was drawn, or else in the next that there is a place for.
  bool tamper() {
    const uint32_t directory = *now_.find_directory(kPath);
    const auto meta = newest_meta(now_.file(*now_.find(directory, "tree")));
    if (!meta) {
      return false;
    }
    const uint64_t first = decisions_.below(kStream, fault::TamperedStream::kHowCount);
    for (uint64_t tried = 0; tried < fault::TamperedStream::kHowCount && !tampering_; ++tried) {
      how_ = static_cast<How>((first + tried) % fault::TamperedStream::kHowCount);
      tampering_ = tamper_with(now_, older_, directory, meta->database_id, how_, decisions_);
    }
    if (tampering_) {
      ++context_.counters.tampered[static_cast<size_t>(how_)];
      ++context_.counters.faults[static_cast<size_t>(fault::Kind::kTamperedStream)];
    }
    return tampering_.has_value();
  }

  Verdict examine() {
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    auto database = process.open();
    if (!database) {
      const Error& error = database.error();
      // The replay of its log could not go on where a file ended.
      const bool may_refuse =
          at_rest_ == AtRest::kKilled && error.code() == ErrorCode::kCorruption && error.file().starts_with("stream-");
      return may_refuse ? std::nullopt : Verdict("opening it answered " + error.to_string());
    }
    Verdict broken;
    const Inspection seen = inspect(*database, model_, Tolerance::kDamage, broken);
    context_.counters.rows_checked += seen.rows;
    if (broken) {
      return broken;
    }
    if (Verdict verdict = judge_rows(seen)) {
      return verdict;
    }
    bool found = false;
    if (Verdict verdict = verify_all(*database, found)) {
      return verdict;
    }
    const Verdict genuine = model_.streams().judge_all(seen.contents.streams, model_.newest_csn());
    if (genuine && (tampering_->reads_are_genuine || !found)) {
      return genuine;
    }
    if (!found && seen.met_damage) {
      return "reading met damage, but verify of every stream found none";
    }
    const auto report = database->check();
    if (!report) {
      return "check answered " + report.error().to_string();
    }
    const bool is_damaged = found || (at_rest_ == AtRest::kClosed && tampering_->only_the_footer);
    if (is_damaged && report->damage.empty()) {
      return "check reports no damage";
    }
    if (Verdict verdict = go_on_with(*database)) {
      return verdict;
    }
    return process.violated();
  }

  Verdict judge_rows(const Inspection& seen) const {
    const uint64_t csn = model_.newest_csn();
    if (seen.contents.csn != csn) {
      return fmt::format("it shows commit {}, expected {}", seen.contents.csn, csn);
    }
    if (!seen.contents.buckets_complete || seen.contents.buckets.size() != model_.bucket_names(csn).size()) {
      return "its buckets are not all there";
    }
    for (const Contents::Bucket& bucket : seen.contents.buckets) {
      if (!bucket.complete) {
        return "bucket \"" + model_.bucket_name(bucket.bucket) + "\" cannot be read";
      }
      if (Verdict verdict = model_.judge_rows(bucket.bucket, bucket.rows, false, true, csn)) {
        return verdict;
      }
    }
    return std::nullopt;
  }

  Verdict verify_all(Database& database, bool& found) {
    const Snapshot snapshot = database.snapshot();
    const auto names = snapshot.streams();
    if (!names) {
      return "the list of streams answered " + names.error().to_string();
    }
    for (const std::string& name : *names) {
      const auto report = snapshot.stream(name).verify();
      if (!report) {
        return "verify of stream \"" + name + "\" answered " + report.error().to_string();
      }
      if (!report->finding) {
        continue;
      }
      const std::string text =
          fmt::format("verify of stream \"{}\" found at record {}: {}: {}", name, report->finding->offset,
                      tamper_name(report->finding->kind), report->finding->what);
      if (found) {
        return text + "; but another stream was tampered with";
      }
      found = true;
      found_in_ = name;
      if (at_rest_ == AtRest::kKilled) {
        continue;
      }
      if (report->finding->offset > tampering_->first_changed) {
        return text + fmt::format("; but record {} was changed", tampering_->first_changed);
      }
      if (!went_on_ && !tampering_->kinds.empty() &&
          std::ranges::find(tampering_->kinds, report->finding->kind) == tampering_->kinds.end()) {
        return text + fmt::format("; expected {}", tamper_name(tampering_->kinds.front()));
      }
    }
    if (!found && at_rest_ == AtRest::kClosed && !tampering_->only_the_footer) {
      return "verify found nothing";
    }
    return std::nullopt;
  }

  // What is broken stays as it is, and stops nobody: events can still be appended, also to what is broken.
  Verdict go_on_with(Database& database) {
    went_on_ = true;
    const std::string name = found_in_.empty() ? "another stream" : found_in_;
    const auto appended = database.stream(name).append("one more");
    if (!appended) {
      return "appending to stream \"" + name + "\" answered " + appended.error().to_string();
    }
    TxnLog log;
    log.who = "tamper probe";
    log.blind = true;
    log.append(model_.streams().stream(name), "one more");
    log.told_offset = appended->first_offset;
    if (Verdict verdict = model_.apply(log)) {
      return verdict;
    }
    const auto made = database.checkpoint();
    return made ? std::nullopt : Verdict("a checkpoint after that answered " + made.error().to_string());
  }

  const CopyContext& context_;
  Model& model_;
  const AtRest at_rest_;
  const SimDisk older_;
  SimDisk now_;
  Decisions& decisions_;
  const uint64_t csn_before_;
  How how_{};
  std::optional<Tampering> tampering_;
  bool went_on_ = false;  // there are events behind what was tampered with
  std::string found_in_;
  Trace trace_;
};

}  // namespace

CopyResult tamper_probe(const CopyContext& context, const SimDisk& disk, AtRest at_rest, Decisions decisions) {
  const SingleThreaded inline_only;
  CopyResult result;
  TamperProbe probe(context, disk, at_rest, decisions);
  result.verdict = probe.run();
  result.digest = probe.digest();
  return result;
}

}  // namespace holdfast::sim
