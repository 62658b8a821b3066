#include "sim/foreign_probe.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "log/segment_file.h"
#include "sim/copy_process.h"
#include "sim/damage.h"
#include "sim/generator.h"
#include "sim/inspect.h"
#include "wal/slot_file.h"

namespace holdfast::sim {

namespace {

using Change = fault::ForeignFile::Change;

constexpr auto kStream = Stream::kProbe;
constexpr const char* kPath = "db";

std::string_view name_of(Change change) {
  switch (change) {
    case Change::kRemoved: return "was removed";
    case Change::kForeign: return "is of another database";
    case Change::kOlder: return "is from an older backup";
    case Change::kMixture: return "is half from an older backup";
    case Change::kCount: break;
  }
  return "?";
}

class ForeignProbe {
 public:
  ForeignProbe(const CopyContext& context, const SimDisk& disk, const ForeignChange& what, Decisions& decisions)
      : context_(context),
        model_(context.oracle.model()),
        backup_(disk),
        now_(disk),
        what_(what),
        decisions_(decisions),
        directory_(disk.find_directory(kPath).value()) {}
  ForeignProbe(const ForeignProbe&) = delete;
  ForeignProbe& operator=(const ForeignProbe&) = delete;
  ~ForeignProbe() {
    for (; model_.newest_csn() > backup_csn_;) {
      model_.undo();
    }
  }

  Verdict run() {
    Verdict verdict = go_on();  // so that the disk that came here is an older backup
    if (verdict) {
      return "before any file was touched: " + *verdict;
    }
    change();
    const bool writes = what_.change == Change::kOlder && touches("tree") && decisions_.chance(kStream, 1, 2);
    verdict = examine(writes ? Then::kWrite : Then::kNothing);
    now_.process_kill();
    // Whatever it answered, it answers again: nothing was made worse by looking.
    return verdict ? verdict : with_prefix("opened again: ", examine(Then::kNothing));
  }
  bool refused() const { return refused_; }
  uint64_t digest() const { return trace_.digest(); }

