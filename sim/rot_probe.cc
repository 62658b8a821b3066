// See copies.h: rot probes.
#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/copies.h"
#include "sim/copy_process.h"
#include "sim/generator.h"
#include "sim/inspect.h"
#include "sim/log_marks.h"
#include "sim/rot_damage.h"

namespace holdfast::sim {

namespace {

constexpr auto kStream = Stream::kProbe;

class RotProbe {
 public:
  RotProbe(const CopyContext& context, const SimDisk& disk, AtRest at_rest, Decisions& decisions)
      : context_(context),
        model_(context.oracle.model()),
        at_rest_(at_rest),
        copy_(disk),
        decisions_(decisions),
        damaged_(disk) {}

  void set_transfers_fail() { transfers_fail_ = true; }
  // The bytes at rest are good: whoever reads again finds nothing.
  void set_passing() { passing_ = true; }

  // Does one thing to the disk, or several. What, in words; empty: nothing that shows.
  std::string damage() {
    if (decisions_.chance(kStream, 1, 6)) {
      revive();
    }
    if (hit_.text.empty()) {
      const auto meta = newest_meta(copy_.file(*copy_.find(*copy_.find_directory("db"), "tree")));
      wal_epoch_ = meta ? meta->log.epoch : Epoch{};
      hit_ = damage_at_rest(context_, copy_, at_rest_, decisions_);
      damaged_ = copy_;
    }
    return hit_.text;
  }

  Verdict examine(IoFaults* faults) {
    CopyProcess process(context_, copy_, decisions_, trace_, faults);
    auto database = process.open();
    if (!database) {
      return refusal(database.error(), "opening it");
    }
    if (hit_.must_refuse) {
      return "it was opened, although both copies of a meta page are damaged";
    }
    last_look_.reset();
    Verdict verdict = look(*database, model_.newest_csn());
    if (!verdict && !is_cut_) {
      verdict = write(*database);
    }
    if (!verdict && !is_cut_) {
      verdict = look(*database, model_.newest_csn());
    }
    return verdict ? verdict : process.violated();
  }

  void cut_power() { copy_ = copy_.power_cut(decisions_); }
  // A promise that was broken before the disk was damaged.
  const Verdict& broken() const { return broken_; }
  bool detected() const { return detected_; }
  uint64_t digest() const { return trace_.digest(); }
  void forget_writes() {
    for (; written_ > 0; --written_) {
      model_.undo();
    }
  }

 private:
  // An attempt to commit comes to nothing after it wrote pages, and another commit gets its number. Then one page of
  // that commit was never stored: what the attempt had left in its place is still there.
  void revive() {
    const SimDisk before = copy_;
    std::vector<std::byte> left;
    const uint64_t way = decisions_.below(kStream, 3);
    const bool done = way == 0 ? cut_off(left) : way == 1 ? refuse(left) : refuse_checkpoint(left);
    if (!done) {
      forget_writes();
      copy_ = before;
    } else if (!broken_) {
      hit_ = put_page_back(context_, copy_, left, decisions_);
    }
  }

  // The attempt ends with its process, so that the commit has another epoch. `left`: the tree file in between. False:
  // it did not come to that.
  bool cut_off(std::vector<std::byte>& left) {
    {
      CopyProcess process(context_, copy_, decisions_, trace_, nullptr);
      auto database = process.open();
      if (!database) {
        return false;
      }
      process.kill_before_sync();
      static_cast<void>(database->put("bucket0", "nobody", "of an attempt that was cut off"));
    }
    copy_.process_kill();
    left = tree_file();
    CopyProcess process(context_, copy_, decisions_, trace_, nullptr);
    auto database = process.open();
    if (!database || to_int(database->snapshot().csn()) != model_.newest_csn()) {
      return false;  // it may be there: nobody was answered
    }
    broken_ = put_one(*database, 0);
    return true;
  }

  // The attempt is refused by a full disk, on which nothing can be overwritten either; the process goes on.
  bool refuse(std::vector<std::byte>& left) {
    fault::FaultPlan plan;
    plan.no_space = {.one_in = 2, .duration_max = 1, .refuses_overwrites = true};
    IoFaults faults(plan);
    faults.switch_off();
    CopyProcess process(context_, copy_, decisions_, trace_, &faults);
    auto database = process.open();
    if (!database) {
      return false;
    }
    faults.switch_on();
    const auto refused = database->put("bucket0", "nobody", std::string(context_.config.page_bytes, 'n'));
    faults.switch_off();
    if (refused || refused.error().code() != ErrorCode::kNoSpace) {
      return false;
    }
    left = tree_file();
    broken_ = put_one(*database, 0);
    return true;
  }

  // The same of a checkpoint: the next one is of the same commit.
  bool refuse_checkpoint(std::vector<std::byte>& left) {
    fault::FaultPlan plan;
    plan.no_space = {.one_in = static_cast<uint32_t>(decisions_.between(kStream, 2, 6)),
                     .duration_max = 1,
                     .refuses_overwrites = true};
    IoFaults faults(plan);
    faults.switch_off();
    CopyProcess process(context_, copy_, decisions_, trace_, &faults);
    auto database = process.open();
    if (!database) {
      return false;
    }
    // What is let go in between is free in the next attempt, which therefore has other things to say.
    std::optional<Snapshot> holder = database->snapshot();
    for (uint64_t put = decisions_.between(kStream, 1, 8); put > 0 && !broken_; --put) {
      broken_ = put_one(*database, put);
    }
    faults.switch_on();
    const auto refused = database->checkpoint();
    faults.switch_off();
    holder.reset();
    if (broken_ || refused || refused.error().code() != ErrorCode::kNoSpace) {
      return false;
    }
    left = tree_file();
    return database->checkpoint().has_value();
  }

  std::vector<std::byte> tree_file() const {
    const Inode& tree = copy_.file(*copy_.find(*copy_.find_directory("db"), "tree"));
    std::vector<std::byte> bytes(static_cast<size_t>(tree.size()));
    tree.read_truth(0, bytes);
    return bytes;
  }

  // What could be read before something was written can be read after it: damage does not spread.
  Verdict compare_with_last_look(const Inspection& seen) {
    const std::optional<Inspection> before = std::exchange(last_look_, seen);
    if (!before || transfers_fail_) {
      return std::nullopt;
    }
    if (before->contents.buckets_complete && !seen.contents.buckets_complete) {
      return "after some puts the list of buckets cannot be read any more";
    }
    const auto check = [&](const std::vector<Contents::Bucket>& was,
                           const std::vector<Contents::Bucket>& is) -> Verdict {
      for (const Contents::Bucket& bucket : was) {
        const auto now = std::ranges::find(is, bucket.bucket, &Contents::Bucket::bucket);
        if (now != is.end() && (now->rows.size() < bucket.rows.size() || (bucket.complete && !now->complete))) {
          return fmt::format("after some puts {} rows of bucket \"{}\" can be read, before them {}", now->rows.size(),
                             model_.bucket_name(bucket.bucket), bucket.rows.size());
        }
      }
      return std::nullopt;
    };
    const Verdict verdict = check(before->contents.buckets, seen.contents.buckets);
    return verdict ? verdict : check(before->reversed, seen.reversed);
  }

  // An error that damage excuses. It blames the file that was damaged, if that is only one.
  Verdict refusal(const Error& error, const std::string& what) {
    detected_ = true;
    // A segment that is missing has no file: the error names the lane.
    if (error.code() == ErrorCode::kCorruption && !hit_.blamed.empty() && !hit_.blamed.starts_with(error.file())) {
      return what + " answered " + error.to_string() + ", which blames another file than the damaged one";
    }
    switch (error.code()) {
      case ErrorCode::kCorruption:
      case ErrorCode::kIo:
      case ErrorCode::kReadOnly:
      case ErrorCode::kOutcomeUnknown:
      case ErrorCode::kUnsupported: return std::nullopt;
      default: return what + " answered " + error.to_string() + "; expected corruption or io";
    }
  }

  Verdict look(Database& database, uint64_t csn) {
    Verdict broken;
    const Inspection seen = inspect(database, model_, Tolerance::kDamage, broken);
    context_.counters.rows_checked += seen.rows;
    if (broken) {
      return broken;
    }
    detected_ = detected_ || seen.met_damage;
    if (Verdict verdict = compare_with_last_look(seen)) {
      return verdict;
    }
    if (at_rest_ == AtRest::kKilled && hit_.damages_log && written_ == 0 && !is_cut_ && seen.contents.csn < csn) {
      const uint64_t least = readable_watermark(damaged_, *damaged_.find_directory("db"), wal_epoch_);
      if (seen.contents.csn < least) {
        return fmt::format("it silently shows commit {}, although its log says that commit {} was durable",
                           seen.contents.csn, least);
      }
      is_cut_ = true;
    }
    if (is_cut_) {
      csn = seen.contents.csn;  // one of the states that were, whole
    }
    if (seen.contents.csn != csn && !unsure_) {
      return fmt::format("it silently shows commit {}, expected commit {}", seen.contents.csn, csn);
    }
    if (unsure_) {
      return std::nullopt;
    }
    if (Verdict verdict = judge_contents(seen, model_, csn)) {
      return verdict;
    }
    const auto report = database.check();
    if (!report) {
      return refusal(report.error(), "check");
    }
    if (seen.met_damage && report->damage.empty() && !passing_) {
      return "reading met damage, but check reports none";
    }
    if (Verdict verdict = miss_damage(*report)) {
      return verdict;
    }
    detected_ = detected_ || !report->damage.empty();
    return std::nullopt;
  }