 private:
  bool touches(std::string_view file) const { return what_.file.contains(file); }
  std::string read_of(const SimDisk& disk, std::string_view name) const {
    const Inode& file = disk.file(disk.find(directory_, name).value());
    std::string bytes(static_cast<size_t>(file.size()), '\0');
    file.read_truth(0, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }
  void write_now(std::string_view name, std::string_view bytes) {
    const auto found = now_.find(directory_, name);
    const uint32_t file = found ? *found : now_.create(directory_, name);
    now_.truncate(file, 0);
    now_.write(file, 0, as_bytes(bytes));
    now_.sync(file, now_.moment(), Decisions(0));
    now_.sync_directory(directory_, now_.moment());
  }

  // Some commits more, that the backup does not hold.
  Verdict go_on() {
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    auto database = process.open();
    if (!database) {
      return "opening it answered " + database.error().to_string();
    }
    const Verdict verdict = write(*database);
    return verdict ? verdict : process.violated();
  }

  Verdict write(Database& database) {
    Generator generator(context_.config, decisions_.fork(1));
    for (uint64_t left = decisions_.between(kStream, 1, 8); left > 0; --left) {
      TxnLog log;
      log.who = "foreign probe";
      log.blind = true;
      const BucketId id = model_.bucket("bucket" + std::to_string(generator.bucket()));
      const std::string key = generator.key();
      const std::string value = generator.value(~left, left);
      log.put(id, key, value);
      const auto answer = database.put(model_.bucket_name(id), key, value);
      if (!answer) {
        return "a put answered " + answer.error().to_string();
      }
      if (Verdict verdict = model_.apply(log)) {
        return verdict;
      }
    }
    return std::nullopt;
  }

  // The files of a database that has nothing to do with this one.
  SimDisk other_database() {
    SimDisk other(now_.personality());
    const CopyContext context{context_.config, context_.oracle, context_.counters, context_.time, false};
    CopyProcess process(context, other, decisions_, trace_, nullptr);
    auto database = process.open();
    CHECK(database && database->put("bucket0", "foreign key", "foreign value"));
    return other;
  }

  void change() {
    choose_log_file();
    if (what_.file == "extra") {
      write_now("holiday.jpg", "no file of the database's");
      return;
    }
    if (what_.change == Change::kForeign) {
      const std::string_view name = touches("wal") ? std::string_view(log_file_) : what_.file;
      if (touches("wal") || decisions_.chance(kStream, 1, 4)) {
        const std::string text = decisions_.chance(kStream, 1, 2) ? std::string() : std::string(20'000, 'x');
        return write_now(name, text);
      }
      const SimDisk other = other_database();
      const uint32_t from = other.find_directory(kPath).value();
      const Inode& file = other.file(other.find(from, what_.file).value());
      std::string bytes(static_cast<size_t>(file.size()), '\0');
      file.read_truth(0, std::as_writable_bytes(std::span(bytes)));
      return write_now(what_.file, bytes);
    }
    if (what_.change == Change::kOlder) {
      return put_older_file_back(now_, backup_, directory_, what_.file);
    }
    if (what_.change == Change::kMixture) {
      std::string bytes = read_of(now_, "tree");
      const std::string older = read_of(backup_, "tree");
      const uint64_t units = std::min(bytes.size(), older.size()) / kBlockBytes;
      const uint64_t first = decisions_.below(kStream, units);
      // A copy that was cut short, or one that began late.
      const bool head = decisions_.chance(kStream, 1, 2);
      const size_t from = head ? 0 : first * kBlockBytes;
      const size_t to = head ? (first + 1) * kBlockBytes : units * kBlockBytes;
      bytes.replace(from, to - from, older, from, to - from);
      return write_now("tree", bytes);
    }
    for (const std::string_view name : {"tree", "identity", "lock", "wal"}) {
      if (touches(name)) {
        take_file_away(now_, directory_, name == "wal" ? std::string_view(log_file_) : name);
      }
    }
  }

  // A file of the log, if there is one: live, or waiting to be used again. Without one, nothing is changed.
  void choose_log_file() {
    std::vector<std::string> files;
    for (const std::string& name : now_.list(directory_)) {
      if (wal::parse_slot_file_name(name)) {
        files.push_back(name);
      }
    }
    has_log_ = !files.empty();
    has_streams_ = std::ranges::any_of(
        now_.list(directory_), [](const std::string& name) { return log::parse_segment_file_name(name).has_value(); });
    if (touches("wal") && !has_log_) {
      what_ = {Change::kRemoved, "lock"};
    } else if (touches("wal")) {
      log_file_ = files[static_cast<size_t>(decisions_.below(kStream, files.size()))];
    }
  }

  // An error must be the promised one; must_refuse(): there must be one.
  Verdict judge_refusal(const Error& error) {
    refused_ = true;
    const std::string answer = "opening it answered " + error.to_string();
    const bool tree = touches("tree");
    const bool identity = touches("identity");
    const bool names_log = error.code() == ErrorCode::kCorruption && error.file().starts_with("wal-");
    if (touches("wal") || what_.change == Change::kMixture || (what_.change == Change::kOlder && tree)) {
      // A log that is not whole, or does not belong to the tree.
      if (names_log) {
        return std::nullopt;
      }
    }
    if (what_.change == Change::kRemoved && tree && identity && !has_log_ && !has_streams_) {
      return error.code() == ErrorCode::kNotFound ? std::nullopt : Verdict(answer + "; expected not_found");
    }
    if (lost_identity()) {
      const bool named = error.code() == ErrorCode::kCorruption && error.file() == "identity";
      return named ? read_without_identity() : Verdict(answer + "; expected corruption that names identity");
    }
    const bool may_refuse = (what_.change == Change::kRemoved && tree) || what_.change == Change::kForeign ||
                            what_.change == Change::kMixture;
    if (!may_refuse || what_.file == "extra" || what_.file == "lock") {
      return answer + "; expected everything to be there";
    }
    if (touches("wal")) {
      return answer + "; expected corruption that names a file of the log";
    }
    const bool names_it = error.file() == "tree" || (identity && error.file() == "identity");
    if (error.code() != ErrorCode::kCorruption || !names_it) {
      return answer + "; expected corruption that names the file";
    }
    return std::nullopt;
  }
  bool must_refuse() const {
    if (what_.file == "extra" || what_.file == "lock") {
      return false;
    }
    if (touches("wal")) {
      return false;
    }
    return what_.change == Change::kForeign || (what_.change == Change::kRemoved && touches("tree")) || lost_identity();
  }
  // There are commits, so that it cannot be a creation that was cut short.
  bool lost_identity() const { return what_.change == Change::kRemoved && what_.file == "identity"; }

  // The way out: read-only, everything is there, and check says what is not.
  Verdict read_without_identity() {
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    auto database = process.open_read_only();
    if (!database) {
      return "opening it read-only answered " + database.error().to_string();
    }
    Verdict broken;
    const Inspection seen = inspect(*database, model_, Tolerance::kNone, broken);
    if (!broken && seen.contents.csn != model_.newest_csn()) {
      broken = fmt::format("read-only it shows commit {}, expected {}", seen.contents.csn, model_.newest_csn());
    }
    if (!broken) {
      broken = judge_contents(seen, model_, seen.contents.csn);
    }
    if (broken) {
      return broken;
    }
    const auto report = database->check();
    const bool listed = report && report->damage.size() == 1 && report->damage.front().file == "identity";
    return listed ? process.violated() : Verdict("check of it does not list the missing identity, and nothing else");
  }

  enum class Then : uint8_t { kNothing, kWrite };
  Verdict examine(Then then) {
    CopyProcess process(context_, now_, decisions_, trace_, nullptr);
    auto database = process.open();
    if (!database) {
      return judge_refusal(database.error());
    }
    const uint64_t newest = model_.newest_csn();
    const bool mixture = what_.change == Change::kMixture;
    Verdict broken;
    const Inspection seen = inspect(*database, model_, mixture ? Tolerance::kDamage : Tolerance::kNone, broken);
    context_.counters.rows_checked += seen.rows;
    if (broken) {
      return broken;
    }
    const uint64_t csn = seen.contents.csn;
    if (must_refuse()) {
      return fmt::format("it was opened and shows commit {}; expected an error that names the file", csn);
    }
    const bool older = what_.change == Change::kOlder && touches("tree") && !lives_on_;
    const uint64_t expected = older ? backup_csn_ : newest;
    if (mixture ? csn > newest : csn != expected) {
      return fmt::format("it shows commit {}, expected {}", csn, expected);
    }
    refused_ = refused_ || seen.met_damage;
    if (Verdict verdict = judge_contents(seen, model_, csn)) {
      return verdict;
    }
    if (!mixture) {
      if (Verdict verdict = check_soundness(*database, model_, csn)) {
        return verdict;
      }
    } else if (const auto report = database->check(); seen.met_damage && report.has_value() && report->damage.empty()) {
      return "reading met damage, but check reports none";
    }
    if (then == Then::kWrite) {
      // It goes on where the older file ends, beside what the newer commits left in the other files.
      for (; model_.newest_csn() > csn;) {
        model_.undo();
      }
      lives_on_ = true;
      if (Verdict verdict = write(*database)) {
        return verdict;
      }
      process.kill_before_sync();  // instead of a close
    }
    return process.violated();
  }

  const CopyContext& context_;
  Model& model_;
  const SimDisk& backup_;
  SimDisk now_;
  ForeignChange what_;
  Decisions& decisions_;
  uint32_t directory_;
  uint64_t backup_csn_ = model_.newest_csn();
  Trace trace_;
  bool refused_ = false;
  bool lives_on_ = false;  // there are commits behind the older file's
  bool has_log_ = false;
  bool has_streams_ = false;
  std::string log_file_;
};

}  // namespace

ForeignChange draw_foreign_change(Decisions& decisions) {
  static constexpr std::array<ForeignChange, 14> kChanges = {{{Change::kRemoved, "tree"},
                                                              {Change::kRemoved, "identity"},
                                                              {Change::kRemoved, "tree+identity"},
                                                              {Change::kRemoved, "lock"},
                                                              {Change::kForeign, "tree"},
                                                              {Change::kForeign, "identity"},
                                                              {Change::kForeign, "lock"},
                                                              {Change::kForeign, "extra"},
                                                              {Change::kOlder, "tree"},
                                                              {Change::kOlder, "identity"},
                                                              {Change::kMixture, "tree"},
                                                              {Change::kMixture, "tree"},
                                                              {Change::kRemoved, "wal"},
                                                              {Change::kForeign, "wal"}}};
  return decisions.pick(kStream, kChanges);
}

CopyResult foreign_probe(const CopyContext& context, const SimDisk& disk, const ForeignChange& what,
                         Decisions decisions) {
  const SingleThreaded inline_only;
  ForeignProbe probe(context, disk, what, decisions);
  CopyResult result;
  result.verdict = with_prefix(
      fmt::format("a copy of the disk whose file \"{}\" {}: ", what.file, name_of(what.change)), probe.run());
  ++context.counters.faults[static_cast<size_t>(fault::Kind::kForeignFile)];
  ++context.counters.foreign_probes;
  context.counters.foreign_refused += probe.refused() ? 1U : 0U;
  result.digest = probe.digest();
  return result;
}

}  // namespace holdfast::sim