  // What is damaged and in use must be listed, whether reading it met the damage or not.
  Verdict miss_damage(const CheckReport& report) const {
    if (!untouched_ || hit_.live.empty()) {
      return std::nullopt;
    }
    if (report.damage.empty()) {
      return "a page in use is damaged, but check reports nothing";
    }
    const LivePage& page = hit_.live.front();
    const auto names_it = [&](const CheckReport::Damage& each) {
      return each.file == "tree" && page.offset <= each.offset && each.offset < page.offset + page.bytes;
    };
    if (hit_.live.size() == 1 && !hit_.is_forged && std::ranges::none_of(report.damage, names_it)) {
      return fmt::format("the page at {} is damaged, but check names another place: {} at {}", page.offset,
                         report.damage.front().what, report.damage.front().offset);
    }
    return std::nullopt;
  }

  Verdict write(Database& database) {
    untouched_ = false;
    const uint64_t count = decisions_.below(kStream, 6);
    for (uint64_t done = 0; done < count; ++done) {
      if (Verdict verdict = put_one(database, done)) {
        return verdict;
      }
    }
    return std::nullopt;
  }

  Verdict put_one(Database& database, uint64_t number) {
    Generator generator(context_.config, decisions_.fork(1 + number));
    TxnLog log;
    log.who = "rot probe";
    log.blind = true;
    const BucketId id = model_.bucket("bucket" + std::to_string(generator.bucket()));
    const std::string key = generator.key();
    const std::string value = generator.value(~number, number);
    log.put(id, key, value);
    const auto answer = database.put(model_.bucket_name(id), key, value);
    if (!answer) {
      if (answer.error().code() == ErrorCode::kOutcomeUnknown) {
        unsure_ = true;
      }
      return refusal(answer.error(), "a put");
    }
    if (to_int(answer->csn) != model_.newest_csn() + 1) {
      return fmt::format("a put became commit {}, expected {}", to_int(answer->csn), model_.newest_csn() + 1);
    }
    ++written_;
    return model_.apply(log);
  }

  const CopyContext& context_;
  Model& model_;
  const AtRest at_rest_;
  SimDisk copy_;
  Decisions& decisions_;
  Trace trace_;
  bool detected_ = false;
  bool passing_ = false;
  bool transfers_fail_ = false;
  RotDamage hit_;                        // before the database was opened; nothing if transfers fail
  Verdict broken_;                       // while that was prepared
  bool untouched_ = true;                // nothing was written over the damage yet
  std::optional<Inspection> last_look_;  // since the database was opened
  SimDisk damaged_;                      // as the damage left it
  Epoch wal_epoch_{};                    // before the damage
  bool is_cut_ = false;                  // the damage looked like the torn tail of the log
  bool unsure_ = false;                  // a write answered outcome_unknown: either state is right
  uint64_t written_ = 0;
};

}  // namespace

CopyResult rot_probe(const CopyContext& context, const SimDisk& disk, AtRest at_rest, Decisions decisions) {
  const SingleThreaded inline_only;
  RotProbe probe(context, disk, at_rest, decisions);
  fault::FaultPlan plan;
  const uint64_t way = decisions.below(kStream, 4);
  std::string what;
  if (way == 0) {
    // A transfer goes wrong while the engine runs.
    probe.set_transfers_fail();
    const uint64_t victim = decisions.below(kStream, 3);
    const auto one_in = static_cast<uint32_t>(decisions.between(kStream, 2, 40));
    (victim == 0   ? plan.lost_write.one_in
     : victim == 1 ? plan.misdirected_write.one_in
                   : plan.misdirected_read.one_in) = one_in;
    if (victim == 2) {
      probe.set_passing();
    }
    what = victim == 0 ? "a lost write" : victim == 1 ? "a misdirected write" : "a misdirected read";
  } else {
    what = probe.damage();
  }
  CopyResult result;
  if (probe.broken()) {
    probe.forget_writes();
    return {.verdict = with_prefix("a copy of the disk, before it was damaged: ", probe.broken()), .digest = 0};
  }
  if (what.empty()) {
    probe.forget_writes();
    return result;
  }
  ++context.counters.rot_probes;
  IoFaults faults(plan);
  const std::string prefix = "a damaged copy of the disk (" + what + "): ";
  result.verdict = with_prefix(prefix, probe.examine(&faults));
  for (size_t kind = 0; kind < fault::kKindCount; ++kind) {
    context.counters.faults[kind] += faults.counts()[kind];
  }
  if (!result.verdict) {
    if (decisions.chance(kStream, 1, 2)) {
      probe.cut_power();
    }
    result.verdict = with_prefix(prefix + "opened again: ", probe.examine(nullptr));
  }
  probe.forget_writes();
  context.counters.rot_detected += probe.detected() ? 1U : 0U;
  result.digest = probe.digest();
  return result;
}

}  // namespace holdfast::sim
